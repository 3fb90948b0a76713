//! Autoscalers: HorizontalPodAutoscalers and KEDA's ScaledObjects hold their targets between their bounds. What they
//! measure is left out: the load here never asks for more.

use super::Desk;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use serde_json::json;

const HPA: &str = "horizontal-pod-autoscaler";
const KEDA: &str = "keda-operator";
const PAUSED: &str = "autoscaling.keda.sh/paused-replicas";

/// Scales what is out of its bounds.
pub(super) fn scale(desk: &mut Desk<'_>) {
    for hpa in desk.cluster.list("autoscaling/v2", "HorizontalPodAutoscaler", "") {
        let (Some(target), bound) = (target(desk, &hpa), |field: &str| {
            hpa.int(&format!("/spec/{field}"))
        }) else {
            continue;
        };
        // At zero replicas an HPA is idle.
        let replicas = target.int("/spec/replicas").unwrap_or(1);
        if replicas > 0 {
            let (least, most) = (
                bound("minReplicas").unwrap_or(1),
                bound("maxReplicas").unwrap_or(1),
            );
            hold(desk, HPA, &target, replicas.clamp(least, most.max(least)));
        }
    }
    for object in desk.cluster.list("keda.sh/v1alpha1", "ScaledObject", "") {
        let (Some(target), bound) = (target(desk, &object), |field: &str| {
            object.int(&format!("/spec/{field}"))
        }) else {
            continue;
        };
        let replicas = target.int("/spec/replicas").unwrap_or(1);
        let paused = object.annotation(PAUSED).and_then(|text| text.parse().ok());
        let (least, most) = (
            bound("minReplicaCount").unwrap_or(0),
            bound("maxReplicaCount").unwrap_or(100),
        );
        let wanted = paused.unwrap_or_else(|| replicas.clamp(least, most.max(least)));
        hold(desk, KEDA, &target, wanted);
    }
}

/// What an autoscaler scales; a ScaledObject that does not say so scales a Deployment.
fn target(desk: &Desk<'_>, scaler: &Object) -> Option<Object> {
    let of = |field: &str| scaler.str(&format!("/spec/scaleTargetRef/{field}"));
    let or = |text: &str, default: &str| {
        if text.is_empty() {
            default.to_owned()
        } else {
            text.to_owned()
        }
    };
    let (api_version, kind) = (or(of("apiVersion"), "apps/v1"), or(of("kind"), "Deployment"));
    let name = ObjectRef::new(&api_version, &kind, scaler.namespace(), of("name"));
    desk.cluster.get(&name)
}

fn hold(desk: &mut Desk<'_>, manager: &str, target: &Object, replicas: i64) {
    if target.int("/spec/replicas").unwrap_or(1) != replicas {
        desk.patch(
            manager,
            &target.reference(),
            json!({"spec": {"replicas": replicas}}),
        );
    }
}
