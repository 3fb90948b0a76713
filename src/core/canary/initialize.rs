//! The first phase: from a bare Deployment to a primary that serves.

use crate::alert::Severity;
use crate::baseline::Baseline;
use crate::canary::status::Phase;
use crate::canary::turn::Turn;
use crate::canary::workload::Rollout;
use crate::reason::Reason;

impl Turn<'_> {
    /// Makes what is missing, one thing after another; the traffic moves to the primary only when it is ready.
    pub(super) fn initialize(&mut self) -> Reason {
        if self.status.phase == Phase::New {
            self.enter(Phase::Initializing);
        }
        let Some((_, baseline)) = self.baseline.clone() else {
            return self.adopt();
        };
        self.hold_services(false);
        self.hold_primary(&baseline.promoted);
        if let Some(missing) = self.scaler.and_then(|scaler| scaler.missing()) {
            self.wake_in(super::RETRY);
            return Reason::Initializing {
                what: format!("{missing}, which spec.autoscalerRef names, does not exist"),
            };
        }
        let has_template = self.primary_has(&baseline.promoted);
        match self.primary_rollout() {
            Rollout::Ready if has_template => self.initialized(&baseline),
            Rollout::Ready => Reason::Initializing {
                what: "the primary is getting its template".to_owned(),
            },
            Rollout::Waiting(detail) => {
                self.wake_in(self.spec.analysis.interval());
                Reason::Initializing {
                    what: format!("the primary: {detail}"),
                }
            }
            Rollout::Dead(detail) => {
                self.wake_in(self.spec.analysis.interval());
                Reason::Initializing {
                    what: format!("the primary does not become ready: {detail}"),
                }
            }
        }
    }

    fn initialized(&mut self, baseline: &Baseline) -> Reason {
        self.hold_services(true);
        self.hold_weight(0);
        let target_is_primary = self.target_hash() == baseline.promoted.template_hash;
        if target_is_primary {
            self.hold_replicas(0);
        }
        self.status
            .last_applied_spec
            .clone_from(&baseline.promoted.template_hash);
        self.status
            .last_promoted_spec
            .clone_from(&baseline.promoted.template_hash);
        self.note_configs();
        self.enter(Phase::Initialized);
        self.wake_at(self.now);
        let name = self.dotted(self.canary.name());
        self.tell(format!("Initialization done! {name}"));
        let kind = &self.spec.target_ref.kind;
        self.alert(
            Severity::Info,
            format!("New {kind} detected, initialization completed."),
            true,
        );
        Reason::Initialized
    }
}
