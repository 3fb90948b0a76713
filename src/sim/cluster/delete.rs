//! Deletion: preconditions, finalizers and what happens to dependents.

use super::Cluster;
use super::convert;
use super::crd;
use super::error::ApiError;
use super::kind::Kind;
use super::meta;
use super::store::Key;
use super::write;
use super::write::Call;
use recant_core::object::Object;
use serde_json::Value;
use std::sync::Arc;

/// The finalizer of a foreground deletion.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of a deletion that leaves dependents behind.
pub(crate) const ORPHAN: &str = "orphan";

/// `metav1.DeleteOptions`, as far as they matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeleteOptions {
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    /// `Background`, `Foreground`, `Orphan`, or empty for the default: background.
    pub(crate) propagation: String,
}

/// What became of the object.
#[derive(Clone, Debug)]
pub(crate) enum Deleted {
    /// It is gone; as it was last.
    Gone(Object),
    /// It waits for its finalizers.
    Waiting(Object),
}

impl Cluster {
    pub(crate) fn delete(
        &mut self,
        call: &Call<'_>,
        kind: &Arc<Kind>,
        (namespace, name): (&str, &str),
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        let old = self.find(kind, namespace, name)?;
        check_preconditions(kind, &old, options)?;
        let mut object = (*old).clone();
        add_finalizer(&mut object, options);
        let key = self.key(kind, namespace, name);
        if !waits(&object) {
            let gone = if call.dry_run {
                Some(old)
            } else {
                self.remove(&key)
            };
            return Ok(Deleted::Gone(
                gone.map_or(object, |o| convert::from_stored(kind, (*o).clone())),
            ));
        }
        if !object.is_deleting() {
            mark(&mut object, kind, call);
        }
        if !call.dry_run && object != *old {
            object = (*self.store.put(key, object)).clone();
        }
        Ok(Deleted::Waiting(convert::from_stored(kind, object)))
    }

    /// Takes an object out, and with a CustomResourceDefinition the kinds it served.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Arc<Object>> {
        let object = self.store.remove(key)?;
        if key.stored_as == crd::STORED_AS {
            self.kinds.replace(&crd::stored_as(&object), Vec::new());
        }
        Some(object)
    }
}

fn check_preconditions(kind: &Kind, old: &Object, options: &DeleteOptions) -> Result<(), ApiError> {
    let failed = |what: &str, wanted: &str, is: &str| {
        let why =
            format!("Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {is}");
        Err(ApiError::conflict(kind, old.name(), &why))
    };
    if !options.uid.is_empty() && options.uid != old.uid() {
        return failed("UID", &options.uid, old.uid());
    }
    if !options.resource_version.is_empty() && options.resource_version != old.resource_version() {
        return failed(
            "ResourceVersion",
            &options.resource_version,
            old.resource_version(),
        );
    }
    Ok(())
}

fn add_finalizer(object: &mut Object, options: &DeleteOptions) {
    let wanted = match options.propagation.as_str() {
        "Foreground" => FOREGROUND,
        "Orphan" => ORPHAN,
        _ => return,
    };
    let mut finalizers = meta::finalizers(object);
    if !finalizers.iter().any(|f| f == wanted) {
        finalizers.push(wanted.to_owned());
    }
    meta::set_finalizers(object, &finalizers);
}

/// Whether the object cannot go at once: finalizers, a namespace's contents, a definition's instances.
fn waits(object: &Object) -> bool {
    let of_namespace =
        object.str("/kind") == "Namespace" && !meta::list(object, "/spec/finalizers").is_empty();
    of_namespace || !meta::finalizers(object).is_empty()
}

fn mark(object: &mut Object, kind: &Kind, call: &Call<'_>) {
    object.set("/metadata/deletionTimestamp", meta::time(call.writer.now).into());
    object.set("/metadata/deletionGracePeriodSeconds", Value::from(0));
    if write::has_generation(kind) {
        object.set("/metadata/generation", (object.generation() + 1).into());
    }
    if kind.is("", "Namespace") {
        object.set("/status/phase", "Terminating".into());
    }
}
