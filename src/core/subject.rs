//! What of an object counts when it is to be restored. Planner and proof both ask here, and nowhere else.

use recant_render::ObjectId;
use recant_render::Root;
use serde_json::Map;
use serde_json::Value;

/// The part of an object that must go back: the pod template of a Deployment or DaemonSet, the `spec` of other kinds,
/// and all but name and status of kinds without one (ConfigMaps, Secrets).
pub fn essence(object: &Value) -> Value {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let part = if has_template(kind) {
        object.pointer("/spec/template")
    } else {
        object.get("spec")
    };
    match (part, object) {
        (Some(part), _) => part.clone(),
        (None, Value::Object(map)) => {
            let counts = |key: &str| !matches!(key, "apiVersion" | "kind" | "metadata" | "status");
            Value::Object(
                map.iter()
                    .filter(|(k, _)| counts(k))
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect(),
            )
        }
        (None, _) => Value::Object(Map::new()),
    }
}

/// Where [`essence`] stands in the object, as a JSON pointer.
pub fn essence_pointer(object: &Value) -> &'static str {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    match kind {
        kind if has_template(kind) && object.pointer("/spec/template").is_some() => "/spec/template",
        kind if object.get("spec").is_some() && !has_template(kind) => "/spec",
        _ => "",
    }
}

/// Whether a kind's pods are made from a template that a Canary analyses.
fn has_template(kind: &str) -> bool {
    matches!(kind, "Deployment" | "DaemonSet")
}

/// Whether two roots are one deployment, as far as they say: the same path, and not two Flux Kustomizations that both
/// deploy it.
pub fn is_same_root(a: &Root, b: &Root) -> bool {
    let part = |path: &str| path.trim_start_matches("./").trim_matches(['/', '.']).to_owned();
    let apart = match (&a.flux, &b.flux) {
        // A file may leave the namespace to a kustomization.
        (Some(a), Some(b)) => {
            let elsewhere = !a.namespace.is_empty() && !b.namespace.is_empty() && a.namespace != b.namespace;
            a.name != b.name || elsewhere || !a.renders_as(b)
        }
        _ => false,
    };
    part(&a.path) == part(&b.path) && !apart
}

/// Every deployment of a repository, each once: the object's own, in the form in which it is deployed; those the
/// caller knows of; and those that are found in trees. Two that say the same in different files are two: every
/// cluster has its own.
pub fn deployments(own: &Root, told: &[Root], found: impl IntoIterator<Item = Root>) -> Vec<Root> {
    let mut all = vec![own.clone()];
    for root in told {
        if !all.iter().any(|known| is_same_root(known, root)) {
            all.push(root.clone());
        }
    }
    let given = all.len();
    // Where what was given is declared: it is found in the trees once more.
    let mut declared: Vec<Option<Root>> = vec![None; given];
    for root in found {
        let known = declared
            .iter()
            .flatten()
            .chain(all.get(given..).unwrap_or_default());
        if known.clone().any(|known| is_same_declaration(known, &root)) {
            continue;
        }
        let open = all
            .iter()
            .zip(&mut declared)
            .find(|(known, place)| place.is_none() && is_same_root(known, &root));
        match open {
            Some((_, place)) => *place = Some(root),
            None => all.push(root),
        }
    }
    all
}

fn is_same_declaration(a: &Root, b: &Root) -> bool {
    let file = |root: &Root| {
        root.flux
            .as_ref()
            .and_then(|flux| flux.declared_in().map(str::to_owned))
    };
    is_same_root(a, b) && file(a) == file(b)
}

/// Whether the name ends as those of ConfigMaps and Secrets do that kustomize names after their content.
pub fn is_generated(id: &ObjectId) -> bool {
    let is_hash = |hash: &str| hash.len() == 10 && hash.bytes().all(|b| b"2456789bcdfghkmt".contains(&b));
    id.group.is_empty()
        && matches!(id.kind.as_str(), "ConfigMap" | "Secret")
        && id.name.rsplit_once('-').is_some_and(|(_, hash)| is_hash(hash))
}
