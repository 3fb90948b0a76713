//! The promotion: the primary gets the template that was analysed (the one on record, not what the target has become),
//! and the traffic goes back to it when it is ready.

use crate::alert::Severity;
use crate::baseline::Baseline;
use crate::canary::status::Phase;
use crate::canary::turn::Turn;
use crate::canary::workload::Rollout;
use crate::effect::StatusState;
use crate::reason::Reason;

impl Turn<'_> {
    /// The analysis passed.
    pub(super) fn start_promotion(&mut self, baseline: &Baseline) -> Reason {
        let Some(candidate) = &baseline.candidate else {
            return self.begin(baseline, false);
        };
        self.promote_to(candidate);
        self.enter(Phase::Promoting);
        self.wake_at(self.now);
        let (from, to) = (
            self.dotted(&self.spec.target_ref.name),
            self.dotted(&self.primary_name()),
        );
        self.tell(format!("Copying {from} template spec to {to}"));
        Reason::Promoting
    }

    /// Waits for the primary; the canary keeps its weight meanwhile, unless its pods are not the analysed ones any
    /// more: then the primary, whose pods are all good ones, old or new, takes everything at once.
    pub(super) fn promote(&mut self) -> Reason {
        let Some((_, baseline)) = self.baseline.clone() else {
            return self.adopt();
        };
        let Some(candidate) = &baseline.candidate else {
            return self.rest_again();
        };
        let analysed = self.target_hash() == candidate.template_hash;
        self.hold_services(true);
        self.hold_weight(if analysed { self.status.canary_weight } else { 0 });
        self.hold_primary(candidate);
        let lost = self.lost(candidate).join(", ");
        if !lost.is_empty() {
            return self.take_back(&baseline, format!("what was analysed of {lost} is gone"));
        }
        let has_template = self.primary_has(candidate);
        match self.primary_rollout() {
            Rollout::Ready if has_template => self.primary_is_ready(),
            // Flagger promoted this; what served before is not known, so that there is nothing to go back to.
            Rollout::Dead(detail)
                if has_template && baseline.promoted.template_hash == candidate.template_hash =>
            {
                self.wake_in(self.spec.analysis.interval());
                Reason::WaitingForPods {
                    workload: self.spec.primary(self.canary.namespace()).to_string(),
                    detail,
                }
            }
            Rollout::Dead(detail) if has_template => self.take_back(&baseline, detail),
            Rollout::Ready | Rollout::Waiting(_) | Rollout::Dead(_) => {
                self.wake_in(self.spec.analysis.interval());
                Reason::Promoting
            }
        }
    }

    fn primary_is_ready(&mut self) -> Reason {
        self.wanted.promote_scaler = true;
        self.hold_weight(0);
        self.enter(Phase::Finalising);
        self.wake_at(self.now);
        self.tell("Routing all traffic to primary".to_owned());
        Reason::Finalising
    }

    /// The primary serves the new template: what was the candidate is the baseline now.
    pub(super) fn finalise(&mut self) -> Reason {
        let Some((_, baseline)) = self.baseline.clone() else {
            return self.adopt();
        };
        let Some(candidate) = baseline.candidate.clone() else {
            return self.rest_again();
        };
        self.hold_services(true);
        self.hold_weight(0);
        self.hold_replicas(0);
        self.commit_status(StatusState::Success, "promoted");
        self.status
            .last_promoted_spec
            .clone_from(&self.status.last_applied_spec);
        self.status.failed_checks = 0;
        if let Some(run) = &mut self.status.analysis {
            run.next_check_at = None;
        }
        self.hold_baseline(Baseline {
            promoted: candidate,
            candidate: None,
            ..baseline
        });
        self.enter(Phase::Succeeded);
        self.wake_at(self.now);
        let name = self.dotted(&self.spec.target_ref.name);
        if self.spec.skip_analysis {
            self.tell(format!(
                "Promotion completed! Canary analysis was skipped for {name}"
            ));
            self.alert(
                Severity::Info,
                "Canary analysis was skipped, promotion finished.",
                false,
            );
        } else {
            self.tell(format!("Promotion completed! Scaling down {name}"));
            let message = "Canary analysis completed successfully, promotion finished.";
            self.alert(Severity::Info, message, false);
        }
        Reason::Promoted
    }

    /// The primary cannot run the new template: it gets its old one back, whose pods still serve, and the run failed.
    fn take_back(&mut self, baseline: &Baseline, detail: String) -> Reason {
        let because = Reason::PromotionFailed { detail };
        self.hold_primary(&baseline.promoted);
        self.hold_weight(0);
        self.hold_replicas(0);
        let name = self.dotted(self.canary.name());
        self.warn(format!(
            "Promotion of {name} failed! Primary gets its last promoted template back"
        ));
        self.record_failure(because.clone());
        because
    }

    /// There is nothing to promote (somebody emptied the record, or a crash came between record and status): what
    /// the target asks for is looked at afresh.
    fn rest_again(&mut self) -> Reason {
        self.hold_weight(0);
        self.enter(Phase::Succeeded);
        self.wake_at(self.now);
        Reason::Promoted
    }

    fn primary_name(&self) -> String {
        self.spec.primary(self.canary.namespace()).name
    }
}
