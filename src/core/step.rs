//! What a decision comes to.

use crate::canary::status::Condition;
use crate::canary::status::set_condition;
use crate::effect::Effect;
use crate::object::Object;
use crate::reason::Reason;
use jiff::Timestamp;

/// The next move: everything to do, the status to be saved after it, when to look again, and why.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a decision that is not carried out decides nothing"]
pub struct Step {
    /// The object with its new status; its `resourceVersion` is the precondition. `None` when nothing changes.
    pub status: Option<Object>,
    /// What to do, in order, before the status is saved. If one is refused, the rest and the status are left and
    /// the world is observed again.
    pub effects: Vec<Effect>,
    /// When to look again at the latest; a change of anything that was asked about wakes earlier.
    pub wake: Option<Timestamp>,
    /// Why.
    pub because: Reason,
}

/// The object with a `Ready` condition that says which effect could not be done, and why: nobody should have to read
/// logs to learn that a pull request could not be opened. `None` when that is said already.
pub fn failed(now: Timestamp, object: &Object, what: &str, why: &str) -> Option<Object> {
    let conditions = object.at("/status/conditions").cloned().unwrap_or_default();
    let mut conditions: Vec<Condition> = serde_json::from_value(conditions).unwrap_or_default();
    let because = Reason::EffectFailed {
        what: what.to_owned(),
        why: why.to_owned(),
    };
    set_condition(
        &mut conditions,
        now,
        "Ready",
        "Unknown",
        because.name(),
        &because.to_string(),
    );
    let mut next = object.clone();
    next.set(
        "/status/conditions",
        serde_json::to_value(conditions).unwrap_or_default(),
    );
    (next != *object).then_some(next)
}
