//! A Revert's life: plan → proof → branch → pull request → merged, closed or superseded.
//!
//! One Revert is one change to be undone in one repository; it serves every Canary that failed on that change. Its
//! identity is derived from what is undone (`culprit`), so that a crash, a second replica, a lost answer or another
//! cluster still make one pull request. Nothing happens in Git that was not on record before. Never here: how lines
//! are chosen (`revert`) or proved (`proof`).

mod body;
mod branch;
mod condition;
mod culprit;
mod ending;
mod gate;
mod left;
mod life;
mod look;
mod marker;
mod merged;
mod policy;
mod proposal;
mod propose;
mod record;
mod standing;
mod text;

pub use culprit::Culprit;
pub use culprit::culprit;
pub use life::ask;
pub use life::step;
pub use policy::PROCEED;
pub use policy::REPORT_ONLY;
pub use record::Deed;
pub use record::Does;
pub use record::PlanRecord;
pub use record::PullRecord;
pub use record::RevertPhase;
pub use record::RevertSpec;
pub use record::RevertStatus;
pub use record::Target;
pub use record::open_page;
pub use text::table as checks_table;
