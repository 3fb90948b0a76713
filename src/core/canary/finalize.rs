//! `revertOnDeletion`: before a Canary goes, its target gets the traffic back.
//!
//! Flagger's finalizer holds the Canary until then. The order is what keeps requests answered: the target is brought
//! up and is ready, the route and the apex Service turn to it, and only then may the primary go with the Canary.

use crate::canary::spec::Spec;
use crate::canary::status::Phase;
use crate::canary::status::Status;
use crate::canary::turn::Turn;
use crate::canary::workload;
use crate::canary::workload::Rollout;
use crate::effect::Effect;
use crate::effect::Event;
use crate::effect::Write;
use crate::object::Object;
use crate::query::Observation;
use crate::query::Observed;
use crate::reason::Reason;
use crate::step::Step;
use serde_json::Value;

/// Flagger's finalizer.
pub const FINALIZER: &str = "finalizer.flagger.app";

/// The step that puts the finalizer on, or takes it off; a change of the Canary itself is a step of its own.
pub(super) fn finalizer(
    canary: &Object,
    spec: Option<&Spec>,
    status: &Status,
    seen: &Observation,
) -> Option<Step> {
    let has = finalizers(canary).iter().any(|name| name == FINALIZER);
    let reverts = spec.is_some_and(|spec| spec.revert_on_deletion);
    if !canary.is_deleting() {
        let mut names = finalizers(canary);
        names.push(Value::from(FINALIZER));
        let because = Reason::Initializing {
            what: "the finalizer is put on".to_owned(),
        };
        return (reverts && !has).then(|| with_finalizers(canary, names, None, because));
    }
    if !has {
        // Somebody else still holds it; there is nothing left to do here.
        return Some(Step {
            status: None,
            effects: Vec::new(),
            wake: None,
            because: Reason::Terminated,
        });
    }
    let done = status.phase == Phase::Terminated || !reverts || target_is_gone(canary, spec, seen);
    let mut names = finalizers(canary);
    names.retain(|name| name != FINALIZER);
    done.then(|| {
        let text = format!("Terminated canary {}.{}", canary.name(), canary.namespace());
        with_finalizers(canary, names, Some(text), Reason::Terminated)
    })
}

fn finalizers(canary: &Object) -> Vec<Value> {
    let names = canary.at("/metadata/finalizers").and_then(Value::as_array);
    names.cloned().unwrap_or_default()
}

/// Without a target there is nothing to give the traffic back to.
fn target_is_gone(canary: &Object, spec: Option<&Spec>, seen: &Observation) -> bool {
    let target = spec.map(|spec| spec.target(canary.namespace()));
    target.is_none_or(|target| matches!(seen.object(&target), Observed::Known(None)))
}

fn with_finalizers(canary: &Object, names: Vec<Value>, told: Option<String>, because: Reason) -> Step {
    let event = told.map(|message| {
        Effect::Event(Event {
            about: canary.reference(),
            uid: canary.uid().to_owned(),
            warning: false,
            message,
        })
    });
    let mut next = canary.clone();
    next.set("/metadata/finalizers", Value::from(names));
    let write = Effect::Write(Write::Update(next));
    Step {
        status: None,
        effects: event.into_iter().chain([write]).collect(),
        wake: None,
        because,
    }
}

impl Turn<'_> {
    /// One look at a Canary that is being deleted.
    pub(super) fn terminate(&mut self) -> Reason {
        if !self.canary.is_deleting() {
            // A Canary cannot be un-deleted; somebody wrote the phase.
            self.enter(Phase::Initializing);
            self.wake_at(self.now);
            return Reason::Initializing {
                what: "the phase is written anew".to_owned(),
            };
        }
        let name = self.dotted(self.canary.name());
        if self.status.phase != Phase::Terminating {
            self.enter(Phase::Terminating);
            self.tell(format!("Terminating canary {name}"));
        }
        self.raise_target();
        self.wake_in(super::RETRY);
        let target = self.target.reference();
        if self.kind.is_down(self.target) {
            return Reason::Terminating {
                what: format!("{target} is being scaled up"),
            };
        }
        match self.target_rollout() {
            Rollout::Ready => self.terminated(),
            Rollout::Waiting(detail) => Reason::Terminating {
                what: format!("waiting for {target}: {detail}"),
            },
            Rollout::Dead(detail) => Reason::Terminating {
                what: format!(
                    "{target} does not become ready ({detail}); the primary serves until it is, or until the \
                     finalizer {FINALIZER} is taken off by hand"
                ),
            },
        }
    }

    /// The target gets as many replicas as the primary has, once; from then on it is its owner's again.
    fn raise_target(&mut self) {
        self.wanted.paused = Some(false);
        if self.kind.is_down(self.target) {
            self.hold_replicas(self.primary.map_or(1, workload::replicas).max(1));
        }
    }

    /// The target is ready: it gets everything; and when it has, what the Canary took over is as it was.
    fn terminated(&mut self) -> Reason {
        if self.status.canary_weight < 100 {
            self.hold_weight(100);
            self.wanted.apex_to_target = true;
            self.wake_at(self.now);
            return Reason::Terminating {
                what: "the target gets its traffic back".to_owned(),
            };
        }
        self.wanted.restore_route = true;
        self.enter(Phase::Terminated);
        self.wake_at(self.now);
        Reason::Terminated
    }
}
