//! Health checks: what a Kustomization waits for after it has applied, and how that ends.

use super::Desk;
use super::REQUESTED_AT;
use super::apply;
use super::health;
use super::health::Health;
use super::inventory::Entry;
use super::outcome::Failure;
use super::outcome::current;
use super::outcome::doing;
use super::outcome::fail;
use super::outcome::seconds;
use super::outcome::succeed;
use super::outcome::timeout_s;
use super::status;
use super::status::Finished;
use crate::clock;
use jiff::Timestamp;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use serde_json::Value;
use serde_json::json;

/// Health checks that run. Until they end, nothing else of this Kustomization happens, as in Flux.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    /// When they began.
    pub(super) since: Timestamp,
    /// The revision that was applied.
    pub(super) revision: String,
    /// Digest of what was rendered.
    pub(super) digest: String,
    /// What is waited for.
    pub(super) objects: Vec<ObjectRef>,
    /// The generation that was applied.
    pub(super) generation: i64,
    /// The request that it answers.
    pub(super) requested_at: Option<String>,
}

/// The objects whose health is waited for: all with `wait`, else those listed.
pub(super) fn checked(object: &Object, entries: &[Entry]) -> Vec<ObjectRef> {
    if object.at("/spec/wait") == Some(&Value::Bool(true)) {
        // A Kustomization that applies itself would wait for itself.
        let all = entries.iter().filter_map(Entry::object);
        return all.filter(|name| *name != object.reference()).collect();
    }
    let listed = object.at("/spec/healthChecks").and_then(Value::as_array);
    let text = |check: &Value, field: &str| {
        check
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    listed
        .into_iter()
        .flatten()
        .map(|check| {
            let api_version = match text(check, "apiVersion") {
                version if version.is_empty() => "apps/v1".to_owned(),
                version => version,
            };
            let namespace = match text(check, "namespace") {
                namespace if namespace.is_empty() => object.namespace().to_owned(),
                namespace => namespace,
            };
            ObjectRef::new(
                &api_version,
                &text(check, "kind"),
                &namespace,
                &text(check, "name"),
            )
        })
        .collect()
}

/// Says that the health checks run.
pub(super) fn begin(desk: &mut Desk<'_>, object: &Object, started: &Wait) {
    let message = doing("Running health checks", object, &started.revision);
    let reason = "Progressing";
    let conditions = vec![
        status::condition(desk, object, "Reconciling", "True", reason, &message),
        status::condition(
            desk,
            object,
            "Ready",
            "Unknown",
            reason,
            "Reconciliation in progress",
        ),
        status::condition(desk, object, "Healthy", "Unknown", reason, &message),
    ];
    let mut new = current(desk, object);
    new["conditions"] = status::conditions(&new, conditions, &[]);
    desk.status(apply::MANAGER, &object.reference(), new);
}

/// Looks at the health checks that run. When they have ended, says after how many seconds to reconcile again.
pub(super) fn watch(desk: &mut Desk<'_>, object: &Object, wait: &Wait) -> Option<f64> {
    let object = &as_it_was(object, wait);
    let waited_s = clock::since(wait.since, desk.now);
    let interval_s = seconds(object, "interval").unwrap_or(600.0);
    let timeout_s = timeout_s(object);
    let unhealthy: Vec<(&ObjectRef, Health)> = wait
        .objects
        .iter()
        .map(|name| (name, health::of(desk.cluster, name)))
        .filter(|(_, health)| *health != Health::Current)
        .collect();
    let failed = unhealthy.iter().any(|(_, health)| *health == Health::Failed);
    if !unhealthy.is_empty() && !failed && waited_s < timeout_s {
        return None;
    }
    if unhealthy.is_empty() {
        succeed(desk, object, wait, Some(waited_s));
        return Some(interval_s);
    }
    let names: Vec<String> = unhealthy
        .iter()
        .map(|(name, health)| format!("{name} status: '{}'", health.word()))
        .collect();
    let why = match failed {
        true => "failed early due to stalled resources",
        false => "timeout waiting for",
    };
    let message = format!("{why}: [{}]", names.join(", "));
    let mut new = current(desk, object);
    let finished = Finished {
        digest: &wait.digest,
        reason: "HealthCheckFailed",
        revision: &wait.revision,
        took_s: waited_s,
    };
    new["history"] = status::history(desk, object, &finished);
    desk.status(apply::MANAGER, &object.reference(), new);
    let failure = Failure::new("HealthCheckFailed", message);
    Some(fail(desk, object, &failure, interval_s))
}

/// The object with the generation and the request that the health checks are about.
fn as_it_was(object: &Object, wait: &Wait) -> Object {
    let mut then = object.clone();
    then.set("/metadata/generation", json!(wait.generation));
    let annotation = format!("/metadata/annotations/{}", REQUESTED_AT.replace('/', "~1"));
    if then.annotation(REQUESTED_AT) != wait.requested_at.as_deref() {
        then.set(&annotation, json!(wait.requested_at));
    }
    then
}
