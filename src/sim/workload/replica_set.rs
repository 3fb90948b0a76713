//! ReplicaSets: as many pods as asked for, and a count of them.

use super::Desk;
use super::counts;
use super::owned;
use super::pods;
use crate::traffic::topology::is_ready;
use recant_core::object::Object;
use serde_json::json;

const MANAGER: &str = "kube-controller-manager";

/// Creates and deletes pods.
pub(super) fn scale(desk: &mut Desk<'_>) {
    let all_pods = desk.cluster.list("v1", "Pod", "");
    for set in desk.cluster.list("apps/v1", "ReplicaSet", "") {
        if set.is_deleting() {
            continue;
        }
        let mut mine = owned(&all_pods, &set);
        let wanted = set.int("/spec/replicas").unwrap_or(1).max(0) as usize;
        for _ in mine.len()..wanted {
            pods::create(desk, MANAGER, &set);
        }
        // Pods that are not ready go first, then the youngest.
        mine.sort_by_key(|pod| (is_ready(pod), std::cmp::Reverse(created(pod))));
        for pod in mine.iter().take(mine.len().saturating_sub(wanted)) {
            desk.delete(MANAGER, pod);
        }
    }
}

fn created(pod: &Object) -> String {
    pod.str("/metadata/creationTimestamp").to_owned()
}

/// Writes the status.
pub(super) fn report(desk: &mut Desk<'_>) {
    let all_pods = desk.cluster.list("v1", "Pod", "");
    for set in desk.cluster.list("apps/v1", "ReplicaSet", "") {
        let mine = owned(&all_pods, &set);
        let min_ready_s = set.int("/spec/minReadySeconds").unwrap_or(0);
        let ready = mine.iter().filter(|pod| is_ready(pod)).count() as i64;
        let available = mine
            .iter()
            .filter(|pod| pods::is_available(pod, min_ready_s, desk.now))
            .count() as i64;
        let mut status = counts(&[
            ("fullyLabeledReplicas", mine.len() as i64),
            ("readyReplicas", ready),
            ("availableReplicas", available),
            ("observedGeneration", set.generation()),
        ]);
        status["replicas"] = json!(mine.len());
        desk.status(MANAGER, &set, status);
    }
}
