//! The first phase: from a bare Deployment to a primary that serves.

use crate::alert::Severity;
use crate::baseline::Baseline;
use crate::baseline::Snapshot;
use crate::canary::status::Phase;
use crate::canary::turn::Turn;
use crate::canary::workload::Rollout;
use crate::reason::Reason;
use crate::template;

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
        self.hold_primary(&baseline.promoted.template);
        let has_template = self.primary_has(&baseline.promoted.template);
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

    /// Records what is to be the primary's template, before the primary is made: the target's; or, where a primary
    /// serves already (made by Flagger), that primary's own.
    pub(super) fn adopt(&mut self) -> Reason {
        let template = match self.primary {
            Some(primary) => template::target_of(&template::of(primary), &self.label),
            None => template::of(self.target),
        };
        let is_targets = template == template::of(self.target);
        let chain = if is_targets { self.links() } else { Vec::new() };
        let promoted = Snapshot::new(self.now, template, chain);
        self.hold_baseline(Baseline {
            canary: self.canary.name().to_owned(),
            promoted,
            candidate: None,
        });
        if self.status.phase == Phase::Failed {
            // What failed under Flagger is not analysed again because another engine looks at it.
            self.status.last_applied_spec = self.target_hash();
        }
        self.wake_at(self.now);
        Reason::Initializing {
            what: "the baseline is recorded".to_owned(),
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
