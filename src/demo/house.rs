//! Everything a demo runs, from the first port to the last file: started together, and gone together.

use crate::clock::Clock;
use crate::cluster::Access;
use crate::cluster::Kube;
use crate::controller::Controller;
use crate::controller::Listener;
use crate::demo::forge_http;
use crate::demo::forge_http::Site;
use crate::demo::forge_http::Users;
use crate::demo::git_http;
use crate::demo::git_http::Program;
use crate::demo::hook_http;
use crate::demo::kube_api;
use crate::demo::prometheus_http;
use crate::demo::setup;
use crate::demo::setup::Source;
use crate::demo::stage::Stage;
use anyhow::Context as _;
use axum::Router;
use recant_core::settings::Settings;
use recant_sim::fleet::BOT;
use recant_sim::fleet::PERSON;
use recant_sim::fleet::REPO;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often the world is brought to the clock's time.
const TICK: Duration = Duration::from_millis(20);
/// How often recant looks for kinds that were missing: the demo installs them all before it starts.
const POLL: Duration = Duration::from_secs(2);

/// What to build.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) source: Source,
    /// The cluster's directory in the repository.
    pub(crate) path: String,
    /// Where the pages listen; the cluster and the metrics take the next two ports, or any when the port is 0.
    pub(crate) listen: SocketAddr,
    pub(crate) speed: f64,
    pub(crate) seed: u64,
    /// The provider of canaries that name none.
    pub(crate) mesh_provider: String,
}

/// Where a person finds things.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The forge's pages for the repository.
    pub(crate) pages: String,
    /// A URL to clone from and push to, with the person's token.
    pub(crate) clone: String,
    /// The kubeconfig.
    pub(crate) kubeconfig: PathBuf,
    /// The metrics' address.
    pub(crate) metrics: String,
}

/// A running demo.
pub(crate) struct House {
    pub(crate) stage: Arc<Stage>,
    pub(crate) places: Places,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    /// recant: it stops before what it works on does.
    recant: Option<(JoinHandle<()>, CancellationToken)>,
    /// Removed last.
    dir: TempDir,
}

impl House {
    /// Builds and starts everything.
    ///
    /// # Errors
    /// The first thing that cannot be had, and what to do about it.
    pub(crate) async fn start(plan: &Plan, clock: Clock, listener: Listener) -> anyhow::Result<Self> {
        crate::tls::install();
        let program = Program::find(std::env::var_os("PATH").as_deref())?;
        let dir = tempfile::Builder::new()
            .prefix("recant-demo-")
            .tempdir()
            .context("a temporary directory")?;
        let [pages, cluster, metrics] = listeners(plan.listen).await?;
        let forge = format!("http://{}", pages.local_addr()?);
        let (person_token, bot_token, cluster_token) = (token()?, token()?, token()?);

        let bare = dir.path().join("fleet.git");
        let git = setup::repository(&plan.source, &bare, clock.now())?;
        let world = setup::world(plan.seed, git, &forge, &bot_token, &plan.path, clock.now())?;
        let stage = Arc::new(Stage::new(world, clock.clone()));

        let users = Users::default().with(&person_token, PERSON).with(&bot_token, BOT);
        let cluster_url = format!("http://{}", cluster.local_addr()?);
        let kubeconfig = dir.path().join("kubeconfig");
        std::fs::write(
            &kubeconfig,
            kube_api::kubeconfig(&cluster_url, Some(&cluster_token)),
        )?;
        let places = Places {
            pages: format!("{forge}/{REPO}/pulls"),
            clone: format!(
                "{}/{REPO}.git",
                forge.replacen("http://", &format!("http://{PERSON}:{person_token}@"), 1)
            ),
            kubeconfig: kubeconfig.clone(),
            metrics: format!("http://{}", metrics.local_addr()?),
        };
        let stop = CancellationToken::new();
        let mut house = Self {
            stage,
            places,
            stop,
            tasks: Vec::new(),
            recant: None,
            dir,
        };
        house.serve(pages, house.forge_routes(users, program, bare));
        let api = kube_api::router(
            Arc::<Stage>::clone(&house.stage),
            Some(cluster_token),
            house.stop.clone(),
        );
        house.serve(cluster, api);
        house.serve(
            metrics,
            prometheus_http::router(Arc::<Stage>::clone(&house.stage)),
        );
        let hooks = TcpListener::bind("127.0.0.1:0")
            .await
            .context("a port for webhooks")?;
        let receivers = format!("http://{}", hooks.local_addr()?);
        house.serve(hooks, hook_http::router(Arc::<Stage>::clone(&house.stage)));
        house.tick();
        house
            .run_recant(clock, listener, kubeconfig, &receivers, &plan.mesh_provider)
            .await?;
        Ok(house)
    }

    /// Stops recant, then everything else, and removes the files.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        if let Some((recant, stop)) = self.recant.take() {
            stop.cancel();
            let _late = tokio::time::timeout(Duration::from_secs(5), recant).await;
        }
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            // A client that keeps its connection open is not waited for.
            let _late = tokio::time::timeout(Duration::from_secs(1), task).await;
        }
        self.dir.close().context("the demo's temporary directory")
    }

    fn forge_routes(&self, users: Users, program: Program, bare: PathBuf) -> Router {
        let (asked, told) = (Arc::clone(&self.stage), Arc::clone(&self.stage));
        let git = git_http::router(git_http::Served {
            program,
            repos: BTreeMap::from([(REPO.to_owned(), bare)]),
            users: users.clone(),
            may_push: Arc::new(move |repo, branch, user| {
                asked
                    .with(|world| world.forge.may_push(repo, branch, user))
                    .map_err(|refusal| refusal.message)
            }),
            pushed: Arc::new(move |_, _| {
                told.with(|world| {
                    let now = world.now();
                    world.forge.refresh(&world.repos, now);
                });
            }),
        });
        let site = Site::new(Arc::<Stage>::clone(&self.stage), users, PERSON);
        forge_http::router(site).merge(git)
    }

    fn serve(&mut self, listener: TcpListener, routes: Router) {
        let stopped = self.stop.clone().cancelled_owned();
        self.tasks.push(tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes)
                .with_graceful_shutdown(stopped)
                .await
            {
                tracing::error!(%error, "a server of the demo ended");
            }
        }));
    }

    fn tick(&mut self) {
        let (stage, stop) = (Arc::clone(&self.stage), self.stop.clone());
        self.tasks.push(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                tokio::task::block_in_place(|| stage.advance());
            }
        }));
    }

    /// recant itself, through the adapters it has in production.
    async fn run_recant(
        &mut self,
        clock: Clock,
        listener: Listener,
        kubeconfig: PathBuf,
        receivers: &str,
        mesh_provider: &str,
    ) -> anyhow::Result<()> {
        let access = Access::Kubeconfig {
            path: kubeconfig,
            context: None,
        };
        let cluster = Kube::connect(&access, "recant")
            .await
            .context("recant's own way to the cluster")?;
        let metrics = &self.places.metrics;
        // The example names the metrics' server as a cluster would: to the demo's proxy it is all the same.
        let gauge = crate::gauge::Settings {
            proxy: Some(metrics.clone()),
            clock: clock.clone(),
            ..crate::gauge::Settings::new(metrics)
        };
        let git = crate::repo::Settings::new(self.dir.path().join("cache"));
        let poster = crate::post::Poster::through(receivers);
        let nobody = crate::notifier::Settings::default();
        let cluster = cluster.with_poll(POLL);
        let ports = crate::wire::ports(cluster, setup::NAMESPACE, git, gauge, nobody, poster)?;
        let settings = Settings {
            cluster_name: "demo".to_owned(),
            pull_poll_s: 5,
            mesh_provider: mesh_provider.to_owned(),
            ..Settings::default()
        };
        let controller = Controller {
            ports,
            settings,
            clock,
            dry_run: false,
            listener,
            witness: std::sync::Arc::new(|_| ()),
        };
        let stop = CancellationToken::new();
        self.recant = Some((tokio::spawn(controller.run(stop.clone())), stop));
        Ok(())
    }
}

impl Plan {
    /// Whether an address is this machine's own.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.listen.ip().is_loopback(),
            "--listen {}: the demo only listens on this machine: use 127.0.0.1",
            self.listen
        );
        anyhow::ensure!(
            self.speed.is_finite() && (0.1..=100.0).contains(&self.speed),
            "--speed {}: must be between 0.1 and 100",
            self.speed
        );
        Ok(())
    }
}

/// The listeners of pages, cluster and metrics.
async fn listeners(listen: SocketAddr) -> anyhow::Result<[TcpListener; 3]> {
    let on = async |offset: u16| {
        let mut address = listen;
        if listen.port() != 0 {
            let port = listen
                .port()
                .checked_add(offset)
                .context("--listen: the port is too high: two more follow it")?;
            address.set_port(port);
        }
        TcpListener::bind(address).await.with_context(|| {
            format!(
                "--listen {listen}: cannot listen on {address}; give another port, or none for any free one"
            )
        })
    };
    Ok([on(0).await?, on(1).await?, on(2).await?])
}

/// A token nobody can guess.
fn token() -> anyhow::Result<String> {
    let mut bytes = [0; 20];
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    random
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
