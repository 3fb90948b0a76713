//! A world of a few objects, where every pod is ready at once unless it is frozen.
//!
//! What is in it and how it begins is here; `hands` is what people and Flux do to it, `look` what a test asks it,
//! `turn` recant in it, `pods` the cluster, and `promise` what must hold after every turn.

mod hands;
mod look;
mod pods;
mod promise;
mod turn;

use crate::alert::Alert;
use crate::canary::status::Phase;
use crate::canary::tests::GOOD;
use crate::effect::CheckRun;
use crate::effect::CommitStatus;
use crate::effect::EventHook;
use crate::effect::StatusState;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Observed;
use crate::reason::Reason;
use crate::settings::Settings;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

/// What a webhook says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reply {
    Yes,
    No(&'static str),
    /// It has not answered yet.
    Late,
    /// Nobody is there.
    Away,
}

/// The canary's weight that a route says, if the object is one.
fn weight_of(route: &Object) -> Option<i64> {
    match route.str("/kind") {
        "TrafficSplit" => route.str("/spec/backends/0/weight").parse().ok(),
        "HTTPRoute" => {
            let rules = route.at("/spec/rules")?.as_array()?.iter();
            let backends = rules.filter_map(|rule| rule["backendRefs"].as_array()).flatten();
            let own = backends.filter(|backend| backend["name"] == "podinfo-canary");
            own.filter_map(|backend| backend["weight"].as_i64()).max()
        }
        _ => None,
    }
}

/// A world of one Canary.
#[derive(Clone)]
pub(super) struct World {
    pub(super) now: Timestamp,
    /// How many seconds a turn takes.
    pub(super) pace_s: i64,
    pub(super) objects: BTreeMap<ObjectRef, Object>,
    pub(super) version: u64,
    /// The answer to every metric, instead of one that depends on the image.
    pub(super) dark: Option<Observed<Option<f64>>>,
    /// Whether Flux's objects cannot be seen.
    pub(super) hidden: bool,
    /// Whether the last step asked to be woken.
    pub(super) woken: bool,
    /// Deployments whose pods do not become ready.
    pub(super) frozen: Vec<String>,
    /// Images whose pods do not become ready in the primary.
    pub(super) unfit: Vec<String>,
    /// What the webhooks say, by name; yes when nothing is said.
    pub(super) replies: BTreeMap<String, Reply>,
    /// The webhooks that were called, by name and the phase they were told, each occasion once.
    pub(super) called: Vec<(String, String)>,
    /// The last call of each webhook, as the shell remembers it.
    occasions: BTreeMap<String, String>,
    pub(super) frozen_since: Timestamp,
    /// The weights the route was given, in order.
    pub(super) weights: Vec<i64>,
    /// The images that were measured.
    pub(super) analysed: Vec<String>,
    /// The images that a person had promoted.
    by_hand: Vec<String>,
    pub(super) events: Vec<String>,
    /// The objects that were written, in order.
    pub(super) written: Vec<String>,
    pub(super) settings: Settings,
    /// Whether the status of Deployments is left as it is.
    pub(super) keep_status: bool,
    /// When the answers are bad, instead of for one image.
    pub(super) bad_when: Option<fn(&Self) -> bool>,
    pub(super) statuses: Vec<StatusState>,
    /// The commits that got a status, and which.
    pub(super) told_commits: Vec<(String, StatusState)>,
    /// The same, word for word.
    pub(super) commit_statuses: Vec<CommitStatus>,
    pub(super) checks: Vec<CheckRun>,
    pub(super) alerts: Vec<Alert>,
    pub(super) event_hooks: Vec<EventHook>,
    pub(super) because: Option<Reason>,
    /// Stop once, after this many effects.
    pub(super) crash_at: Option<usize>,
    pub(super) effects: usize,
    pub(super) commits: u32,
}

pub(super) fn commit(n: u32) -> String {
    format!("{n:040}")
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            now: "2026-01-01T00:00:00Z".parse().expect("a time"),
            pace_s: 5,
            objects: BTreeMap::new(),
            version: 0,
            dark: None,
            hidden: false,
            woken: false,
            frozen: Vec::new(),
            unfit: Vec::new(),
            replies: BTreeMap::new(),
            called: Vec::new(),
            occasions: BTreeMap::new(),
            frozen_since: Timestamp::UNIX_EPOCH,
            weights: Vec::new(),
            analysed: Vec::new(),
            by_hand: Vec::new(),
            events: Vec::new(),
            written: Vec::new(),
            settings: Settings::default(),
            keep_status: false,
            bad_when: None,
            statuses: Vec::new(),
            told_commits: Vec::new(),
            commit_statuses: Vec::new(),
            checks: Vec::new(),
            alerts: Vec::new(),
            event_hooks: Vec::new(),
            because: None,
            crash_at: None,
            effects: 0,
            commits: 1,
        };
        let owned = json!({"kustomize.toolkit.fluxcd.io/name": "apps",
                           "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
        world.put(Object(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "podinfo", "namespace": "test", "labels": owned, "generation": 1},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "podinfo"}},
                     "template": {"metadata": {"labels": {"app": "podinfo"}},
                                  "spec": {"containers": [{"name": "podinfod", "image": GOOD}]}}},
        })));
        world.put(Object(json!({
            "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
            "metadata": {"name": "podinfo", "namespace": "test", "uid": "c", "generation": 1},
            "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
                     "progressDeadlineSeconds": 60, "service": {"port": 9898},
                     "analysis": {"interval": "10s", "threshold": 2, "stepWeight": 50, "maxWeight": 100,
                         "metrics": [{"name": "request-success-rate", "interval": "1m",
                                      "thresholdRange": {"min": 99}}]}},
        })));
        world.put(Object(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system", "generation": 1},
            "spec": {"path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
        })));
        world.put(Object(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "flux-system", "namespace": "flux-system", "generation": 1},
            "spec": {"url": "https://git.example/fleet.git", "ref": {"branch": "main"}},
        })));
        world.apply_commit();
        world
    }

    pub(super) fn initialized() -> Self {
        Self::initialized_as(|_| {})
    }

    /// The same, of a Canary that was edited before.
    pub(super) fn initialized_as(edit: impl FnOnce(&mut Object)) -> Self {
        let mut world = Self::new();
        world.edit(edit);
        world.run_until(Phase::Initialized);
        world.settle_down();
        world.weights.clear();
        world
    }
}
