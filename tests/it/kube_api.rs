//! The in-memory cluster as its clients see it: plain HTTP, kube, and kubectl.

mod http;
mod kube;
mod kubectl;

use recant::demo::kube_api::Alone;
use recant::demo::kube_api::KubeApi;
use recant_sim::cluster::Cluster;
use std::sync::Arc;

/// A server over a new cluster.
async fn serve() -> KubeApi {
    KubeApi::start(0, Arc::new(Alone::new(Cluster::new())), None)
        .await
        .unwrap()
}
