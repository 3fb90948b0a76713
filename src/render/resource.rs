//! One object while it is built, and the list of all of them.

use crate::id::Gvk;
use crate::id::Id;
use crate::origin::OriginId;
use crate::patch::merge::Tomb;
use crate::problem::Problem;
use crate::yaml::Kind;
use crate::yaml::Node;

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

/// kustomize's own annotations come and go in the map of annotations: an empty one does not survive.
fn tidy_annotations(node: &mut Node) {
    let Some(meta) = node.get_mut("metadata") else {
        return;
    };
    let empty = |n: &Node| n.is_null() || n.as_map().is_some_and(<[_]>::is_empty);
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
    /// Adds objects; one whose current name is taken is a problem.
    pub(crate) fn append(&mut self, more: Vec<Resource>) -> Vec<(OriginId, Problem)> {
        let mut known: std::collections::BTreeSet<Id> = self.list.iter().map(Resource::id).collect();
        let mut problems = Vec::new();
        for resource in more {
            let id = resource.id();
            if !known.insert(id.clone()) {
                problems.push((
                    resource.node.origin,
                    Problem::error(format!(
                        "`{id}` is there already; an object can be added only once"
                    )),
                ));
                continue;
            }
            self.list.push(resource);
        }
        problems
    }

    /// The places of objects that have, or had, a name.
    pub(crate) fn by_any_id(&self, id: &Id) -> Vec<usize> {
        (0..self.list.len())
            .filter(|at| self.list[*at].ids().any(|other| other == *id))
            .collect()
    }
}
