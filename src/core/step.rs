//! What a decision comes to.

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
