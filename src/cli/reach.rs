//! How a verb reaches the cluster.

use crate::cluster::Access;
use crate::cluster::Kube;
use anyhow::Context as _;
use std::path::PathBuf;

/// Which cluster.
#[derive(Debug, clap::Args)]
pub(super) struct Reach {
    /// The kubeconfig file; without it `KUBECONFIG`, `~/.kube/config`, else the pod's service account.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context.
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
}

impl Reach {
    /// A client for that cluster, which may still not answer.
    pub(super) async fn client(&self) -> anyhow::Result<Kube> {
        let access = match &self.kubeconfig {
            Some(path) => Access::Kubeconfig {
                path: path.clone(),
                context: self.context.clone(),
            },
            None => Access::Inferred,
        };
        Kube::connect(&access, "recant").await.context("the cluster")
    }
}

/// Which cluster, and where recant is in it.
#[derive(Debug, clap::Args)]
pub(super) struct Home {
    #[command(flatten)]
    reach: Reach,
    /// recant's own namespace: where its Forge objects and their Secrets are.
    #[arg(
        long,
        value_name = "NAME",
        env = "POD_NAMESPACE",
        default_value = "recant-system"
    )]
    pub(super) namespace: String,
}

impl Home {
    /// A client for that cluster, which has answered.
    pub(super) async fn connect(&self) -> anyhow::Result<Kube> {
        let kube = self.reach.client().await?;
        kube.answers()
            .await
            .context("the cluster (is it the right --kubeconfig?)")?;
        Ok(kube)
    }
}
