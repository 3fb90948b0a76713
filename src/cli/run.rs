//! `recant run`: the controller against a real cluster.

use crate::cli::notifications::Notifications;
use crate::cli::reach::Home;
use crate::clock::Clock;
use crate::controller::Controller;
use crate::gauge;
use crate::interrupt::interrupted;
use crate::meter::Meter;
use crate::post::Poster;
use crate::repo;
use crate::web;
use crate::web::Board;
use crate::wire;
use anyhow::Context as _;
use recant_core::settings::Settings;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a stop waits for alerts that are not sent yet.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How to reach the cluster, and what holds for all canaries.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    home: Home,
    /// The Prometheus for canaries that name none.
    #[arg(long, value_name = "URL", default_value = "http://prometheus:9090")]
    metrics_server: String,
    /// The provider of canaries that name none: contour, gatewayapi:v1, gatewayapi:v1beta1, gloo, istio, kubernetes,
    /// linkerd, nginx, smi:v1alpha1 to v1alpha3, traefik.
    #[arg(long, value_name = "PROVIDER", default_value = "linkerd")]
    mesh_provider: String,
    /// What the annotations of NGINX' Ingresses begin with.
    #[arg(long, value_name = "PREFIX", default_value = "nginx.ingress.kubernetes.io")]
    ingress_annotations_prefix: String,
    /// The class of generated HTTPProxies (Contour).
    #[arg(long, value_name = "CLASS", default_value = "")]
    ingress_class: String,
    /// Labels that may select a target's pods; the first that is there is used.
    #[arg(
        long,
        value_name = "LABELS",
        value_delimiter = ',',
        default_value = "app,name,app.kubernetes.io/name"
    )]
    selector_labels: Vec<String>,
    /// Labels and annotations of a target that its primary gets too, by the start of their names; `*` for all.
    #[arg(long, value_name = "PREFIXES", value_delimiter = ',')]
    include_label_prefix: Vec<String>,
    /// Whether the ConfigMaps and Secrets that pods read are analysed and promoted with the pods.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    enable_config_tracking: bool,
    /// So many unrelated changes that fail together look like an outage: no pull request is opened until somebody says so.
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..))]
    storm_changes: u16,
    /// How close to one another they must have failed.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(i64).range(1..))]
    storm_window_s: i64,
    /// The cluster's name in commit statuses and pull requests.
    #[arg(long, value_name = "NAME", default_value = "default")]
    cluster_name: String,
    /// Where Git repositories are cached; it may be emptied at any time.
    #[arg(long, value_name = "DIR", default_value = "/tmp/recant")]
    cache_dir: PathBuf,
    /// Where /healthz, /readyz, /metrics and the overview are served.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    notifications: Notifications,
    /// Canaries may only refer to MetricTemplates and AlertProviders of their own namespace.
    #[arg(long)]
    no_cross_namespace_refs: bool,
    /// Open no pull request and push nothing: each Revert says what would be done. Canaries are analysed as ever.
    #[arg(long)]
    report_only: bool,
    /// The address at which people reach what is served at --listen: commit statuses link to it.
    #[arg(long, value_name = "URL", default_value = "")]
    dashboard_url: String,
    /// Say what would be done; write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Log as one JSON object a line.
    #[arg(long)]
    pub(super) log_json: bool,
}

/// Runs until interrupted.
pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let cluster = args.home.connect().await?;
    let gauge = gauge::Settings {
        aws: gauge::Aws::from_env(),
        ..gauge::Settings::new(&args.metrics_server)
    };
    let notifications = args.notifications.settings()?;
    let outcomes = Arc::clone(&notifications.outcomes);
    let meter = Arc::new(Meter::new(&args.mesh_provider, Arc::clone(&outcomes)));
    let ports = wire::ports(
        cluster,
        &args.home.namespace,
        repo::Settings::new(&args.cache_dir),
        gauge,
        notifications,
        Poster::default(),
    )?;
    let stop = CancellationToken::new();
    let board = Arc::new(Board::default());
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("--listen {}: is the port in use?", args.listen))?;
    tracing::info!(address = %args.listen, "serving /healthz, /readyz, /metrics and the overview");
    let shown = web::Shown {
        board: Arc::clone(&board),
        meter: Arc::clone(&meter),
    };
    let pages = tokio::spawn(web::serve(listener, shown, stop.clone()));
    let controller = Controller {
        ports,
        settings: settings(args),
        clock: Clock::Wall,
        dry_run: args.dry_run,
        listener: Arc::new(move |told| board.note(told)),
        witness: Arc::new(move |sight| meter.note(sight)),
    };
    let running = tokio::spawn(controller.run(stop.clone()));
    interrupted().await?;
    tracing::info!("stopping");
    stop.cancel();
    running.await?;
    outcomes.drained(LAST_WORDS).await;
    pages.await??;
    Ok(ExitCode::SUCCESS)
}

fn settings(args: &Args) -> Settings {
    Settings {
        cluster_name: args.cluster_name.clone(),
        mesh_provider: args.mesh_provider.clone(),
        ingress_annotations_prefix: args.ingress_annotations_prefix.clone(),
        ingress_class: args.ingress_class.clone(),
        selector_labels: args.selector_labels.clone(),
        include_label_prefix: args.include_label_prefix.clone(),
        config_tracking: args.enable_config_tracking,
        report_only: args.report_only,
        dashboard_url: args.dashboard_url.trim_end_matches('/').to_owned(),
        alerts: args.notifications.has_alerts(),
        event_webhook: args.notifications.has_event_webhook(),
        no_cross_namespace_refs: args.no_cross_namespace_refs,
        storm_changes: args.storm_changes.into(),
        storm_window_s: args.storm_window_s,
        ..Settings::default()
    }
}
