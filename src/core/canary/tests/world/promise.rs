//! What must hold after every turn, whatever happens.

use super::World;
use super::weight_of;
use crate::baseline::Baseline;
use crate::canary::status::Phase;
use crate::canary::tests::GOOD;
use crate::object::ObjectRef;
use crate::reason::Reason;
use serde_json::Value;

impl World {
    /// What must hold after every step.
    pub(crate) fn check(&mut self) {
        let Some(object) = self.objects.get(&Baseline::name(&self.canary())) else {
            return;
        };
        let baseline = Baseline::of(object).expect("a baseline");
        let phase = self.status().phase;
        let at_rest = matches!(
            phase,
            Phase::Initialized | Phase::Succeeded | Phase::Failed | Phase::Waiting
        );
        if at_rest && self.crash_at.is_none() && self.objects.values().any(|o| weight_of(o).is_some()) {
            assert_eq!(self.weight(), 0, "a canary at rest gets traffic in {phase:?}");
        }
        let primary = ObjectRef::new("apps/v1", "Deployment", "test", "podinfo-primary");
        let Some(primary) = self.objects.get(&primary) else {
            return;
        };
        let image = &primary.str("/spec/template/spec/containers/0/image").to_owned();
        let image_of = |template: &Value| {
            template["spec"]["containers"][0]["image"]
                .as_str()
                .map(str::to_owned)
        };
        let allowed = [Some(&baseline.promoted), baseline.candidate.as_ref()];
        let allowed: Vec<_> = allowed
            .into_iter()
            .flatten()
            .filter_map(|s| image_of(&s.template))
            .collect();
        assert!(
            allowed.iter().any(|a| a == image),
            "the primary runs {image}, on record are {allowed:?}"
        );
        if self
            .status()
            .analysis
            .is_some_and(|run| run.promoted_by.is_some())
        {
            self.by_hand.push(image.to_owned());
        }
        let by_hand = self.by_hand.iter().any(|a| a == image);
        let measured = self.analysed.iter().any(|a| a == image);
        assert!(
            image == GOOD || measured || by_hand,
            "{image} was promoted unanalysed"
        );
    }

    /// A failure that no commit is blamed for.
    pub(crate) fn check_that_nobody_is_blamed(&self) {
        assert!(self.all("Revert").is_empty());
        let because = &self.because;
        assert!(matches!(because, Some(Reason::NotBlamed { .. })), "{because:?}");
    }
}
