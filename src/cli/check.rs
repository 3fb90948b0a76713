//! `recant check`: whether everything that recant needs is there and allowed.

use crate::check;
use crate::check::Check;
use crate::check::Pusher;
use crate::check::Reviewer;
use crate::cli::reach::Home;
use crate::cluster::Kube;
use crate::credential::Credentials;
use crate::forge::Bindings;
use crate::forge::Hosts;
use crate::port::Answered;
use crate::port::Cluster;
use crate::repo;
use crate::repo::Git2;
use anyhow::Context as _;
use recant_core::query::RepoUrl;
use serde_json::Value;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

/// Which cluster, and who recant is there.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    home: Home,
    /// The service account whose rights are asked about.
    #[arg(long, value_name = "NAME", default_value = "recant")]
    service_account: String,
    /// Ask about the rights of whoever runs this, instead of the service account's.
    #[arg(long, conflicts_with = "service_account")]
    own_rights: bool,
}

/// Looks at everything, and says how it is. Exit code 1 when something is as it must not be.
pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let kube = args.home.connect().await?;
    let account = Account {
        cluster: kube.clone(),
        user: (!args.own_rights).then(|| {
            format!(
                "system:serviceaccount:{}:{}",
                args.home.namespace, args.service_account
            )
        }),
    };
    let cluster: Arc<dyn Cluster> = Arc::new(kube);
    let bindings = Arc::new(Bindings::new(Arc::clone(&cluster), &args.home.namespace));
    let credentials: Arc<dyn Credentials> = Arc::<Bindings>::clone(&bindings);
    let cache = tempfile::tempdir().context("a directory for Git")?;
    let git = Git2::new(repo::Settings::new(cache.path()), credentials)?;
    let lines = Check {
        cluster: &*cluster,
        reviewer: &account,
        forge: &Hosts::new(bindings),
        pusher: &git,
        namespace: &args.home.namespace,
    }
    .run()
    .await;
    let mut out = anstream::stdout().lock();
    for line in &lines {
        writeln!(out, "{} {}: {}", line.mark.symbol(), line.what, line.detail)?;
    }
    Ok(if check::is_bad(&lines) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// An account of the cluster.
struct Account {
    cluster: Kube,
    /// Its name; none for whoever asks.
    user: Option<String>,
}

impl Reviewer for Account {
    fn may<'a>(&'a self, attributes: &'a Value) -> Answered<'a, bool> {
        Box::pin(async { self.cluster.may(self.user.as_deref(), attributes).await })
    }
}

impl Pusher for Git2 {
    fn may_push<'a>(&'a self, repo: &'a RepoUrl) -> Answered<'a, ()> {
        Box::pin(Self::may_push(self, repo))
    }
}
