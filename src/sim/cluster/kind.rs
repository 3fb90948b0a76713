//! What the cluster knows of a kind, built in or installed by a CustomResourceDefinition.

use super::schema::Schema;
use std::sync::Arc;

/// One served version of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The kind: `Deployment`.
    pub kind: String,
    /// The resource, in the plural: `deployments`.
    pub plural: String,
    /// The resource, in the singular: `deployment`.
    pub singular: String,
    /// What `kubectl get` takes for short.
    pub short_names: Vec<String>,
    /// What `kubectl get all` and the like take.
    pub categories: Vec<String>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether status is a subresource.
    pub status: bool,
    /// Whether there is a scale subresource.
    pub scale: Option<Scale>,
    /// Whether a change of the spec raises `metadata.generation`.
    pub generation: bool,
    /// Whether an update without a resourceVersion is allowed.
    pub unconditional_update: bool,
    /// The `resource.group` its objects are stored under: versions, and both groups of Event, share one.
    pub stored_as: String,
    /// Set for custom kinds.
    pub custom: Option<Custom>,
}

/// What a CustomResourceDefinition says beyond names.
#[derive(Clone, Debug, PartialEq)]
pub struct Custom {
    /// The structural schema of this version.
    pub schema: Arc<Schema>,
    /// The columns of `kubectl get`.
    pub columns: Arc<Vec<Column>>,
}

/// Where the scale subresource finds its numbers: JSON pointers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The wanted replicas.
    pub spec_replicas: String,
    /// The observed replicas.
    pub status_replicas: String,
    /// The selector as a string, or as a `LabelSelector` for the built-in kinds.
    pub selector: String,
}

/// A column of `kubectl get`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The heading, before kubectl makes it capitals.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    /// 0 for columns that always show; above for `-o wide`.
    pub priority: i64,
    /// The simple JSON path, with its leading dot.
    pub path: String,
    /// The description shown by discovery of tables.
    pub description: String,
    /// The OpenAPI format; empty for none.
    pub format: String,
}

impl Kind {
    /// `group/version`, or the version alone.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `deployments.apps`, as error messages name it.
    pub fn resource(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// `Deployment.apps`.
    pub fn group_kind(&self) -> String {
        qualified(&self.kind, &self.group)
    }

    /// Whether this is the kind of that group and name, in any version.
    pub(crate) fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

/// All kinds served, in order of discovery.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds(Vec<Arc<Kind>>);

impl Kinds {
    pub(crate) fn new(kinds: Vec<Kind>) -> Self {
        Self(kinds.into_iter().map(Arc::new).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.0.iter()
    }

    pub(crate) fn by_kind(&self, api_version: &str, kind: &str) -> Option<Arc<Kind>> {
        let (group, version) = split(api_version);
        self.0
            .iter()
            .find(|k| k.kind == kind && k.group == group && k.version == version)
            .cloned()
    }

    pub(crate) fn by_resource(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.0
            .iter()
            .find(|k| k.plural == plural && k.group == group && k.version == version)
            .cloned()
    }

    /// Takes out every version of a custom resource, and puts these in.
    pub(crate) fn replace(&mut self, stored_as: &str, kinds: Vec<Kind>) {
        self.0.retain(|k| k.stored_as != stored_as);
        self.0.extend(kinds.into_iter().map(Arc::new));
    }
}

/// `group/version` taken apart.
pub(crate) fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}
