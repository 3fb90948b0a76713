//! DaemonSets: one pod, since there is one node. An update replaces it at once.

use super::Desk;
use super::counts;
use super::owned;
use super::pods;
use crate::traffic::topology::is_ready;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

const MANAGER: &str = "kube-controller-manager";

fn wanted(set: &Object) -> usize {
    let selector = set
        .at("/spec/template/spec/nodeSelector")
        .and_then(Value::as_object);
    // The one node has no labels but Kubernetes' own: a selector for another keeps the pods away, as Flagger does
    // to scale a DaemonSet to zero.
    let keeps_away = selector
        .into_iter()
        .flatten()
        .any(|(label, value)| !(label == "kubernetes.io/os" && value == "linux"));
    usize::from(!keeps_away)
}

fn hash(set: &Object) -> String {
    set.at("/spec/template")
        .map_or_else(String::new, pods::template_hash)
}

/// Creates and deletes pods.
pub(super) fn scale(desk: &mut Desk<'_>) {
    let all_pods = desk.cluster.list("v1", "Pod", "");
    for set in desk.cluster.list("apps/v1", "DaemonSet", "") {
        if set.is_deleting() {
            continue;
        }
        let hash = hash(&set);
        let (current, old): (Vec<_>, Vec<_>) = owned(&all_pods, &set)
            .into_iter()
            .partition(|pod| pod.label("controller-revision-hash") == Some(hash.as_str()));
        for pod in old.iter().chain(current.iter().skip(wanted(&set))) {
            desk.delete(MANAGER, pod);
        }
        for _ in current.len()..wanted(&set) {
            let mut labelled = set.clone();
            let label = "/spec/template/metadata/labels/controller-revision-hash";
            labelled.set(label, json!(hash));
            pods::create(desk, MANAGER, &labelled);
        }
    }
}

/// Writes the status.
pub(super) fn report(desk: &mut Desk<'_>) {
    let all_pods = desk.cluster.list("v1", "Pod", "");
    for set in desk.cluster.list("apps/v1", "DaemonSet", "") {
        let mine = owned(&all_pods, &set);
        let hash = hash(&set);
        let desired = wanted(&set) as i64;
        let ready = mine.iter().filter(|pod| is_ready(pod)).count() as i64;
        let updated = mine
            .iter()
            .filter(|pod| pod.label("controller-revision-hash") == Some(hash.as_str()))
            .count() as i64;
        let mut status = counts(&[
            ("updatedNumberScheduled", updated),
            ("numberAvailable", ready),
            ("numberUnavailable", (desired - ready).max(0)),
            ("observedGeneration", set.generation()),
        ]);
        for (field, count) in [
            ("currentNumberScheduled", mine.len() as i64),
            ("desiredNumberScheduled", desired),
            ("numberMisscheduled", 0),
            ("numberReady", ready),
        ] {
            status[field] = json!(count);
        }
        desk.status(MANAGER, &set, status);
    }
}
