//! A Revert's life: plan → proof → branch → pull request → merged, closed or superseded.
//!
//! One Revert is one change to be undone in one repository; it serves every Canary that failed on that change. Its
//! identity is derived from what is undone, so that a crash, a second replica or a lost answer still make one pull
//! request. Nothing happens in Git that was not on record before. Never here: how lines are chosen (`revert`) or
//! proved (`proof`).

mod body;
mod ending;
mod life;
mod proposal;
mod propose;
mod record;

pub use life::ask;
pub use life::step;
pub use record::Culprit;
pub use record::PlanRecord;
pub use record::PullRecord;
pub use record::RevertPhase;
pub use record::RevertSpec;
pub use record::RevertStatus;
pub use record::Target;
pub use record::culprit;
pub use record::open_page;
