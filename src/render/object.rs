//! Rendered objects and their names.

use crate::id::Id;
use crate::origin::Arena;
use crate::origin::Origin;
use crate::origin::OriginId;
use crate::origin::Tombstone;
use crate::problem::Problem;
use crate::problem::Severity;
use crate::transform::sort;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::emit;
use crate::yaml::json;
use crate::yaml::resolve::Rules;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// The name of a rendered object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// API group; empty for the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Namespace as written; empty when none is.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectId {
    /// Whether both name the same object, whatever version of its API is spoken.
    pub fn same_object(&self, other: &Self) -> bool {
        self.group == other.group
            && self.kind == other.kind
            && self.namespace == other.namespace
            && self.name == other.name
    }

    /// `group/version`, or the bare version for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

impl fmt::Display for ObjectId {
    /// `Kind/namespace/name`, as Flux prints objects.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// One rendered object, with the origin of everything in it.
#[derive(Clone, Debug)]
pub struct Object {
    pub(crate) node: Node,
    pub(crate) tombs: Vec<(String, OriginId, OriginId)>,
    pub(crate) arena: Arc<Arena>,
}

impl Object {
    /// The object's own name.
    pub fn id(&self) -> ObjectId {
        let (group, version) = split_api_version(self.node.str_at(&["apiVersion"]));
        ObjectId {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: self.node.str_at(&["kind"]).to_owned(),
            namespace: self.node.str_at(&["metadata", "namespace"]).to_owned(),
            name: self.node.str_at(&["metadata", "name"]).to_owned(),
        }
    }

    /// The object's values by kustomize's own output rules. What has no JSON form (`.inf`) is null here, and a
    /// problem of the rendering.
    pub fn json(&self) -> serde_json::Value {
        json::to_json(&self.node, Rules::V3).unwrap_or_default()
    }

    /// The object as a YAML document, quoted as kustomize's own output is.
    pub fn yaml(&self) -> String {
        emit::emit(&self.json())
    }

    /// JSON pointer and origin of every leaf: scalars, empty maps and empty lists.
    pub fn origins(&self) -> impl Iterator<Item = (String, Origin)> + '_ {
        let mut leaves = Vec::new();
        self.node
            .leaves(&mut |pointer, leaf| leaves.push((pointer.to_owned(), leaf.origin)));
        leaves
            .into_iter()
            .filter_map(|(pointer, id)| Some((pointer, self.arena.explain(id)?)))
    }

    /// The origin of the value at a JSON pointer: of the map or list itself when it is one.
    pub fn origin(&self, pointer: &str) -> Option<Origin> {
        self.arena.explain(find(&self.node, pointer)?.origin)
    }

    /// What was deleted from this object on the way, and by what.
    pub fn tombstones(&self) -> impl Iterator<Item = Tombstone> + '_ {
        self.tombs.iter().map(|(pointer, was, by)| Tombstone {
            pointer: pointer.clone(),
            was: self.arena.explain(*was),
            by: self.arena.explain(*by),
        })
    }

    /// File and line where the object itself begins.
    pub fn place(&self) -> Option<(&str, usize)> {
        self.arena.place(self.node.origin)
    }
}

impl PartialEq for Object {
    /// Same values; origins do not count.
    fn eq(&self, other: &Self) -> bool {
        self.node.same(&other.node) || self.json() == other.json()
    }
}

/// One part of a JSON pointer, escaped.
pub(crate) fn escape(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

fn find<'n>(node: &'n Node, pointer: &str) -> Option<&'n Node> {
    pointer.split('/').skip(1).try_fold(node, |node, part| {
        let part = part.replace("~1", "/").replace("~0", "~");
        match &node.kind {
            Kind::Map(_) => node.get(&part),
            Kind::Seq(items) => items.get(part.parse::<usize>().ok()?),
            Kind::Scalar(_) => None,
        }
    })
}

/// `group` and `version` of an `apiVersion`.
pub(crate) fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// What a root renders to.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The objects, in the order Flux would apply them: depth first, unsorted.
    pub objects: Vec<Object>,
    /// What went wrong, with places.
    pub problems: Vec<Problem>,
    /// Every path of the tree that was read or looked for; a directory that was walked ends with `/`.
    pub reads: BTreeSet<String>,
}

impl Rendered {
    /// The object of that name; the version of its API does not count.
    pub fn find(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.iter().find(|o| o.id().same_object(id))
    }

    /// Whether a change of this path, or its appearance, may change the result.
    pub fn looks_at(&self, path: &str) -> bool {
        let walked = |read: &String| {
            let dir = read.strip_suffix('/');
            dir.is_some_and(|dir| {
                dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
            })
        };
        self.reads.contains(path) || self.reads.iter().any(walked)
    }

    /// Puts the objects in the order of `kustomize build` on the command line: namespaces and definitions first,
    /// webhooks last. Flux does not sort.
    pub fn sort_legacy(&mut self) {
        self.objects
            .sort_by_cached_key(|object| sort::legacy(&Id::of(&object.node)));
    }

    /// Whether the result can be trusted: no problem that is more than a warning.
    pub fn ok(&self) -> bool {
        self.problems.iter().all(|p| p.severity == Severity::Warning)
    }
}
