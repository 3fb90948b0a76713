//! The two workloads: is it ready, how many replicas, and what the primary looks like.

use crate::baseline;
use crate::canary::spec::Spec;
use crate::effect::Effect;
use crate::effect::Write;
use crate::object::Object;
use crate::template;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

/// How far a rollout is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rollout {
    /// Enough pods of the wanted template are available.
    Ready,
    /// Not yet.
    Waiting(String),
    /// Not any more in the time it had.
    Dead(String),
}

/// How far a Deployment is, by Flagger's rules: all replicas of the new template are there, none of the old are, and
/// `ready_pct` percent of the new ones are available.
pub(super) fn rollout(deployment: &Object, ready_pct: i64, deadline_s: i64, now: Timestamp) -> Rollout {
    let status = |name: &str| deployment.int(&format!("/status/{name}")).unwrap_or_default();
    let wanted = replicas(deployment);
    let (updated, available) = (status("updatedReplicas"), status("availableReplicas"));
    if status("observedGeneration") < deployment.generation() {
        return Rollout::Waiting("the new template is not observed yet".to_owned());
    }
    if let Some(dead) = dead(deployment, deadline_s, now) {
        return Rollout::Dead(dead);
    }
    if updated < wanted {
        return Rollout::Waiting(format!("{updated} of {wanted} replicas have the new template"));
    }
    let old = status("replicas") - updated;
    if old > 0 {
        return Rollout::Waiting(format!("{old} replicas of the old template are still there"));
    }
    if available * 100 < updated * ready_pct {
        return Rollout::Waiting(format!("{available} of {updated} replicas are available"));
    }
    Rollout::Ready
}

fn dead(deployment: &Object, deadline_s: i64, now: Timestamp) -> Option<String> {
    let conditions = deployment.at("/status/conditions").and_then(Value::as_array)?;
    let of = |name: &str| conditions.iter().find(|c| c["type"] == name);
    if let Some(progressing) = of("Progressing")
        && progressing["reason"] == "ProgressDeadlineExceeded"
    {
        return Some(
            progressing["message"]
                .as_str()
                .unwrap_or("progress deadline exceeded")
                .to_owned(),
        );
    }
    let available = of("Available")?;
    let since: Timestamp = available["lastUpdateTime"].as_str()?.parse().ok()?;
    let too_long = now.as_second() - since.as_second() > deadline_s;
    let down = available["status"] == "False" && available["reason"] == "MinimumReplicasUnavailable";
    (down && too_long).then(|| format!("not available for more than {deadline_s} s"))
}

/// The replicas a Deployment asks for.
pub(super) fn replicas(deployment: &Object) -> i64 {
    deployment.int("/spec/replicas").unwrap_or(1)
}

/// Scales a Deployment, if it is not at that number already.
pub(super) fn scale(deployment: &Object, to: i64) -> Option<Effect> {
    (replicas(deployment) != to).then(|| {
        Effect::Write(Write::Patch {
            name: deployment.reference(),
            resource_version: deployment.resource_version().to_owned(),
            patch: json!({"spec": {"replicas": to}}),
        })
    })
}

/// The primary as it is made: Flagger's copy of the target, with this template.
pub(super) fn primary(
    canary: &Object,
    spec: &Spec,
    target: &Object,
    label: &(String, String),
    template: &Value,
) -> Object {
    let mut primary = Object::named(&spec.primary(canary.namespace()));
    let value = format!("{}-primary", label.1);
    let key = template::escaped(&label.0);
    primary.set(&format!("/metadata/labels/{key}"), Value::from(value.clone()));
    primary.set("/metadata/ownerReferences", json!([baseline::owner(canary)]));
    for field in [
        "progressDeadlineSeconds",
        "minReadySeconds",
        "revisionHistoryLimit",
        "strategy",
    ] {
        if let Some(kept) = target.at(&format!("/spec/{field}")) {
            primary.set(&format!("/spec/{field}"), kept.clone());
        }
    }
    primary.set("/spec/replicas", Value::from(replicas(target).max(1)));
    primary.set(&format!("/spec/selector/matchLabels/{key}"), Value::from(value));
    primary.set("/spec/template", template::primary_of(template, label));
    primary
}
