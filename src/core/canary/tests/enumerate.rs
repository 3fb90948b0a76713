//! Every sequence of verdicts, answers, events, verbs and stops, for a small Canary of each strategy, as far as the
//! budget goes; states that differ in nothing but times are visited once. After every step what recant promises holds.
//!
//! `RECANT_STATES=100000 cargo test -p recant-core every_sequence -- --nocapture` goes further.

#![expect(clippy::print_stdout, reason = "how far it goes is told")]

use super::BAD;
use super::GOOD;
use super::NEWER;
use super::strategies::edit;
use super::world::Reply;
use super::world::World;
use crate::baseline::Baseline;
use crate::canary::status::Phase;
use crate::query::Observed;
use crate::query::Why;
use crate::reason::Reason;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

/// States that are looked at for each strategy.
const STATES: usize = 80;
/// From every how manieth state the way out is tried.
const WAYS_OUT: usize = 15;

/// What can happen before a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Nothing,
    /// The metrics from now on.
    Good,
    Bad,
    Dark,
    /// The gates from now on.
    Open,
    Shut,
    Late,
    /// The rollback hook, for this turn.
    SaysRollBack,
    /// What the target asks for from now on.
    Asks(&'static str),
    /// Pods of this Deployment do not become ready from now on; all do.
    Breaks(&'static str),
    Mends,
    /// A person's verb.
    Says(&'static str),
    Resumes,
    /// recant stops before this effect of the turn.
    Stops(usize),
}

const INPUTS: [Input; 23] = [
    Input::Nothing,
    Input::Good,
    Input::Bad,
    Input::Dark,
    Input::Open,
    Input::Shut,
    Input::Late,
    Input::SaysRollBack,
    Input::Asks(GOOD),
    Input::Asks(NEWER),
    Input::Asks(BAD),
    Input::Breaks("podinfo"),
    Input::Breaks("podinfo-primary"),
    Input::Mends,
    Input::Says("abort"),
    Input::Says("retry"),
    Input::Says("promote"),
    Input::Says("pause"),
    Input::Resumes,
    Input::Stops(0),
    Input::Stops(1),
    Input::Stops(2),
    Input::Stops(4),
];

const GATES: [&str; 4] = ["confirm-rollout", "pre-rollout", "rollout", "confirm-promotion"];

#[test]
fn every_sequence_of_verdicts_answers_and_events_keeps_what_recant_promises() {
    let header = json!([{"headers": {"x-canary": {"exact": "yes"}}}]);
    let strategies = [
        ("linkerd", json!({"stepWeight": 60})),
        (
            "gatewayapi:v1",
            json!({"stepWeights": [100], "mirror": true, "stepWeightPromotion": 60}),
        ),
        ("gatewayapi:v1", json!({"iterations": 1, "match": header})),
        ("gatewayapi:v1", json!({"iterations": 1})),
        ("kubernetes", json!({"iterations": 1})),
    ];
    let states = option_env!("RECANT_STATES").and_then(|n| n.parse().ok());
    for (provider, analysis) in strategies {
        let (steps, depth) = explore(&small(provider, &analysis), states.unwrap_or(STATES));
        println!("{provider} {analysis}: {steps} steps, sequences of up to {depth}");
        assert!(depth >= 3, "{provider} {analysis}: only {depth}");
    }
}

/// A Canary whose run is short, with every hook and no patience.
fn small(provider: &str, analysis: &Value) -> World {
    let mut world = World::initialized_as(|canary| {
        edit(canary, provider, analysis);
        let hook = |name: &str| json!({"name": name, "type": name, "url": "http://x"});
        let mut hooks: Vec<Value> = GATES.iter().map(|gate| hook(gate)).collect();
        hooks.extend([hook("rollback"), hook("post-rollout")]);
        canary.set("/spec/analysis/webhooks", json!(hooks));
        canary.0["spec"]["analysis"]["metrics"][0]["interval"] = json!("10s");
        canary.set("/spec/progressDeadlineSeconds", json!(5));
    });
    world.pace_s = 11;
    world.replies.insert("rollback".to_owned(), Reply::No("no"));
    world.dark = Some(Observed::Known(Some(100.0)));
    world.set_image(NEWER);
    world
}

/// Breadth first: all sequences of one input, then all of two, and so on. Steps made, and the longest sequence.
fn explore(begin: &World, states: usize) -> (usize, usize) {
    let mut seen = BTreeSet::from([mark(begin)]);
    let mut queue = VecDeque::from([(begin.clone(), Vec::new())]);
    let (mut steps, mut depth, mut visited) = (0, 0, 0);
    while let Some((world, path)) = queue.pop_front().filter(|_| visited < states) {
        visited += 1;
        depth = depth.max(path.len() + 1);
        for input in INPUTS {
            let mut path = path.clone();
            path.push(input);
            let mut next = world.clone();
            step(&mut next, input, &path);
            steps += 1;
            if seen.insert(mark(&next)) {
                queue.push_back((next, path));
            }
        }
        if visited % WAYS_OUT == 0 {
            way_out(world, &path);
        }
    }
    (steps, depth)
}

fn step(world: &mut World, input: Input, path: &[Input]) {
    let all = |world: &mut World, reply: Reply| {
        for gate in GATES {
            world.replies.insert(gate.to_owned(), reply);
        }
    };
    match input {
        Input::Nothing => {}
        Input::Good => world.dark = Some(Observed::Known(Some(100.0))),
        Input::Bad => world.dark = Some(Observed::Known(Some(1.0))),
        Input::Dark => world.dark = Some(Observed::Unknown(Why::Unreachable("away".to_owned()))),
        Input::Open => all(world, Reply::Yes),
        Input::Shut => all(world, Reply::No("no")),
        Input::Late => all(world, Reply::Late),
        Input::SaysRollBack => drop(world.replies.insert("rollback".to_owned(), Reply::Yes)),
        Input::Asks(image) => world.set_image(image),
        Input::Breaks(deployment) => world.freeze(deployment),
        Input::Mends => world.frozen.clear(),
        Input::Says(verb) => {
            let value = format!("{} by dana", world.now);
            world.annotate(&format!("recant.dev/{verb}"), Some(&value));
        }
        Input::Resumes => world.annotate("recant.dev/pause", None),
        Input::Stops(effect) => world.crash_at = Some(world.effects + effect),
    }
    let before = world.status().phase;
    let turned = catch_unwind(AssertUnwindSafe(|| world.turn()));
    assert!(turned.is_ok(), "{path:?}");
    world.crash_at = None;
    world.replies.insert("rollback".to_owned(), Reply::No("no"));
    hold_to_the_promises(world, before, path);
    world.weights.clear();
    world.events.clear();
    world.statuses.clear();
    world.called.clear();
    world.alerts.clear();
    world.event_hooks.clear();
    world.analysed.sort();
    world.analysed.dedup();
}

/// What no turn may break, besides what `World::check` holds it to.
fn hold_to_the_promises(world: &World, before: Phase, path: &[Input]) {
    let status = world.status();
    let stopped = matches!(path.last(), Some(Input::Stops(_)));
    if let Some(weight) = world.route_weight().filter(|_| !stopped) {
        assert_eq!(
            status.canary_weight, weight,
            "{path:?}: the status says something else than the route"
        );
        let target = world.replicas("podinfo");
        assert!(
            weight == 0 || target > 0,
            "{path:?}: {weight}% go to a canary that is scaled to zero"
        );
    }
    if matches!(status.phase, Phase::Progressing | Phase::WaitingPromotion) {
        assert!(
            status.failed_checks < 2,
            "{path:?}: the threshold was reached and the run goes on"
        );
    }
    let run = status.analysis.clone().unwrap_or_default();
    if status.phase == Phase::Promoting && before != Phase::Promoting && run.promoted_by.is_none() {
        assert!(
            run.ticks.last().is_some_and(|tick| tick.passed),
            "{path:?}: promoted after a failed check"
        );
    }
    if status.phase == Phase::Failed && before != Phase::Failed && !stopped {
        assert!(run.failure.is_some(), "{path:?}: failed, and nobody knows why");
    }
    let unasked = |because: &Reason| {
        matches!(
            because,
            Reason::CannotSee {
                why: Why::NotAsked,
                ..
            }
        )
    };
    assert!(
        !world.because.as_ref().is_some_and(unasked),
        "{path:?}: {:?}",
        world.because
    );
}

/// From anywhere, when nothing is wrong any more, a new revision is analysed and promoted.
fn way_out(mut world: World, path: &[Input]) {
    world.replies.clear();
    world.replies.insert("rollback".to_owned(), Reply::No("no"));
    world.frozen.clear();
    world.dark = Some(Observed::Known(Some(100.0)));
    world.annotate("recant.dev/pause", None);
    world.set_image("podinfo:7.0.0");
    for _ in 0..60 {
        world.turn();
        if world.image("podinfo-primary") == "podinfo:7.0.0" && world.status().phase == Phase::Succeeded {
            assert!(
                world.analysed.iter().any(|image| image == "podinfo:7.0.0"),
                "{path:?}"
            );
            return;
        }
    }
    panic!(
        "{path:?}: no way out of {:?}, because {:?}",
        world.status().phase,
        world.because
    );
}

/// What tells one state from another: everything but times, and what was only counted or told.
fn mark(world: &World) -> String {
    let status = world.status();
    let run = status.analysis.clone().unwrap_or_default();
    let due = |at: Option<jiff::Timestamp>| at.is_some_and(|at| at > world.now);
    let baseline = world
        .objects
        .get(&Baseline::name(&world.canary()))
        .and_then(|object| Baseline::of(object).ok());
    let record = baseline.map(|b| (b.promoted.template_hash, b.candidate.map(|c| c.template_hash)));
    let reverts = world.all("Revert").len();
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        (
            status.phase,
            status.failed_checks,
            status.canary_weight,
            status.iterations,
            &status.last_applied_spec
        ),
        (
            &run.template_hash,
            run.mirrored,
            &run.held_by.is_empty(),
            run.promoted_by.is_some(),
            run.post_rollout
        ),
        (
            run.failure.map(|f| f.name()),
            due(run.next_check_at),
            due(run.not_before),
            status.is("Reverted")
        ),
        (
            world.route_weight(),
            world.image("podinfo"),
            world.replicas("podinfo")
        ),
        (
            world.image("podinfo-primary"),
            world.replicas("podinfo-primary"),
            &world.frozen
        ),
        (record, reverts),
        &world.dark,
        &world.replies,
        verbs(world),
    )
}

/// The verbs that were not heard yet, and whether it is paused.
fn verbs(world: &World) -> Vec<(String, bool)> {
    let annotations = world.canary().strings("/metadata/annotations");
    let heard = world.status().last_handled_verbs;
    let of = |(name, value): (String, String)| {
        let verb = name.trim_start_matches("recant.dev/").to_owned();
        let is_new = heard.get(&verb) != Some(&value);
        (verb, is_new)
    };
    annotations
        .into_iter()
        .map(of)
        .filter(|(verb, is_new)| *is_new || verb == "pause")
        .collect()
}
