//! kustomize-controller's apply and prune: server-side, forced, in stages, with the owner's labels.

use super::Desk;
use super::inventory::Entry;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeSet;

/// The field manager of everything Flux applies.
pub(super) const MANAGER: &str = "kustomize-controller";

const PREFIX: &str = "kustomize.toolkit.fluxcd.io";

/// What applying did.
#[derive(Clone, Debug, Default)]
pub(super) struct Applied {
    /// Everything that was rendered, in the order it was applied.
    pub(super) entries: Vec<Entry>,
    /// The objects that were created or changed.
    pub(super) changed: Vec<ObjectRef>,
}

/// Applies the objects of a Kustomization.
///
/// # Errors
/// The message of the first object the API server refuses; objects before it stay applied.
pub(super) fn apply(
    desk: &mut Desk<'_>,
    owner: &Object,
    mut objects: Vec<Object>,
) -> Result<Applied, String> {
    objects.sort_by_cached_key(|object| (stage(object), order(object)));
    let mut applied = Applied::default();
    for mut object in objects {
        for (field, value) in [("name", owner.name()), ("namespace", owner.namespace())] {
            object.set(&format!("/metadata/labels/{PREFIX}~1{field}"), json!(value));
        }
        let name = object.reference();
        applied.entries.push(Entry::of(&name));
        let live = desk.cluster.get(&name);
        if is_left_alone(&object, live.as_ref()) {
            continue;
        }
        let written = desk
            .cluster
            .apply(desk.now, MANAGER, true, &object)
            .map_err(|error| format!("{name} dry-run failed: {error}"))?;
        let before = live.as_ref().map(Object::resource_version);
        if before != Some(written.resource_version()) {
            applied.changed.push(name);
        }
    }
    applied.entries.dedup();
    Ok(applied)
}

/// Kinds that come before all others, in this order, within a stage; of Flux's `ssa.ReconcileOrder`.
const FIRST: [&str; 23] = [
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that come after all others.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Where an object stands among those of its stage.
fn order(object: &Object) -> (usize, String, ObjectRef) {
    let name = object.reference();
    let last = || {
        LAST.iter()
            .position(|kind| *kind == name.kind)
            .map(|i| FIRST.len() + 1 + i)
    };
    let rank = FIRST.iter().position(|kind| *kind == name.kind).or_else(last);
    (
        rank.unwrap_or(FIRST.len()),
        name.group().to_owned(),
        ObjectRef {
            api_version: String::new(),
            ..name
        },
    )
}

/// What others depend on comes first.
fn stage(object: &Object) -> u8 {
    match object.str("/kind") {
        "CustomResourceDefinition" | "Namespace" | "ClusterRole" => 0,
        kind if kind.ends_with("Class") => 1,
        _ => 2,
    }
}

/// Whether a label or annotation of either the wanted or the live object keeps Flux away.
fn is_left_alone(wanted: &Object, live: Option<&Object>) -> bool {
    has(wanted, "reconcile", "disabled")
        || has(wanted, "ssa", "ignore")
        || live.is_some_and(|live| {
            has(live, "reconcile", "disabled")
                || has(live, "ssa", "ignore")
                || has(wanted, "ssa", "ifnotpresent")
        })
}

fn has(object: &Object, key: &str, value: &str) -> bool {
    let key = format!("{PREFIX}/{key}");
    let is = |found: Option<&str>| found.is_some_and(|found| found.eq_ignore_ascii_case(value));
    is(object.label(&key)) || is(object.annotation(&key))
}

/// Deletes what was in the inventory and is no more. Objects that are not (or no longer) labelled as this owner's,
/// or that ask to be kept, stay.
pub(super) fn prune(
    desk: &mut Desk<'_>,
    owner: &Object,
    before: &[Entry],
    after: &[Entry],
) -> Vec<ObjectRef> {
    let kept: BTreeSet<&str> = after.iter().map(|entry| entry.id.as_str()).collect();
    let gone = before.iter().filter(|entry| !kept.contains(entry.id.as_str()));
    let mut pruned = Vec::new();
    // In the opposite order of applying: what depends on others goes first.
    let mut objects: Vec<Object> = gone
        .filter_map(|entry| desk.cluster.get(&entry.object()?))
        .collect();
    objects.sort_by_key(|object| std::cmp::Reverse(stage(object)));
    for object in objects {
        let kept = has(&object, "prune", "disabled") || has(&object, "reconcile", "disabled");
        if kept || !is_labelled(&object, owner) || object.is_deleting() {
            continue;
        }
        let delete = Write::Delete {
            name: object.reference(),
            uid: object.uid().to_owned(),
        };
        if desk.cluster.write(desk.now, MANAGER, &delete).is_ok() {
            pruned.push(object.reference());
        }
    }
    pruned
}

fn is_labelled(object: &Object, owner: &Object) -> bool {
    let label = |field: &str| object.label(&format!("{PREFIX}/{field}"));
    label("name") == Some(owner.name()) && label("namespace") == Some(owner.namespace())
}

/// The values that `postBuild.substituteFrom` refers to, later ones over earlier ones.
///
/// # Errors
/// The message for a ConfigMap or Secret that is not there and not optional.
pub(super) fn variables(
    desk: &Desk<'_>,
    namespace: &str,
    from: &[recant_render::flux::Substitute],
) -> Result<std::collections::BTreeMap<String, String>, String> {
    use base64::Engine;
    let mut variables = std::collections::BTreeMap::new();
    for reference in from {
        let name = ObjectRef::new("v1", &reference.kind, namespace, &reference.name);
        let Some(object) = desk.cluster.get(&name) else {
            if reference.optional {
                continue;
            }
            let kind = reference.kind.to_lowercase();
            return Err(format!(
                "substitute from '{}/{}' error: {kind}s \"{}\" not found",
                reference.kind, reference.name, reference.name
            ));
        };
        let data = object.at("/data").and_then(Value::as_object);
        for (key, value) in data.into_iter().flatten() {
            let text = value.as_str().unwrap_or_default();
            let plain = if reference.kind == "Secret" {
                let bytes = base64::engine::general_purpose::STANDARD.decode(text);
                bytes
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                    .unwrap_or_default()
            } else {
                text.to_owned()
            };
            variables.insert(key.clone(), plain.replace('\n', ""));
        }
    }
    Ok(variables)
}
