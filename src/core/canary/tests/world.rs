//! A world of a few objects, where every pod is ready at once unless it is frozen.

use super::super::ask;
use super::super::status::Phase;
use super::super::status::Status;
use super::super::step;
use super::BAD;
use super::GOOD;
use crate::alert::Alert;
use crate::baseline::Baseline;
use crate::effect::Effect;
use crate::effect::EventHook;
use crate::effect::StatusState;
use crate::effect::Write;
use crate::hook::HookAnswer;
use crate::hook::HookCall;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Answer;
use crate::query::Commit;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::Why;
use crate::reason::Reason;
use crate::settings::Settings;
use crate::step::Step;
use jiff::SignedDuration;
use jiff::Timestamp;
use recant_render::Tree;
use serde_json::Value;
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

    /// Git moves on and Flux applies it.
    pub(super) fn apply_commit(&mut self) {
        let revision = json!(format!("main@sha1:{}", commit(self.commits)));
        let mut kustomization = self.get_in(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "flux-system",
            "apps",
        );
        kustomization.set(
            "/status",
            json!({"lastAppliedRevision": revision, "lastAttemptedRevision": revision,
                                            "observedGeneration": 1}),
        );
        self.put(kustomization);
        let mut source = self.get_in(
            "source.toolkit.fluxcd.io/v1",
            "GitRepository",
            "flux-system",
            "flux-system",
        );
        source.set("/status/artifact/revision", revision);
        self.put(source);
        self.commits += 1;
    }

    /// Git moves on and the source has it; Flux has not applied it yet.
    pub(super) fn fetch(&mut self) {
        let mut source = self.get_in(
            "source.toolkit.fluxcd.io/v1",
            "GitRepository",
            "flux-system",
            "flux-system",
        );
        let revision = format!("main@sha1:{}", commit(self.commits));
        source.set("/status/artifact/revision", json!(revision));
        self.put(source);
    }

    /// Edits the Canary.
    pub(super) fn edit(&mut self, edit: impl FnOnce(&mut Object)) {
        let mut canary = self.canary();
        edit(&mut canary);
        self.put(canary);
    }

    /// Puts an annotation on the Canary, or takes it away.
    pub(super) fn annotate(&mut self, name: &str, value: Option<&str>) {
        self.edit(|canary| {
            let mut annotations = canary.at("/metadata/annotations").cloned().unwrap_or(json!({}));
            annotations[name] = json!(value);
            if value.is_none() {
                annotations.as_object_mut().expect("an object").remove(name);
            }
            canary.set("/metadata/annotations", annotations);
        });
    }

    pub(super) fn set_image(&mut self, image: &str) {
        self.set_image_before_flux_says_so(image);
        self.apply_commit();
    }

    pub(super) fn set_image_before_flux_says_so(&mut self, image: &str) {
        let mut target = self.get("apps/v1", "Deployment", "podinfo");
        target.0["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        target.set("/metadata/generation", json!(target.generation() + 1));
        self.put(target);
    }

    pub(super) fn put(&mut self, mut object: Object) {
        self.version += 1;
        object.set("/metadata/resourceVersion", json!(self.version.to_string()));
        self.objects.insert(object.reference(), object);
    }

    pub(super) fn get(&self, api_version: &str, kind: &str, name: &str) -> Object {
        self.get_in(api_version, kind, "test", name)
    }

    pub(super) fn get_in(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Object {
        self.objects
            .get(&ObjectRef::new(api_version, kind, namespace, name))
            .expect("the object")
            .clone()
    }

    pub(super) fn all(&self, kind: &str) -> Vec<Object> {
        self.objects
            .values()
            .filter(|object| object.str("/kind") == kind)
            .cloned()
            .collect()
    }

    /// Somebody edits the Canary.
    pub(super) fn edit_canary(&mut self, pointer: &str, value: Value) {
        let mut canary = self.canary();
        canary.set(pointer, value);
        self.put(canary);
    }

    /// Somebody edits the target.
    pub(super) fn edit_target(&mut self, pointer: &str, value: Value) {
        let mut target = self.get("apps/v1", "Deployment", "podinfo");
        if let Some((array, rest)) = pointer.split_once("/containers/0/") {
            target.set_in_array(&format!("{array}/containers"), 0, rest, value);
        } else {
            target.set(pointer, value);
        }
        target.set("/metadata/generation", json!(target.generation() + 1));
        self.put(target);
    }

    pub(super) fn canary(&self) -> Object {
        self.get("flagger.app/v1beta1", "Canary", "podinfo")
    }

    pub(super) fn status(&self) -> Status {
        Status::of(&self.canary())
    }

    pub(super) fn image(&self, deployment: &str) -> String {
        let deployment = self.get("apps/v1", "Deployment", deployment);
        deployment
            .str("/spec/template/spec/containers/0/image")
            .to_owned()
    }

    /// The target's image, whatever kind it is of; a Service has none.
    fn target_image(&self) -> String {
        let of = |field: &str| self.canary().str(&format!("/spec/targetRef/{field}")).to_owned();
        let target = self.get(&of("apiVersion"), &of("kind"), "podinfo");
        target.str("/spec/template/spec/containers/0/image").to_owned()
    }

    pub(super) fn replicas(&self, deployment: &str) -> i64 {
        self.get("apps/v1", "Deployment", deployment)
            .int("/spec/replicas")
            .unwrap_or(1)
    }

    pub(super) fn weight(&self) -> i64 {
        self.route_weight().expect("a route")
    }

    /// The canary's weight, if there is a route.
    pub(super) fn route_weight(&self) -> Option<i64> {
        self.objects.values().find_map(weight_of)
    }

    /// How often a webhook was called.
    pub(super) fn calls(&self, hook: &str) -> usize {
        self.called.iter().filter(|(name, _)| name == hook).count()
    }

    /// The events from the one that begins so, without those of Git.
    pub(super) fn events_from(&self, start: &str) -> Vec<&str> {
        let from = self.events.iter().position(|event| event.starts_with(start));
        self.events
            .iter()
            .skip(from.expect("the event"))
            .map(String::as_str)
            .collect()
    }

    fn hook(&mut self, call: &HookCall) -> Observed<Answer> {
        let (_, name) = call.hook.split_once('/').expect("place and name");
        let body: Value = serde_json::from_str(&call.body).expect("JSON");
        if self
            .occasions
            .insert(name.to_owned(), call.occasion.clone())
            .as_ref()
            != Some(&call.occasion)
        {
            let phase = body["phase"].as_str().unwrap_or_default().to_owned();
            self.called.push((name.to_owned(), phase));
        }
        let answered = |status, body: &str| {
            let body = body.to_owned();
            Observed::Known(Answer::Hook(HookAnswer::Answered { status, body }))
        };
        match self.replies.get(name).copied().unwrap_or(Reply::Yes) {
            Reply::Yes => answered(200, ""),
            Reply::No(words) => answered(403, words),
            Reply::Late => Observed::Known(Answer::Hook(HookAnswer::Pending)),
            Reply::Away => Observed::Unknown(Why::Unreachable("connection refused".to_owned())),
        }
    }

    /// Why the last step did what it did, in words.
    pub(super) fn says(&self) -> String {
        self.because.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    pub(super) fn told(&self, message: &str) -> bool {
        self.events.iter().any(|event| event == message)
    }

    pub(super) fn last_commit_status(&self) -> Option<StatusState> {
        self.statuses.last().copied()
    }

    pub(super) fn run_until(&mut self, phase: Phase) {
        self.run_while(|world| world.status().phase != phase);
    }

    pub(super) fn run_until_weight(&mut self, weight: i64) {
        self.run_while(|world| world.weight() != weight);
    }

    pub(super) fn run_until_promoted(&mut self, image: &str) {
        self.run_while(|world| {
            world.image("podinfo-primary") != image || world.status().phase != Phase::Succeeded
        });
    }

    pub(super) fn run_while(&mut self, go_on: impl Fn(&Self) -> bool) {
        for _ in 0..400 {
            if !go_on(self) {
                return;
            }
            self.turn();
        }
        panic!(
            "it never came: {:?} because {:?}",
            self.status().phase,
            self.because
        );
    }

    pub(super) fn freeze(&mut self, deployment: &str) {
        self.frozen.push(deployment.to_owned());
        self.frozen_since = self.now;
    }

    pub(super) fn settle_down(&mut self) {
        for _ in 0..8 {
            self.turn();
        }
    }

    /// Observe, step, perform, save; then some seconds pass.
    pub(super) fn turn(&mut self) {
        self.run_pods();
        let settings = self.settings.clone();
        let canary = self.canary();
        let seen = self.observe(&settings, &canary);
        let step = step(self.now, &settings, &canary, &seen);
        self.because = Some(step.because.clone());
        self.woken = step.wake.is_some();
        self.perform(step);
        self.check();
        self.now += SignedDuration::from_secs(self.pace_s);
    }

    pub(super) fn observe(&mut self, settings: &Settings, canary: &Object) -> Observation {
        let mut seen = Observation::default();
        loop {
            let wanted = ask(self.now, settings, canary, &seen);
            let new: Vec<_> = wanted.into_iter().filter(|query| !seen.has(query)).collect();
            if new.is_empty() {
                return seen;
            }
            for query in new {
                let answer = self.answer(&query);
                seen.note(query, answer);
            }
        }
    }

    pub(super) fn answer(&mut self, query: &Query) -> Observed<Answer> {
        match query {
            Query::Object(name) if self.hidden && name.api_version.contains("toolkit.fluxcd.io") => {
                Observed::Unknown(Why::Unreachable("no answer".to_owned()))
            }
            Query::Object(name) => Observed::Known(Answer::Object(self.objects.get(name).cloned())),
            Query::Metric(_) => {
                let image = self.target_image();
                self.analysed.push(image.clone());
                let bad = self.bad_when.map_or(image == BAD, |bad_when| bad_when(self));
                match self
                    .dark
                    .clone()
                    .unwrap_or(Observed::Known(Some(if bad { 62.0 } else { 99.9 })))
                {
                    Observed::Known(value) => Observed::Known(Answer::Metric(value)),
                    Observed::Unknown(why) => Observed::Unknown(why),
                }
            }
            Query::Log { from, to, .. } => {
                let number = |id: &str| id.parse::<u32>().unwrap_or_default();
                let numbers = (number(from) + 1..=number(to)).rev();
                let made = |n: u32| Commit {
                    id: commit(n),
                    parents: vec![commit(n - 1)],
                    author: "Dana <dana@example.com>".to_owned(),
                    message: format!("commit {n}"),
                };
                Observed::Known(Answer::Log(numbers.map(made).collect()))
            }
            Query::Tree(at) => {
                // Every commit changes the target.
                let file = format!(
                    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: podinfo, namespace: test}}\nspec: \
                     {{template: {{metadata: {{annotations: {{at: \"{}\"}}}}}}}}\n",
                    at.commit
                );
                Observed::Known(Answer::Tree(
                    Tree::default().with("apps/podinfo.yaml", file.as_bytes()),
                ))
            }
            Query::Hook(call) => self.hook(call),
            other => panic!("a canary does not ask {other:?}"),
        }
    }

    pub(super) fn perform(&mut self, step: Step) {
        for effect in step.effects {
            self.effects += 1;
            if self.crash_at.is_some_and(|at| at < self.effects) {
                self.crash_at = None;
                return;
            }
            match effect {
                Effect::Event(event) => self.events.push(event.message),
                Effect::Status(status) => {
                    self.statuses.push(status.state);
                    self.told_commits.push((status.commit, status.state));
                }
                Effect::Check(_) => {}
                Effect::Alert(alert) => self.alerts.push(alert),
                Effect::EventHook(hook) => self.event_hooks.push(hook),
                Effect::Write(write) => self.write(write),
                other => panic!("a canary does not do {other:?}"),
            }
        }
        if let Some(status) = step.status {
            self.write(Write::UpdateStatus(status));
        }
    }

    pub(super) fn write(&mut self, write: Write) {
        let name = write.name();
        let seen = self.objects.get(&name);
        let version = seen.map(|o| o.resource_version().to_owned());
        let next = match write {
            Write::Create(object) => {
                assert!(seen.is_none(), "{name} is created twice");
                object
            }
            Write::Update(object) | Write::UpdateStatus(object) => {
                assert_eq!(
                    version.as_deref(),
                    Some(object.resource_version()),
                    "{name} is written twice in a step"
                );
                object
            }
            Write::Patch {
                resource_version,
                patch,
                ..
            } => {
                assert_eq!(
                    version,
                    Some(resource_version),
                    "{name} is written twice in a step"
                );
                let mut object = seen.expect("the object").clone();
                merge(&mut object.0, &patch);
                object
            }
            Write::Delete { .. } => panic!("a canary deletes nothing"),
        };
        self.written.push(name.to_string());
        self.weights.extend(weight_of(&next));
        self.put(next);
    }

    /// Every Deployment has what it asks for, unless it is frozen.
    pub(super) fn run_pods(&mut self) {
        for mut set in self.all("DaemonSet") {
            let down = set
                .at("/spec/template/spec/nodeSelector")
                .is_some_and(|s| s["flagger.app/scale-to-zero"] == "true");
            let (pods, frozen) = (
                i64::from(!down) * 3,
                self.frozen.iter().any(|name| name == set.name()),
            );
            let status = json!({"observedGeneration": set.generation(), "desiredNumberScheduled": pods,
                                "currentNumberScheduled": pods, "updatedNumberScheduled": pods,
                                "numberAvailable": if frozen { 0 } else { pods }});
            if set.at("/status") != Some(&status) {
                set.set("/status", status);
                self.put(set);
            }
        }
        if self.keep_status {
            return;
        }
        for mut deployment in self.all("Deployment") {
            let replicas = deployment.int("/spec/replicas").unwrap_or(1);
            let image = deployment.str("/spec/template/spec/containers/0/image");
            let is_primary = deployment.name().ends_with("-primary");
            let frozen = self.frozen.iter().any(|name| name == deployment.name())
                || (is_primary && self.unfit.iter().any(|unfit| unfit == image));
            let status = if frozen && replicas > 0 {
                json!({"observedGeneration": deployment.generation(), "replicas": replicas,
                       "updatedReplicas": replicas, "availableReplicas": 0,
                       "conditions": [{"type": "Available", "status": "False",
                                       "reason": "MinimumReplicasUnavailable",
                                       "lastUpdateTime": self.frozen_since}]})
            } else {
                json!({"observedGeneration": deployment.generation(), "replicas": replicas,
                       "updatedReplicas": replicas, "availableReplicas": replicas})
            };
            if deployment.at("/status") != Some(&status) {
                deployment.set("/status", status);
                self.put(deployment);
            }
        }
    }

    /// What must hold after every step.
    pub(super) fn check(&mut self) {
        let Some(object) = self.objects.get(&Baseline::name(&self.canary())) else {
            return;
        };
        let baseline = Baseline::of(object).expect("a baseline");
        let phase = self.status().phase;
        let at_rest = matches!(
            phase,
            Phase::Initialized | Phase::Succeeded | Phase::Failed | Phase::Waiting
        );
        if at_rest && self.crash_at.is_none() && self.objects.values().any(|o| weight_of(o).is_some()) {
            assert_eq!(self.weight(), 0, "a canary at rest gets traffic in {phase:?}");
        }
        let primary = ObjectRef::new("apps/v1", "Deployment", "test", "podinfo-primary");
        let Some(primary) = self.objects.get(&primary) else {
            return;
        };
        let image = &primary.str("/spec/template/spec/containers/0/image").to_owned();
        let image_of = |template: &Value| {
            template["spec"]["containers"][0]["image"]
                .as_str()
                .map(str::to_owned)
        };
        let allowed = [Some(&baseline.promoted), baseline.candidate.as_ref()];
        let allowed: Vec<_> = allowed
            .into_iter()
            .flatten()
            .filter_map(|s| image_of(&s.template))
            .collect();
        assert!(
            allowed.iter().any(|a| a == image),
            "the primary runs {image}, on record are {allowed:?}"
        );
        if self
            .status()
            .analysis
            .is_some_and(|run| run.promoted_by.is_some())
        {
            self.by_hand.push(image.to_owned());
        }
        let by_hand = self.by_hand.iter().any(|a| a == image);
        let measured = self.analysed.iter().any(|a| a == image);
        assert!(
            image == GOOD || measured || by_hand,
            "{image} was promoted unanalysed"
        );
    }
}

/// JSON merge patch (RFC 7396).
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in fields {
        match value {
            Value::Null => drop(into.as_object_mut().map(|map| map.remove(key))),
            value => merge(&mut into[key], value),
        }
    }
}
