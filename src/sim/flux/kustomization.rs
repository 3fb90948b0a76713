//! kustomize-controller: from a source's artifact to applied, pruned and healthy objects.

use super::Desk;
use super::Flux;
use super::KUSTOMIZE;
use super::REQUESTED_AT;
use super::apply;
use super::apply::Applied;
use super::health;
use super::health::Health;
use super::inventory;
use super::inventory::Entry;
use super::source;
use super::status;
use super::status::Finished;
use crate::clock;
use crate::trace::What;
use jiff::Timestamp;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_render::Root;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;

const FINALIZER: &str = "finalizers.fluxcd.io";

/// Health checks that run. Until they end, nothing else of this Kustomization happens, as in Flux.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    since: Timestamp,
    revision: String,
    digest: String,
    objects: Vec<ObjectRef>,
    /// The generation that was applied.
    generation: i64,
    /// The request that it answers.
    requested_at: Option<String>,
}

/// Why a reconciliation ended early: the reason and the message of `Ready=False`.
struct Failure {
    reason: &'static str,
    message: String,
    /// Seconds until the next attempt, if not `retryInterval`.
    retry_s: Option<f64>,
}

impl Failure {
    fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            retry_s: None,
        }
    }
}

/// Reconciles, and says after how many seconds to look again.
pub(super) fn reconcile(flux: &mut Flux, desk: &mut Desk<'_>, object: &Object) -> f64 {
    let name = object.reference();
    let interval_s = seconds(object, "interval").unwrap_or(600.0);
    add_finalizer(desk, object);
    let started = match attempt(flux, desk, object) {
        Ok(started) => started,
        Err(failure) => return fail(desk, object, &failure, interval_s),
    };
    if started.objects.is_empty() {
        succeed(desk, object, &started, None);
        return interval_s;
    }
    let timeout_s = seconds(object, "timeout").unwrap_or(interval_s);
    let message = format!(
        "Running health checks for revision {} with a timeout of {}",
        started.revision,
        clock::go_duration(timeout_s as u64)
    );
    let reconciling = status::condition(desk, object, "Reconciling", "True", "Progressing", &message);
    let ready = status::condition(desk, object, "Ready", "Unknown", "Progressing", &message);
    let mut new = current(desk, object);
    new["conditions"] = json!([reconciling, ready]);
    desk.status(apply::MANAGER, &name, new);
    flux.waits.insert(name, started);
    interval_s
}

fn seconds(object: &Object, field: &str) -> Option<f64> {
    clock::go_duration_s(object.str(&format!("/spec/{field}")))
}

/// The status as it stands in the cluster now.
fn current(desk: &Desk<'_>, object: &Object) -> Value {
    let live = desk.cluster.get(&object.reference());
    let mut status = live
        .as_ref()
        .and_then(|live| live.at("/status"))
        .cloned()
        .unwrap_or(json!({}));
    status["observedGeneration"] = json!(object.generation());
    if let Some(at) = object.annotation(REQUESTED_AT) {
        status["lastHandledReconcileAt"] = json!(at);
    }
    status
}

/// Everything up to the health checks.
fn attempt(flux: &Flux, desk: &mut Desk<'_>, object: &Object) -> Result<Wait, Failure> {
    let source = source::of(object);
    let Some(artifact) = flux.artifacts.get(&source) else {
        let known = desk.cluster.get(&source).is_some();
        let message = if known {
            "Source artifact not found, retrying in 30s".to_owned()
        } else {
            format!("Source '{source}' not found")
        };
        return Err(Failure {
            retry_s: Some(if known { 1.0 } else { 30.0 }),
            ..Failure::new("ArtifactFailed", message)
        });
    };
    dependencies(desk, object, &artifact.revision)?;
    let objects = build(desk, object, &artifact.tree);
    let mut new = current(desk, object);
    new["lastAttemptedRevision"] = json!(artifact.revision);
    desk.status(apply::MANAGER, &object.reference(), new);
    let objects = objects?;
    let digest = digest(&objects);
    let before = inventory::read(object);
    let applied = apply::apply(desk, object, objects)
        .map_err(|message| Failure::new("ReconciliationFailed", message))?;
    let pruned = match object.at("/spec/prune") {
        Some(Value::Bool(true)) => apply::prune(desk, object, &before, &applied.entries),
        _ => Vec::new(),
    };
    record(desk, object, &artifact.revision, &applied, &pruned);
    Ok(Wait {
        since: desk.now,
        revision: artifact.revision.clone(),
        digest,
        objects: checked(object, &applied.entries),
        generation: object.generation(),
        requested_at: object.annotation(REQUESTED_AT).map(str::to_owned),
    })
}

fn dependencies(desk: &Desk<'_>, object: &Object, revision: &str) -> Result<(), Failure> {
    let depends_on = object.at("/spec/dependsOn").and_then(Value::as_array);
    for reference in depends_on.into_iter().flatten() {
        let text = |field: &str| reference.get(field).and_then(Value::as_str);
        let namespace = text("namespace").unwrap_or(object.namespace());
        let name = text("name").unwrap_or_default();
        let other = desk
            .cluster
            .get(&ObjectRef::new(KUSTOMIZE, "Kustomization", namespace, name));
        let why = match &other {
            None => "not found",
            Some(other) if !is_ready(other) => "is not ready",
            Some(other) if is_behind(other, object, revision) => "revision is not up to date",
            Some(_) => continue,
        };
        return Err(Failure {
            retry_s: Some(5.0),
            ..Failure::new(
                "DependencyNotReady",
                format!("dependency '{namespace}/{name}' {why}"),
            )
        });
    }
    Ok(())
}

fn is_ready(object: &Object) -> bool {
    object.int("/status/observedGeneration") == Some(object.generation())
        && status::find(object, "Ready").is_some_and(|ready| ready["status"] == "True")
}

fn is_behind(other: &Object, object: &Object, revision: &str) -> bool {
    source::of(other) == source::of(object) && other.str("/status/lastAppliedRevision") != revision
}

fn build(desk: &Desk<'_>, object: &Object, tree: &recant_render::Tree) -> Result<Vec<Object>, Failure> {
    let path = object
        .str("/spec/path")
        .trim_start_matches("./")
        .trim_matches('/');
    if !path.is_empty() && path != "." && !tree.is_dir(path) {
        let message = format!("kustomization path not found: {path}: no such file or directory");
        return Err(Failure::new("ArtifactFailed", message));
    }
    for field in ["decryption", "kubeConfig", "serviceAccountName"] {
        if object.at(&format!("/spec/{field}")).is_some() {
            let message = format!("spec.{field} is not part of this world");
            return Err(Failure::new("BuildFailed", message));
        }
    }
    let mut flux = recant_render::flux::Kustomization::from_json(&object.0)
        .map_err(|problem| Failure::new("BuildFailed", problem.to_string()))?;
    flux.vars = apply::variables(desk, object.namespace(), &flux.substitute_from())
        .map_err(|message| Failure::new("BuildFailed", message))?;
    let root = Root {
        path: path.to_owned(),
        flux: Some(flux),
    };
    let rendered = recant_render::render(tree, &root);
    if !rendered.ok() {
        let problems: Vec<String> = rendered
            .problems
            .iter()
            .filter(|problem| problem.severity != recant_render::Severity::Warning)
            .map(ToString::to_string)
            .collect();
        let message = format!("kustomize build failed: {}", problems.join("; "));
        return Err(Failure::new("BuildFailed", message));
    }
    Ok(rendered
        .objects
        .iter()
        .map(|object| Object(object.json()))
        .collect())
}

fn digest(objects: &[Object]) -> String {
    let mut hash = sha2::Sha256::new();
    for object in objects {
        hash.update(object.0.to_string().as_bytes());
        hash.update(b"\n");
    }
    source::hexadecimal("sha256:", &hash.finalize())
}

fn record(desk: &mut Desk<'_>, object: &Object, revision: &str, applied: &Applied, pruned: &[ObjectRef]) {
    let mut new = current(desk, object);
    new["inventory"] = inventory::written(&applied.entries);
    desk.status(apply::MANAGER, &object.reference(), new);
    let known = object.str("/status/lastAppliedRevision") == revision;
    if known && applied.changed.is_empty() && pruned.is_empty() {
        return;
    }
    let names = |objects: &[ObjectRef]| objects.iter().map(ToString::to_string).collect();
    desk.tell(What::Applied {
        kustomization: format!("{}/{}", object.namespace(), object.name()),
        revision: revision.to_owned(),
        objects: applied.entries.len(),
        changed: names(&applied.changed),
        pruned: names(pruned),
    });
}

/// The objects whose health is waited for: all with `wait`, else those listed.
fn checked(object: &Object, entries: &[Entry]) -> Vec<ObjectRef> {
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

/// Looks at the health checks that run. When they have ended, says after how many seconds to reconcile again.
pub(super) fn watch(desk: &mut Desk<'_>, object: &Object, wait: &Wait) -> Option<f64> {
    let object = &as_it_was(object, wait);
    let waited_s = clock::since(wait.since, desk.now);
    let interval_s = seconds(object, "interval").unwrap_or(600.0);
    let timeout_s = seconds(object, "timeout").unwrap_or(interval_s);
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
    let why = if failed { "failed" } else { "timeout waiting for" };
    let after = clock::go_duration(waited_s as u64);
    let message = format!("health check failed after {after}: {why}: [{}]", names.join(", "));
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

fn succeed(desk: &mut Desk<'_>, object: &Object, done: &Wait, waited_s: Option<f64>) {
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
    let mut new = current(desk, object);
    new["conditions"] = json!(conditions);
    new["lastAppliedRevision"] = json!(done.revision);
    new["lastAttemptedRevision"] = json!(done.revision);
    new["history"] = status::history(desk, object, &finished);
    desk.status(apply::MANAGER, &object.reference(), new);
}

fn fail(desk: &mut Desk<'_>, object: &Object, failure: &Failure, interval_s: f64) -> f64 {
    let (reason, message) = (failure.reason, failure.message.as_str());
    let mut conditions = vec![status::condition(desk, object, "Ready", "False", reason, message)];
    if reason == "HealthCheckFailed" {
        conditions.push(status::condition(
            desk, object, "Healthy", "False", reason, message,
        ));
    }
    let mut new = current(desk, object);
    new["conditions"] = json!(conditions);
    desk.status(apply::MANAGER, &object.reference(), new);
    // Waiting for another is the usual course of things, not a failure worth telling.
    if !matches!(reason, "DependencyNotReady" | "ArtifactFailed") || failure.retry_s.is_none() {
        status::tell_failure(desk, object, reason, message);
    }
    let retry_s = seconds(object, "retryInterval").unwrap_or(interval_s);
    failure.retry_s.unwrap_or(retry_s)
}

fn add_finalizer(desk: &mut Desk<'_>, object: &Object) {
    let finalizers = object.at("/metadata/finalizers").and_then(Value::as_array);
    if finalizers.is_some_and(|all| all.iter().any(|one| one == FINALIZER)) {
        return;
    }
    let all: Vec<Value> = finalizers.cloned().unwrap_or_default();
    let all: Vec<Value> = all.into_iter().chain([json!(FINALIZER)]).collect();
    set_finalizers(desk, object, &all);
}

fn set_finalizers(desk: &mut Desk<'_>, object: &Object, finalizers: &[Value]) {
    let write = Write::Patch {
        name: object.reference(),
        resource_version: String::new(),
        patch: json!({"metadata": {"finalizers": finalizers}}),
    };
    let _ = desk.cluster.write(desk.now, apply::MANAGER, &write);
}

/// A Kustomization that is deleted takes what it applied along, if it prunes.
pub(super) fn finalize(desk: &mut Desk<'_>, object: &Object) {
    let policy = object.str("/spec/deletionPolicy");
    let prunes = object.at("/spec/prune") == Some(&Value::Bool(true));
    let suspended = object.at("/spec/suspend") == Some(&Value::Bool(true));
    let deletes = match policy {
        "Delete" | "WaitForTermination" => true,
        "Orphan" => false,
        _ => prunes,
    };
    if deletes && !suspended {
        apply::prune(desk, object, &inventory::read(object), &[]);
    }
    let finalizers = object.at("/metadata/finalizers").and_then(Value::as_array);
    let rest: Vec<Value> = finalizers
        .into_iter()
        .flatten()
        .filter(|one| *one != FINALIZER)
        .cloned()
        .collect();
    set_finalizers(desk, object, &rest);
}
