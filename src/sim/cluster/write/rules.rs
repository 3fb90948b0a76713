//! The rules of a write: what an object must say to be written to an address, and what a write may change.

use super::Call;
use crate::cluster::error::ApiError;
use crate::cluster::kind::Kind;
use crate::cluster::meta;
use recant_core::object::Object;
use serde_json::Value;

/// The object with its apiVersion, kind and namespace as the address has them, or why they do not fit.
pub(super) fn addressed(kind: &Kind, namespace: &str, mut object: Object) -> Result<Object, ApiError> {
    if !object.0.is_object() || !object.at("/metadata").is_none_or(Value::is_object) {
        return Err(ApiError::bad_request(
            "the object provided is unrecognized: it must be a map with metadata",
        ));
    }
    let (api_version, name) = (kind.api_version(), kind.kind.clone());
    let given = (
        object.str("/apiVersion").to_owned(),
        object.str("/kind").to_owned(),
    );
    if (!given.0.is_empty() && given.0 != api_version) || (!given.1.is_empty() && given.1 != name) {
        let message = format!(
            "the API version in the data ({}) or kind ({}) does not match the expected ({api_version}, {name})",
            given.0, given.1
        );
        return Err(ApiError::bad_request(message));
    }
    object.set("/apiVersion", api_version.into());
    object.set("/kind", name.into());
    if !kind.namespaced {
        meta::remove(&mut object, "namespace");
    } else if object.namespace().is_empty() {
        object.set("/metadata/namespace", namespace.into());
    } else if object.namespace() != namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(ApiError::bad_request(message));
    }
    Ok(object)
}

/// Refuses a write whose uid or resourceVersion is not the object's.
pub(super) fn check_preconditions(kind: &Kind, old: &Object, new: &Object) -> Result<(), ApiError> {
    if !new.uid().is_empty() && new.uid() != old.uid() {
        let why = format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            new.uid(),
            old.uid()
        );
        return Err(ApiError::conflict(kind, old.name(), &why));
    }
    if !matches!(new.resource_version(), "" | "0") && new.resource_version() != old.resource_version() {
        return Err(ApiError::modified(kind, old.name()));
    }
    Ok(())
}

/// What of an applied object the subresource lets its manager own.
pub(super) fn owned_part(call: &Call<'_>, kind: &Kind, wanted: &Object) -> Object {
    let mut wanted = wanted.clone();
    let Some(map) = wanted.0.as_object_mut() else {
        return wanted;
    };
    if call.writer.subresource == "status" {
        map.retain(|field, _| matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
        if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
            metadata.retain(|field, _| matches!(field.as_str(), "name" | "namespace"));
        }
    } else if kind.status {
        map.remove("status");
    }
    wanted
}

/// Lets a write to a subresource change only that, and any other write all but the status subresource.
pub(super) fn restrict(call: &Call<'_>, kind: &Kind, old: &Object, mut new: Object) -> Object {
    if call.writer.subresource == "status" {
        let mut object = old.clone();
        match new.0.get_mut("status").map(Value::take) {
            Some(status) => object.set("/status", status),
            None => remove_status(&mut object),
        }
        meta::copy(&new, &mut object, "managedFields");
        return object;
    }
    if kind.status {
        match old.0.get("status") {
            Some(status) => new.set("/status", status.clone()),
            None => remove_status(&mut new),
        }
    }
    new
}

pub(super) fn remove_status(object: &mut Object) {
    if let Some(map) = object.0.as_object_mut() {
        map.remove("status");
    }
}

/// Whether the object's deletion waits for nothing any more.
pub(super) fn is_finished(object: &Object) -> bool {
    let of_namespace =
        object.str("/kind") == "Namespace" && !meta::list(object, "/spec/finalizers").is_empty();
    object.is_deleting() && meta::finalizers(object).is_empty() && !of_namespace
}

pub(crate) fn has_generation(kind: &Kind) -> bool {
    kind.generation || kind.custom.is_some()
}

/// Whether anything changed but metadata and, if it is a subresource, status.
pub(super) fn is_spec_changed(kind: &Kind, old: &Object, new: &Object) -> bool {
    let part = |object: &Object| {
        let mut map = object.0.as_object().cloned().unwrap_or_default();
        map.remove("metadata");
        map.remove("apiVersion");
        if kind.status {
            map.remove("status");
        }
        map
    };
    part(old) != part(new)
}
