//! Requests: how many, through which route, to which pod, with which answer, and the metrics all that leaves.
//!
//! Every apex gets so many requests a second. They are split exactly by the route's weights and go round the ready
//! pods; chance decides only about single answers. Never here: reading the cluster (that is [`topology`]).

pub mod definitions;
pub mod routes;
pub mod topology;

#[cfg(test)]
mod tests;

pub use topology::Apex;
pub use topology::Endpoint;
pub use topology::Topology;

use crate::gauge::Gauge;
use crate::gauge::Labels;
use crate::seed::Seeded;
use crate::workload::behaviour::Behaviours;
use std::collections::BTreeMap;

/// Upper bounds of Linkerd's latency histogram, in milliseconds.
const LINKERD_MS: &[f64] = &[
    1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0, 1000.0, 2000.0,
    3000.0, 4000.0, 5000.0, 10000.0, 20000.0, 30000.0, 40000.0, 50000.0,
];

/// Upper bounds of the Prometheus clients' default histogram, in seconds, as podinfo uses them.
const CLIENT_S: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What has become of an apex' requests so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answered with the status of success.
    pub good: u64,
    /// Answered with another.
    pub bad: u64,
    /// Not answered at all: no backend, or no ready pod behind the one chosen.
    pub lost: u64,
}

/// The load generators, and where they stand in their turns.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Requests a second to an apex that has no rate of its own.
    pub default_per_s: f64,
    rates_per_s: BTreeMap<Apex, f64>,
    lanes: BTreeMap<Apex, Lane>,
    random: Seeded,
}

/// One apex' requests.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// The part of a request that the last second left over.
    owed: f64,
    /// How far each backend is behind its share.
    credit: BTreeMap<(String, String), i64>,
    /// Whose turn it is among a backend's pods.
    turn: BTreeMap<(String, String), usize>,
    tally: Tally,
}

/// One pod's answers of one status within one step.
type Answers = BTreeMap<(Endpoint, u16), Vec<f64>>;

impl Traffic {
    /// Load of 20 requests a second on every apex.
    pub fn new(seed: u64) -> Self {
        Self {
            default_per_s: 20.0,
            rates_per_s: BTreeMap::new(),
            lanes: BTreeMap::new(),
            random: Seeded::new(seed, "traffic"),
        }
    }

    /// Sets the requests a second to one apex; 0 stops them.
    pub fn set_rate(&mut self, namespace: &str, name: &str, per_s: f64) {
        self.rates_per_s
            .insert((namespace.to_owned(), name.to_owned()), per_s);
    }

    /// What has become of an apex' requests so far.
    pub fn tally(&self, namespace: &str, name: &str) -> Tally {
        let apex = (namespace.to_owned(), name.to_owned());
        self.lanes.get(&apex).map(|lane| lane.tally).unwrap_or_default()
    }

    /// The requests of some seconds.
    pub fn step(&mut self, seconds: f64, topology: &Topology, behaviours: &Behaviours, gauge: &mut Gauge) {
        let mut answers = Answers::new();
        for (apex, backends) in &topology.apexes {
            let per_s = self.rates_per_s.get(apex).copied().unwrap_or(self.default_per_s);
            let lane = self.lanes.entry(apex.clone()).or_default();
            for _ in 0..lane.due(per_s * seconds) {
                let Some(pod) = lane
                    .pick(backends)
                    .and_then(|backend| lane.pod(backend, topology))
                else {
                    lane.tally.lost += 1;
                    continue;
                };
                let behaviour = behaviours.of(&pod.image);
                let good = self.random.unit() * 100.0 < behaviour.success_pct;
                let latency_ms = behaviour.latency.of(self.random.normal());
                let status = if good { 200 } else { behaviour.error_status };
                *(if good {
                    &mut lane.tally.good
                } else {
                    &mut lane.tally.bad
                }) += 1;
                answers.entry((pod.clone(), status)).or_default().push(latency_ms);
            }
        }
        for ((pod, status), latencies_ms) in &answers {
            linkerd(gauge, pod, *status, latencies_ms);
            client(gauge, pod, *status, latencies_ms);
        }
    }
}

impl Lane {
    /// Whole requests due, the rest carried over.
    fn due(&mut self, requests: f64) -> u64 {
        self.owed += requests.max(0.0);
        let whole = self.owed.floor();
        self.owed -= whole;
        whole as u64
    }

    /// The backend that is furthest behind its share: after every `sum of weights` requests each has had exactly its
    /// weight.
    fn pick<'a>(&mut self, backends: &'a [topology::Backend]) -> Option<&'a topology::Backend> {
        let total: i64 = backends.iter().map(|backend| backend.weight).sum();
        self.credit
            .retain(|name, _| backends.iter().any(|backend| backend.service == *name));
        for backend in backends {
            *self.credit.entry(backend.service.clone()).or_default() += backend.weight;
        }
        let weighted = backends.iter().filter(|backend| backend.weight > 0);
        let chosen = weighted.reduce(|best, backend| {
            let ahead = self.credit[&backend.service] > self.credit[&best.service];
            if ahead { backend } else { best }
        })?;
        *self.credit.entry(chosen.service.clone()).or_default() -= total;
        Some(chosen)
    }

    fn pod<'a>(&mut self, backend: &topology::Backend, topology: &'a Topology) -> Option<&'a Endpoint> {
        let pods = topology.endpoints.get(&backend.service)?;
        let turn = self.turn.entry(backend.service.clone()).or_default();
        *turn = (*turn + 1) % pods.len().max(1);
        pods.get(*turn)
    }
}

/// What the pod's Linkerd proxy exposes.
fn linkerd(gauge: &mut Gauge, pod: &Endpoint, status: u16, latencies_ms: &[f64]) {
    let status_code = status.to_string();
    let classification = if status >= 500 { "failure" } else { "success" };
    let proxy = Labels::new(
        "request_total",
        &[
            ("namespace", &pod.namespace),
            (&pod.owner_kind, &pod.owner),
            ("pod", &pod.pod),
            ("direction", "inbound"),
            ("tls", "true"),
        ],
    );
    let answered = proxy.with("status_code", &status_code);
    let count = latencies_ms.len() as f64;
    gauge.add(&proxy, count);
    let total = answered
        .with("__name__", "response_total")
        .with("classification", classification);
    gauge.add(&total, count);
    gauge.observe(
        &answered.with("__name__", "response_latency_ms"),
        LINKERD_MS,
        latencies_ms,
    );
}

/// What the application itself exposes, as podinfo does, with the labels of Flagger's bundled Prometheus.
fn client(gauge: &mut Gauge, pod: &Endpoint, status: u16, latencies_ms: &[f64]) {
    let labels = Labels::new(
        "http_request_duration_seconds",
        &[
            ("kubernetes_namespace", &pod.namespace),
            ("kubernetes_pod_name", &pod.pod),
            ("method", "GET"),
            ("path", "root"),
            ("status", &status.to_string()),
        ],
    );
    let seconds: Vec<f64> = latencies_ms.iter().map(|ms| ms / 1000.0).collect();
    gauge.observe(&labels, CLIENT_S, &seconds);
}
