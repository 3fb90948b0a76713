//! Before a run: whoever must approve a new revision is asked, and until they do the primary serves alone.

use crate::alert::Severity;
use crate::baseline::Baseline;
use crate::canary::hooks::Called;
use crate::canary::status::Phase;
use crate::canary::status::Run;
use crate::canary::turn::Turn;
use crate::hook::HookType;
use crate::reason::Reason;

impl Turn<'_> {
    /// A look at a revision that waits.
    pub(super) fn wait(&mut self) -> Reason {
        let Some((_, baseline)) = self.baseline.clone() else {
            return self.adopt();
        };
        if self.target_hash() == baseline.promoted.template_hash {
            return self.abort(&baseline);
        }
        self.hold_rest(&baseline);
        if self.not_due().is_some() {
            let run = self.status.analysis.as_ref();
            let by = run.map(|run| run.held_by.clone()).unwrap_or_default();
            return Reason::WaitingForApproval { by };
        }
        // A rollback hook is heard here too: Flagger documents that, and never asks.
        self.whole(|turn| match turn.ask_for_rollback() {
            Some(because) => because,
            None => turn.confirm_rollout(&baseline),
        })
    }

    /// A revision that is neither promoted nor has failed: it begins, unless somebody must approve first.
    pub(super) fn approach(&mut self, baseline: &Baseline) -> Reason {
        self.hold_rest(baseline);
        self.whole(|turn| turn.confirm_rollout(baseline))
    }

    fn confirm_rollout(&mut self, baseline: &Baseline) -> Reason {
        if let Some(by) = self.paused() {
            return self.hold_back(by, None);
        }
        let said = match self.call(HookType::ConfirmRollout, self.status.phase) {
            Called::Waiting(because) => return because,
            Called::Answered(said) => said,
        };
        match self.first_no(said, "Confirm-rollout") {
            Some(no) => self.hold_back(no.name, Some(no.mute_alert)),
            None => self.begin(baseline, false),
        }
    }

    /// The revision waits for its approval; a gate is asked again after an interval. `mute` is a gate's `muteAlert`.
    fn hold_back(&mut self, by: String, mute: Option<bool>) -> Reason {
        let begins = self.status.phase != Phase::Waiting;
        // Flagger leaves no run behind where recant takes a waiting revision over.
        if begins || self.status.analysis.is_none() {
            self.status.analysis = Some(Run {
                revision: self.asked.revision.clone(),
                ..Run::default()
            });
        }
        if begins {
            self.enter(Phase::Waiting);
        }
        if let Some(mute) = mute.filter(|_| begins) {
            let name = self.dotted(self.canary.name());
            self.warn(format!("Halt {name} advancement waiting for approval {by}"));
            if !mute {
                self.alert(Severity::Warn, "Canary is waiting for approval.", false);
            }
        }
        let asked = self.target_hash();
        if let Some(run) = &mut self.status.analysis {
            run.template_hash = asked;
        }
        self.held(by)
    }

    /// Puts a revision that never ran on record as the one that failed, so that it is not asked about again.
    pub(super) fn give_up(&mut self) {
        let Some((_, baseline)) = self.baseline.clone() else {
            return;
        };
        let candidate = self.asked.clone();
        self.note_configs();
        self.status.last_applied_spec.clone_from(&candidate.template_hash);
        if let Some(run) = &mut self.status.analysis {
            run.template_hash.clone_from(&candidate.template_hash);
        }
        self.hold_baseline(Baseline {
            candidate: Some(candidate),
            ..baseline
        });
    }
}
