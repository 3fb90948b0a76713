//! The scale subresource.

use super::Cluster;
use super::convert;
use super::error::ApiError;
use super::kind::Kind;
use super::kind::Scale;
use super::protocol::Request;
use super::protocol::Response;
use super::route::Target;
use super::selector;
use super::verbs;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;

impl Cluster {
    pub(crate) fn scale(
        &mut self,
        now: Timestamp,
        request: &Request,
        target: &Target<'_>,
        kind: &Arc<Kind>,
    ) -> Result<Response, ApiError> {
        let Some(paths) = &kind.scale else {
            return Err(ApiError::no_such_resource());
        };
        let object = self.find(kind, target.namespace, target.name)?;
        let object = convert::from_stored(kind, (*object).clone());
        let mut wanted = shown(&object, paths);
        match request.method.as_str() {
            "GET" => return Ok(Response::json(200, wanted)),
            "PUT" => wanted = request.json()?,
            "PATCH" => patch(request, &mut wanted)?,
            _ => return Err(ApiError::method_not_allowed()),
        }
        let wanted = Object(wanted);
        let Some(replicas) = wanted.int("/spec/replicas").filter(|r| *r >= 0) else {
            return Err(ApiError::bad_request(
                "spec.replicas: must be greater than or equal to 0",
            ));
        };
        let mut changed = object;
        changed.set(&paths.spec_replicas, replicas.into());
        if !wanted.resource_version().is_empty() {
            changed.set("/metadata/resourceVersion", wanted.resource_version().into());
        }
        let call = verbs::call(now, request, target)?;
        let written = self.update(&call, kind, (target.namespace, target.name), changed)?;
        Ok(Response::json(200, shown(&written.object, paths)))
    }
}

fn patch(request: &Request, scale: &mut Value) -> Result<(), ApiError> {
    let document = request.json()?;
    if request.content_type.starts_with("application/json-patch+json") {
        let patch: json_patch::Patch = serde_json::from_value(document)
            .map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))?;
        json_patch::patch(scale, &patch).map_err(|e| ApiError::bad_request(e.to_string()))
    } else {
        json_patch::merge(scale, &document);
        Ok(())
    }
}

/// The `autoscaling/v1` Scale of an object.
fn shown(object: &Object, paths: &Scale) -> Value {
    let selector = match object.at(&paths.selector) {
        Some(Value::String(text)) => text.clone(),
        Some(selector) => selector::selector_text(selector),
        None => String::new(),
    };
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.at(&format!("/metadata/{field}")) {
            metadata[field] = value.clone();
        }
    }
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": { "replicas": object.int(&paths.spec_replicas).unwrap_or_default() },
        "status": { "replicas": object.int(&paths.status_replicas).unwrap_or_default(), "selector": selector },
    })
}
