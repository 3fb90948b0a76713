//! Handing a Canary back to Flagger, when somebody asks for that by annotation.
//!
//! Flagger takes a template for a new revision when its hash is not the one in the status, and only Flagger can compute
//! that hash. Three things are possible, and nothing else:
//!
//! - Nothing was released since the takeover: the hashes in the status are still Flagger's own, and it goes on.
//! - Target and primary agree: the status goes back to `Initializing` without a hash. Flagger then finds a primary that
//!   is ready, notes its own hash and is `Initialized`, without restart, traffic change or analysis.
//! - The target asks for what failed, or an analysis runs: recant ends that first. Flagger would analyse it again.

use crate::baseline::Baseline;
use crate::canary::status::Phase;
use crate::canary::turn::Turn;
use crate::object::Object;
use crate::query::Observation;
use crate::query::Observed;
use crate::reason::Reason;

/// The annotation of a Canary that hands it over; its value must be `flagger`.
pub const HAND_OVER: &str = "recant.dev/hand-over";

fn is_asked_for(canary: &Object) -> bool {
    canary.annotation(HAND_OVER) == Some("flagger")
}

/// Whether the Canary was handed over, and is to stay so. When the annotation goes, it is taken over anew.
pub(super) fn is_done(canary: &Object, seen: &Observation) -> bool {
    let record = match seen.object(&Baseline::name(canary)) {
        Observed::Known(Some(record)) => Baseline::of(record).ok(),
        Observed::Known(None) | Observed::Unknown(_) => None,
    };
    is_asked_for(canary) && record.is_some_and(|baseline| baseline.handed_over)
}

impl Turn<'_> {
    /// Whether this is the moment: asked for, at rest, and the target asks for what is promoted.
    pub(super) fn may_hand_over(&self) -> bool {
        let rests = matches!(
            self.status.phase,
            Phase::Initialized | Phase::Succeeded | Phase::Failed
        );
        let agree = self.baseline.as_ref().is_some_and(|(_, baseline)| {
            baseline.promoted.template_hash == self.asked.template_hash
                && self.primary_has(&baseline.promoted)
        });
        is_asked_for(self.canary) && rests && agree
    }

    /// Leaves what Flagger expects to find.
    pub(super) fn hand_over(&mut self) -> Reason {
        let Some((_, baseline)) = self.baseline.clone() else {
            return Reason::HandedOver;
        };
        let ours = self.status.last_promoted_spec == baseline.promoted.template_hash;
        if ours || self.status.phase == Phase::Failed {
            self.status.last_applied_spec = String::new();
            self.status.last_promoted_spec = String::new();
            self.status.failed_checks = 0;
            self.status.analysis = None;
            self.status.drop_condition("Reverted");
            self.enter(Phase::Initializing);
        }
        self.hold_baseline(Baseline {
            handed_over: true,
            ..baseline
        });
        let name = self.dotted(self.canary.name());
        self.tell(format!("Handing over {name} to Flagger"));
        Reason::HandedOver
    }
}
