//! A person's verbs: each is heard once, and what came of it is told.

use super::BAD;
use super::GOOD;
use super::NEWER;
use super::world::Reply;
use super::world::World;
use crate::canary::status::Phase;
use crate::reason::Reason;
use serde_json::json;

const DANA: &str = "2026-01-01T00:00:00Z by dana: because";

fn ask(world: &mut World, verb: &str, value: &str) {
    world.annotate(&format!("recant.dev/{verb}"), Some(value));
}

fn count(world: &World, start: &str) -> usize {
    world
        .events
        .iter()
        .filter(|event| event.starts_with(start))
        .count()
}

/// A Canary with a gate that a run gets no further than this phase at, if it is one of waiting.
fn gated_in(phase: Phase) -> World {
    let mut world = World::initialized_as(|canary| {
        let hook = |r#type: &str| json!({"name": r#type, "type": r#type, "url": "http://x"});
        canary.set(
            "/spec/analysis/webhooks",
            json!([hook("confirm-rollout"), hook("confirm-promotion")]),
        );
    });
    let gate = match phase {
        Phase::Waiting => "confirm-rollout",
        Phase::WaitingPromotion => "confirm-promotion",
        _ => "none",
    };
    world.replies.insert(gate.to_owned(), Reply::No("halt"));
    world
}

#[test]
fn a_failed_revision_is_tried_again_once_for_each_time_it_is_asked() {
    let mut world = World::initialized();
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    world.settle_down();
    for time in 1..3 {
        ask(&mut world, "retry", &format!("{time} {DANA}"));
        world.run_until(Phase::Progressing);
        world.run_until(Phase::Failed);
        for _ in 0..40 {
            world.turn();
        }
        assert_eq!(world.status().phase, Phase::Failed);
        assert_eq!(count(&world, "Asked to retry podinfo.test"), time);
        assert_eq!(count(&world, "New revision detected!"), time + 1);
    }
    assert_eq!(world.image("podinfo-primary"), GOOD);
}

#[test]
fn a_run_is_stopped_in_every_phase_and_stays_stopped() {
    for phase in [
        Phase::Waiting,
        Phase::Progressing,
        Phase::WaitingPromotion,
        Phase::Promoting,
    ] {
        let mut world = gated_in(phase);
        world.set_image(NEWER);
        world.run_until(phase);
        if phase == Phase::Promoting {
            world.freeze("podinfo-primary");
            world.turn();
            world.frozen.clear();
        }
        ask(&mut world, "abort", DANA);
        world.run_until(Phase::Failed);
        for _ in 0..40 {
            world.turn();
        }
        assert_eq!(world.status().phase, Phase::Failed, "{phase:?}");
        let failure = world.status().analysis.and_then(|run| run.failure);
        assert_eq!(
            failure,
            Some(Reason::Aborted { by: DANA.to_owned() }),
            "{phase:?}"
        );
        assert_eq!((world.weight(), world.replicas("podinfo")), (0, 0), "{phase:?}");
        assert_eq!(world.image("podinfo-primary"), GOOD, "{phase:?}");
        assert_eq!(count(&world, "Asked to abort"), 1, "{phase:?}");
        assert_eq!(world.all("Revert").len(), 1, "{phase:?}: Git still asks for it");
    }
}

#[test]
fn a_revision_is_promoted_at_once_when_a_person_asks_whatever_holds_it() {
    for phase in [
        Phase::Waiting,
        Phase::Progressing,
        Phase::WaitingPromotion,
        Phase::Failed,
    ] {
        let mut world = gated_in(phase);
        let image = if phase == Phase::Failed { BAD } else { NEWER };
        world.set_image(image);
        world.run_until(phase);
        let measured = world.analysed.len();
        ask(&mut world, "promote", DANA);
        world.run_until_promoted(image);
        assert_eq!(world.analysed.len(), measured, "{phase:?}: no further check");
        assert_eq!(
            world.status().analysis.and_then(|run| run.promoted_by),
            Some(DANA.to_owned())
        );
        assert_eq!(count(&world, "Asked to promote"), 1, "{phase:?}");
        // It was for that revision only.
        world.replies.clear();
        world.set_image("podinfo:6.9.0");
        world.run_until_promoted("podinfo:6.9.0");
        assert!(world.analysed.iter().any(|image| image == "podinfo:6.9.0"));
    }
}

#[test]
fn what_is_paused_holds_and_is_checked_on_and_goes_on_when_the_pause_is_taken_away() {
    let mut world = World::initialized();
    world.set_image(NEWER);
    world.run_until_weight(50);
    ask(&mut world, "pause", DANA);
    let measured = world.analysed.len();
    for _ in 0..40 {
        world.turn();
    }
    assert_eq!((world.weight(), world.status().phase), (50, Phase::Progressing));
    assert!(world.analysed.len() > measured + 2);
    assert_eq!(count(&world, "Paused podinfo.test"), 1);
    let held_by = |world: &World| world.status().analysis.unwrap_or_default().held_by;
    assert!(held_by(&world).contains(DANA), "{}", held_by(&world));
    world.annotate("recant.dev/pause", None);
    world.turn();
    assert_eq!(held_by(&world), "");
    world.run_until_promoted(NEWER);
    assert_eq!(count(&world, "Resumed podinfo.test"), 1);
}

#[test]
fn a_paused_run_that_measures_something_bad_is_rolled_back() {
    let mut world = World::initialized();
    world.set_image(BAD);
    world.run_until_weight(50);
    ask(&mut world, "pause", DANA);
    world.run_until(Phase::Failed);
    assert_eq!(world.weight(), 0);
}

#[test]
fn a_revision_that_comes_during_a_pause_waits() {
    let mut world = World::initialized();
    ask(&mut world, "pause", DANA);
    world.set_image(NEWER);
    world.run_until(Phase::Waiting);
    world.settle_down();
    assert_eq!((world.weight(), world.replicas("podinfo")), (0, 0));
    assert!(
        matches!(&world.because, Some(Reason::WaitingForApproval { by }) if by.contains("dana")),
        "{:?}",
        world.because
    );
    world.annotate("recant.dev/pause", None);
    world.run_until_promoted(NEWER);
}

#[test]
fn a_verb_with_nothing_to_do_is_told_and_does_nothing_later() {
    let mut world = World::initialized();
    for verb in ["retry", "abort", "promote"] {
        ask(&mut world, verb, DANA);
        world.settle_down();
        assert!(
            world.told(&format!("There is nothing to {verb} for podinfo.test")),
            "{verb}"
        );
    }
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    world.settle_down();
    assert_eq!(count(&world, "Asked to"), 3);
    assert_eq!(world.image("podinfo-primary"), GOOD);
}

#[test]
fn of_several_verbs_the_stronger_is_the_last_word() {
    let mut world = World::initialized();
    world.set_image(NEWER);
    world.run_until_weight(50);
    for verb in ["promote", "retry", "abort"] {
        ask(&mut world, verb, DANA);
    }
    world.run_until(Phase::Failed);
    for _ in 0..40 {
        world.turn();
    }
    assert_eq!(
        (world.status().phase, world.image("podinfo-primary")),
        (Phase::Failed, GOOD.to_owned())
    );
    assert!(world.told("Not heeding promote: abort is asked for too"));
}

#[test]
fn a_verb_is_heard_once_however_often_recant_stops() {
    for crash in 0..10 {
        let mut world = World::initialized();
        world.set_image(BAD);
        world.run_until(Phase::Failed);
        world.settle_down();
        ask(&mut world, "retry", DANA);
        world.crash_at = Some(world.effects + crash);
        world.run_until(Phase::Progressing);
        world.run_until(Phase::Failed);
        for _ in 0..40 {
            world.turn();
        }
        assert_eq!(
            world.status().phase,
            Phase::Failed,
            "stopped before effect {crash}"
        );
        let begun = world.status().analysis.and_then(|run| run.started_at);
        for _ in 0..40 {
            world.turn();
        }
        assert_eq!(world.status().analysis.and_then(|run| run.started_at), begun);
    }
}
