//! The autoscaler of a target, and the primary's own beside it: Flagger's `<name>-primary`.
//!
//! The primary's is made when the primary is, and changed only by a promotion. While the target is down its own must
//! not bring it up again: an HPA is idle at zero replicas by itself, a ScaledObject is paused.

mod hpa;
mod keda;

use crate::baseline;
use crate::canary::spec::AutoscalerRef;
use crate::canary::spec::Spec;
use crate::canary::workload;
use crate::effect::Effect;
use crate::effect::Write;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Observation;
use crate::query::Observed;
use crate::reason::Reason;
use crate::settings::Settings;
use crate::template;
use serde_json::Value;
use serde_json::json;

/// The annotation that holds a ScaledObject's target at a number of replicas.
const PAUSED: &str = "autoscaling.keda.sh/paused-replicas";

/// The autoscaler of a target as it is seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scaler<'a> {
    reference: &'a AutoscalerRef,
    own: Option<&'a Object>,
    primary: Option<&'a Object>,
}

/// The names of the target's autoscaler and of the primary's. Flagger reads HPAs as autoscaling/v2, whatever version the
/// Canary names.
pub(super) fn names(spec: &Spec, namespace: &str) -> Option<[ObjectRef; 2]> {
    let reference = spec.autoscaler_ref.as_ref()?;
    let api_version = if is_keda(reference) {
        "keda.sh/v1alpha1"
    } else {
        "autoscaling/v2"
    };
    let named = |name: &str| ObjectRef::new(api_version, &reference.kind, namespace, name);
    Some([
        named(&reference.name),
        named(&format!("{}-primary", reference.name)),
    ])
}

fn is_keda(reference: &AutoscalerRef) -> bool {
    reference.kind == "ScaledObject"
}

impl<'a> Scaler<'a> {
    /// The autoscaler, if the Canary names one.
    ///
    /// # Errors
    /// When it could not be seen, or is of a kind that there is not.
    pub(super) fn look(
        spec: &'a Spec,
        namespace: &str,
        seen: &'a Observation,
    ) -> Result<Option<Self>, Reason> {
        let Some(reference) = &spec.autoscaler_ref else {
            return Ok(None);
        };
        if !matches!(
            reference.kind.as_str(),
            "ScaledObject" | "HorizontalPodAutoscaler"
        ) {
            return Err(Reason::Unsupported {
                field: "spec.autoscalerRef.kind".to_owned(),
                value: reference.kind.clone(),
                hint: "use a HorizontalPodAutoscaler or a ScaledObject".to_owned(),
            });
        }
        let look = |name: &ObjectRef| match seen.object(name) {
            Observed::Known(object) => Ok(object.as_ref()),
            Observed::Unknown(why) => Err(Reason::CannotSee {
                what: name.to_string(),
                why,
            }),
        };
        let Some([own, primary]) = names(spec, namespace) else {
            return Ok(None);
        };
        Ok(Some(Self {
            reference,
            own: look(&own)?,
            primary: look(&primary)?,
        }))
    }

    /// Its name, when it is not there.
    pub(super) fn missing(&self) -> Option<String> {
        let AutoscalerRef { kind, name, .. } = self.reference;
        self.own.is_none().then(|| format!("{kind} {name}"))
    }

    /// The fewest replicas it keeps.
    pub(super) fn min_replicas(&self) -> i64 {
        let field = if is_keda(self.reference) {
            "/spec/minReplicaCount"
        } else {
            "/spec/minReplicas"
        };
        self.own.and_then(|own| own.int(field)).unwrap_or(1).max(1)
    }

    /// What is to be written so that the primary has an autoscaler; one that is there changes only when `promotes`.
    pub(super) fn hold_primary(
        &self,
        canary: &Object,
        settings: &Settings,
        target: &str,
        promotes: bool,
    ) -> Option<Effect> {
        let own = self.own?;
        let spec = if is_keda(self.reference) {
            keda::primary_spec(self.reference, own, target)
        } else {
            hpa::primary_spec(self.reference, own, target)
        };
        let Some(seen) = self.primary else {
            let mut new = own.reference();
            new.name.push_str("-primary");
            let mut new = Object::named(&new);
            new.set("/metadata/ownerReferences", json!([baseline::owner(canary)]));
            put_metadata(&mut new, own, is_keda(self.reference));
            new.set("/spec", spec);
            return Some(Effect::Write(Write::Create(new)));
        };
        let mut next = seen.clone();
        next.set("/spec", spec);
        for field in ["labels", "annotations"] {
            for (key, value) in workload::included(settings, own, field).filter(|(key, _)| key != PAUSED) {
                let pointer = format!("/metadata/{field}/{}", template::escaped(&key));
                next.set(&pointer, Value::from(value));
            }
        }
        (promotes && next != *seen).then_some(Effect::Write(Write::Update(next)))
    }

    /// What is to be written so that the target's own autoscaler leaves a target that is down alone, or not.
    pub(super) fn pause(&self, paused: bool) -> Option<Effect> {
        let own = self.own.filter(|_| is_keda(self.reference))?;
        let value = if paused { json!("0") } else { Value::Null };
        let is_paused = own.annotation(PAUSED) == Some("0");
        let is_so = if paused {
            is_paused
        } else {
            own.annotation(PAUSED).is_none()
        };
        (!is_so).then(|| {
            Effect::Write(Write::Patch {
                name: own.reference(),
                resource_version: own.resource_version().to_owned(),
                patch: json!({"metadata": {"annotations": {PAUSED: value}}}),
            })
        })
    }
}

/// A new primary autoscaler has the target's labels, but Flux's; a ScaledObject also its annotations, among them that
/// which hands an existing HPA over to it.
fn put_metadata(new: &mut Object, own: &Object, annotations: bool) {
    let fields: &[&str] = if annotations {
        &["labels", "annotations"]
    } else {
        &["labels"]
    };
    for field in fields {
        for (key, value) in own.strings(&format!("/metadata/{field}")) {
            let personal = key == PAUSED || key == "kubectl.kubernetes.io/last-applied-configuration";
            if !template::is_fluxs(&key) && !personal {
                let pointer = format!("/metadata/{field}/{}", template::escaped(&key));
                new.set(&pointer, Value::from(value));
            }
        }
    }
}

/// Copies fields of the spec that are set.
fn copied(own: &Object, fields: &[&str]) -> Value {
    let mut spec = json!({});
    for field in fields {
        if let Some(value) = own.at(&format!("/spec/{field}")) {
            spec[*field] = value.clone();
        }
    }
    spec
}

/// The bounds of the primary's own, where the Canary gives some.
fn put_bounds(spec: &mut Value, reference: &AutoscalerRef, fields: [&str; 2]) {
    let bounds = reference.primary_scaler_replicas;
    for (field, bound) in fields.into_iter().zip([bounds.min_replicas, bounds.max_replicas]) {
        if let Some(bound) = bound {
            spec[field] = Value::from(bound);
        }
    }
}
