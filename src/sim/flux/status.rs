//! Conditions and history as Flux writes them.

use super::Desk;
use crate::clock;
use crate::condition;
use crate::trace::What;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

pub(super) use crate::condition::find;

/// A condition that also says of which generation it speaks.
pub(super) fn condition(
    desk: &Desk<'_>,
    object: &Object,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
) -> Value {
    let mut condition = condition::kept(object, desk.now, kind, status, reason, message);
    condition["observedGeneration"] = json!(object.generation());
    condition
}

/// The condition of a type in a status.
pub(super) fn listed<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = status["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)
}

/// The conditions of a status with new ones in the places of theirs, in Flux's order. Of `gone` only new ones stay.
pub(super) fn conditions(status: &Value, new: Vec<Value>, gone: &[&str]) -> Value {
    let is_new = |one: &Value| new.iter().any(|other| other["type"] == one["type"]);
    let is_gone = |one: &Value| gone.iter().any(|kind| one["type"] == *kind);
    let old = status["conditions"].as_array().into_iter().flatten();
    let kept = old.filter(|one| !is_new(one) && !is_gone(one)).cloned();
    let mut all: Vec<Value> = kept.chain(new.clone()).collect();
    all.sort_by_key(|condition| {
        let first = ["Stalled", "Reconciling", "Ready"];
        let place = first.iter().position(|kind| condition["type"] == *kind);
        place.unwrap_or(first.len())
    });
    json!(all)
}

/// Tells of a failure, once for each message.
pub(super) fn tell_failure(desk: &mut Desk<'_>, object: &Object, reason: &str, message: &str) {
    let told = find(object, "Ready").is_some_and(|ready| {
        ready["status"] == "False" && ready["reason"] == reason && ready["message"] == message
    });
    if !told {
        desk.tell(What::Failed {
            object: object.reference().to_string(),
            reason: reason.to_owned(),
            message: message.to_owned(),
        });
    }
}

/// One finished reconciliation.
pub(super) struct Finished<'a> {
    /// Digest of what was rendered.
    pub(super) digest: &'a str,
    /// The reason of the `Ready` condition.
    pub(super) reason: &'a str,
    /// The source's revision.
    pub(super) revision: &'a str,
    /// Seconds it took.
    pub(super) took_s: f64,
}

/// The history with one more entry: newest first, five at most, one for each digest and outcome.
pub(super) fn history(desk: &Desk<'_>, object: &Object, finished: &Finished<'_>) -> Value {
    let now = clock::stamp(desk.now);
    let mut entries = object
        .at("/status/history")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let same = entries.iter().position(|entry| {
        entry["digest"] == finished.digest && entry["lastReconciledStatus"] == finished.reason
    });
    let before = same.map(|at| entries.remove(at));
    let first = before
        .as_ref()
        .map_or(json!(now), |entry| entry["firstReconciled"].clone());
    let total = before
        .as_ref()
        .and_then(|entry| entry["totalReconciliations"].as_i64())
        .unwrap_or(0);
    let entry = json!({
        "digest": finished.digest,
        "firstReconciled": first,
        "lastReconciled": now,
        "lastReconciledDuration": clock::go_duration(finished.took_s.max(0.0) as u64),
        "lastReconciledStatus": finished.reason,
        "totalReconciliations": total + 1,
        "metadata": {"revision": finished.revision},
    });
    entries.insert(0, entry);
    entries.truncate(5);
    json!(entries)
}
