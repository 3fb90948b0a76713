//! What a primary runs: what is on record, and what was measured.

use super::Promises;
use crate::traffic::rule::Name;
use crate::world::World;
use recant_core::baseline::Baseline;
use recant_core::canary::status::Phase;
use recant_core::canary::status::Status;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_core::settings::Settings;
use recant_core::template;
use recant_core::template::Naming;
use serde_json::Value;

impl Promises {
    /// A primary only ever gets a template that got requests under analysis; but for the first, `skipAnalysis`,
    /// and what a person promotes.
    pub(super) fn only_what_was_measured_is_promoted(
        &mut self,
        world: &World,
        canary: &Object,
    ) -> Result<(), String> {
        let name = canary.reference();
        let status = Status::of(canary);
        // Blue/green and mirroring measure without a weight.
        let weight = status.canary_weight;
        if let Some(run) = status.analysis.filter(|run| weight > 0 || !run.ticks.is_empty()) {
            self.measured.insert((name.clone(), run.template_hash));
        }
        let Some(primary) = workload(world, canary, "-primary") else {
            return Ok(());
        };
        let pointer = format!(
            "/spec/template/metadata/annotations/{}",
            template::escaped(template::ID_ANNOTATION)
        );
        let hash = primary.str(&pointer).to_owned();
        let before = self.primaries.insert(name.clone(), hash.clone());
        let skips = canary.at("/spec/skipAnalysis") == Some(&Value::Bool(true));
        let by_hand = Status::of(canary)
            .analysis
            .is_some_and(|run| run.promoted_by.is_some());
        if before.is_none() || skips || by_hand {
            self.measured.insert((name, hash));
            return Ok(());
        }
        if before.as_ref() == Some(&hash) || self.measured.contains(&(name.clone(), hash.clone())) {
            return Ok(());
        }
        Err(format!(
            "the primary of {name} has template {hash}, which was never measured"
        ))
    }
}

/// The primary's template is the Baseline's promoted one, or the one that is being promoted.
pub(super) fn the_primary_is_on_record(world: &World, canary: &Object) -> Result<(), String> {
    let (Some(target), Some(primary)) = (workload(world, canary, ""), workload(world, canary, "-primary"))
    else {
        return Ok(());
    };
    let name = Baseline::name(canary);
    let object = match world.cluster.get(&name) {
        Some(object) => object,
        // Somebody else had it, and recant has not looked yet.
        None if Status::of(canary).observed_generation == 0 => return Ok(()),
        None => return Err(format!("{name} is gone")),
    };
    let baseline = Baseline::of(&object)?;
    let naming = naming(&target)?;
    let is = template::of(&primary);
    let candidate = baseline.candidate.filter(|_| {
        matches!(
            Status::of(canary).phase,
            Phase::Progressing | Phase::WaitingPromotion | Phase::Promoting | Phase::Finalising
        )
    });
    let mut known = [Some(baseline.promoted), candidate].into_iter().flatten();
    if known.any(|snapshot| snapshot.primary(&naming) == is) {
        return Ok(());
    }
    Err(format!(
        "{} has a template that is not on record",
        primary.reference()
    ))
}

/// How a primary is told from its target; a Service's has no label of its own.
fn naming(target: &Object) -> Result<Naming, String> {
    let selector_labels = Settings::default().selector_labels;
    let label = template::selector_label(target, &selector_labels);
    if label.is_none() && target.str("/kind") != "Service" {
        return Err(format!("{} has no label to select by", target.reference()));
    }
    Ok(Naming {
        target: target.name().to_owned(),
        label,
        selector_labels,
    })
}

/// The target of a Canary, or what is named after it.
pub(super) fn workload(world: &World, canary: &Object, suffix: &str) -> Option<Object> {
    let of = |field: &str| canary.str(&format!("/spec/targetRef/{field}"));
    let name = format!("{}{suffix}", of("name"));
    world.cluster.get(&ObjectRef::new(
        of("apiVersion"),
        of("kind"),
        canary.namespace(),
        &name,
    ))
}

/// The apex Service of a Canary, or a half of it.
pub(super) fn service(canary: &Object, suffix: &str) -> Name {
    let apex = match canary.str("/spec/service/name") {
        "" => canary.str("/spec/targetRef/name"),
        name => name,
    };
    (canary.namespace().to_owned(), format!("{apex}{suffix}"))
}
