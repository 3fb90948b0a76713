//! A Revert's conditions, as kstatus reads them: `Reconciling` while recant works or waits for somebody, `Stalled`
//! when only a person can mend it, `Ready` when there is nothing left to do.

use crate::canary::status::Condition;
use crate::canary::status::set_condition;
use crate::pull::record::RevertPhase;
use crate::pull::record::RevertStatus;
use crate::reason::Reason;
use jiff::Timestamp;

/// How kstatus is to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing left to do.
    Done,
    /// recant works, or waits for something that comes by itself.
    Going,
    /// A person must do something.
    Stuck,
}

/// Sets the conditions for a phase, and why it is in it.
pub(super) fn set(status: &mut RevertStatus, now: Timestamp, because: &Reason) {
    let progress = progress(status.phase, because);
    let ready = match progress {
        Progress::Done => "True",
        Progress::Going => "Unknown",
        Progress::Stuck => "False",
    };
    let (reason, message) = (because.name(), because.to_string());
    let conditions = &mut status.conditions;
    set_condition(conditions, now, "Ready", ready, reason, &message);
    for (r#type, of) in [("Reconciling", Progress::Going), ("Stalled", Progress::Stuck)] {
        if progress == of {
            set_condition(conditions, now, r#type, "True", reason, &message);
        } else {
            drop_condition(conditions, r#type);
        }
    }
}

/// An abnormal condition that does not hold is left out, as kstatus wants it.
fn drop_condition(conditions: &mut Vec<Condition>, r#type: &str) {
    conditions.retain(|c| c.r#type != r#type);
}

const fn progress(phase: RevertPhase, because: &Reason) -> Progress {
    match because {
        Reason::CannotSee { .. } | Reason::Capped { .. } => return Progress::Going,
        Reason::InvalidSpec { .. } | Reason::WrittenBack { .. } => return Progress::Stuck,
        _ => {}
    }
    match phase {
        RevertPhase::Reverted | RevertPhase::Superseded | RevertPhase::Reported => Progress::Done,
        RevertPhase::Refused | RevertPhase::Blocked | RevertPhase::Held | RevertPhase::TakenOver => {
            Progress::Stuck
        }
        RevertPhase::Planning
        | RevertPhase::Planned
        | RevertPhase::Pushed
        | RevertPhase::Proposed
        | RevertPhase::Merged => Progress::Going,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(phase: RevertPhase, because: &Reason) -> Vec<(String, String)> {
        let mut status = RevertStatus {
            phase,
            ..RevertStatus::default()
        };
        set(&mut status, Timestamp::UNIX_EPOCH, &Reason::Reverted);
        set(&mut status, Timestamp::UNIX_EPOCH, because);
        let pair = |c: Condition| (c.r#type, c.status);
        status.conditions.into_iter().map(pair).collect()
    }

    #[test]
    fn kstatus_reads_done_going_and_stuck() {
        let url = "u".to_owned();
        let detail = || "d".to_owned();
        let table = [
            (RevertPhase::Reverted, Reason::Reverted, vec![("Ready", "True")]),
            (
                RevertPhase::Proposed,
                Reason::Proposed { url: url.clone() },
                vec![("Ready", "Unknown"), ("Reconciling", "True")],
            ),
            (
                RevertPhase::Refused,
                Reason::Refused { url },
                vec![("Ready", "False"), ("Stalled", "True")],
            ),
            (
                RevertPhase::Held,
                Reason::CommonMode { detail: detail() },
                vec![("Ready", "False"), ("Stalled", "True")],
            ),
            (
                RevertPhase::Held,
                Reason::Capped { detail: detail() },
                vec![("Ready", "Unknown"), ("Reconciling", "True")],
            ),
        ];
        for (phase, because, wanted) in table {
            let wanted: Vec<_> = wanted
                .into_iter()
                .map(|(t, s)| (t.to_owned(), s.to_owned()))
                .collect();
            assert_eq!(shown(phase, &because), wanted, "{phase:?} {because}");
        }
    }
}
