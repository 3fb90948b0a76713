//! kustomize-controller: from a source's artifact to applied, pruned and healthy objects.

use super::Desk;
use super::Flux;
use super::KUSTOMIZE;
use super::REQUESTED_AT;
use super::apply;
use super::apply::Applied;
use super::inventory;
use super::outcome::Failure;
use super::outcome::current;
use super::outcome::fail;
use super::outcome::seconds;
use super::outcome::succeed;
use super::source;
use super::status;
use super::status::Finished;
use super::wait;
use super::wait::Wait;
use crate::trace::What;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_render::Root;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;

const FINALIZER: &str = "finalizers.fluxcd.io";

/// Reconciles, and says after how many seconds to look again.
pub(super) fn reconcile(flux: &mut Flux, desk: &mut Desk<'_>, object: &Object) -> f64 {
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
    wait::begin(desk, object, &started);
    flux.waits.insert(object.reference(), started);
    interval_s
}

/// Everything up to the health checks.
fn attempt(flux: &Flux, desk: &mut Desk<'_>, object: &Object) -> Result<Wait, Failure> {
    let source = source::of(object);
    let Some(artifact) = flux.artifacts.get(&source) else {
        return Err(no_artifact(desk, object, &source));
    };
    let revision = artifact.revision.as_str();
    dependencies(desk, object, revision)?;
    let path = path(object, &artifact.tree)
        .map_err(|failure| failure.while_doing("Fetching manifests", object, revision))?;
    let mut new = current(desk, object);
    new["lastAttemptedRevision"] = json!(revision);
    desk.status(apply::MANAGER, &object.reference(), new);
    let objects = build(desk, object, &artifact.tree, path)
        .map_err(|failure| failure.while_doing("Building manifests", object, revision))?;
    let digest = digest(&objects);
    let before = inventory::read(object);
    let applied = match apply::apply(desk, object, objects) {
        Ok(applied) => applied,
        Err(message) => return Err(refused(desk, object, &digest, revision, message)),
    };
    let pruned = match object.at("/spec/prune") {
        Some(Value::Bool(true)) => apply::prune(desk, object, &before, &applied.entries),
        _ => Vec::new(),
    };
    record(desk, object, revision, &applied, &pruned);
    Ok(Wait {
        since: desk.now,
        revision: revision.to_owned(),
        digest,
        objects: wait::checked(object, &applied.entries),
        generation: object.generation(),
        requested_at: object.annotation(REQUESTED_AT).map(str::to_owned),
    })
}

/// Sources are watched: what comes is seen at once, whenever the next attempt is due.
fn no_artifact(desk: &Desk<'_>, object: &Object, source: &ObjectRef) -> Failure {
    if desk.cluster.get(source).is_some() {
        return Failure {
            retry_s: Some(1.0),
            ..Failure::new("ArtifactFailed", "Source artifact not found, retrying in 30s")
        };
    }
    let kind = match source.kind.as_str() {
        "GitRepository" => "gitrepositories".to_owned(),
        other => format!("{}s", other.to_lowercase()),
    };
    let message = format!("{kind}.{} \"{}\" not found", source.group(), source.name);
    Failure {
        retry_s: seconds(object, "retryInterval").or(seconds(object, "interval")),
        ..Failure::new("ArtifactFailed", message)
    }
}

/// What the API server would not take stands in the history.
fn refused(desk: &mut Desk<'_>, object: &Object, digest: &str, revision: &str, message: String) -> Failure {
    let reason = "ReconciliationFailed";
    let finished = Finished {
        digest,
        reason,
        revision,
        took_s: 0.0,
    };
    let mut new = current(desk, object);
    new["history"] = status::history(desk, object, &finished);
    desk.status(apply::MANAGER, &object.reference(), new);
    Failure::new(reason, message).while_doing("Detecting drift", object, revision)
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
            None => format!("not found: kustomizations.kustomize.toolkit.fluxcd.io \"{name}\" not found"),
            Some(other) if !is_ready(other) => "is not ready".to_owned(),
            Some(other) if is_behind(other, object, revision) => "revision is not up to date".to_owned(),
            Some(_) => continue,
        };
        return Err(Failure {
            // `--requeue-dependency`, whose default is 30 s.
            retry_s: Some(30.0),
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

/// The directory to build, which must be there.
fn path<'a>(object: &'a Object, tree: &recant_render::Tree) -> Result<&'a str, Failure> {
    let path = object
        .str("/spec/path")
        .trim_start_matches("./")
        .trim_matches('/');
    if !path.is_empty() && path != "." && !tree.is_dir(path) {
        let message = format!("kustomization path not found: {path}: no such file or directory");
        return Err(Failure::new("ArtifactFailed", message));
    }
    Ok(path)
}

fn build(
    desk: &Desk<'_>,
    object: &Object,
    tree: &recant_render::Tree,
    path: &str,
) -> Result<Vec<Object>, Failure> {
    for field in ["decryption", "kubeConfig", "serviceAccountName"] {
        if object.at(&format!("/spec/{field}")).is_some() {
            let message = format!("spec.{field} is not part of this world");
            return Err(Failure::new("BuildFailed", message));
        }
    }
    let mut flux = recant_render::flux::Kustomization::from_json(&object.0)
        .map_err(|problem| Failure::new("BuildFailed", problem.to_string()))?;
    flux.files = recant_render::flux::Files::Artifact;
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
