//! What of an object counts when it is to be restored. Planner and proof both ask here, and nowhere else.

use recant_render::ObjectId;
use recant_render::Root;
use serde_json::Map;
use serde_json::Value;
use std::collections::BTreeMap;

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
    directory(&a.path) == directory(&b.path) && is_same_deployment(a, b)
}

fn directory(path: &str) -> &str {
    path.trim_start_matches("./").trim_matches(['/', '.'])
}

/// Of two roots of one path.
fn is_same_deployment(a: &Root, b: &Root) -> bool {
    match (&a.flux, &b.flux) {
        // A file may leave the namespace to a kustomization.
        (Some(a), Some(b)) => {
            let elsewhere = !a.namespace.is_empty() && !b.namespace.is_empty() && a.namespace != b.namespace;
            a.name == b.name && !elsewhere && a.renders_as(b)
        }
        _ => true,
    }
}

/// Every deployment of a repository, each once: the object's own, in the form in which it is deployed; those the
/// caller knows of; and those that are found in trees. Two that say the same in different files are two: every
/// cluster has its own.
pub fn deployments(own: &Root, told: &[Root], found: impl IntoIterator<Item = Root>) -> Vec<Root> {
    let mut all = Deployments::default();
    for root in [own].into_iter().chain(told) {
        if !all
            .at(root)
            .any(|known| is_same_deployment(&all.roots[known], root))
        {
            all.push(root.clone());
        }
    }
    all.given = all.roots.len();
    found.into_iter().for_each(|root| all.find(root));
    all.roots
}

/// Roots by their directory: there may be thousands.
#[derive(Default)]
struct Deployments {
    roots: Vec<Root>,
    by_directory: BTreeMap<String, Vec<usize>>,
    /// So many were given, not found.
    given: usize,
    /// Where what was given is declared: it is found in the trees once more.
    declared: BTreeMap<usize, Root>,
}

impl Deployments {
    /// The places of those in the same directory.
    fn at(&self, root: &Root) -> impl Iterator<Item = usize> {
        let known = self.by_directory.get(directory(&root.path));
        known.into_iter().flatten().copied()
    }

    fn push(&mut self, root: Root) {
        let place = self.roots.len();
        let there = self.by_directory.entry(directory(&root.path).to_owned());
        there.or_default().push(place);
        self.roots.push(root);
    }

    fn find(&mut self, root: Root) {
        let known = |at: usize| match at < self.given {
            true => self.declared.get(&at),
            false => self.roots.get(at),
        };
        if self
            .at(&root)
            .filter_map(known)
            .any(|known| is_same_declaration(known, &root))
        {
            return;
        }
        let open = |at: &usize| {
            *at < self.given && !self.declared.contains_key(at) && is_same_deployment(&self.roots[*at], &root)
        };
        let place = self.at(&root).find(open);
        match place {
            Some(place) => {
                self.declared.insert(place, root);
            }
            None => self.push(root),
        }
    }
}

/// Of two roots of one path.
fn is_same_declaration(a: &Root, b: &Root) -> bool {
    let file = |root: &Root| {
        root.flux
            .as_ref()
            .and_then(|flux| flux.declared_in().map(str::to_owned))
    };
    is_same_deployment(a, b) && file(a) == file(b)
}

/// Whether the name ends as those of ConfigMaps and Secrets do that kustomize names after their content.
pub fn is_generated(id: &ObjectId) -> bool {
    let is_hash = |hash: &str| hash.len() == 10 && hash.bytes().all(|b| b"2456789bcdfghkmt".contains(&b));
    id.group.is_empty()
        && matches!(id.kind.as_str(), "ConfigMap" | "Secret")
        && id.name.rsplit_once('-').is_some_and(|(_, hash)| is_hash(hash))
}
