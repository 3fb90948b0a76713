//! The world: everything outside recant, as one value that moves when it is told to.
//!
//! A cluster with its controllers and Flux, repositories and the forge that hosts them, traffic and its metrics. The
//! simulator drives it in no time at all; the demo drives it by the wall clock and serves it over HTTP. Never here:
//! recant itself.

#[cfg(test)]
mod tests;

use crate::clock::Clock;
use crate::clock::since;
use crate::cluster::ApiError;
use crate::cluster::Cluster;
use crate::flux;
use crate::flux::Flux;
use crate::forge::Forge;
use crate::forge::Repos;
use crate::gauge::Gauge;
use crate::git::Git;
use crate::receiver::Receivers;
use crate::trace::Happening;
use crate::traffic::Topology;
use crate::traffic::Traffic;
use crate::traffic::definitions;
use crate::traffic::routes;
use crate::workload::NODE;
use crate::workload::Workloads;
use crate::workload::behaviour::Behaviours;
use jiff::Timestamp;
use recant_core::alert::Alert;
use recant_core::effect::EventHook;
use recant_core::object::Object;
use recant_core::query::RepoUrl;
use serde_json::json;
use std::collections::BTreeMap;

/// Everything outside recant.
pub struct World {
    /// The Kubernetes API server.
    pub cluster: Cluster,
    /// The repositories by `owner/name`.
    pub repos: Repos,
    /// The host of the repositories.
    pub forge: Forge,
    /// More URLs by which a repository is known, and its `owner/name`: so that a repository made for another host
    /// can be played with as it is.
    pub mirrors: BTreeMap<String, String>,
    /// The metrics.
    pub gauge: Gauge,
    /// What recant has on record in other clusters that work on the same repositories: Reverts.
    pub neighbours: Vec<Object>,
    /// How images behave.
    pub behaviours: Behaviours,
    /// The load.
    pub traffic: Traffic,
    /// The alerts that were sent, in order.
    pub alerts: Vec<Alert>,
    /// The events that were posted to webhooks, in order.
    pub event_hooks: Vec<EventHook>,
    /// Whoever is called by webhooks.
    pub receivers: Receivers,
    /// What happened that is worth telling, in order. Whoever tells it may take it away.
    pub trace: Vec<Happening>,
    clock: Clock,
    flux: Flux,
    workloads: Workloads,
    topology: Topology,
    /// The cluster's version and the behaviours that `topology` was read from.
    topology_of: Option<(u64, Behaviours)>,
}

impl World {
    /// A world with an empty cluster of one node, no repositories, and healthy images. The same seed and the same
    /// deeds make the same world.
    pub fn new(seed: u64, start: Timestamp) -> Self {
        let mut cluster = Cluster::new();
        let node = Object(json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": NODE, "labels": {"kubernetes.io/os": "linux"}},
        }));
        cluster
            .apply(start, "kubelet", true, &node)
            .expect("an empty cluster takes a node");
        Self {
            cluster,
            repos: Repos::new(),
            forge: Forge::new("http://git.example"),
            mirrors: BTreeMap::new(),
            gauge: Gauge::default(),
            neighbours: Vec::new(),
            behaviours: Behaviours::default(),
            alerts: Vec::new(),
            event_hooks: Vec::new(),
            traffic: Traffic::new(seed),
            receivers: Receivers::default(),
            trace: Vec::new(),
            clock: Clock::new(start),
            flux: Flux::default(),
            workloads: Workloads::new(seed),
            topology: Topology::default(),
            topology_of: None,
        }
    }

    /// The world's time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Puts Flux into the cluster and points it at a directory of a repository's branch.
    ///
    /// # Errors
    /// What the API server refused.
    pub fn bootstrap(&mut self, url: &str, branch: &str, path: &str) -> Result<(), ApiError> {
        flux::bootstrap(self.now(), &mut self.cluster, url, branch, path)
    }

    /// Puts the kinds of the meshes and ingresses into the cluster.
    ///
    /// # Errors
    /// What the API server refused.
    pub fn install_mesh(&mut self) -> Result<(), ApiError> {
        definitions::install(self.now(), &mut self.cluster)
    }

    /// Lets time pass, second by second. A time that has passed already does nothing.
    pub fn advance(&mut self, to: Timestamp) {
        let mut before = self.now();
        while self.clock.tick(to) {
            self.tick(since(before, self.now()));
            before = self.now();
        }
    }

    fn tick(&mut self, seconds: f64) {
        let now = self.now();
        let remotes = Remotes {
            repos: &self.repos,
            forge: &self.forge,
            mirrors: &self.mirrors,
        };
        self.flux.step(now, &mut self.cluster, &remotes, &mut self.trace);
        self.cluster.collect(now);
        let changes = self
            .workloads
            .step(now, &mut self.cluster, &self.behaviours, &mut self.trace);
        routes::accept(now, &mut self.cluster);
        self.read_topology();
        self.traffic
            .step(seconds, &self.topology, &self.behaviours, &mut self.gauge);
        for pod in changes.gone {
            self.gauge.forget("pod", &pod);
            self.gauge.forget("kubernetes_pod_name", &pod);
        }
        self.gauge.scrape(now);
    }

    /// Where requests go now.
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Looks where requests go, if anything changed since.
    pub fn read_topology(&mut self) {
        let version = self.cluster.resource_version();
        let known = self.topology_of.as_ref();
        if known.is_some_and(|(of, behaviours)| *of == version && *behaviours == self.behaviours) {
            return;
        }
        let listed = routes::listed(&self.cluster);
        let answering = |images: &[&str]| self.behaviours.answering(images).to_owned();
        self.topology = Topology::read(&listed, answering);
        self.topology_of = Some((version, self.behaviours.clone()));
    }
}

/// The repositories as Flux finds them.
struct Remotes<'a> {
    repos: &'a Repos,
    forge: &'a Forge,
    mirrors: &'a BTreeMap<String, String>,
}

impl flux::Remotes for Remotes<'_> {
    fn at(&self, url: &str) -> Option<&dyn Git> {
        let name = match self.mirrors.get(url) {
            Some(name) => name.clone(),
            None => self.forge.name_of(&RepoUrl(url.to_owned()))?,
        };
        self.repos.get(&name).map(Box::as_ref)
    }
}
