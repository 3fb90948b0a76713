//! What of an object counts when it is to be restored. Planner and proof both ask here, and nowhere else.

use recant_render::ObjectId;
use recant_render::Root;
use recant_render::flux::Files;
use serde_json::Map;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

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
pub fn deployments(own: &Root, told: &[Root], found: &[Root]) -> Vec<Root> {
    Deployments::of(own, told, found).roots
}

/// The same before and after an edit, which may change how Flux deploys a directory, or what is deployed at all. The
/// object's own comes first.
pub fn pairs(own: &Root, told: &[Root], before: &[Root], after: &[Root]) -> Vec<(Root, Root)> {
    let was = Deployments::of(own, told, before);
    let mut is = was.roots.clone();
    let mut new: Vec<(Root, Root)> = Vec::new();
    let mut taken = BTreeSet::new();
    let by_place = was.by_place();
    for root in after {
        let same = |at: &usize| {
            was.declared_as(*at)
                .is_some_and(|known| is_same_declaration(known, root))
        };
        if was.at(root).any(|at| same(&at)) {
            continue;
        }
        let there = place(root).and_then(|place| by_place.get(&place));
        let open = there.into_iter().flatten().find(|at| !taken.contains(*at));
        match open {
            Some(at) => {
                is[*at] = carried_over(&was.roots[*at], root);
                taken.insert(*at);
            }
            None => new.push((root.clone(), root.clone())),
        }
    }
    was.roots.into_iter().zip(is).chain(new).collect()
}

/// What a root is in another tree of the repository, when a Flux Kustomization of `here` declares it: the same
/// Kustomization, as it is declared `there`.
pub fn counterpart(root: &Root, here: &[Root], there: &[Root]) -> Option<Root> {
    let own = root.flux.as_ref()?.declared_in();
    let declared = here.iter().find(|known| match own {
        Some(_) => is_same_place(known, root),
        None => is_same_root(known, root) && place(known).is_some(),
    })?;
    let wanted = place(declared)?;
    let path = directory(&root.path);
    let near = there.iter().filter(|other| directory(&other.path) == path);
    let found = near
        .chain(there)
        .find(|other| place(other).as_ref() == Some(&wanted))?;
    Some(carried_over(root, found))
}

/// A root as another tree has it, with what only the caller knows of it.
fn carried_over(known: &Root, found: &Root) -> Root {
    let mut root = found.clone();
    if let (Some(flux), Some(known)) = (&mut root.flux, &known.flux) {
        flux.vars.clone_from(&known.vars);
        flux.strict_substitution = known.strict_substitution;
        if known.files == Files::Artifact {
            flux.files = Files::Artifact;
        }
    }
    root
}

/// Where a Flux Kustomization is declared: file, namespace and name.
fn place(root: &Root) -> Option<(String, String, String)> {
    let flux = root.flux.as_ref()?;
    Some((
        flux.declared_in()?.to_owned(),
        flux.namespace.clone(),
        flux.name.clone(),
    ))
}

/// Whether two roots are one Flux Kustomization, declared in one file; the file may leave the namespace open.
fn is_same_place(a: &Root, b: &Root) -> bool {
    let (Some((file, namespace, name)), Some((other_file, other_namespace, other_name))) =
        (place(a), place(b))
    else {
        return false;
    };
    let is_open = namespace.is_empty() || other_namespace.is_empty();
    file == other_file && name == other_name && (is_open || namespace == other_namespace)
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
    fn of(own: &Root, told: &[Root], found: &[Root]) -> Self {
        let mut all = Self::default();
        for root in [own].into_iter().chain(told) {
            if !all
                .at(root)
                .any(|known| is_same_deployment(&all.roots[known], root))
            {
                all.push(root.clone());
            }
        }
        all.given = all.roots.len();
        found.iter().for_each(|root| all.find(root));
        all
    }

    /// A root as the trees declare it; a given one may not be declared at all.
    fn declared_as(&self, at: usize) -> Option<&Root> {
        match at < self.given {
            true => self.declared.get(&at),
            false => self.roots.get(at),
        }
    }

    fn by_place(&self) -> BTreeMap<(String, String, String), Vec<usize>> {
        let mut out: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for at in 0..self.roots.len() {
            if let Some(place) = self.declared_as(at).and_then(place) {
                out.entry(place).or_default().push(at);
            }
        }
        out
    }

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

    fn find(&mut self, root: &Root) {
        let known = |at: usize| self.declared_as(at);
        if self
            .at(root)
            .filter_map(known)
            .any(|known| is_same_declaration(known, root))
        {
            return;
        }
        let is_it = |given: &Root| match place(given) {
            Some(_) => is_same_place(given, root),
            None => is_same_deployment(given, root),
        };
        let open =
            |at: &usize| *at < self.given && !self.declared.contains_key(at) && is_it(&self.roots[*at]);
        let place = self.at(root).find(open);
        match place {
            Some(place) => {
                self.declared.insert(place, root.clone());
            }
            None => self.push(root.clone()),
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

/// Whether an object is the Flux Kustomization of a root: what it renders goes back with it.
pub fn declares(object: &ObjectId, root: &Root) -> bool {
    let is_kustomization = object.kind == "Kustomization" && object.group == "kustomize.toolkit.fluxcd.io";
    let flux = root.flux.as_ref().filter(|_| is_kustomization);
    flux.is_some_and(|flux| {
        flux.name == object.name && (flux.namespace.is_empty() || flux.namespace == object.namespace)
    })
}

/// Whether the name ends as those of ConfigMaps and Secrets do that kustomize names after their content.
pub fn is_generated(id: &ObjectId) -> bool {
    let is_hash = |hash: &str| hash.len() == 10 && hash.bytes().all(|b| b"2456789bcdfghkmt".contains(&b));
    id.group.is_empty()
        && matches!(id.kind.as_str(), "ConfigMap" | "Secret")
        && id.name.rsplit_once('-').is_some_and(|(_, hash)| is_hash(hash))
}
