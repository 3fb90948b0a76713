//! The analysis: weights rise while the checks pass, and go back the moment they have failed too often.

use crate::baseline::Baseline;
use crate::canary::rest::blame;
use crate::canary::status::Phase;
use crate::canary::turn::Turn;
use crate::canary::workload::Rollout;
use crate::effect::StatusState;
use crate::query::Why;
use crate::reason::Check;
use crate::reason::Reason;
use crate::verdict;
use jiff::SignedDuration;

impl Turn<'_> {
    /// One look at a running analysis.
    pub(super) fn analyse(&mut self) -> Reason {
        let Some((_, baseline)) = self.baseline.clone() else {
            return self.adopt();
        };
        let asked = self.target_hash();
        if asked == baseline.promoted.template_hash {
            return self.abort(&baseline);
        }
        let Some(candidate) = baseline.candidate.clone() else {
            return self.begin(&baseline, false);
        };
        let Some(run) = &self.status.analysis else {
            let detail = "the definition of canaries.flagger.app drops status.analysis: apply recant's own, as \
                          `recant manifests` prints it";
            let detail = detail.to_owned();
            return Reason::InvalidSpec { detail };
        };
        // The record is written before the status: after a crash between the two, weight and failed checks are still
        // those of the revision before.
        if asked != candidate.template_hash || run.template_hash != candidate.template_hash {
            return self.begin(&baseline, true);
        }
        let baseline = self.with_chain(baseline);
        self.hold_services(true);
        self.hold_weight(self.status.canary_weight);
        self.scale_up();
        match self.rollouts() {
            Ok(()) if self.spec.skip_analysis => self.start_promotion(&baseline),
            Ok(()) => self.tick(&baseline),
            Err(because @ Reason::ProgressDeadlineExceeded { .. }) => self.fail(because),
            Err(because) => {
                self.wake_in(SignedDuration::from_secs(10).min(self.spec.analysis.interval()));
                because
            }
        }
    }

    /// Both workloads must be ready, and the route in force, for a check to mean anything.
    fn rollouts(&self) -> Result<(), Reason> {
        let waiting = |workload: String, detail| Err(Reason::WaitingForPods { workload, detail });
        if self.kind.is_down(self.target) {
            return waiting(
                self.target.reference().to_string(),
                "it is being scaled up".to_owned(),
            );
        }
        match self.target_rollout() {
            Rollout::Ready => {}
            Rollout::Waiting(detail) => return waiting(self.target.reference().to_string(), detail),
            Rollout::Dead(detail) => return Err(Reason::ProgressDeadlineExceeded { detail }),
        }
        // Without an analysis nothing is compared with the primary, and a fix may be what it waits for.
        if self.spec.skip_analysis {
            return Ok(());
        }
        match self.primary_rollout() {
            Rollout::Ready => self.router.accepted(&self.scene()),
            Rollout::Waiting(detail) | Rollout::Dead(detail) => {
                waiting(self.spec.primary(self.canary.namespace()).to_string(), detail)
            }
        }
    }

    /// The first weight, or a check when one is due.
    fn tick(&mut self, baseline: &Baseline) -> Reason {
        let due = self.status.analysis.as_ref().and_then(|run| run.next_check_at);
        if self.status.canary_weight == 0 {
            let name = self.dotted(self.canary.name());
            self.tell(format!(
                "Starting canary analysis for {}",
                self.dotted(&self.spec.target_ref.name)
            ));
            return self.advance(&name, Vec::new());
        }
        if let Some(due) = due.filter(|due| *due > self.now) {
            self.wake_at(due);
            return Reason::Waiting {
                weight_pct: self.status.canary_weight,
            };
        }
        if !self.has_seen(verdict::ask(self.settings, self.canary, self.spec, self.seen)) {
            return self.unseen();
        }
        let checks = verdict::checks(self.settings, self.canary, self.spec, self.seen);
        let failed = verdict::worst(&checks).cloned();
        for check in checks.iter().filter(|check| !check.passed()) {
            self.warn(verdict::halted(self.settings, self.canary, self.spec, check));
        }
        let (now, weight) = (self.now, self.status.canary_weight);
        if let Some(run) = &mut self.status.analysis {
            run.note(now, weight, checks.clone());
        }
        match failed {
            Some(check) => self.halt(check),
            None if weight >= self.spec.analysis.max_weight() => self.start_promotion(baseline),
            None => self.advance(&self.dotted(self.canary.name()), checks),
        }
    }

    /// What is missing is asked next; if nobody does, it is looked at again soon.
    pub(super) fn unseen(&mut self) -> Reason {
        self.wake_in(super::RETRY);
        Reason::CannotSee {
            what: "what the move depends on".to_owned(),
            why: Why::NotAsked,
        }
    }

    fn advance(&mut self, name: &str, checks: Vec<Check>) -> Reason {
        let weight_pct = self.spec.analysis.next_weight(self.status.canary_weight);
        self.hold_weight(weight_pct);
        self.next_check();
        self.tell(format!("Advance {name} canary weight {weight_pct}"));
        self.commit_status(StatusState::Pending, &format!("canary weight {weight_pct}%"));
        Reason::Advanced { weight_pct, checks }
    }

    /// A failed check: the weight stays; at the threshold the run ends at once, not an interval later.
    fn halt(&mut self, check: Check) -> Reason {
        self.status.failed_checks += 1;
        let (failed_checks, threshold) = (self.status.failed_checks, self.spec.analysis.threshold());
        if failed_checks >= threshold {
            return self.fail(Reason::AnalysisFailed { check, failed_checks });
        }
        self.next_check();
        Reason::Halted {
            check,
            failed_checks,
            threshold,
        }
    }

    fn next_check(&mut self) {
        let mut due = self.now + self.spec.analysis.interval();
        if let Some(run) = &mut self.status.analysis {
            due = run.next_check_at.map_or(due, |not_before| due.max(not_before));
            run.next_check_at = Some(due);
        }
        self.wake_at(due);
    }

    /// Ends the run: traffic back, canary down, and the failure on record.
    fn fail(&mut self, because: Reason) -> Reason {
        let name = self.dotted(self.canary.name());
        if let Reason::AnalysisFailed { failed_checks, .. } = &because {
            self.warn(format!(
                "Rolling back {name} failed checks threshold reached {failed_checks}"
            ));
        } else if let Reason::ProgressDeadlineExceeded { detail } = &because {
            self.warn(format!("Rolling back {name} progress deadline exceeded {detail}"));
        } else {
            self.warn(format!("Rolling back {name} {because}"));
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
        if let Some(run) = &mut self.status.analysis {
            run.next_check_at = None;
            run.failure = Some(because);
        }
        self.status.iterations = 0;
        self.enter(Phase::Failed);
        self.wake_at(self.now);
    }

    /// The promoted template is asked for again while the analysis runs: stop, and settle.
    fn abort(&mut self, baseline: &Baseline) -> Reason {
        let name = self.dotted(self.canary.name());
        self.commit_status(StatusState::Error, "reverted during the analysis: not promoted");
        self.hold_services(true);
        self.hold_weight(0);
        self.hold_replicas(0);
        self.hold_baseline(Baseline {
            candidate: None,
            ..baseline.clone()
        });
        self.status.failed_checks = 0;
        self.status
            .last_applied_spec
            .clone_from(&self.status.last_promoted_spec);
        if let Some(run) = &mut self.status.analysis {
            run.next_check_at = None;
        }
        self.enter(Phase::Succeeded);
        self.tell(format!(
            "Stopping the analysis of {name}: the promoted template is asked for again"
        ));
        self.settle(true)
    }
}
