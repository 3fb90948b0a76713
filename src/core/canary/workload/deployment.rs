//! Deployments.

use super::Making;
use super::Rollout;
use super::Terms;
use super::copy_spec;
use super::replicas;
use super::share;
use crate::baseline::Snapshot;
use crate::object::Object;
use crate::template;
use serde_json::Value;
use serde_json::json;

/// What of the target's spec, beside its template, the primary has too.
const COPIED: [&str; 4] = [
    "progressDeadlineSeconds",
    "minReadySeconds",
    "revisionHistoryLimit",
    "strategy",
];

/// All replicas of the new template are there, none of the old are, and enough of the new ones are available.
pub(super) fn rollout(deployment: &Object, terms: Terms) -> Rollout {
    let status = |name: &str| deployment.int(&format!("/status/{name}")).unwrap_or_default();
    let wanted = replicas(deployment);
    let (updated, available) = (status("updatedReplicas"), status("availableReplicas"));
    if status("observedGeneration") < deployment.generation() {
        return Rollout::Waiting("the new template is not observed yet".to_owned());
    }
    let conditions = deployment.at("/status/conditions").and_then(Value::as_array);
    let of = |name: &str| conditions.into_iter().flatten().find(|c| c["type"] == name);
    if let Some(progressing) = of("Progressing")
        && progressing["reason"] == "ProgressDeadlineExceeded"
    {
        let message = progressing["message"].as_str();
        return Rollout::Dead(message.unwrap_or("progress deadline exceeded").to_owned());
    }
    let (old, enough) = (status("replicas") - updated, share(updated, terms.ready_pct));
    let waiting = if updated < wanted {
        format!("{updated} of {wanted} replicas have the new template")
    } else if old > 0 {
        format!("{old} replicas of the old template are still there")
    } else if available < enough {
        format!("{available} of {updated} replicas are available")
    } else {
        return Rollout::Ready;
    };
    if of("Available").is_some_and(|available| is_down_for_too_long(available, terms)) {
        return Rollout::Dead(format!("not available for more than {} s", terms.deadline_s));
    }
    Rollout::Waiting(waiting)
}

fn is_down_for_too_long(available: &Value, terms: Terms) -> bool {
    let since = available["lastUpdateTime"]
        .as_str()
        .and_then(|at| at.parse().ok());
    let too_long = |since: jiff::Timestamp| terms.now.as_second() - since.as_second() > terms.deadline_s;
    available["status"] == "False"
        && available["reason"] == "MinimumReplicasUnavailable"
        && since.is_some_and(too_long)
}

pub(super) fn scale(deployment: &Object, to: i64) -> Option<Value> {
    (replicas(deployment) != to).then(|| json!({"spec": {"replicas": to}}))
}

pub(super) fn make(primary: &mut Object, making: Making<'_>, snapshot: &Snapshot) {
    copy_spec(making.target, primary, &COPIED);
    primary.set("/spec/replicas", Value::from(replicas(making.target).max(1)));
    put_selector(primary, making);
    primary.set("/spec/template", snapshot.primary(making.naming));
}

/// The replicas are the target's, unless an autoscaler says how many.
pub(super) fn promote(primary: &mut Object, making: Making<'_>) {
    copy_spec(making.target, primary, &COPIED);
    if !making.autoscaled && replicas(making.target) > 0 {
        copy_spec(making.target, primary, &["replicas"]);
    }
}

/// One label tells the primary's pods: Flagger's.
pub(super) fn put_selector(primary: &mut Object, making: Making<'_>) {
    if let Some((key, value)) = &making.naming.label {
        let pointer = format!("/spec/selector/matchLabels/{}", template::escaped(key));
        primary.set(&pointer, Value::from(format!("{value}-primary")));
    }
}
