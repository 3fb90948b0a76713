//! Why: the one type that status, events, the CLI, the pages, pull requests and logs all print.

use crate::canary::spec::Range;
use crate::duration;
use crate::hook::HookType;
use crate::hook::HookVerdict;
use crate::query::Why;
use serde::Deserialize;
use serde::Serialize;
use std::fmt;

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

/// One check: a metric, its value and its threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The metric's name.
    pub name: String,
    /// What was measured.
    pub outcome: Outcome,
    /// What is good.
    pub range: Range,
    /// The query that was asked.
    pub query: String,
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The value is in the range.
    Pass(#[serde(with = "number")] f64),
    /// The value is out of the range.
    Fail(#[serde(with = "number")] f64),
    /// The provider has no value. Counts as failed, as with Flagger, but blames nobody.
    NoData,
    /// The provider could not be asked. Counts as failed, as with Flagger, but blames nobody.
    Unknown(Why),
    /// The webhook said yes.
    Agreed,
    /// The webhook said no, in these words.
    Refused(String),
    /// The webhook did not answer. Counts as failed, as with Flagger, but blames nobody.
    Unanswered(Why),
}

/// Numbers in JSON, which has no infinity: a status with one must still be readable.
mod number {
    use serde::Deserialize;
    use serde::Deserializer;
    use serde::Serializer;
    use serde::de::Error;

    pub(super) fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
        if number.is_finite() {
            to.serialize_f64(*number)
        } else {
            to.serialize_str(&number.to_string())
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        match Written::deserialize(from)? {
            Written::Number(number) => Ok(number),
            Written::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

impl Check {
    /// What a webhook said, as a check: `external check NAME`, `pre-rollout check NAME`.
    pub fn of_hook(r#type: HookType, name: &str, verdict: HookVerdict) -> Self {
        let what = match r#type {
            HookType::Rollout => "external",
            other => other.name(),
        };
        Self {
            name: format!("{what} check {name}"),
            outcome: match verdict {
                HookVerdict::Yes => Outcome::Agreed,
                HookVerdict::No(words) => Outcome::Refused(words),
                HookVerdict::Unanswered(why) => Outcome::Unanswered(why),
            },
            range: Range::default(),
            query: String::new(),
        }
    }

    /// Whether it lets the weight grow.
    pub const fn passed(&self) -> bool {
        matches!(self.outcome, Outcome::Pass(_) | Outcome::Agreed)
    }

    /// Whether a value was measured at all: only then can a failure be blamed on a commit.
    pub const fn measured(&self) -> bool {
        matches!(
            self.outcome,
            Outcome::Pass(_) | Outcome::Fail(_) | Outcome::Agreed | Outcome::Refused(_)
        )
    }

    /// The measured value.
    pub const fn value(&self) -> Option<f64> {
        match self.outcome {
            Outcome::Pass(value) | Outcome::Fail(value) => Some(value),
            Outcome::NoData
            | Outcome::Unknown(_)
            | Outcome::Agreed
            | Outcome::Refused(_)
            | Outcome::Unanswered(_) => None,
        }
    }

    /// The unit of the built-in metrics.
    pub fn unit(&self) -> &'static str {
        match self.name.as_str() {
            "request-success-rate" => "%",
            "request-duration" => "ms",
            _ => "",
        }
    }

    /// What is good, in words: `min 99%`, `max 500ms`, `0 to 5`.
    pub fn threshold(&self) -> String {
        match (self.range.min, self.range.max) {
            (Some(min), Some(max)) => format!("{} to {}", self.bound(min), self.bound(max)),
            (Some(min), None) => format!("min {}", self.bound(min)),
            (None, Some(max)) => format!("max {}", self.bound(max)),
            (None, None) => "any value".to_owned(),
        }
    }

    /// A measured value as Flagger's events print it: two digits after the point, durations as Go prints them.
    pub fn measure(&self, value: f64) -> String {
        match self.unit() {
            "ms" if value.is_finite() => duration::go(value as i64),
            unit => format!("{value:.2}{unit}"),
        }
    }

    fn bound(&self, bound: f64) -> String {
        match self.unit() {
            "ms" if bound.is_finite() => duration::go(bound as i64),
            unit => format!("{bound}{unit}"),
        }
    }
}

impl fmt::Display for Check {
    /// In Flagger's words where it has them: `success rate 69.17% < 99%`, `request duration 812ms > 500ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.name.as_str() {
            "request-success-rate" => "success rate",
            "request-duration" => "request duration",
            other => other,
        };
        match &self.outcome {
            Outcome::Pass(value) => {
                let (value, good) = (self.measure(*value), self.threshold());
                write!(f, "{name} {value} ok ({good})")
            }
            Outcome::Fail(value) => {
                let shown = self.measure(*value);
                match (self.range.min, self.range.max) {
                    (Some(min), _) if *value < min => write!(f, "{name} {shown} < {}", self.bound(min)),
                    (_, Some(max)) => write!(f, "{name} {shown} > {}", self.bound(max)),
                    _ => write!(f, "{name} {shown} not {}", self.threshold()),
                }
            }
            Outcome::Agreed => write!(f, "{name} passed"),
            Outcome::Refused(words) => write!(f, "{name} failed {words}"),
            Outcome::Unanswered(why) => write!(f, "{name} failed {why}"),
            Outcome::NoData => write!(f, "no values found for metric {}", self.name),
            Outcome::Unknown(why) => write!(f, "metric {} could not be measured: {why}", self.name),
        }
    }
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidSpec { detail } => f.write_str(detail),
            Self::Unsupported { field, value, hint } => write!(f, "{field} {value} is not supported: {hint}"),
            Self::ForgeReady { login, notes } => {
                write!(f, "the credential is good: recant is {login} there")?;
                notes.iter().try_for_each(|note| write!(f, "; {note}"))
            }
            Self::ForgeNotReady { detail } => f.write_str(detail),
            Self::InvalidRoute { route, detail } => write!(f, "{route}: {detail}"),
            Self::Suspended => f.write_str("suspended: traffic stays as it is until spec.suspend is false"),
            Self::TargetMissing { target } => {
                write!(f, "{target} not found: create it, or mend spec.targetRef")
            }
            Self::CannotSee { what, why } => write!(f, "cannot see {what}: {why}"),
            Self::EffectFailed { what, why } => write!(f, "could not {what}: {why}"),
            Self::Initializing { what } => write!(f, "initializing: {what}"),
            Self::Initialized => f.write_str("initialized: the primary serves"),
            Self::NewRevision { revision } => write!(f, "new revision{}", of(revision)),
            Self::Restarted { revision } => {
                write!(
                    f,
                    "new revision{} during the analysis: it begins again",
                    of(revision)
                )
            }
            Self::WaitingForPods { workload, detail } => write!(f, "waiting for {workload}: {detail}"),
            Self::WaitingForRoute { route, detail } => write!(f, "waiting for {route}: {detail}"),
            Self::Waiting { weight_pct } => write!(f, "weight {weight_pct}%: waiting for the next check"),
            Self::Advanced { weight_pct, checks } => {
                write!(f, "weight {weight_pct}%")?;
                checks.iter().try_for_each(|check| write!(f, ", {check}"))
            }
            Self::Iterated {
                iteration,
                iterations,
                checks,
            } => {
                write!(f, "iteration {iteration} of {iterations}")?;
                checks.iter().try_for_each(|check| write!(f, ", {check}"))
            }
            Self::Mirrored { checks } => {
                f.write_str("the canary gets a copy of the traffic")?;
                checks.iter().try_for_each(|check| write!(f, ", {check}"))
            }
            Self::WaitingForHook { hook } => write!(f, "waiting for the answer of {hook}"),
            Self::WaitingForApproval { by } => write!(f, "waiting for approval: {by}"),
            Self::RolledBack { hook } => write!(f, "webhook {hook} asked for a rollback"),
            Self::Aborted { by } => write!(f, "aborted by a person ({by})"),
            Self::TakingBack { detail, weight_pct } => write!(
                f,
                "{detail}; the primary is getting its old template back, the canary serves {weight_pct}%"
            ),
            Self::ShiftingBack { primary_pct } => write!(f, "promoting: the primary serves {primary_pct}%"),
            Self::Halted {
                check,
                failed_checks,
                threshold,
            } => {
                write!(f, "{check} (failed check {failed_checks} of {threshold})")
            }
            Self::AnalysisFailed { check, failed_checks } => {
                write!(f, "{check}: {failed_checks} failed checks, rolled back")
            }
            Self::ProgressDeadlineExceeded { detail } => {
                write!(
                    f,
                    "the canary did not become ready in time ({detail}): rolled back"
                )
            }
            Self::PromotionFailed { detail } => write!(
                f,
                "the primary did not become ready with the new template ({detail}): it has its old one again"
            ),
            Self::Promoting => f.write_str("analysis passed: promoting"),
            Self::Finalising => f.write_str("primary is ready: routing all traffic to it"),
            Self::Promoted => f.write_str("promoted"),
            Self::Settled {
                during_analysis: true,
            } => {
                f.write_str("the promoted template is back during the analysis: stopped, nothing to analyse")
            }
            Self::Settled {
                during_analysis: false,
            } => f.write_str("the promoted template is back: Git and cluster agree, nothing to analyse"),
            Self::StillFailed => {
                f.write_str("the failed revision is still asked for: the primary serves the promoted one")
            }
            Self::Adopted { phase } => write!(f, "taken over in phase {phase}: what serves is on record now"),
            Self::HandedOver => f.write_str("handed over: Flagger may have this Canary"),
            Self::Terminating { what } => write!(f, "being deleted: {what}"),
            Self::Terminated => f.write_str("the target has its traffic back"),
            Self::NotBlamed { detail } => write!(f, "no revert: {detail}"),
            Self::Planned { files, lines } => {
                let (file_s, line_s) = (plural(*files), plural(*lines));
                write!(f, "proved: {lines} line{line_s} in {files} file{file_s}")
            }
            Self::NoPlan { detail } => write!(f, "no pull request: {detail}"),
            Self::Pushed { commit } => write!(f, "pushed {}", short(commit)),
            Self::Proposed { url } => write!(f, "revert proposed: {url}"),
            Self::Merged { url } => write!(f, "revert merged: {url}"),
            Self::Reverted => f.write_str("reverted: Git and cluster agree"),
            Self::Refused { url } => write!(f, "a person closed {url}: final for this revision"),
            Self::Superseded { detail } => write!(f, "superseded: {detail}"),
            Self::CommonMode { detail } => write!(
                f,
                "held: {detail}. To propose the revert all the same, annotate the Revert with \
                 recant.dev/proceed=true; else mend the cause and retry the canary"
            ),
            Self::TooOld { detail } => write!(
                f,
                "held: {detail}. To propose the revert all the same, annotate the Revert with recant.dev/proceed=true"
            ),
            Self::Capped { detail } => write!(f, "waits: {detail}"),
            Self::ReportOnly { who, would } => write!(f, "report only ({who}): would propose {would}"),
            Self::TakenOver { detail } => {
                write!(f, "a person goes on with it: {detail}; recant leaves it alone")
            }
            Self::WrittenBack { detail } => write!(
                f,
                "the revert was merged, and {detail} wrote the failed state again: recant does not fight that; stop \
                 what writes it, then revert by hand"
            ),
        }
    }
}

fn of(revision: &str) -> String {
    if revision.is_empty() {
        String::new()
    } else {
        format!(" {}", short_revision(revision))
    }
}

const fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// The first 8 digits of a commit id, as Flux's CLI prints them.
pub fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

/// A Flux revision with its digits shortened: `main@sha1:67e2c98a`.
pub fn short_revision(revision: &str) -> String {
    match revision.rsplit_once(':') {
        Some((head, digits)) => format!("{head}:{}", short(digits)),
        None => short(revision).to_owned(),
    }
}
