//! A Kubernetes API server in memory, as plain data.
//!
//! It is strict: where it differs from the real one, it refuses more. What it does not do: it knows no schemas of the
//! built-in kinds beyond the common mistakes (their unknown fields are kept), does no authorization, keeps no pod
//! waiting for a kubelet (deletion is at once, but for finalizers), and aggregates events by equality only. Nothing
//! happens by itself: [`Cluster::collect`] is the garbage collector's turn.
//!
//! Never here: controllers, HTTP, a clock.

mod admit;
mod apply;
mod builtin;
mod collect;
mod convert;
mod crd;
mod delete;
mod discovery;
mod error;
mod event;
mod fields;
mod kind;
mod managers;
mod meta;
mod openapi;
mod protobuf;
mod protocol;
mod route;
mod scale;
mod schema;
mod selector;
mod shape;
mod store;
mod strategic;
mod table;
mod verbs;
mod view;
mod watch;
mod write;

#[cfg(test)]
mod tests;

pub use error::ApiError;
pub use kind::Column;
pub use kind::Custom;
pub use kind::Kind;
pub use kind::Scale;
pub use protocol::Body;
pub use protocol::Request;
pub use protocol::Response;
pub use schema::Schema;
pub use selector::Selector;
pub use selector::matches_selector;
pub use selector::selector_text;
pub use watch::Watch;

use delete::DeleteOptions;
use delete::Deleted;
use jiff::Timestamp;
use kind::Kinds;
use managers::Operation;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use std::sync::Arc;
use store::Key;
use store::Store;
use write::Call;
use write::Patch;

/// The cluster: its kinds, its objects and their recent history.
#[derive(Clone, Debug)]
pub struct Cluster {
    kinds: Kinds,
    store: Store,
    booted: bool,
    /// The version after the last garbage collection: until it changes there is nothing to collect.
    collected: u64,
    /// When events were last looked through for old ones.
    expired: Timestamp,
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new()
    }
}

impl Cluster {
    /// A cluster with the built-in kinds. Its namespaces (`default`, `kube-system`, …) come with the first call that
    /// brings the time.
    pub fn new() -> Self {
        Self {
            kinds: Kinds::new(builtin::kinds()),
            store: Store::new(),
            booted: false,
            collected: 0,
            expired: Timestamp::MIN,
        }
    }

    /// Remembers at most that many changes for watches; who asks for older ones gets 410 Gone.
    pub fn limit_history(&mut self, changes: usize) {
        self.store.limit(changes);
    }

    /// The version of the last change to any object.
    pub fn resource_version(&self) -> u64 {
        self.store.version()
    }

    /// The kind of that name, if it is served.
    pub fn kind(&self, api_version: &str, kind: &str) -> Option<Arc<Kind>> {
        self.kinds.by_kind(api_version, kind)
    }

    /// The object of that name; none also where the kind is not served.
    pub fn get(&self, name: &ObjectRef) -> Option<Object> {
        let kind = self.kinds.by_kind(&name.api_version, &name.kind)?;
        let object = self.store.get(&self.key(&kind, &name.namespace, &name.name))?;
        Some(convert::from_stored(&kind, (**object).clone()))
    }

    /// The objects of a kind by namespace and name; of all namespaces when it is empty.
    pub fn list(&self, api_version: &str, kind: &str, namespace: &str) -> Vec<Object> {
        let Some(kind) = self.kinds.by_kind(api_version, kind) else {
            return Vec::new();
        };
        let objects = self.store.list(&kind.stored_as, namespace);
        objects
            .map(|(_, o)| convert::from_stored(&kind, (**o).clone()))
            .collect()
    }

    /// Does a write under its own precondition, and returns the object as it is then (a deleted one: as it was last).
    ///
    /// # Errors
    /// As the API server's: see [`ApiError`].
    pub fn write(&mut self, now: Timestamp, manager: &str, write: &Write) -> Result<Object, ApiError> {
        self.boot(now);
        let name = write.name();
        let kind = self.served(&name)?;
        let call = Call::new(now, manager);
        let at = (name.namespace.as_str(), name.name.as_str());
        match write {
            Write::Create(object) => Ok(self.create(&call, &kind, at.0, object.clone())?.object),
            Write::Update(object) => Ok(self.update(&call, &kind, at, object.clone())?.object),
            Write::UpdateStatus(object) if kind.status => {
                Ok(self.update(&call.on("status"), &kind, at, object.clone())?.object)
            }
            Write::UpdateStatus(_) => Err(ApiError::no_such_resource()),
            Write::Patch {
                resource_version,
                patch,
                ..
            } => {
                let mut patch = Object(patch.clone());
                if !resource_version.is_empty() {
                    patch.set("/metadata/resourceVersion", resource_version.clone().into());
                }
                Ok(self.patch(&call, &kind, at, &Patch::Merge(patch.0))?.object)
            }
            Write::Delete { uid, .. } => {
                let options = DeleteOptions {
                    uid: uid.clone(),
                    ..DeleteOptions::default()
                };
                match self.delete(&call, &kind, at, &options)? {
                    Deleted::Gone(object) | Deleted::Waiting(object) => Ok(object),
                }
            }
        }
    }

    /// Server-side apply: makes the object have these fields, and the manager own them.
    ///
    /// # Errors
    /// 409 when another manager owns a field that would change, unless forced; else as the API server's.
    pub fn apply(
        &mut self,
        now: Timestamp,
        manager: &str,
        force: bool,
        object: &Object,
    ) -> Result<Object, ApiError> {
        self.boot(now);
        let name = object.reference();
        let kind = self.served(&name)?;
        let mut call = Call::new(now, manager);
        call.writer.operation = Operation::Apply;
        let patch = Patch::Apply {
            wanted: object.clone(),
            force,
        };
        Ok(self
            .patch(&call, &kind, (&name.namespace, &name.name), &patch)?
            .object)
    }

    /// Makes the namespaces every cluster has.
    pub(crate) fn boot(&mut self, now: Timestamp) {
        if self.booted {
            return;
        }
        self.booted = true;
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let namespace = Object::named(&ObjectRef::new("v1", "Namespace", "", name));
            self.write(now, "kube-apiserver", &Write::Create(namespace))
                .expect("a new cluster has no objects that could stand in the way");
        }
    }

    fn served(&self, name: &ObjectRef) -> Result<Arc<Kind>, ApiError> {
        self.kinds
            .by_kind(&name.api_version, &name.kind)
            .ok_or_else(ApiError::no_such_resource)
    }

    pub(crate) fn key(&self, kind: &Kind, namespace: &str, name: &str) -> Key {
        let namespace = if kind.namespaced {
            namespace.to_owned()
        } else {
            String::new()
        };
        Key {
            stored_as: kind.stored_as.clone(),
            namespace,
            name: name.to_owned(),
        }
    }

    pub(crate) fn find(&self, kind: &Kind, namespace: &str, name: &str) -> Result<Arc<Object>, ApiError> {
        let found = self.store.get(&self.key(kind, namespace, name)).cloned();
        found.ok_or_else(|| ApiError::not_found(kind, name))
    }
}
