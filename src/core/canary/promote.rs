//! The promotion: the primary gets the template that was analysed (the one on record, not what the target has become),
//! and the traffic goes back to it when it is ready.

use crate::alert::Severity;
use crate::baseline::Baseline;
use crate::canary::status::Phase;
use crate::canary::strategy::is_kubernetes;
use crate::canary::turn::Turn;
use crate::canary::workload::Rollout;
use crate::effect::StatusState;
use crate::object::Object;
use crate::reason::Reason;

impl Turn<'_> {
    /// The analysis passed.
    pub(super) fn start_promotion(&mut self, baseline: &Baseline) -> Reason {
        let Some(candidate) = &baseline.candidate else {
            return self.begin(baseline, false);
        };
        self.promote_to(candidate);
        self.hold_weight(self.status.canary_weight);
        if let Some(run) = &mut self.status.analysis {
            run.next_check_at = None;
            run.held_by.clear();
        }
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
        self.hold_services(true);
        if let Some(because) = self.status.analysis.as_ref().and_then(|run| run.failure.clone()) {
            return self.take_back(&baseline, because);
        }
        let analysed = self.target_hash() == candidate.template_hash;
        self.hold_weight(if analysed { self.status.canary_weight } else { 0 });
        self.hold_primary(candidate);
        let lost = self.lost(candidate).join(", ");
        if !lost.is_empty() {
            return self.cannot_promote(&baseline, format!("what was analysed of {lost} is gone"));
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
            Rollout::Dead(detail) if has_template => self.cannot_promote(&baseline, detail),
            Rollout::Ready | Rollout::Waiting(_) | Rollout::Dead(_) => {
                self.wake_in(self.spec.analysis.interval());
                Reason::Promoting
            }
        }
    }

    /// The traffic goes back to the primary: at once, or by `stepWeightPromotion`, a step an interval.
    fn primary_is_ready(&mut self) -> Reason {
        self.wanted.promote_scaler = true;
        let (step, weight) = (
            self.spec.analysis.step_weight_promotion,
            self.status.canary_weight,
        );
        if step > 0
            && weight > 0
            && let Some(waiting) = self.not_due()
        {
            return waiting;
        }
        let name = self.dotted(self.canary.name());
        let left = if step > 0 { (weight - step).max(0) } else { 0 };
        self.hold_weight(left);
        if weight > 0 && step > 0 {
            self.tell(format!("Advance {name} primary weight {}", 100 - left));
        } else if weight > 0 {
            self.tell("Routing all traffic to primary".to_owned());
        }
        if left > 0 {
            self.next_check();
            return Reason::ShiftingBack {
                primary_pct: 100 - left,
            };
        }
        self.enter(Phase::Finalising);
        self.wake_at(self.now);
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
        self.status.iterations = 0;
        self.end_run(Phase::Succeeded);
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

    /// The analysed template cannot be promoted: that is noted, and taken back.
    fn cannot_promote(&mut self, baseline: &Baseline, detail: String) -> Reason {
        let name = self.dotted(&self.spec.target_ref.name);
        self.warn(format!("Promotion of {name} failed, primary not ready: {detail}"));
        let because = Reason::PromotionFailed { detail };
        if let Some(run) = &mut self.status.analysis {
            run.failure = Some(because.clone());
        }
        self.take_back(baseline, because)
    }

    /// The primary gets its last promoted template back. Until it is ready with that, the canary goes on serving what
    /// it serves, and everything when the primary has no pod that could: only then has the run failed, and the canary
    /// goes down.
    fn take_back(&mut self, baseline: &Baseline, because: Reason) -> Reason {
        self.hold_primary(&baseline.promoted);
        let is_back = self.primary_has(&baseline.promoted) && self.primary_rollout() == Rollout::Ready;
        if is_back {
            self.hold_weight(0);
            self.hold_replicas(0);
            let name = self.dotted(self.canary.name());
            self.warn(format!("Canary failed! Scaling down {name}"));
            self.record_failure(because.clone());
            return because;
        }
        let candidate = baseline.candidate.as_ref();
        let analysed = candidate.is_some_and(|candidate| candidate.template_hash == self.target_hash());
        let weight_pct = match (serves(self.primary), serves(Some(self.target))) {
            _ if !analysed || is_kubernetes(self.spec, self.settings) => 0,
            (_, false) => 0,
            (false, true) => 100,
            (true, true) => self.status.canary_weight,
        };
        self.hold_weight(weight_pct);
        self.wake_in(self.spec.analysis.interval());
        let detail = match because {
            Reason::PromotionFailed { detail } => {
                format!("the primary did not become ready with the new template ({detail})")
            }
            because => because.to_string(),
        };
        Reason::TakingBack { detail, weight_pct }
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

/// Whether a workload has pods that serve.
fn serves(workload: Option<&Object>) -> bool {
    let available = ["/status/availableReplicas", "/status/numberAvailable"];
    let mut available = available.into_iter().filter_map(|at| workload?.int(at));
    available.any(|pods| pods > 0)
}
