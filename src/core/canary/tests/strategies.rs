//! The strategies: how the traffic moves, and in which words that is told.

use super::BAD;
use super::GOOD;
use super::NEWER;
use super::world::World;
use crate::canary::status::Phase;
use crate::object::Object;
use crate::reason::Reason;
use serde_json::Value;
use serde_json::json;

/// A world whose Canary has this analysis, besides interval, threshold and metrics.
fn world_of(provider: &str, analysis: &Value) -> World {
    World::initialized_as(|canary| edit(canary, provider, analysis))
}

pub(super) fn edit(canary: &mut Object, provider: &str, analysis: &Value) {
    canary.set("/spec/provider", json!(provider));
    if provider.starts_with("gatewayapi") {
        canary.set("/spec/service/gatewayRefs", json!([{"name": "gateway"}]));
    }
    for field in ["stepWeight", "maxWeight"] {
        canary.0["spec"]["analysis"]
            .as_object_mut()
            .expect("an object")
            .remove(field);
    }
    for (field, value) in analysis.as_object().expect("an object") {
        canary.set(&format!("/spec/analysis/{field}"), value.clone());
    }
}

const AB: &str = "gatewayapi:v1";

#[test]
fn every_strategy_moves_the_traffic_as_flagger_does() {
    let header = json!([{"headers": {"x-canary": {"exact": "yes"}}}]);
    let table = [
        (
            "linkerd",
            json!({"stepWeight": 40, "maxWeight": 50}),
            vec![40, 80, 0],
        ),
        ("linkerd", json!({"stepWeights": [5, 30, 60]}), vec![5, 30, 60, 0]),
        (
            "linkerd",
            json!({"stepWeight": 50, "stepWeightPromotion": 40}),
            vec![50, 100, 60, 20, 0],
        ),
        (
            "linkerd",
            json!({"stepWeight": 50, "maxWeight": 50, "stepWeightPromotion": 20}),
            vec![50, 30, 10, 0],
        ),
        (AB, json!({"iterations": 3, "match": header}), vec![100, 0]),
        (AB, json!({"iterations": 3}), vec![100, 0]),
        (
            AB,
            json!({"iterations": 3, "stepWeightPromotion": 50}),
            vec![100, 50, 0],
        ),
        ("linkerd", json!({"iterations": 2}), vec![100, 0]),
        ("kubernetes", json!({"iterations": 2}), vec![]),
        (
            "linkerd",
            json!({"stepWeight": 100, "mirror": true}),
            vec![100, 0],
        ),
    ];
    for (provider, analysis, weights) in table {
        let mut world = world_of(provider, &analysis);
        world.set_image(NEWER);
        world.run_until_promoted(NEWER);
        let mut moved = world.weights.clone();
        moved.dedup();
        assert_eq!(moved, weights, "{provider} {analysis}");
        assert_eq!(world.replicas("podinfo"), 0, "{provider} {analysis}");
        assert_eq!((world.status().canary_weight, world.status().iterations), (0, 0));
    }
}

#[test]
fn every_strategy_tells_what_flagger_tells_in_its_order() {
    let header = json!([{"headers": {"x-canary": {"exact": "yes"}}}]);
    let begin = [
        "New revision detected! Scaling up podinfo.test",
        "Starting canary analysis for podinfo.test",
    ];
    let copying = "Copying podinfo.test template spec to podinfo-primary.test";
    let (back, done) = (
        "Routing all traffic to primary",
        "Promotion completed! Scaling down podinfo.test",
    );
    let table = [
        (
            "linkerd",
            json!({"stepWeight": 50}),
            vec![
                "Advance podinfo.test canary weight 50",
                "Advance podinfo.test canary weight 100",
                copying,
                back,
                done,
            ],
        ),
        (
            "linkerd",
            json!({"stepWeight": 60, "maxWeight": 60, "stepWeightPromotion": 40}),
            vec![
                "Advance podinfo.test canary weight 60",
                copying,
                "Advance podinfo.test primary weight 80",
                "Advance podinfo.test primary weight 100",
                done,
            ],
        ),
        (
            AB,
            json!({"iterations": 2, "match": header}),
            vec![
                "Advance podinfo.test canary iteration 1/2",
                "Advance podinfo.test canary iteration 2/2",
                copying,
                back,
                done,
            ],
        ),
        (
            AB,
            json!({"iterations": 1}),
            vec![
                "Advance podinfo.test canary iteration 1/1",
                "Routing all traffic to canary",
                copying,
                back,
                done,
            ],
        ),
        (
            AB,
            json!({"iterations": 1, "mirror": true}),
            vec![
                "Advance podinfo.test canary iteration 1/1",
                "Stop traffic mirroring and route all traffic to canary",
                copying,
                back,
                done,
            ],
        ),
        (
            AB,
            json!({"stepWeight": 100, "mirror": true}),
            vec![
                "Advance podinfo.test canary weight 0",
                "Advance podinfo.test canary weight 100",
                copying,
                back,
                done,
            ],
        ),
        (
            "kubernetes",
            json!({"iterations": 1}),
            vec!["Advance podinfo.test canary iteration 1/1", copying, done],
        ),
    ];
    for (provider, analysis, told) in table {
        let mut world = world_of(provider, &analysis);
        world.set_image(NEWER);
        world.run_until_promoted(NEWER);
        let expected: Vec<&str> = begin.into_iter().chain(told).collect();
        assert_eq!(world.events_from(begin[0]), expected, "{provider} {analysis}");
    }
}

#[test]
fn the_provider_kubernetes_gets_ten_iterations_and_is_told_what_it_cannot_have() {
    let mut world = world_of(
        "kubernetes",
        &json!({"stepWeight": 10, "match": [{"headers": {}}]}),
    );
    world.set_image(NEWER);
    world.run_until_promoted(NEWER);
    for text in [
        "A/B testing is not supported when using the kubernetes provider",
        "Progressive traffic is not supported when using the kubernetes provider",
        "Setting canaryAnalysis.iterations: 10",
        "Advance podinfo.test canary iteration 10/10",
    ] {
        assert_eq!(
            world.events.iter().filter(|event| *event == text).count(),
            1,
            "{text}"
        );
    }
}

#[test]
fn mirroring_that_the_router_cannot_do_is_said_and_left_out() {
    let mut world = world_of("linkerd", &json!({"stepWeight": 50, "mirror": true}));
    world.set_image(NEWER);
    world.run_until_promoted(NEWER);
    assert!(world.told("Mirroring is left out: provider linkerd cannot mirror traffic"));
    assert!(!world.told("Advance podinfo.test canary weight 0"));
}

fn no_user_was_on_the_canary(world: &World) {
    let weights = &world.weights;
    assert!(weights.iter().all(|weight| *weight == 0), "{weights:?}");
}

#[test]
fn a_mirrored_canary_is_measured_before_it_gets_users() {
    let mut world = world_of(AB, &json!({"stepWeight": 50, "mirror": true}));
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    no_user_was_on_the_canary(&world);
    assert_eq!(world.image("podinfo-primary"), GOOD);
}

#[test]
fn blue_green_fails_before_any_user_is_on_the_canary() {
    for provider in [AB, "kubernetes"] {
        let mut world = world_of(provider, &json!({"iterations": 3}));
        world.set_image(BAD);
        world.run_until(Phase::Failed);
        no_user_was_on_the_canary(&world);
        assert_eq!(world.status().iterations, 0);
    }
}

#[test]
fn blue_green_is_checked_once_more_with_all_users() {
    let mut world = world_of(AB, &json!({"iterations": 2}));
    world.set_image(NEWER);
    world.run_until_weight(100);
    world.dark = Some(crate::query::Observed::Known(Some(10.0)));
    world.run_until(Phase::Failed);
    assert_eq!(
        (world.weight(), world.image("podinfo-primary")),
        (0, GOOD.to_owned())
    );
}

#[test]
fn steps_that_are_changed_during_a_run_go_on_at_the_next_greater_one() {
    let mut world = world_of("linkerd", &json!({"stepWeights": [10, 50, 90]}));
    world.set_image(NEWER);
    world.run_until_weight(50);
    world.edit(|canary| canary.set("/spec/analysis/stepWeights", json!([20, 60, 70])));
    world.run_until_promoted(NEWER);
    assert_eq!(world.weights, [10, 50, 60, 70, 0]);
}

#[test]
fn the_primary_gets_its_traffic_back_in_steps_an_interval_apart() {
    let mut world = world_of("linkerd", &json!({"stepWeight": 100, "stepWeightPromotion": 50}));
    world.set_image(NEWER);
    world.run_until_weight(100);
    world.run_until_weight(50);
    let since = world.now;
    assert!(matches!(
        world.because,
        Some(Reason::ShiftingBack { primary_pct: 50 })
    ));
    assert_eq!(world.status().phase, Phase::Promoting);
    world.run_until_weight(0);
    assert!(world.now.duration_since(since).as_secs() >= 10);
}

#[test]
fn a_failed_promotion_leaves_the_users_where_pods_serve_until_the_primary_is_back() {
    let mut world = world_of("linkerd", &json!({"stepWeight": 50, "maxWeight": 50}));
    world.set_image(NEWER);
    world.run_until(Phase::Promoting);
    world.freeze("podinfo-primary");
    world.run_while(|world| !matches!(world.because, Some(Reason::TakingBack { .. })));
    // The primary has no pod that serves, so the canary gets everybody, and the status says so.
    assert_eq!((world.weight(), world.status().canary_weight), (100, 100));
    assert_eq!(world.status().phase, Phase::Promoting, "it has not failed yet");
    assert_ne!(world.replicas("podinfo"), 0);
    let ready = world
        .status()
        .conditions
        .into_iter()
        .find(|c| c.r#type == "Ready")
        .expect("Ready");
    assert!(
        ready.message.contains("the canary serves 100%"),
        "{}",
        ready.message
    );
    world.frozen.clear();
    world.run_until(Phase::Failed);
    assert_eq!(world.image("podinfo-primary"), GOOD);
    assert_eq!((world.weight(), world.replicas("podinfo")), (0, 0));
    assert!(
        world
            .events
            .iter()
            .any(|e| e.starts_with("Promotion of podinfo.test failed, primary not ready: "))
    );
}

#[test]
fn a_canary_that_skips_its_analysis_waits_for_the_primary_and_says_so() {
    let mut world = World::initialized_as(|canary| canary.set("/spec/skipAnalysis", json!(true)));
    world.analysed.push(NEWER.to_owned());
    world.set_image(NEWER);
    world.run_until_promoted(NEWER);
    assert!(world.weights.iter().all(|weight| *weight == 0));
    assert!(world.told("Promotion completed! Canary analysis was skipped for podinfo.test"));
    assert!(!world.told("Routing all traffic to primary"));
}

#[test]
fn a_primary_that_is_not_ready_during_a_run_is_waited_for_past_every_deadline() {
    let mut world = world_of("linkerd", &json!({"stepWeight": 50}));
    world.set_image(NEWER);
    world.run_until_weight(50);
    world.freeze("podinfo-primary");
    for _ in 0..60 {
        world.turn();
    }
    assert_eq!((world.status().phase, world.weight()), (Phase::Progressing, 50));
    assert!(
        world
            .says()
            .contains("waiting for Deployment/test/podinfo-primary"),
        "{}",
        world.says()
    );
    world.frozen.clear();
    world.run_until_promoted(NEWER);
}

#[test]
fn a_primary_that_somebody_scales_to_zero_halts_the_run() {
    let mut world = World::initialized();
    world.set_image(NEWER);
    world.run_until_weight(50);
    let scale = |world: &mut World, replicas: i64| {
        let mut primary = world.get("apps/v1", "Deployment", "podinfo-primary");
        primary.set("/spec/replicas", json!(replicas));
        world.put(primary);
    };
    scale(&mut world, 0);
    for _ in 0..20 {
        world.turn();
    }
    assert_eq!(world.weight(), 50);
    let because = world
        .because
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(
        because.contains("podinfo-primary") && because.contains("scaled to zero"),
        "{because}"
    );
    scale(&mut world, 1);
    world.run_until_promoted(NEWER);
}

#[test]
fn an_analysis_that_is_missing_is_a_condition_and_no_crash() {
    for edit in [
        |canary: &mut Object| canary.set("/spec/analysis", Value::Null),
        |canary: &mut Object| canary.set("/spec/analysis/webhooks", json!([{"name": "x"}])),
        |canary: &mut Object| canary.set("/spec/targetRef", json!({})),
    ] {
        let mut world = World::new();
        world.edit(edit);
        world.turn();
        assert!(
            matches!(world.because, Some(Reason::InvalidSpec { .. })),
            "{:?}",
            world.because
        );
    }
}

/// What a request meets between two writes counts, too: the process may end there.
#[test]
fn pods_come_before_the_traffic_that_goes_to_them() {
    let mut world = World::initialized();
    world.set_image(NEWER);
    world.run_until_weight(50);
    let mut target = world.get("apps/v1", "Deployment", "podinfo");
    target.set("/spec/replicas", json!(0));
    world.put(target);
    let mut split = world.get("split.smi-spec.io/v1alpha1", "TrafficSplit", "podinfo");
    split.0["spec"]["backends"][0]["weight"] = json!("0");
    split.0["spec"]["backends"][1]["weight"] = json!("100");
    world.put(split);
    world.run_pods();
    world.written.clear();
    world.turn();
    assert_eq!(world.route_weight(), Some(50));
    let at = |kind: &str| world.written.iter().position(|written| written.contains(kind));
    let (pods, traffic) = (at("Deployment/test/podinfo"), at("TrafficSplit"));
    assert!(pods.is_some() && pods < traffic, "{:?}", world.written);
}
