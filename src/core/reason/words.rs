//! What people read of a [`Reason`].

use super::Reason;
use std::fmt;

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
