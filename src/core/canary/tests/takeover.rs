//! Stories of Canaries that Flagger left behind, of handing them back, and of deleting them.

use super::BAD;
use super::GOOD;
use super::NEWER;
use super::world::World;
use crate::baseline::Baseline;
use crate::canary::status::Phase;
use crate::object::Object;
use crate::reason::Reason;
use serde_json::json;

/// A world as Flagger leaves it in a phase: no Baseline, its own hashes, a random id on the primary's pods.
fn left_in(phase: &str, target: &str, primary: &str, weight: i64) -> World {
    let mut world = World::initialized();
    world.objects.remove(&Baseline::name(&world.canary()));
    let mut deployment = world.get("apps/v1", "Deployment", "podinfo-primary");
    deployment.0["spec"]["template"]["spec"]["containers"][0]["image"] = json!(primary);
    let id = "/spec/template/metadata/annotations/flagger-id";
    deployment.set(id, json!("8fb1b5c2-1d0a-4a1c-9d6e-000000000000"));
    world.put(deployment);
    let is_up =
        !matches!(phase, "Initialized" | "Succeeded" | "Waiting") && (phase != "Failed" || weight > 0);
    let mut deployment = world.get("apps/v1", "Deployment", "podinfo");
    deployment.0["spec"]["template"]["spec"]["containers"][0]["image"] = json!(target);
    deployment.set("/spec/replicas", json!(i64::from(is_up)));
    world.put(deployment);
    let mut split = world.get("split.smi-spec.io/v1alpha1", "TrafficSplit", "podinfo");
    split.set_in_array("/spec/backends", 0, "weight", json!(weight.to_string()));
    split.set_in_array("/spec/backends", 1, "weight", json!((100 - weight).to_string()));
    world.put(split);
    // Flagger's status says nothing of the weight while it waits for the promotion.
    let told = if phase == "WaitingPromotion" { 0 } else { weight };
    let iterations = if phase == "WaitingPromotion" { -1 } else { 0 };
    world.edit_canary(
        "/status",
        json!({"phase": phase, "canaryWeight": told, "failedChecks": 1, "iterations": iterations,
               "lastAppliedSpec": "5d9c7b5f4", "lastPromotedSpec": "7f8b9c6d5",
               "lastTransitionTime": world.now,
               "conditions": [{"type": "Promoted", "status": "Unknown", "reason": phase, "message": "x"}]}),
    );
    world.weights.clear();
    // What the primary runs was analysed by Flagger.
    world.analysed = vec![primary.to_owned()];
    world.events.clear();
    world.written.clear();
    world.run_pods();
    world
}

/// What is written by the first look at a Canary beside its record.
fn written_first(world: &mut World) -> Vec<String> {
    world.turn();
    assert!(
        world.objects.contains_key(&Baseline::name(&world.canary())),
        "{:?}",
        world.because
    );
    let own = ["Baseline/test/podinfo", "Canary/test/podinfo"];
    let mut written = world.written.clone();
    written.retain(|name| !own.contains(&name.as_str()));
    written
}

#[test]
fn in_every_phase_the_takeover_writes_nothing_but_the_record() {
    let table = [
        ("Initialized", GOOD, GOOD, 0),
        ("Succeeded", GOOD, GOOD, 0),
        ("Waiting", NEWER, GOOD, 0),
        ("Progressing", NEWER, GOOD, 0),
        ("Progressing", NEWER, GOOD, 50),
        ("WaitingPromotion", NEWER, GOOD, 100),
        ("Promoting", NEWER, NEWER, 100),
        ("Finalising", NEWER, NEWER, 0),
        ("Failed", BAD, GOOD, 0),
        ("Failed", NEWER, NEWER, 100),
    ];
    for (phase, target, primary, weight) in table {
        let mut world = left_in(phase, target, primary, weight);
        assert_eq!(
            written_first(&mut world),
            Vec::<String>::new(),
            "{phase} {weight}"
        );
        assert!(
            matches!(world.because, Some(Reason::Adopted { .. })),
            "{phase}: {:?}",
            world.because
        );
        assert_eq!(world.status().canary_weight, weight, "{phase}");
        assert_eq!(world.weight(), weight, "{phase}");
    }
}

#[test]
fn what_is_at_rest_stays_so_without_restart_or_analysis() {
    for phase in ["Initialized", "Succeeded"] {
        let mut world = left_in(phase, GOOD, GOOD, 0);
        let primary = world.get("apps/v1", "Deployment", "podinfo-primary");
        world.settle_down();
        assert_eq!(
            world.get("apps/v1", "Deployment", "podinfo-primary"),
            primary,
            "{phase}"
        );
        assert_eq!(format!("{:?}", world.status().phase), phase);
        assert!(world.status().is("Ready"), "{phase}");
        assert!(world.analysed == [GOOD] && world.weights.is_empty(), "{phase}");
        assert_eq!(
            world.status().last_applied_spec,
            "5d9c7b5f4",
            "Flagger's hash stays for the way back"
        );
    }
}

#[test]
fn what_failed_under_flagger_is_not_analysed_again_and_blames_nobody() {
    let mut world = left_in("Failed", BAD, GOOD, 0);
    world.settle_down();
    assert_eq!(world.status().phase, Phase::Failed);
    assert!(world.analysed == [GOOD] && world.all("Revert").is_empty());
    // Its revert settles, and another revision is a new one.
    world.set_image(GOOD);
    world.settle_down();
    assert!(world.status().is("Reverted"));
    world.set_image(NEWER);
    world.run_until_promoted(NEWER);
}

#[test]
fn a_run_goes_on_where_flagger_left_it() {
    let mut world = left_in("Progressing", NEWER, GOOD, 50);
    world.run_until(Phase::Succeeded);
    assert_eq!(world.weights, [100, 0]);
    assert_eq!(world.image("podinfo-primary"), NEWER);
}

#[test]
fn a_run_of_what_flagger_never_saw_begins_again() {
    let mut world = left_in("Progressing", NEWER, GOOD, 50);
    let mut target = world.get("apps/v1", "Deployment", "podinfo");
    let later = world.now + jiff::SignedDuration::from_secs(1);
    target.set(
        "/status/conditions",
        json!([{"type": "Progressing", "status": "True", "lastUpdateTime": later}]),
    );
    world.keep_status = true;
    world.put(target);
    world.run_until_weight(0);
    assert!(world.told("New revision detected! Restarting analysis for podinfo.test"));
}

#[test]
fn a_promotion_of_flaggers_is_brought_to_its_end() {
    for phase in ["Promoting", "Finalising"] {
        let mut world = left_in(phase, NEWER, NEWER, 0);
        world.run_until(Phase::Succeeded);
        assert_eq!(world.analysed, [NEWER], "{phase}");
        assert_eq!(world.image("podinfo-primary"), NEWER);
        assert_eq!(world.replicas("podinfo"), 0);
    }
}

#[test]
fn a_promotion_that_failed_under_flagger_keeps_the_traffic_on_the_canary_until_the_primary_is_ready() {
    let mut world = left_in("Failed", NEWER, NEWER, 100);
    world.freeze("podinfo-primary");
    for _ in 0..30 {
        world.turn();
    }
    assert_eq!((world.weight(), world.replicas("podinfo")), (100, 1));
    assert_eq!(
        world.status().phase,
        Phase::Promoting,
        "which is the truth about who serves"
    );
    world.frozen.clear();
    world.run_until(Phase::Succeeded);
    assert_eq!(world.weight(), 0);
}

#[test]
fn what_changed_while_nobody_looked_is_analysed() {
    let mut world = left_in("Succeeded", NEWER, GOOD, 0);
    world.run_until_promoted(NEWER);
    assert!(world.analysed.len() > 1);
}

#[test]
fn a_takeover_that_stops_anywhere_begins_again_and_comes_to_the_same() {
    for crash in 0..12 {
        let mut world = left_in("Progressing", NEWER, GOOD, 50);
        world.crash_at = Some(world.effects + crash);
        world.run_until(Phase::Succeeded);
        assert_eq!(world.image("podinfo-primary"), NEWER, "crash at effect {crash}");
        assert!(
            world.weights.iter().all(|weight| [100, 0].contains(weight)),
            "{:?}",
            world.weights
        );
    }
}

fn hand_over(world: &mut World) {
    world.edit_canary(
        "/metadata/annotations",
        json!({"recant.dev/hand-over": "flagger"}),
    );
}

#[test]
fn handed_back_without_a_release_in_between_flagger_finds_its_own_hashes() {
    let mut world = left_in("Succeeded", GOOD, GOOD, 0);
    world.settle_down();
    hand_over(&mut world);
    world.settle_down();
    let status = world.status();
    assert_eq!(
        (status.phase, status.last_applied_spec.as_str()),
        (Phase::Succeeded, "5d9c7b5f4")
    );
    assert_eq!(world.because, Some(Reason::HandedOver));
    assert!(world.weights.is_empty());
}

#[test]
fn handed_back_after_a_release_flagger_makes_its_hash_anew_and_analyses_nothing() {
    let mut world = left_in("Succeeded", GOOD, GOOD, 0);
    world.set_image(NEWER);
    world.run_until_promoted(NEWER);
    world.settle_down();
    let (target, primary) = ("podinfo", "podinfo-primary");
    let before = [target, primary].map(|name| world.get("apps/v1", "Deployment", name));
    hand_over(&mut world);
    world.settle_down();
    // In this phase Flagger waits for the primary, which is ready, and notes the hash of the target.
    let status = world.status();
    assert_eq!(
        (status.phase, status.last_applied_spec.as_str()),
        (Phase::Initializing, "")
    );
    assert_eq!(
        [target, primary].map(|name| world.get("apps/v1", "Deployment", name)),
        before
    );
    // From now on nothing that Flagger does is touched.
    world.written.clear();
    world.edit_canary("/status/phase", json!("Progressing"));
    world.set_image("podinfo:6.8.0");
    world.settle_down();
    assert!(
        world.written.iter().all(|name| name == "Canary/test/podinfo"),
        "{:?}",
        world.written
    );
    assert!(world.weights.iter().all(|weight| *weight != 100) || world.status().phase == Phase::Progressing);
}

#[test]
fn what_was_handed_back_is_taken_over_anew_when_the_annotation_goes() {
    let mut world = left_in("Succeeded", GOOD, GOOD, 0);
    world.settle_down();
    hand_over(&mut world);
    world.settle_down();
    // Flagger releases something.
    for name in ["podinfo", "podinfo-primary"] {
        let mut deployment = world.get("apps/v1", "Deployment", name);
        deployment.0["spec"]["template"]["spec"]["containers"][0]["image"] = json!(NEWER);
        world.put(deployment);
    }
    world.analysed.push(NEWER.to_owned());
    world.edit_canary("/metadata/annotations", json!({}));
    world.weights.clear();
    world.settle_down();
    assert!(world.status().is("Ready"), "{:?}", world.because);
    assert!(world.weights.is_empty(), "it is not analysed again");
}

#[test]
fn nothing_is_handed_back_in_the_middle_of_a_run() {
    let mut world = World::initialized();
    world.set_image(NEWER);
    world.run_until_weight(50);
    hand_over(&mut world);
    world.run_while(|world| world.because != Some(Reason::HandedOver));
    assert_eq!(
        world.image("podinfo-primary"),
        NEWER,
        "the run came to its end first"
    );
}

fn deleted(mut world: World) -> World {
    let now = world.now;
    world.edit_canary("/metadata/deletionTimestamp", json!(now));
    world
}

fn finalizers(world: &World) -> Vec<String> {
    let canary = world.canary();
    let names = canary
        .at("/metadata/finalizers")
        .and_then(serde_json::Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

#[test]
fn before_a_canary_goes_its_target_gets_the_traffic_back() {
    let mut world = World::new();
    world.put(Object(json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {"selector": {"app": "podinfo"}, "ports": [{"name": "http", "port": 9898, "protocol": "TCP",
                                                            "targetPort": 9898}]}})));
    world.edit_canary("/spec/revertOnDeletion", json!(true));
    world.run_until(Phase::Initialized);
    world.settle_down();
    assert_eq!(finalizers(&world), ["finalizer.flagger.app"]);
    let mut primary = world.get("apps/v1", "Deployment", "podinfo-primary");
    primary.set("/spec/replicas", json!(3));
    world.put(primary);
    let mut world = deleted(world);
    world.freeze("podinfo");
    world.turn();
    world.turn();
    assert_eq!(world.status().phase, Phase::Terminating);
    assert_eq!(world.replicas("podinfo"), 3, "as many as the primary has");
    assert_eq!(world.weight(), 0, "the target is not ready yet");
    world.frozen.clear();
    world.run_while(|world| !finalizers(world).is_empty());
    assert_eq!((world.status().phase, world.weight()), (Phase::Terminated, 100));
    assert_eq!(
        world.get("v1", "Service", "podinfo").str("/spec/selector/app"),
        "podinfo"
    );
    assert!(world.told("Terminating canary podinfo.test") && world.told("Terminated canary podinfo.test"));
    world.written.clear();
    world.settle_down();
    assert!(world.written.is_empty(), "{:?}", world.written);
}

#[test]
fn a_canary_that_does_not_revert_or_has_no_target_any_more_is_let_go() {
    for gone in [true, false] {
        let mut world = World::initialized();
        world.edit_canary("/metadata/finalizers", json!(["other", "finalizer.flagger.app"]));
        if gone {
            world.edit_canary("/spec/revertOnDeletion", json!(true));
            let target = world.get("apps/v1", "Deployment", "podinfo").reference();
            world.objects.remove(&target);
        }
        let mut world = deleted(world);
        world.turn();
        assert_eq!(finalizers(&world), ["other"]);
    }
}
