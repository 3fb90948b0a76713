//! Whole stories of one Canary, in a world of a few objects where every pod is ready at once.
//!
//! After every step the safety properties of `check` hold: what was not analysed is never promoted, and a Canary at
//! rest sends nothing to its canary.

mod coming;
mod configs;
mod enumerate;
mod hooks;
mod strategies;
mod takeover;
mod targets;
mod telling;
mod verbs;
mod world;

use super::status::Phase;
use crate::effect::StatusState;
use crate::object::ObjectRef;
use crate::query::Observed;
use crate::query::Why;
use crate::reason::Reason;
use serde_json::Value;
use serde_json::json;
use world::World;
use world::commit;

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
        world.check_that_nobody_is_blamed();
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
    world.unfit.push(NEWER.to_owned());
    world.frozen_since = world.now;
    world.run_until(Phase::Failed);
    assert_eq!(world.image("podinfo-primary"), GOOD);
    assert_eq!((world.weight(), world.replicas("podinfo")), (0, 0));
}

#[test]
fn what_this_engine_does_not_have_is_said_and_nothing_is_touched() {
    let table = [
        (
            "/spec/targetRef/kind",
            json!("StatefulSet"),
            "spec.targetRef.kind",
        ),
        (
            "/spec/targetRef",
            json!({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "podinfo"}),
            "spec.targetRef.apiVersion",
        ),
        ("/spec/provider", json!("osm"), "spec.provider"),
        (
            "/spec/analysis/stepWeights",
            json!([1, 200]),
            "spec.analysis.stepWeights",
        ),
        (
            "/spec/analysis/webhooks",
            json!([{"name": "x", "url": "http://x", "timeout": "1 minute"}]),
            "spec.analysis.webhooks",
        ),
        (
            "/spec/analysis/webhooks",
            json!([{"name": "x", "url": "http://x", "type": "confirm"}]),
            "spec:",
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
        let because = world.says();
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
    let because = world.says();
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
    let because = world.says();
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
