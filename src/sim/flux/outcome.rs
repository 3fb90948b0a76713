//! How a Kustomization's reconciliation ends, in its status.

use super::Desk;
use super::REQUESTED_AT;
use super::apply;
use super::status;
use super::status::Finished;
use super::wait::Wait;
use crate::clock;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

/// Why a reconciliation ended early: the reason and the message of `Ready=False`.
pub(super) struct Failure {
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// Seconds until the next attempt, if not `retryInterval`.
    pub(super) retry_s: Option<f64>,
    /// What was being done, as `Reconciling` says it; none when nothing had begun.
    pub(super) doing: Option<String>,
}

impl Failure {
    pub(super) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            retry_s: None,
            doing: None,
        }
    }

    /// The same, in the midst of doing this for a revision.
    pub(super) fn while_doing(self, what: &str, object: &Object, revision: &str) -> Self {
        let doing = Some(doing(what, object, revision));
        Self { doing, ..self }
    }
}

/// A duration in the spec, in seconds.
pub(super) fn seconds(object: &Object, field: &str) -> Option<f64> {
    clock::go_duration_s(object.str(&format!("/spec/{field}")))
}

/// How long health checks may take, in seconds: the timeout, or 30 s less than the interval; 30 s at least.
pub(super) fn timeout_s(object: &Object) -> f64 {
    let interval_s = seconds(object, "interval").unwrap_or(600.0);
    seconds(object, "timeout").unwrap_or(interval_s - 30.0).max(30.0)
}

/// What `Reconciling` says for as long as something is done.
pub(super) fn doing(what: &str, object: &Object, revision: &str) -> String {
    let timeout = clock::go_duration(timeout_s(object) as u64);
    format!("{what} for revision {revision} with a timeout of {timeout}")
}

/// The status as it stands in the cluster now.
pub(super) fn current(desk: &Desk<'_>, object: &Object) -> Value {
    let live = desk.cluster.get(&object.reference());
    let status = live.as_ref().and_then(|live| live.at("/status"));
    status.cloned().unwrap_or(json!({}))
}

/// The same, with this request handled.
fn concluded(desk: &Desk<'_>, object: &Object) -> Value {
    let mut status = current(desk, object);
    if let Some(at) = object.annotation(REQUESTED_AT) {
        status["lastHandledReconcileAt"] = json!(at);
    }
    status
}

/// Everything is applied, and healthy if that was waited for (so many seconds).
pub(super) fn succeed(desk: &mut Desk<'_>, object: &Object, done: &Wait, waited_s: Option<f64>) {
    let reason = "ReconciliationSucceeded";
    let message = format!("Applied revision: {}", done.revision);
    let mut conditions = vec![status::condition(desk, object, "Ready", "True", reason, &message)];
    if let Some(waited_s) = waited_s {
        let passed = format!("Health check passed in {}", clock::go_duration(waited_s as u64));
        conditions.push(status::condition(
            desk,
            object,
            "Healthy",
            "True",
            "Succeeded",
            &passed,
        ));
    }
    let finished = Finished {
        digest: &done.digest,
        reason,
        revision: &done.revision,
        took_s: waited_s.unwrap_or(0.0),
    };
    let mut new = concluded(desk, object);
    // Only what succeeded is observed.
    new["observedGeneration"] = json!(object.generation());
    new["conditions"] = status::conditions(&new, conditions, &["Reconciling", "Healthy"]);
    new["lastAppliedRevision"] = json!(done.revision);
    new["lastAttemptedRevision"] = json!(done.revision);
    new["history"] = status::history(desk, object, &finished);
    desk.status(apply::MANAGER, &object.reference(), new);
}

/// It failed; says after how many seconds to try again.
pub(super) fn fail(desk: &mut Desk<'_>, object: &Object, failure: &Failure, interval_s: f64) -> f64 {
    let (reason, message) = (failure.reason, failure.message.as_str());
    let mut conditions = vec![status::condition(desk, object, "Ready", "False", reason, message)];
    if reason == "HealthCheckFailed" {
        conditions.push(status::condition(
            desk, object, "Healthy", "False", reason, message,
        ));
    }
    let mut new = concluded(desk, object);
    let before = status::listed(&new, "Reconciling").and_then(|before| before["message"].as_str());
    if let Some(doing) = failure.doing.as_deref().or(before) {
        let again = "ProgressingWithRetry";
        conditions.push(status::condition(
            desk,
            object,
            "Reconciling",
            "True",
            again,
            doing,
        ));
    }
    new["conditions"] = status::conditions(&new, conditions, &[]);
    desk.status(apply::MANAGER, &object.reference(), new);
    // Waiting for another is the usual course of things, not a failure worth telling.
    if !matches!(reason, "DependencyNotReady" | "ArtifactFailed") || failure.retry_s.is_none() {
        status::tell_failure(desk, object, reason, message);
    }
    let retry_s = seconds(object, "retryInterval").unwrap_or(interval_s);
    failure.retry_s.unwrap_or(retry_s)
}
