//! Requests: how many, by which rules, to which pod, with which answer, and the metrics all that leaves.
//!
//! Every apex gets so many requests a second. They follow the rules of its routes, are split exactly by the weights and
//! go round the ready pods; chance decides only about single answers. Never here: reading the cluster (that is
//! [`topology`] and its readers).

pub mod client;
pub mod definitions;
mod expose;
mod read;
pub mod routes;
pub mod rule;
pub mod topology;

#[cfg(test)]
mod tests;

pub use client::Load;
pub use topology::Apex;
pub use topology::Endpoint;
pub use topology::Topology;

use crate::gauge::Gauge;
use crate::seed::Seeded;
use crate::workload::behaviour::Behaviours;
use client::Jar;
use expose::Hop;
use rule::Backend;
use rule::Name;
use rule::Rule;
use std::collections::BTreeMap;

/// What has become of an apex' requests so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answered with the status of success.
    pub good: u64,
    /// Answered with another.
    pub bad: u64,
    /// Not answered at all: no rule, no backend, or no ready pod behind the one chosen.
    pub lost: u64,
    /// Sent by a user who had a cookie to be kept by.
    pub kept: u64,
    /// Of those, answered by another Service than the one that set the cookie, which the user still has.
    pub strayed: u64,
    /// Copies that were sent besides.
    pub mirrored: u64,
}

/// The load generators, and where they stand in their turns.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Requests a second to an apex that has no load of its own.
    pub default_per_s: f64,
    loads: BTreeMap<Apex, Vec<Load>>,
    lanes: BTreeMap<(Apex, usize), Lane>,
    random: Seeded,
    now_s: f64,
}

/// The requests of one load.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// The part of a request that the last second left over.
    owed: f64,
    /// How far each backend of a rule is behind its share.
    credit: BTreeMap<(usize, Name), i64>,
    /// How far each mirror of a rule is behind its share.
    owed_copies: BTreeMap<(usize, Name), i64>,
    /// Whose turn it is among a backend's pods.
    turn: BTreeMap<Name, usize>,
    jars: Vec<Jar>,
    /// Whose turn it is among the users.
    user: usize,
    tally: Tally,
}

/// What was answered within one step: by whom or for whom, with which status, in how many milliseconds each.
#[derive(Default)]
struct Answers {
    pods: BTreeMap<(Endpoint, u16), Vec<f64>>,
    hops: BTreeMap<(Hop, u16), Vec<f64>>,
}

impl Traffic {
    /// Load of 20 requests a second on every apex.
    pub fn new(seed: u64) -> Self {
        Self {
            default_per_s: 20.0,
            loads: BTreeMap::new(),
            lanes: BTreeMap::new(),
            random: Seeded::new(seed, "traffic"),
            now_s: 0.0,
        }
    }

    /// Sets the requests a second to one apex; 0 stops them.
    pub fn set_rate(&mut self, namespace: &str, name: &str, per_s: f64) {
        let load = Load {
            per_s,
            ..Load::default()
        };
        self.set_load(namespace, name, load);
    }

    /// Sets one load of an apex: in the place of the one with the same header.
    pub fn set_load(&mut self, namespace: &str, name: &str, load: Load) {
        let default = Load {
            per_s: self.default_per_s,
            ..Load::default()
        };
        let loads = self
            .loads
            .entry((namespace.to_owned(), name.to_owned()))
            .or_insert_with(|| vec![default]);
        match loads.iter_mut().find(|other| other.with == load.with) {
            Some(other) => *other = load,
            None => loads.push(load),
        }
    }

    /// What has become of an apex' requests so far.
    pub fn tally(&self, namespace: &str, name: &str) -> Tally {
        let apex = (namespace.to_owned(), name.to_owned());
        let lanes = self.lanes.iter().filter(|((of, _), _)| *of == apex);
        lanes.fold(Tally::default(), |sum, (_, lane)| Tally {
            good: sum.good + lane.tally.good,
            bad: sum.bad + lane.tally.bad,
            lost: sum.lost + lane.tally.lost,
            kept: sum.kept + lane.tally.kept,
            strayed: sum.strayed + lane.tally.strayed,
            mirrored: sum.mirrored + lane.tally.mirrored,
        })
    }

    /// The requests of some seconds.
    pub fn step(&mut self, seconds: f64, topology: &Topology, behaviours: &Behaviours, gauge: &mut Gauge) {
        self.now_s += seconds;
        let default = [Load {
            per_s: self.default_per_s,
            ..Load::default()
        }];
        let mut answers = Answers::default();
        for (apex, rules) in &topology.apexes {
            let loads = self.loads.get(apex).map_or(&default[..], Vec::as_slice);
            for (index, load) in loads.iter().enumerate() {
                let lane = self.lanes.entry((apex.clone(), index)).or_default();
                let mut round = Round {
                    apex,
                    rules,
                    topology,
                    behaviours,
                    random: &mut self.random,
                    answers: &mut answers,
                    now_s: self.now_s,
                };
                for _ in 0..lane.due(load.per_s * seconds) {
                    lane.send(load, &mut round);
                }
            }
        }
        for ((pod, status), latencies_ms) in &answers.pods {
            expose::linkerd(gauge, pod, *status, latencies_ms);
            expose::client(gauge, pod, *status, latencies_ms);
        }
        for ((hop, status), latencies_ms) in &answers.hops {
            hop.expose(gauge, *status, latencies_ms);
        }
    }
}

/// What one step's requests of one load have before them.
struct Round<'a> {
    apex: &'a Apex,
    rules: &'a [Rule],
    topology: &'a Topology,
    behaviours: &'a Behaviours,
    random: &'a mut Seeded,
    answers: &'a mut Answers,
    now_s: f64,
}

impl Round<'_> {
    /// A pod answers: whether with the status of success.
    fn answer(&mut self, rule: &Rule, service: &Name, pod: &Endpoint) -> bool {
        let behaviour = self.behaviours.of(&pod.image);
        let good = self.random.unit() * 100.0 < behaviour.success_pct;
        let latency_ms = behaviour.latency.of(self.random.normal());
        let status = if good { 200 } else { behaviour.error_status };
        let pods = self.answers.pods.entry((pod.clone(), status)).or_default();
        pods.push(latency_ms);
        if let Some(hop) = Hop::of(&rule.proxy, service, self.apex, pod) {
            self.answers
                .hops
                .entry((hop, status))
                .or_default()
                .push(latency_ms);
        }
        good
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

    fn send(&mut self, load: &Load, round: &mut Round<'_>) {
        self.jars.resize_with(load.users, Jar::default);
        self.user = (self.user + 1) % load.users.max(1);
        if let Some(jar) = self.jars.get_mut(self.user) {
            jar.expire(round.now_s);
        }
        let request = load.request(self.jars.get(self.user));
        let rules = round.rules;
        let chosen = rules.iter().enumerate().find(|(_, rule)| rule.takes(&request));
        let Some((index, rule)) = chosen else {
            self.tally.lost += 1;
            return;
        };
        let backend = self.pick(index, &rule.backends);
        let Some((backend, pod)) =
            backend.and_then(|backend| Some((backend, self.pod(&backend.service, round)?)))
        else {
            self.tally.lost += 1;
            return;
        };
        let good = round.answer(rule, &backend.service, &pod);
        *(if good {
            &mut self.tally.good
        } else {
            &mut self.tally.bad
        }) += 1;
        self.keep(rule, backend, round.now_s);
        self.copy(index, rule, round);
    }

    /// The user keeps the cookies of an answer.
    fn keep(&mut self, rule: &Rule, backend: &Backend, now_s: f64) {
        let Some(jar) = self.jars.get_mut(self.user) else {
            return;
        };
        self.tally.kept += u64::from(jar.is_kept());
        for cookie in rule.sets.iter().chain(&backend.sets) {
            jar.take(cookie, &backend.service, now_s);
        }
        self.tally.strayed += u64::from(jar.strays_to(&backend.service));
    }

    /// Sends copies to the mirrors; their answers are nobody's.
    fn copy(&mut self, index: usize, rule: &Rule, round: &mut Round<'_>) {
        for mirror in &rule.mirrors {
            let owed = self
                .owed_copies
                .entry((index, mirror.service.clone()))
                .or_default();
            *owed += mirror.percent;
            if *owed < 100 {
                continue;
            }
            *owed -= 100;
            if let Some(pod) = self.pod(&mirror.service, round) {
                round.answer(rule, &mirror.service, &pod);
                self.tally.mirrored += 1;
            }
        }
    }

    /// The backend that is furthest behind its share: after every `sum of weights` requests each has had exactly its
    /// weight.
    fn pick<'a>(&mut self, rule: usize, backends: &'a [Backend]) -> Option<&'a Backend> {
        let total: i64 = backends.iter().map(|backend| backend.weight).sum();
        self.credit
            .retain(|(of, name), _| *of != rule || backends.iter().any(|backend| backend.service == *name));
        for backend in backends {
            let key = (rule, backend.service.clone());
            *self.credit.entry(key).or_default() += backend.weight;
        }
        let credit = |backend: &Backend| self.credit[&(rule, backend.service.clone())];
        let weighted = backends.iter().filter(|backend| backend.weight > 0);
        let chosen = weighted.reduce(|best, backend| {
            let ahead = credit(backend) > credit(best);
            if ahead { backend } else { best }
        })?;
        *self.credit.entry((rule, chosen.service.clone())).or_default() -= total;
        Some(chosen)
    }

    fn pod(&mut self, service: &Name, round: &Round<'_>) -> Option<Endpoint> {
        let pods = round.topology.endpoints.get(service)?;
        let turn = self.turn.entry(service.clone()).or_default();
        *turn = (*turn + 1) % pods.len().max(1);
        pods.get(*turn).cloned()
    }
}
