//! What `kubectl get pods` says of a pod.

use crate::cluster::meta;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;

/// Ready containers of all, status, restarts.
pub(super) fn summary(pod: &Object, now: Timestamp) -> (String, String, String) {
    let containers = meta::list(pod, "/spec/containers").len();
    let statuses = meta::list(pod, "/status/containerStatuses");
    let ready = statuses
        .iter()
        .filter(|s| s.get("ready") == Some(&Value::Bool(true)))
        .count();
    let restarts: i64 = statuses
        .iter()
        .filter_map(|s| s.get("restartCount")?.as_i64())
        .sum();
    let last = statuses
        .iter()
        .filter_map(|s| s.pointer("/lastState/terminated/finishedAt")?.as_str())
        .max();
    let restarts = match last.filter(|_| restarts > 0) {
        Some(last) => format!("{restarts} ({} ago)", super::age::since(last, now)),
        None => restarts.to_string(),
    };
    (format!("{ready}/{containers}"), status(pod, statuses), restarts)
}

fn status(pod: &Object, statuses: &[Value]) -> String {
    if pod.is_deleting() {
        return "Terminating".to_owned();
    }
    let reason = statuses.iter().find_map(|s| {
        let state = s.get("state")?;
        let reason = state
            .pointer("/waiting/reason")
            .or_else(|| state.pointer("/terminated/reason"))?;
        reason.as_str().filter(|r| !r.is_empty())
    });
    match (reason, pod.str("/status/reason"), pod.str("/status/phase")) {
        (Some(reason), _, _) => reason.to_owned(),
        (None, "", "") => "Unknown".to_owned(),
        (None, "", phase) => phase.to_owned(),
        (None, reason, _) => reason.to_owned(),
    }
}
