//! Why: the one type that status, events, the CLI, the pages, pull requests and logs all print.

mod check;
mod words;

pub use check::Check;
pub use check::Outcome;
pub use words::short;
pub use words::short_revision;

use crate::query::Why;
use serde::Deserialize;
use serde::Serialize;

/// Why recant did what it did, or waits for what it waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all_fields = "camelCase")]
pub enum Reason {
    // ---- a Canary
    /// The manifest cannot be used as it is.
    InvalidSpec {
        /// What is wrong, and where.
        detail: String,
    },
    /// A provider, strategy or target kind that this engine does not have.
    Unsupported {
        /// The field.
        field: String,
        /// Its value.
        value: String,
        /// What to do about it.
        hint: String,
    },
    /// An object that the traffic goes through is of no use as it is.
    InvalidRoute {
        /// `Kind/namespace/name`.
        route: String,
        /// What is wrong with it, and what to do.
        detail: String,
    },
    /// `spec.suspend` is true.
    Suspended,
    /// The target does not exist.
    TargetMissing {
        /// `Deployment/namespace/name`.
        target: String,
    },
    /// Something could not be seen.
    CannotSee {
        /// What.
        what: String,
        /// Why not.
        why: Why,
    },
    /// Something could not be done; it is tried again.
    EffectFailed {
        /// What.
        what: String,
        /// Why not.
        why: String,
    },
    /// The objects around the primary are being made.
    Initializing {
        /// What is being made or waited for.
        what: String,
    },
    /// The primary serves and the canary is at rest.
    Initialized,
    /// The target's template is not the promoted one: an analysis begins.
    NewRevision {
        /// The Git revision it came with, if known.
        revision: String,
    },
    /// A new revision came during a run: the analysis begins again.
    Restarted {
        /// The Git revision it came with, if known.
        revision: String,
    },
    /// Pods are not ready yet.
    WaitingForPods {
        /// Which workload.
        workload: String,
        /// How far it is.
        detail: String,
    },
    /// The route's data plane has not taken it as it is now.
    WaitingForRoute {
        /// `Kind/namespace/name`.
        route: String,
        /// What is missing.
        detail: String,
    },
    /// Waiting for the next check.
    Waiting {
        /// The canary's weight, in percent.
        weight_pct: i64,
    },
    /// The checks passed; the weight grew.
    Advanced {
        /// The canary's weight now, in percent.
        weight_pct: i64,
        /// The checks; none before the first weight.
        checks: Vec<Check>,
    },
    /// The checks passed; one more iteration of A/B testing or blue/green.
    Iterated {
        /// The iteration now, from 1.
        iteration: i64,
        /// How many there are.
        iterations: i64,
        /// The checks; none before the first iteration.
        checks: Vec<Check>,
    },
    /// The canary gets a copy of the traffic.
    Mirrored {
        /// The checks; none before the first traffic.
        checks: Vec<Check>,
    },
    /// A webhook was called and has not answered yet.
    WaitingForHook {
        /// Its type and name.
        hook: String,
    },
    /// Somebody must approve first.
    WaitingForApproval {
        /// The hook that has not, or who paused it.
        by: String,
    },
    /// A check failed; the weight stays.
    Halted {
        /// The first check that failed.
        check: Check,
        /// Failed checks so far.
        failed_checks: i64,
        /// How many end the run.
        threshold: i64,
    },
    /// The checks failed often enough: rolled back.
    AnalysisFailed {
        /// The last check that failed.
        check: Check,
        /// Failed checks.
        failed_checks: i64,
    },
    /// The canary's pods did not become ready in time: rolled back.
    ProgressDeadlineExceeded {
        /// How far it was.
        detail: String,
    },
    /// A rollback webhook said yes.
    RolledBack {
        /// Its name.
        hook: String,
    },
    /// A person stopped the run.
    Aborted {
        /// Who, when and why, in the annotation's words.
        by: String,
    },
    /// The promotion is being taken back: the primary is getting its last promoted template.
    TakingBack {
        /// Why.
        detail: String,
        /// What the canary serves meanwhile, in percent.
        weight_pct: i64,
    },
    /// The traffic goes back to the primary, by steps.
    ShiftingBack {
        /// The primary's weight now, in percent.
        primary_pct: i64,
    },
    /// The primary did not become ready with the analysed template: the promotion was taken back.
    PromotionFailed {
        /// How far it was.
        detail: String,
    },
    /// The analysis passed: the primary gets the analysed template.
    Promoting,
    /// The primary is ready: all traffic goes to it.
    Finalising,
    /// Promoted.
    Promoted,
    /// The target's template is the promoted one again.
    Settled {
        /// Whether that happened while the analysis ran.
        during_analysis: bool,
    },
    /// The failed revision is still what the target asks for.
    StillFailed,
    /// Flagger had this Canary before: what it left is on record now.
    Adopted {
        /// The phase it left the Canary in.
        phase: String,
    },
    /// Flagger has this Canary again.
    HandedOver,
    /// The Canary is being deleted: its target gets the traffic back first.
    Terminating {
        /// What is waited for.
        what: String,
    },
    /// The target has its traffic back: the Canary may go.
    Terminated,

    // ---- a Revert
    /// Nothing in Git is to be undone for this failure.
    NotBlamed {
        /// Why not.
        detail: String,
    },
    /// A plan stands and is proved.
    Planned {
        /// Files it changes.
        files: usize,
        /// Lines it changes.
        lines: usize,
    },
    /// There is no plan, or it is not proved.
    NoPlan {
        /// Why not.
        detail: String,
    },
    /// The branch is pushed.
    Pushed {
        /// Its head.
        commit: String,
    },
    /// The pull request waits for a person.
    Proposed {
        /// Its page.
        url: String,
    },
    /// The pull request was merged; Flux has been asked to apply it.
    Merged {
        /// Its page.
        url: String,
    },
    /// Git and cluster agree again.
    Reverted,
    /// A person closed the pull request: final for this revision.
    Refused {
        /// Its page.
        url: String,
    },
    /// The head does not render the failed state any more.
    Superseded {
        /// How that came.
        detail: String,
    },
    /// Unrelated canaries failed together: no blame, until a person says so.
    CommonMode {
        /// Which, and how many.
        detail: String,
    },
    /// The failure is too long ago to be undone unasked.
    TooOld {
        /// When it was, and how old it may be.
        detail: String,
    },
    /// There are pull requests enough on that host.
    Capped {
        /// How many, and how many there may be.
        detail: String,
    },
    /// recant was told to report only.
    ReportOnly {
        /// Who said so.
        who: String,
        /// What would have been done.
        would: String,
    },
    /// A person has pushed to recant's branch: it is theirs now.
    TakenOver {
        /// The branch, its commit, and its pull request if there is one.
        detail: String,
    },
    /// After the merge somebody wrote the failed state again.
    WrittenBack {
        /// Who, and in which commit.
        detail: String,
    },
    // ---- a Forge
    /// The credential does what recant asks of it.
    ForgeReady {
        /// Who it is there.
        login: String,
        /// What else is to be said.
        notes: Vec<String>,
    },
    /// The credential does not.
    ForgeNotReady {
        /// What is wrong.
        detail: String,
    },
}

impl Reason {
    /// The reason's name: CamelCase, as Kubernetes conditions want it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InvalidSpec { .. } => "InvalidSpec",
            Self::Unsupported { .. } => "Unsupported",
            Self::ForgeReady { .. } => "ForgeReady",
            Self::ForgeNotReady { .. } => "ForgeNotReady",
            Self::InvalidRoute { .. } => "InvalidRoute",
            Self::Suspended => "Suspended",
            Self::TargetMissing { .. } => "TargetMissing",
            Self::CannotSee { .. } => "CannotSee",
            Self::EffectFailed { .. } => "EffectFailed",
            Self::Initializing { .. } => "Initializing",
            Self::Initialized => "Initialized",
            Self::NewRevision { .. } => "NewRevision",
            Self::Restarted { .. } => "Restarted",
            Self::WaitingForPods { .. } => "WaitingForPods",
            Self::WaitingForRoute { .. } => "WaitingForRoute",
            Self::Waiting { .. } => "Waiting",
            Self::Advanced { .. } => "Advanced",
            Self::Iterated { .. } => "Iterated",
            Self::Mirrored { .. } => "Mirrored",
            Self::WaitingForHook { .. } => "WaitingForHook",
            Self::WaitingForApproval { .. } => "WaitingForApproval",
            Self::RolledBack { .. } => "RolledBack",
            Self::Aborted { .. } => "Aborted",
            Self::TakingBack { .. } => "TakingBack",
            Self::ShiftingBack { .. } => "ShiftingBack",
            Self::Halted { .. } => "Halted",
            Self::AnalysisFailed { .. } => "AnalysisFailed",
            Self::ProgressDeadlineExceeded { .. } => "ProgressDeadlineExceeded",
            Self::PromotionFailed { .. } => "PromotionFailed",
            Self::Promoting => "Promoting",
            Self::Finalising => "Finalising",
            Self::Promoted => "Promoted",
            Self::Settled { .. } => "Settled",
            Self::StillFailed => "StillFailed",
            Self::Adopted { .. } => "Adopted",
            Self::HandedOver => "HandedOver",
            Self::Terminating { .. } => "Terminating",
            Self::Terminated => "Terminated",
            Self::NotBlamed { .. } => "NotBlamed",
            Self::Planned { .. } => "Planned",
            Self::NoPlan { .. } => "NoPlan",
            Self::Pushed { .. } => "Pushed",
            Self::Proposed { .. } => "Proposed",
            Self::Merged { .. } => "Merged",
            Self::Reverted => "Reverted",
            Self::Refused { .. } => "Refused",
            Self::Superseded { .. } => "Superseded",
            Self::CommonMode { .. } => "CommonMode",
            Self::TooOld { .. } => "TooOld",
            Self::Capped { .. } => "Capped",
            Self::ReportOnly { .. } => "ReportOnly",
            Self::TakenOver { .. } => "TakenOver",
            Self::WrittenBack { .. } => "WrittenBack",
        }
    }
}
