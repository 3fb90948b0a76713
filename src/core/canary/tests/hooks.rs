//! Webhooks: when each type is called and how often, and what its answer does.

use super::GOOD;
use super::NEWER;
use super::strategies::edit;
use super::world::Reply;
use super::world::World;
use crate::canary::status::Phase;
use crate::reason::Outcome;
use crate::reason::Reason;
use serde_json::Value;
use serde_json::json;

/// A world with one hook of this type, named like it.
fn world_with(r#type: &str) -> World {
    World::initialized_as(|canary| {
        let url = format!("http://{type}.hooks");
        canary.set(
            "/spec/analysis/webhooks",
            json!([{"name": r#type, "type": r#type, "url": url}]),
        );
    })
}

fn run_and_say(world: &mut World, hook: &str, reply: Reply) {
    world.replies.insert(hook.to_owned(), reply);
    world.set_image(NEWER);
}

/// Enough turns for several checks.
fn some_time(world: &mut World) {
    for _ in 0..30 {
        world.turn();
    }
}

#[test]
fn a_hook_is_called_as_often_as_flagger_calls_it() {
    // Weights 50 and 100: a start, a check that advances, a check that promotes.
    let table = [
        ("confirm-rollout", 1, "Initialized"),
        ("pre-rollout", 1, "Progressing"),
        ("rollout", 2, "Progressing"),
        ("confirm-traffic-increase", 3, "Progressing"),
        ("confirm-promotion", 1, "Progressing"),
        ("post-rollout", 1, "Succeeded"),
    ];
    for (r#type, calls, phase) in table {
        let mut world = world_with(r#type);
        world.set_image(NEWER);
        world.run_until_promoted(NEWER);
        world.settle_down();
        assert_eq!(world.calls(r#type), calls, "{type}");
        assert_eq!(world.called[0].1, phase, "{type}");
    }
    let mut world = world_with("rollback");
    run_and_say(&mut world, "rollback", Reply::No("no"));
    world.run_until_promoted(NEWER);
    assert_eq!(world.calls("rollback"), 3, "at every check");
    assert!(world.told("Rollback hook rollback not signaling a rollback"));
}

#[test]
fn stopping_at_any_effect_calls_no_hook_for_another_occasion() {
    for r#type in ["pre-rollout", "rollout", "confirm-promotion", "post-rollout"] {
        let once = |crash: Option<usize>| {
            let mut world = world_with(r#type);
            world.set_image(NEWER);
            world.crash_at = crash.map(|crash| world.effects + crash);
            world.run_until_promoted(NEWER);
            world.settle_down();
            world.calls(r#type)
        };
        let calls = once(None);
        for crash in 0..14 {
            assert_eq!(once(Some(crash)), calls, "{type}, stopped before effect {crash}");
        }
    }
}

#[test]
fn a_hook_that_takes_its_time_is_waited_for_and_told_once() {
    for r#type in [
        "confirm-rollout",
        "pre-rollout",
        "rollout",
        "confirm-traffic-increase",
        "confirm-promotion",
    ] {
        let mut world = world_with(r#type);
        run_and_say(&mut world, r#type, Reply::Late);
        world.run_while(|world| !matches!(world.because, Some(Reason::WaitingForHook { .. })));
        let (events, calls, ticks) = (world.events.clone(), world.calls(r#type), ticks(&world));
        some_time(&mut world);
        assert_eq!(world.events, events, "{type}: nothing is told twice");
        assert_eq!(
            (world.calls(r#type), ticks),
            (calls, self::ticks(&world)),
            "{type}"
        );
        assert_eq!(world.image("podinfo-primary"), GOOD);
        world.replies.clear();
        world.run_until_promoted(NEWER);
    }
}

fn ticks(world: &World) -> usize {
    world.status().analysis.map_or(0, |run| run.ticks.len())
}

#[test]
fn a_no_before_or_during_the_run_is_a_failed_check_that_blames_the_commit() {
    for (r#type, told) in [
        (
            "pre-rollout",
            "Halt podinfo.test advancement pre-rollout check pre-rollout failed tests are red",
        ),
        (
            "rollout",
            "Halt podinfo.test advancement external check rollout failed tests are red",
        ),
    ] {
        let mut world = world_with(r#type);
        run_and_say(&mut world, r#type, Reply::No("tests\nare red"));
        world.run_until(Phase::Failed);
        world.settle_down();
        assert!(world.told(told), "{:?}", world.events);
        assert_eq!(world.calls(r#type), 2, "{type}: the threshold is 2");
        assert_eq!(world.all("Revert").len(), 1, "{type}");
        let failure = world.status().analysis.and_then(|run| run.failure);
        let Some(Reason::AnalysisFailed { check, .. }) = failure else {
            panic!("{type}: {failure:?}")
        };
        assert_eq!(check.outcome, Outcome::Refused("tests are red".to_owned()));
    }
}

#[test]
fn a_hook_that_nobody_answers_fails_the_run_and_blames_nobody() {
    let mut world = world_with("pre-rollout");
    run_and_say(&mut world, "pre-rollout", Reply::Away);
    world.run_until(Phase::Failed);
    world.settle_down();
    world.check_that_nobody_is_blamed();
}

#[test]
fn metrics_are_measured_even_when_a_rollout_hook_says_no() {
    let mut world = world_with("rollout");
    run_and_say(&mut world, "rollout", Reply::No("no"));
    world.run_until(Phase::Failed);
    let run = world.status().analysis.expect("a run");
    assert!(
        run.ticks.iter().all(|tick| tick.values == [Some(99.9)]),
        "{:?}",
        run.ticks
    );
    assert_eq!(run.hooks.len(), 1);
}

#[test]
fn a_revision_waits_for_its_approval_without_a_pod() {
    let mut world = world_with("confirm-rollout");
    run_and_say(&mut world, "confirm-rollout", Reply::No("halt"));
    world.run_until(Phase::Waiting);
    some_time(&mut world);
    let halted = "Halt podinfo.test advancement waiting for approval confirm-rollout";
    assert_eq!(world.events.iter().filter(|event| *event == halted).count(), 1);
    assert_eq!((world.replicas("podinfo"), world.weight()), (0, 0));
    assert!(
        world.calls("confirm-rollout") > 3,
        "it is asked at every interval"
    );
    assert_eq!(world.called.last().expect("a call").1, "Waiting");
    world.replies.clear();
    world.run_until_promoted(NEWER);
    assert!(world.told("Confirm-rollout check confirm-rollout passed"));
}

#[test]
fn a_revision_that_is_taken_back_while_it_waits_is_settled() {
    let mut world = world_with("confirm-rollout");
    run_and_say(&mut world, "confirm-rollout", Reply::No("halt"));
    world.run_until(Phase::Waiting);
    world.set_image(GOOD);
    world.settle_down();
    assert_eq!(world.status().phase, Phase::Succeeded);
    assert!(world.status().is("Reverted") && world.status().is("Ready"));
}

#[test]
fn a_muted_hook_holds_as_any_other_and_sends_no_alert() {
    for gate in ["confirm-rollout", "confirm-traffic-increase", "confirm-promotion"] {
        let told = [false, true].map(|muted| {
            let mut world = World::initialized_as(|canary| {
                let alerts = json!([{"name": "team", "providerRef": {"name": "team"}, "severity": "warn"}]);
                canary.set("/spec/analysis/alerts", alerts);
                let hook = json!([{"name": "gate", "type": gate, "url": "http://gate", "muteAlert": muted}]);
                canary.set("/spec/analysis/webhooks", hook);
            });
            run_and_say(&mut world, "gate", Reply::No("not yet"));
            world.run_while(|world| world.calls("gate") < 3);
            assert!(
                world.events.iter().any(|event| event.contains("waiting for")),
                "{gate}"
            );
            world.alerts.len()
        });
        assert_eq!(told, [1, 0], "{gate}");
    }
}

#[test]
fn traffic_that_may_not_grow_holds_and_is_checked_on() {
    let mut world = world_with("confirm-traffic-increase");
    world.set_image(NEWER);
    world.run_until_weight(50);
    world
        .replies
        .insert("confirm-traffic-increase".to_owned(), Reply::No("not now"));
    let ticks = ticks(&world);
    some_time(&mut world);
    assert_eq!(world.weight(), 50);
    assert!(self::ticks(&world) > ticks + 2);
    assert!(world.told(
        "Halt podinfo.test advancement waiting for traffic increase approval confirm-traffic-increase"
    ));
    world.replies.clear();
    world.run_until_promoted(NEWER);
}

#[test]
fn while_the_promotion_waits_the_status_says_what_the_route_says_and_the_checks_go_on() {
    for (provider, analysis, weight, iterations) in [
        ("linkerd", json!({"stepWeight": 50, "maxWeight": 50}), 50, 0),
        (
            "gatewayapi:v1",
            json!({"iterations": 2, "match": [{"headers": {"x": {"exact": "y"}}}]}),
            100,
            2,
        ),
        ("gatewayapi:v1", json!({"iterations": 2}), 0, 2),
    ] {
        let mut world = World::initialized_as(|canary| {
            edit(canary, provider, &analysis);
            let hook = json!([{"name": "gate", "type": "confirm-promotion", "url": "http://gate"}]);
            canary.set("/spec/analysis/webhooks", hook);
        });
        run_and_say(&mut world, "gate", Reply::No("not yet"));
        world.run_until(Phase::WaitingPromotion);
        let ticks = ticks(&world);
        some_time(&mut world);
        let status = world.status();
        assert_eq!(
            (status.canary_weight, status.iterations),
            (weight, iterations),
            "{analysis}"
        );
        assert_eq!(world.weight(), weight, "{analysis}");
        assert!(self::ticks(&world) > ticks + 2);
        let told = "Halt podinfo.test advancement waiting for promotion approval gate";
        assert_eq!(world.events.iter().filter(|event| *event == told).count(), 1);
        let mut failing = world;
        failing.replies.clear();
        failing.run_until_promoted(NEWER);
        assert!(failing.told("Confirm-promotion check gate passed"));
    }
}

#[test]
fn a_bad_measurement_while_the_promotion_waits_rolls_back() {
    let mut world = world_with("confirm-promotion");
    run_and_say(&mut world, "confirm-promotion", Reply::No("not yet"));
    world.run_until(Phase::WaitingPromotion);
    world.dark = Some(crate::query::Observed::Known(Some(1.0)));
    world.run_until(Phase::Failed);
    assert_eq!(
        (world.weight(), world.image("podinfo-primary")),
        (0, GOOD.to_owned())
    );
}

#[test]
fn a_rollback_hook_is_heard_in_every_phase_in_which_a_revision_waits_or_runs() {
    for gate in ["confirm-rollout", "rollout", "confirm-promotion"] {
        let mut world = World::initialized_as(|canary| {
            let hooks = json!([
                {"name": gate, "type": gate, "url": "http://gate"},
                {"name": "back", "type": "rollback", "url": "http://back"},
            ]);
            canary.set("/spec/analysis/webhooks", hooks);
            canary.set("/spec/analysis/threshold", json!(100));
        });
        world.replies.insert("back".to_owned(), Reply::No("no"));
        run_and_say(&mut world, gate, Reply::No("halt"));
        world.run_while(|world| world.calls(gate) < 3);
        world.replies.insert("back".to_owned(), Reply::Yes);
        world.run_until(Phase::Failed);
        world.settle_down();
        assert!(world.told("Rollback check back passed"), "{gate}");
        assert!(
            world.told("Rolling back podinfo.test manual webhook invoked"),
            "{gate}"
        );
        assert_eq!((world.replicas("podinfo"), world.weight()), (0, 0), "{gate}");
        let calls = world.calls(gate);
        some_time(&mut world);
        assert_eq!(
            world.status().phase,
            Phase::Failed,
            "{gate}: it is not begun again"
        );
        assert_eq!(world.calls(gate), calls, "{gate}");
        assert_eq!(world.all("Revert").len(), 1, "{gate}: a yes blames the commit");
    }
}

#[test]
fn pre_rollout_hooks_are_called_in_order_up_to_the_first_no() {
    let mut world = World::initialized_as(|canary| {
        let hook = |name: &str| json!({"name": name, "type": "pre-rollout", "url": "http://x"});
        canary.set(
            "/spec/analysis/webhooks",
            json!([hook("first"), hook("second"), hook("third")]),
        );
    });
    run_and_say(&mut world, "second", Reply::No("no"));
    world.run_until(Phase::Failed);
    let called: Vec<&str> = world.called.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(called, ["first", "second", "first", "second"]);
}

#[test]
fn after_the_run_hooks_hear_how_it_ended_and_change_nothing() {
    for (image, phase) in [(NEWER, "Succeeded"), (super::BAD, "Failed")] {
        let mut world = world_with("post-rollout");
        world.replies.insert("post-rollout".to_owned(), Reply::No("no"));
        world.set_image(image);
        world.run_while(|world| world.calls("post-rollout") == 0);
        world.settle_down();
        assert_eq!(world.called, [("post-rollout".to_owned(), phase.to_owned())]);
        assert!(world.told("Post-rollout hook post-rollout failed no"));
        assert_eq!(format!("{:?}", world.status().phase), phase);
    }
}

#[test]
fn a_new_revision_waits_until_the_end_of_the_last_is_told() {
    let mut world = world_with("post-rollout");
    run_and_say(&mut world, "post-rollout", Reply::Late);
    world.run_while(|world| world.calls("post-rollout") == 0);
    world.set_image("podinfo:6.8.0");
    some_time(&mut world);
    assert_eq!(world.status().phase, Phase::Succeeded);
    world.replies.clear();
    world.run_until_promoted("podinfo:6.8.0");
    assert_eq!(world.calls("post-rollout"), 1);
    world.settle_down();
    assert_eq!(world.calls("post-rollout"), 2);
}

#[test]
fn every_event_goes_to_the_event_hooks_with_what_flagger_says_of_it() {
    let mut world = World::initialized_as(|canary| {
        let metadata = json!({"cluster": "test", "eventType": "mine"});
        let hook = json!([{"name": "events", "type": "event", "url": "http://events", "metadata": metadata}]);
        canary.set("/spec/analysis/webhooks", hook);
    });
    world.set_image(NEWER);
    world.run_until_promoted(NEWER);
    let posted = world
        .event_hooks
        .iter()
        .map(|hook| hook.payload["metadata"]["eventMessage"].as_str());
    let posted: Vec<&str> = posted.flatten().collect();
    assert_eq!(posted, world.events, "as often as events, in their order");
    let last = &world.event_hooks.last().expect("an event").payload;
    assert_eq!(last["phase"], "Succeeded");
    assert_eq!(last["metadata"]["cluster"], "test");
    assert_eq!(
        last["metadata"]["eventType"], "Normal",
        "the hook's own metadata does not contradict"
    );
    assert!(world.called.is_empty(), "nobody waits for its answer");
}

#[test]
fn an_answer_that_repeats_a_credential_is_not_told() {
    let mut world = World::initialized_as(|canary| {
        let hook = json!([{"name": "test", "type": "pre-rollout", "url": "http://x", "metadata": {"token": "hunter2hunter2"}}]);
        canary.set("/spec/analysis/webhooks", hook);
    });
    run_and_say(&mut world, "test", Reply::No("bad token hunter2hunter2"));
    world.run_until(Phase::Failed);
    let everything: Vec<Value> = world
        .objects
        .values()
        .map(|object| object.at("/status").cloned().unwrap_or_default())
        .collect();
    let told = format!("{:?} {everything:?}", world.events);
    assert!(
        told.contains("bad token ***") && !told.contains("hunter2"),
        "{told}"
    );
}
