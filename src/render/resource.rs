//! One object while it is built, and the list of all of them.

use crate::id::Gvk;
use crate::id::Id;
use crate::origin::OriginId;
use crate::patch::merge::Tomb;
use crate::problem::Problem;
use crate::yaml::Kind;
use crate::yaml::Node;
use std::collections::BTreeSet;

/// What to do when a generated object's name is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behavior {
    #[default]
    Create,
    Replace,
    Merge,
}

/// An object with what kustomize remembers about it in annotations.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) node: Node,
    /// Earlier `(kind, effective namespace, name)`, oldest first.
    pub(crate) previous: Vec<(String, String, String)>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) suffixes: Vec<String>,
    pub(crate) behavior: Behavior,
    pub(crate) needs_hash: bool,
    /// Names of the `vars` that are read from this object.
    pub(crate) vars: Vec<String>,
    pub(crate) tombs: Vec<Tomb>,
}

impl Resource {
    pub(crate) fn new(node: Node) -> Self {
        Self {
            node,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            behavior: Behavior::Create,
            needs_hash: false,
            vars: Vec::new(),
            tombs: Vec::new(),
        }
    }

    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::of(&self.node)
    }

    pub(crate) fn name(&self) -> &str {
        self.node.str_at(&["metadata", "name"])
    }

    pub(crate) fn namespace(&self) -> &str {
        self.node.str_at(&["metadata", "namespace"])
    }

    pub(crate) fn kind(&self) -> &str {
        self.node.str_at(&["kind"])
    }

    /// The name it has now.
    pub(crate) fn id(&self) -> Id {
        Id::of(&self.node)
    }

    /// The name it had first.
    pub(crate) fn original_id(&self) -> Id {
        self.previous_ids().next().unwrap_or_else(|| self.id())
    }

    pub(crate) fn previous_ids(&self) -> impl Iterator<Item = Id> + '_ {
        let gvk = self.gvk();
        self.previous.iter().map(move |(kind, namespace, name)| {
            let gvk = Gvk {
                kind: kind.clone(),
                ..gvk.clone()
            };
            Id::new(gvk, namespace, name)
        })
    }

    /// Every name it has had, the current one last.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> + '_ {
        self.previous_ids().chain(std::iter::once(self.id()))
    }

    /// Remembers the current name before it changes.
    pub(crate) fn remember_id(&mut self) {
        let id = self.id();
        self.previous.push((id.gvk.kind, id.namespace, id.name));
        // kustomize remembers in annotations: they are a map from here on.
        if let Some(meta) = self.node.get_mut("metadata")
            && meta.get("annotations").is_some_and(Node::is_null)
        {
            meta.remove("annotations");
        }
    }

    /// Makes strings of all values of `metadata.annotations` or `metadata.labels`, as kustomize does whenever it
    /// writes them anew.
    pub(crate) fn stringify(&mut self, field: &str) {
        let Some(meta) = self.node.get_mut("metadata") else {
            return;
        };
        let Some(map) = meta.get_mut(field) else { return };
        if let Kind::Map(entries) = &mut map.kind {
            for entry in entries {
                let text = entry.value.text().unwrap_or_default();
                entry.value = Node::string(text, entry.value.origin);
            }
        }
        if meta
            .get(field)
            .is_some_and(|m| m.is_null() || m.as_map().is_some_and(<[_]>::is_empty))
        {
            meta.remove(field);
        }
    }

    /// Takes over from the object that a generated one merges into or replaces.
    fn inherit(&mut self, old: &Self, merge: bool) {
        let mut maps: Vec<(&[&str], &str)> = vec![(&["metadata"], "labels"), (&["metadata"], "annotations")];
        if merge {
            maps.extend([(&[] as &[&str], "data"), (&[], "binaryData")]);
        }
        for (path, field) in maps {
            let theirs = old
                .node
                .at(path)
                .and_then(|n| n.get(field))
                .and_then(Node::as_map);
            for entry in theirs.unwrap_or_default() {
                let at = entry.origin;
                let parent = path.iter().try_fold(&mut self.node, |n, key| n.map_at(key, at));
                let Some(mine) = parent.and_then(|n| n.map_at(field, at)) else {
                    continue;
                };
                if mine.get(&entry.key.text).is_none() {
                    let text = entry.value.text().unwrap_or_default();
                    mine.set(&entry.key.text, Node::string(text, entry.value.origin));
                }
            }
        }
        if !merge {
            for field in ["data", "binaryData"] {
                let entries = old.node.get(field).and_then(Node::as_map).unwrap_or_default();
                let gone = entries.iter().map(|e| {
                    let pointer = format!("/{field}/{}", crate::object::escape(&e.key.text));
                    (pointer, e.value.origin, self.node.origin)
                });
                self.tombs.extend(gone);
            }
        }
        let namespace = old.node.at(&["metadata", "namespace"]).cloned();
        let name = old.node.at(&["metadata", "name"]).cloned();
        if let Some(meta) = self.node.map_at("metadata", old.node.origin) {
            if let Some(name) = name {
                meta.set("name", name);
            }
            match namespace {
                Some(namespace) => meta.set("namespace", namespace),
                None => {
                    meta.remove("namespace");
                }
            }
        }
        self.previous.clone_from(&old.previous);
        self.prefixes.clone_from(&old.prefixes);
        self.suffixes.clone_from(&old.suffixes);
        self.behavior = old.behavior;
        self.needs_hash &= old.needs_hash;
        self.vars.clone_from(&old.vars);
    }

    /// A string map below `metadata`: labels or annotations.
    pub(crate) fn meta_map(&self, field: &str) -> impl Iterator<Item = (&str, &str)> {
        self.node
            .at(&["metadata", field])
            .and_then(Node::as_map)
            .unwrap_or_default()
            .iter()
            .map(|e| (&*e.key.text, e.value.text().unwrap_or_default()))
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.meta_map("annotations")
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v)
    }
}

/// Checks a document that shall be an object, and explodes lists.
pub(crate) fn from_documents(documents: Vec<Node>) -> Result<Vec<Resource>, (OriginId, Problem)> {
    let alone = documents.len() == 1;
    let mut queue: std::collections::VecDeque<Node> = documents.into();
    if alone && queue.front().is_some_and(|n| n.str_at(&["kind"]) == "List") {
        unwrap_list(&mut queue);
    }
    let mut resources = Vec::new();
    while let Some(mut node) = queue.pop_front() {
        if node.as_map().is_some_and(<[_]>::is_empty) {
            continue;
        }
        validate(&node).map_err(|problem| (node.origin, problem))?;
        if node.str_at(&["kind"]).ends_with("List") && node.get("items").is_some() {
            let items = node.remove("items").map(|n| (n.origin, n.kind));
            match items {
                Some((_, Kind::Seq(items))) => queue.extend(items),
                Some((origin, Kind::Map(_))) => {
                    return Err((origin, Problem::error("`items` of a list must be a list")));
                }
                _ => {}
            }
            continue;
        }
        tidy_annotations(&mut node);
        resources.push(Resource::new(node));
    }
    Ok(resources)
}

fn unwrap_list(queue: &mut std::collections::VecDeque<Node>) {
    let Some(items) = queue.front_mut().and_then(|n| n.remove("items")) else {
        return;
    };
    queue.clear();
    if let Kind::Seq(items) = items.kind {
        queue.extend(items);
    }
}

fn validate(node: &Node) -> Result<(), Problem> {
    if node.as_map().is_none() {
        return Err(Problem::error(format!(
            "a Kubernetes object is needed here, this is {}",
            node.what()
        )));
    }
    let kind = node.str_at(&["kind"]);
    if kind.is_empty() {
        return Err(Problem::error(
            "the object has no `kind`; write it or take the file out of `resources`",
        ));
    }
    if !kind.ends_with("List") && node.str_at(&["metadata", "name"]).is_empty() {
        return Err(Problem::error(format!("the {kind} has no `metadata.name`")));
    }
    Ok(())
}

/// kustomize's own annotations come and go in the map of annotations: an empty one does not survive. One that is null
/// stays until the end, and replacements stumble over it.
fn tidy_annotations(node: &mut Node) {
    let Some(meta) = node.get_mut("metadata") else {
        return;
    };
    let empty = |n: &Node| n.as_map().is_some_and(<[_]>::is_empty);
    if meta.get("annotations").is_some_and(empty) {
        meta.remove("annotations");
    }
}

/// All objects of one accumulation, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resources {
    pub(crate) list: Vec<Resource>,
}

impl Resources {
    /// The names of all objects.
    pub(crate) fn names(&self) -> BTreeSet<Id> {
        self.list.iter().map(Resource::id).collect()
    }

    /// Adds objects; one whose current name is in `taken` is a problem.
    pub(crate) fn append(
        &mut self,
        more: Vec<Resource>,
        taken: &mut BTreeSet<Id>,
    ) -> Vec<(OriginId, Problem)> {
        let mut problems = Vec::new();
        for resource in more {
            let id = resource.id();
            if taken.contains(&id) {
                let problem = format!("`{id}` is there already; an object can be added only once");
                problems.push((resource.node.origin, Problem::error(problem)));
                continue;
            }
            taken.insert(id);
            self.list.push(resource);
        }
        problems
    }

    /// Objects whose current name another one before them has.
    pub(crate) fn repeated(&self) -> Vec<(OriginId, Id)> {
        let mut known = BTreeSet::new();
        let ids = self.list.iter().map(|r| (r.node.origin, r.id()));
        ids.filter(|(_, id)| !known.insert(id.clone())).collect()
    }

    /// The places of objects that have, or had, a name.
    pub(crate) fn by_any_id(&self, id: &Id) -> Vec<usize> {
        (0..self.list.len())
            .filter(|at| self.list[*at].ids().any(|other| other == *id))
            .collect()
    }

    /// Takes in a generated object: adds it, or merges it into or puts it in the place of the one it names.
    pub(crate) fn absorb(&mut self, mut new: Resource) -> Result<(), Problem> {
        let id = new.id();
        let found = self.by_any_id(&id);
        match (found.as_slice(), new.behavior) {
            ([], Behavior::Create) => {
                self.list.push(new);
                Ok(())
            }
            ([], _) => Err(Problem::error(format!(
                "`{id}` is not there to merge into or replace; drop `behavior`"
            ))),
            ([_], Behavior::Create) => Err(Problem::error(format!(
                "`{id}` is there already; give the generator `behavior: merge` or `replace`"
            ))),
            ([at], behavior) => {
                let old = &mut self.list[*at];
                new.inherit(old, behavior == Behavior::Merge);
                *old = new;
                Ok(())
            }
            _ => Err(Problem::error(format!(
                "several objects fit `{id}`; give the generator a namespace"
            ))),
        }
    }
}
