//! How a run ends without a promotion: rolled back, or given up because nobody asks for its revision any more.

use crate::baseline::Baseline;
use crate::canary::rest::blame;
use crate::canary::status::Phase;
use crate::canary::turn::Turn;
use crate::effect::StatusState;
use crate::hook::HookType;
use crate::reason::Reason;

impl Turn<'_> {
    /// Ends the run: traffic back, canary down, and the failure on record.
    pub(super) fn fail(&mut self, because: Reason) -> Reason {
        if self.status.phase == Phase::Waiting {
            self.give_up();
        }
        let name = self.dotted(self.canary.name());
        match &because {
            Reason::AnalysisFailed { failed_checks, .. } => self.warn(format!(
                "Rolling back {name} failed checks threshold reached {failed_checks}"
            )),
            Reason::ProgressDeadlineExceeded { detail } => {
                self.warn(format!("Rolling back {name} progress deadline exceeded {detail}"));
            }
            // It was said when the hook was heard.
            Reason::RolledBack { .. } => {}
            because => self.warn(format!("Rolling back {name} {because}")),
        }
        self.warn(format!("Canary failed! Scaling down {name}"));
        self.hold_weight(0);
        self.hold_replicas(0);
        self.record_failure(because.clone());
        because
    }

    /// Notes why a run failed, and says it on the commit.
    pub(super) fn record_failure(&mut self, because: Reason) {
        let run = self.status.analysis.clone().unwrap_or_default();
        let state = match blame(&because, &run) {
            Ok(()) => StatusState::Failure,
            Err(_) => StatusState::Error,
        };
        self.commit_status(state, &because.to_string());
        self.alert_failure(&because);
        self.end_run(Phase::Failed);
        if let Some(run) = &mut self.status.analysis {
            run.failure = Some(because);
        }
        self.status.iterations = 0;
        self.enter(Phase::Failed);
        self.wake_at(self.now);
    }

    /// Nothing of the run is due any more; the post-rollout hooks are to be told how it ended.
    pub(super) fn end_run(&mut self, told: Phase) {
        let hooks = self.has_hooks(HookType::PostRollout);
        if let Some(run) = &mut self.status.analysis {
            run.next_check_at = None;
            run.held_by.clear();
            run.post_rollout = hooks.then_some(told);
        }
    }

    /// The promoted template is asked for again while the analysis runs: stop, and settle.
    pub(super) fn abort(&mut self, baseline: &Baseline) -> Reason {
        if let Some(because) = self.undo_promotion(baseline, "the promoted template is asked for again") {
            return because;
        }
        self.hold_rest(baseline);
        let name = self.dotted(self.canary.name());
        self.commit_status(StatusState::Error, "reverted during the analysis: not promoted");
        self.hold_baseline(Baseline {
            candidate: None,
            ..baseline.clone()
        });
        self.status.failed_checks = 0;
        self.status.iterations = 0;
        self.status
            .last_applied_spec
            .clone_from(&self.status.last_promoted_spec);
        // Flagger's phase for a primary that serves what is asked for; the hooks hear that the revision was not
        // promoted.
        self.end_run(Phase::Failed);
        self.enter(Phase::Succeeded);
        self.tell(format!(
            "Stopping the analysis of {name}: the promoted template is asked for again"
        ));
        self.settle(true)
    }

    /// Gives the primary its promoted template back, where recant stopped when it had begun to promote and now
    /// something else is asked for. What the primary has stays on record until then.
    pub(super) fn undo_promotion(&mut self, baseline: &Baseline, detail: &str) -> Option<Reason> {
        if self.primary.is_none() || self.primary_has(&baseline.promoted) {
            return None;
        }
        self.hold_rest(baseline);
        self.wake_at(self.now);
        Some(Reason::TakingBack {
            detail: detail.to_owned(),
            weight_pct: 0,
        })
    }
}
