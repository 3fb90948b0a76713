//! Puts the adapters behind the ports: the only place where they meet.

use crate::cluster::Kube;
use crate::credential::Credentials;
use crate::forge::Bindings;
use crate::forge::Hosts;
use crate::gauge;
use crate::gauge::Gauges;
use crate::hook::Webhooks;
use crate::notifier;
use crate::notifier::Courier;
use crate::port::Cluster;
use crate::port::Ports;
use crate::post::Poster;
use crate::repo;
use crate::repo::Git2;
use std::sync::Arc;

/// The ports of a controller. Forges and their credentials are the `Forge` objects of `namespace`, recant's own.
///
/// # Errors
/// When the cache directory cannot be made, or an HTTP client.
pub fn ports(
    cluster: Kube,
    namespace: &str,
    git: repo::Settings,
    gauge: gauge::Settings,
    notifier: notifier::Settings,
    poster: Poster,
) -> anyhow::Result<Ports> {
    let cluster: Arc<dyn Cluster> = Arc::new(cluster);
    let bindings = Arc::new(Bindings::new(Arc::clone(&cluster), namespace));
    let credentials: Arc<dyn Credentials> = Arc::<Bindings>::clone(&bindings);
    let gauge = Gauges::new(Arc::clone(&cluster), gauge)?;
    let poster = Arc::new(poster);
    let notifier = Courier::new(Arc::clone(&cluster), notifier, Arc::clone(&poster));
    Ok(Ports {
        cluster,
        repo: Arc::new(Git2::new(git, credentials)?),
        forge: Arc::new(Hosts::new(bindings)),
        gauge: Arc::new(gauge),
        notifier: Arc::new(notifier),
        hooks: Arc::new(Webhooks::new(poster)),
    })
}
