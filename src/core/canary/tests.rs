//! Whole stories of one Canary, in a world of a few objects where every pod is ready at once.
//!
//! After every step the safety properties of `check` hold: what was not analysed is never promoted, and a Canary at
//! rest sends nothing to its canary.

use super::ask;
use super::status::Phase;
use super::status::Status;
use super::step;
use crate::baseline::Baseline;
use crate::effect::Effect;
use crate::effect::StatusState;
use crate::effect::Write;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Answer;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::Why;
use crate::reason::Reason;
use crate::settings::Settings;
use crate::step::Step;
use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

const GOOD: &str = "podinfo:6.7.0";
const BAD: &str = "podinfo:6.7.1";
const NEWER: &str = "podinfo:6.7.2";

#[test]
fn a_new_canary_gets_a_primary_that_serves() {
    let mut world = World::new();
    world.run_until(Phase::Initialized);
    assert_eq!(world.image("podinfo-primary"), GOOD);
    assert_eq!(world.replicas("podinfo"), 0);
    assert_eq!(world.weight(), 0);
    assert_eq!(
        world.get("v1", "Service", "podinfo").str("/spec/selector/app"),
        "podinfo-primary"
    );
    assert!(world.told("Initialization done! podinfo.test"));
}

#[test]
fn a_good_revision_is_promoted_by_steps() {
    let mut world = World::initialized();
    world.set_image(NEWER);
    world.run_until(Phase::Succeeded);
    assert_eq!(world.image("podinfo-primary"), NEWER);
    assert_eq!(world.replicas("podinfo"), 0);
    assert_eq!(world.weights, [50, 100, 0]);
    assert!(world.told("Promotion completed! Scaling down podinfo.test"));
    assert_eq!(world.last_commit_status(), Some(StatusState::Success));
}

#[test]
fn a_bad_revision_is_rolled_back_at_the_threshold_and_not_an_interval_later() {
    let mut world = World::initialized();
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    let run = world.status().analysis.expect("a run");
    assert_eq!(world.status().failed_checks, 2);
    assert_eq!(run.ticks.len(), 2, "the second failed check ends it");
    assert!(matches!(
        run.failure,
        Some(Reason::AnalysisFailed { failed_checks: 2, .. })
    ));
    assert_eq!((world.weight(), world.replicas("podinfo")), (0, 0));
    assert_eq!(world.image("podinfo-primary"), GOOD);
    assert_eq!(world.last_commit_status(), Some(StatusState::Failure));
}

#[test]
fn a_failed_revision_gets_one_revert_that_names_the_commits() {
    let mut world = World::initialized();
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    world.settle_down();
    let reverts = world.all("Revert");
    let [revert] = reverts.as_slice() else {
        panic!("one Revert, not {}", reverts.len())
    };
    assert_eq!(revert.namespace(), "flux-system");
    assert_eq!(revert.str("/spec/bad"), commit(2));
    assert_eq!(revert.str("/spec/targets/0/good"), commit(1));
    assert_eq!(revert.str("/spec/targets/0/object/name"), "podinfo");
}

#[test]
fn what_nobody_could_measure_blames_no_commit() {
    for dark in [
        Observed::Known(None),
        Observed::Unknown(Why::Unreachable("connection refused".to_owned())),
    ] {
        let mut world = World::initialized();
        world.dark = Some(dark);
        world.set_image(BAD);
        world.run_until(Phase::Failed);
        world.settle_down();
        assert!(world.all("Revert").is_empty());
        assert!(
            matches!(world.because, Some(Reason::NotBlamed { .. })),
            "{:?}",
            world.because
        );
    }
}

#[test]
fn a_revert_after_the_failure_settles_without_an_analysis() {
    let mut world = World::initialized();
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    world.set_image(GOOD);
    let weights = world.weights.len();
    world.settle_down();
    assert_eq!(
        world.status().phase,
        Phase::Failed,
        "Flagger's contract: the phase stays"
    );
    assert!(world.status().is("Reverted") && world.status().is("Ready"));
    assert_eq!(world.weights.len(), weights, "no traffic moved");
    assert_eq!(world.image("podinfo-primary"), GOOD);
    assert_eq!(world.replicas("podinfo"), 0);
}

#[test]
fn a_revert_during_the_analysis_stops_it_and_settles() {
    let mut world = World::initialized();
    world.set_image(NEWER);
    world.run_until_weight(50);
    world.set_image(GOOD);
    world.settle_down();
    assert!(world.status().is("Reverted") && world.status().is("Ready"));
    assert_eq!((world.weight(), world.replicas("podinfo")), (0, 0));
    assert_eq!(world.image("podinfo-primary"), GOOD);
    // And the abandoned revision is a new one when it comes back.
    world.set_image(NEWER);
    world.run_until_promoted(NEWER);
    assert!(!world.status().is("Reverted"));
}

#[test]
fn a_new_revision_is_analysed_whatever_the_phase() {
    for phase in [
        Phase::Progressing,
        Phase::Promoting,
        Phase::Finalising,
        Phase::Succeeded,
        Phase::Failed,
    ] {
        let mut world = World::initialized();
        world.set_image(if phase == Phase::Failed {
            BAD
        } else {
            "podinfo:6.8.0"
        });
        world.run_until(phase);
        world.set_image(NEWER);
        world.run_until_promoted(NEWER);
        let analysed = world.analysed.iter().filter(|image| *image == NEWER).count();
        assert!(analysed >= 2, "after {phase:?}: {:?}", world.analysed);
    }
}

#[test]
fn a_new_revision_while_the_primary_is_updated_gets_no_traffic() {
    let mut world = World::initialized();
    world.set_image("podinfo:6.8.0");
    world.run_until(Phase::Promoting);
    world.freeze("podinfo-primary");
    world.set_image(NEWER);
    world.turn();
    assert_eq!(world.weight(), 0);
    world.frozen.clear();
    world.run_until(Phase::Finalising);
    assert_eq!(
        world.image("podinfo-primary"),
        "podinfo:6.8.0",
        "what was analysed is promoted"
    );
}

#[test]
fn a_canary_that_never_gets_ready_fails_at_the_deadline() {
    let mut world = World::initialized();
    world.freeze("podinfo");
    world.set_image(NEWER);
    world.run_until(Phase::Failed);
    let failure = world.status().analysis.and_then(|run| run.failure);
    assert!(
        matches!(failure, Some(Reason::ProgressDeadlineExceeded { .. })),
        "{failure:?}"
    );
    assert_eq!(world.weights, Vec::<i64>::new());
}

#[test]
fn a_primary_that_cannot_run_the_new_template_gets_its_old_one_back() {
    let mut world = World::initialized();
    world.set_image(NEWER);
    world.run_until(Phase::Promoting);
    world.freeze("podinfo-primary");
    world.run_until(Phase::Failed);
    assert_eq!(world.image("podinfo-primary"), GOOD);
    assert_eq!((world.weight(), world.replicas("podinfo")), (0, 0));
}

#[test]
fn what_this_engine_does_not_have_is_said_and_nothing_is_touched() {
    let table = [
        ("/spec/targetRef/kind", json!("DaemonSet"), "spec.targetRef.kind"),
        ("/spec/provider", json!("osm"), "spec.provider"),
        ("/spec/analysis/iterations", json!(10), "spec.analysis.iterations"),
        (
            "/spec/analysis/stepWeights",
            json!([1, 2]),
            "spec.analysis.stepWeights",
        ),
        ("/spec/analysis/mirror", json!(true), "spec.analysis.mirror"),
        (
            "/spec/analysis/webhooks",
            json!([{"name": "x", "url": "http://x"}]),
            "spec.analysis.webhooks",
        ),
        ("/spec/service/port", json!(0), "spec.service.port"),
        ("/spec/analysis/stepWeight", json!(0), "spec.analysis.stepWeight"),
        ("/spec/analysis", json!("no"), "spec:"),
    ];
    for (pointer, value, named) in table {
        let mut world = World::new();
        let mut canary = world.canary();
        canary.set(pointer, value);
        world.put(canary);
        let objects = world.objects.len();
        world.turn();
        let because = world
            .because
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(because.contains(named), "{pointer}: {because}");
        assert_eq!(world.objects.len(), objects, "{pointer}");
        let ready = world
            .status()
            .conditions
            .iter()
            .any(|c| c.r#type == "Ready" && c.status == "False");
        assert!(ready, "{pointer}");
    }
}

#[test]
fn a_missing_target_is_named() {
    let mut world = World::new();
    world
        .objects
        .remove(&ObjectRef::new("apps/v1", "Deployment", "test", "podinfo"));
    world.turn();
    let because = world
        .because
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(because.contains("Deployment/test/podinfo not found"), "{because}");
}

#[test]
fn a_primary_that_flagger_made_is_adopted_without_a_restart() {
    let mut flagger = World::initialized();
    let baseline = ObjectRef::new("recant.dev/v1alpha1", "Baseline", "test", "podinfo");
    flagger.objects.remove(&baseline);
    let primary = flagger.get("apps/v1", "Deployment", "podinfo-primary");
    let mut random = primary.clone();
    random.set(
        "/spec/template/metadata/annotations/flagger-id",
        json!("8fb1b5c2"),
    );
    flagger.put(random);
    flagger.settle_down();
    assert!(flagger.objects.contains_key(&baseline));
    assert_eq!(flagger.status().phase, Phase::Initialized);
    assert_eq!(flagger.weights, Vec::<i64>::new());
}

#[test]
fn a_revision_that_flux_tells_of_only_later_is_still_blamed() {
    let mut world = World::initialized();
    world.set_image_before_flux_says_so(BAD);
    world.run_until(Phase::Failed);
    world.settle_down();
    assert!(
        world.all("Revert").is_empty(),
        "nothing in Git is known to have changed"
    );
    world.apply_commit();
    world.settle_down();
    let reverts = world.all("Revert");
    assert_eq!(reverts.len(), 1);
    assert_eq!(reverts[0].str("/spec/bad"), commit(2));
}

#[test]
fn a_definition_that_drops_recants_status_is_said_and_moves_nothing() {
    let mut world = World::initialized();
    world.set_image(BAD);
    world.run_until_weight(50);
    let mut canary = world.canary();
    if let Some(Value::Object(status)) = canary.0.get_mut("status") {
        status.remove("analysis");
    }
    world.put(canary);
    let measured = world.analysed.len();
    world.turn();
    let because = world
        .because
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(because.contains("recant manifests"), "{because}");
    assert_eq!((world.analysed.len(), world.weight()), (measured, 50));
}

#[test]
fn stopping_before_any_effect_and_beginning_again_changes_nothing_in_the_end() {
    for (image, end) in [(NEWER, Phase::Succeeded), (BAD, Phase::Failed)] {
        for crash in 0..40 {
            let mut world = World::initialized();
            world.set_image(image);
            world.crash_at = Some(crash);
            world.run_until(end);
            world.settle_down();
            let serves = if end == Phase::Failed { GOOD } else { image };
            assert_eq!(world.image("podinfo-primary"), serves, "crash at effect {crash}");
            assert_eq!(
                (world.weight(), world.replicas("podinfo")),
                (0, 0),
                "crash at effect {crash}"
            );
        }
    }
}

#[test]
fn stopping_while_an_analysis_begins_again_gives_the_new_revision_no_weight_of_the_old() {
    for crash in 0..12 {
        let mut world = World::initialized();
        world.set_image("podinfo:6.8.0");
        world.run_until_weight(100);
        world.set_image(NEWER);
        world.analysed.clear();
        world.crash_at = Some(world.effects + crash);
        world.run_until_promoted(NEWER);
        assert!(
            world.analysed.len() >= 2,
            "crash at effect {crash}: promoted after {:?}",
            world.analysed
        );
    }
}

#[test]
fn a_chain_that_was_hidden_when_the_analysis_began_is_noted_later() {
    let mut world = World::initialized();
    world.set_image(BAD);
    world.hidden = true;
    world.run_until_weight(50);
    world.hidden = false;
    world.run_until(Phase::Failed);
    world.settle_down();
    assert_eq!(world.all("Revert").len(), 1, "{:?}", world.because);
}

#[test]
fn a_revision_that_renders_the_promoted_template_is_noted_once_it_can_be_seen() {
    let mut world = World::initialized();
    world.apply_commit();
    world.hidden = true;
    world.turn();
    assert!(world.woken, "it looks again");
    world.hidden = false;
    world.turn();
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    world.settle_down();
    let reverts = world.all("Revert");
    let good = reverts.first().map(|revert| revert.str("/spec/targets/0/good"));
    assert_eq!(good, Some(commit(2).as_str()));
}

#[test]
fn a_revision_is_not_judged_by_the_requests_of_the_one_before_it() {
    let mut world = World::initialized();
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    let ended = world.now;
    world.set_image(NEWER);
    world.run_until_weight(50);
    let before = world.analysed.len();
    world.run_while(|world| world.analysed.len() == before);
    let waited = world.now.duration_since(ended).as_secs();
    assert!(
        waited >= 55,
        "the metrics look back 60 s, and were asked after {waited} s"
    );
}

/// A world of one Canary.
struct World {
    now: Timestamp,
    objects: BTreeMap<ObjectRef, Object>,
    version: u64,
    /// The answer to every metric, instead of one that depends on the image.
    dark: Option<Observed<Option<f64>>>,
    /// Whether Flux's objects cannot be seen.
    hidden: bool,
    /// Whether the last step asked to be woken.
    woken: bool,
    /// Deployments whose pods do not become ready.
    frozen: Vec<String>,
    frozen_since: Timestamp,
    /// The weights the route was given, in order.
    weights: Vec<i64>,
    /// The images that were measured.
    analysed: Vec<String>,
    events: Vec<String>,
    statuses: Vec<StatusState>,
    because: Option<Reason>,
    /// Stop once, after this many effects.
    crash_at: Option<usize>,
    effects: usize,
    commits: u32,
}

fn commit(n: u32) -> String {
    format!("{n:040}")
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            now: "2026-01-01T00:00:00Z".parse().expect("a time"),
            objects: BTreeMap::new(),
            version: 0,
            dark: None,
            hidden: false,
            woken: false,
            frozen: Vec::new(),
            frozen_since: Timestamp::UNIX_EPOCH,
            weights: Vec::new(),
            analysed: Vec::new(),
            events: Vec::new(),
            statuses: Vec::new(),
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

    fn initialized() -> Self {
        let mut world = Self::new();
        world.run_until(Phase::Initialized);
        world.settle_down();
        world.weights.clear();
        world
    }

    /// Git moves on and Flux applies it.
    fn apply_commit(&mut self) {
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

    fn set_image(&mut self, image: &str) {
        self.set_image_before_flux_says_so(image);
        self.apply_commit();
    }

    fn set_image_before_flux_says_so(&mut self, image: &str) {
        let mut target = self.get("apps/v1", "Deployment", "podinfo");
        target.0["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        target.set("/metadata/generation", json!(target.generation() + 1));
        self.put(target);
    }

    fn put(&mut self, mut object: Object) {
        self.version += 1;
        object.set("/metadata/resourceVersion", json!(self.version.to_string()));
        self.objects.insert(object.reference(), object);
    }

    fn get(&self, api_version: &str, kind: &str, name: &str) -> Object {
        self.get_in(api_version, kind, "test", name)
    }

    fn get_in(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Object {
        self.objects
            .get(&ObjectRef::new(api_version, kind, namespace, name))
            .expect("the object")
            .clone()
    }

    fn all(&self, kind: &str) -> Vec<Object> {
        self.objects
            .values()
            .filter(|object| object.str("/kind") == kind)
            .cloned()
            .collect()
    }

    fn canary(&self) -> Object {
        self.get("flagger.app/v1beta1", "Canary", "podinfo")
    }

    fn status(&self) -> Status {
        Status::of(&self.canary())
    }

    fn image(&self, deployment: &str) -> String {
        let deployment = self.get("apps/v1", "Deployment", deployment);
        deployment
            .str("/spec/template/spec/containers/0/image")
            .to_owned()
    }

    fn replicas(&self, deployment: &str) -> i64 {
        self.get("apps/v1", "Deployment", deployment)
            .int("/spec/replicas")
            .unwrap_or(1)
    }

    fn weight(&self) -> i64 {
        let split = self.get("split.smi-spec.io/v1alpha1", "TrafficSplit", "podinfo");
        split.str("/spec/backends/0/weight").parse().expect("a weight")
    }

    fn told(&self, message: &str) -> bool {
        self.events.iter().any(|event| event == message)
    }

    fn last_commit_status(&self) -> Option<StatusState> {
        self.statuses.last().copied()
    }

    fn run_until(&mut self, phase: Phase) {
        self.run_while(|world| world.status().phase != phase);
    }

    fn run_until_weight(&mut self, weight: i64) {
        self.run_while(|world| world.weight() != weight);
    }

    fn run_until_promoted(&mut self, image: &str) {
        self.run_while(|world| {
            world.image("podinfo-primary") != image || world.status().phase != Phase::Succeeded
        });
    }

    fn run_while(&mut self, go_on: impl Fn(&Self) -> bool) {
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

    fn freeze(&mut self, deployment: &str) {
        self.frozen.push(deployment.to_owned());
        self.frozen_since = self.now;
    }

    fn settle_down(&mut self) {
        for _ in 0..8 {
            self.turn();
        }
    }

    /// Observe, step, perform, save; then some seconds pass.
    fn turn(&mut self) {
        self.run_pods();
        let settings = Settings::default();
        let canary = self.canary();
        let seen = self.observe(&settings, &canary);
        let step = step(self.now, &settings, &canary, &seen);
        self.because = Some(step.because.clone());
        self.woken = step.wake.is_some();
        self.perform(step);
        self.check();
        self.now += SignedDuration::from_secs(5);
    }

    fn observe(&mut self, settings: &Settings, canary: &Object) -> Observation {
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

    fn answer(&mut self, query: &Query) -> Observed<Answer> {
        match query {
            Query::Object(name) if self.hidden && name.api_version.contains("toolkit.fluxcd.io") => {
                Observed::Unknown(Why::Unreachable("no answer".to_owned()))
            }
            Query::Object(name) => Observed::Known(Answer::Object(self.objects.get(name).cloned())),
            Query::Metric(_) => {
                let image = self.image("podinfo");
                self.analysed.push(image.clone());
                match self.dark.clone().unwrap_or(Observed::Known(Some(if image == BAD {
                    62.0
                } else {
                    99.9
                }))) {
                    Observed::Known(value) => Observed::Known(Answer::Metric(value)),
                    Observed::Unknown(why) => Observed::Unknown(why),
                }
            }
            other => panic!("a canary does not ask {other:?}"),
        }
    }

    fn perform(&mut self, step: Step) {
        for effect in step.effects {
            self.effects += 1;
            if self.crash_at.is_some_and(|at| at < self.effects) {
                self.crash_at = None;
                return;
            }
            match effect {
                Effect::Event(event) => self.events.push(event.message),
                Effect::Status(status) => self.statuses.push(status.state),
                Effect::Write(write) => self.write(write),
                other => panic!("a canary does not do {other:?}"),
            }
        }
        if let Some(status) = step.status {
            self.write(Write::UpdateStatus(status));
        }
    }

    fn write(&mut self, write: Write) {
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
                object.set("/spec/replicas", patch["spec"]["replicas"].clone());
                object
            }
            Write::Delete { .. } => panic!("a canary deletes nothing"),
        };
        if name.kind == "TrafficSplit" {
            self.weights
                .push(next.str("/spec/backends/0/weight").parse().expect("a weight"));
        }
        self.put(next);
    }

    /// Every Deployment has what it asks for, unless it is frozen.
    fn run_pods(&mut self) {
        for mut deployment in self.all("Deployment") {
            let replicas = deployment.int("/spec/replicas").unwrap_or(1);
            let frozen = self.frozen.iter().any(|name| name == deployment.name());
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
    fn check(&self) {
        let Some(object) = self.objects.get(&Baseline::name(&self.canary())) else {
            return;
        };
        let baseline = Baseline::of(object).expect("a baseline");
        let phase = self.status().phase;
        let at_rest = matches!(phase, Phase::Initialized | Phase::Succeeded | Phase::Failed);
        if at_rest && self.crash_at.is_none() && self.all("TrafficSplit").len() == 1 {
            assert_eq!(self.weight(), 0, "a canary at rest gets traffic in {phase:?}");
        }
        let primary = ObjectRef::new("apps/v1", "Deployment", "test", "podinfo-primary");
        let Some(primary) = self.objects.get(&primary) else {
            return;
        };
        let image = primary.str("/spec/template/spec/containers/0/image");
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
        let measured = self.analysed.iter().any(|a| a == image);
        assert!(image == GOOD || measured, "{image} was promoted unanalysed");
    }
}
