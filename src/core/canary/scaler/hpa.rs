//! HorizontalPodAutoscalers, autoscaling/v2.

use super::copied;
use super::put_bounds;
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
    put_bounds(&mut spec, reference, ["minReplicas", "maxReplicas"]);
    spec
}
