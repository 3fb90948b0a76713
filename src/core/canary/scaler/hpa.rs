//! HorizontalPodAutoscalers, autoscaling/v2.

use super::copied;
use crate::canary::spec::AutoscalerRef;
use crate::object::Object;
use serde_json::Value;

/// The spec of the primary's: the target's, pointed at the primary, with bounds of its own if the Canary says so.
pub(super) fn primary_spec(reference: &AutoscalerRef, own: &Object, target: &str) -> Value {
    let mut spec = copied(
        own,
        &[
            "scaleTargetRef",
            "minReplicas",
            "maxReplicas",
            "metrics",
            "behavior",
        ],
    );
    spec["scaleTargetRef"]["name"] = Value::from(format!("{target}-primary"));
    let bounds = reference.primary_scaler_replicas;
    for (field, bound) in [
        ("minReplicas", bounds.min_replicas),
        ("maxReplicas", bounds.max_replicas),
    ] {
        if let Some(bound) = bound {
            spec[field] = Value::from(bound);
        }
    }
    spec
}
