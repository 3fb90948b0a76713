//! The verbs of a resource: get, list, watch, create, update, patch, delete.

use super::Cluster;
use super::convert;
use super::delete::DeleteOptions;
use super::delete::Deleted;
use super::error::ApiError;
use super::error::Cause;
use super::kind::Kind;
use super::managers::Operation;
use super::protobuf;
use super::protocol::Request;
use super::protocol::Response;
use super::route::Target;
use super::selector::Selector;
use super::store::Key;
use super::view::View;
use super::write::Call;
use super::write::FieldValidation;
use super::write::Patch;
use super::write::Written;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;

const PATCH_TYPES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];

impl Cluster {
    pub(crate) fn verb(
        &mut self,
        now: Timestamp,
        request: &Request,
        target: &Target<'_>,
        kind: &Arc<Kind>,
    ) -> Result<Response, ApiError> {
        match target.subresource {
            "" => {}
            "status" if kind.status => {}
            "scale" if kind.scale.is_some() => return self.scale(now, request, target, kind),
            _ => return Err(ApiError::no_such_resource()),
        }
        let at = (target.namespace, target.name);
        let view = View::of(request);
        if target.name.is_empty() {
            return self.collection_verb(now, request, target, kind);
        }
        match request.method.as_str() {
            "GET" if request.is_set("watch") => self.start_watch(request, target, kind),
            "GET" => {
                let object = self.find(kind, at.0, at.1)?;
                let object = convert::from_stored(kind, (*object).clone());
                Ok(Response::json(200, view.one(kind, &object, now)))
            }
            "PUT" => {
                let call = call(now, request, target)?;
                let written = self.update(&call, kind, at, body(request)?)?;
                Ok(answer(&written, &view, kind, now))
            }
            "PATCH" => {
                let mut call = call(now, request, target)?;
                let patch = patch(request, kind, &mut call)?;
                let written = self.patch(&call, kind, at, &patch)?;
                Ok(answer(&written, &view, kind, now))
            }
            "DELETE" if target.subresource.is_empty() => {
                let options = delete_options(request)?;
                let deleted = self.delete(&call(now, request, target)?, kind, at, &options)?;
                Ok(Response::json(200, shown_deletion(kind, &deleted)))
            }
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    fn collection_verb(
        &mut self,
        now: Timestamp,
        request: &Request,
        target: &Target<'_>,
        kind: &Arc<Kind>,
    ) -> Result<Response, ApiError> {
        match request.method.as_str() {
            "GET" if request.is_set("watch") => self.start_watch(request, target, kind),
            "GET" => self.list_page(now, request, target, kind),
            "POST" if kind.namespaced && target.namespace.is_empty() => Err(ApiError::method_not_allowed()),
            "POST" => {
                let object = body(request)?;
                let written = self.create(&call(now, request, target)?, kind, target.namespace, object)?;
                Ok(answer(&written, &View::of(request), kind, now))
            }
            "DELETE" if !kind.namespaced || !target.namespace.is_empty() => {
                self.delete_collection(now, request, target, kind)
            }
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    fn delete_collection(
        &mut self,
        now: Timestamp,
        request: &Request,
        target: &Target<'_>,
        kind: &Arc<Kind>,
    ) -> Result<Response, ApiError> {
        let selector = Selector::parse(request.param("labelSelector"), request.param("fieldSelector"))?;
        let (call, options) = (call(now, request, target)?, delete_options(request)?);
        let names: Vec<Object> = self
            .list(&kind.api_version(), &kind.kind, target.namespace)
            .into_iter()
            .filter(|object| selector.matches(object))
            .collect();
        for object in &names {
            self.delete(&call, kind, (object.namespace(), object.name()), &options)?;
        }
        let metadata = json!({ "resourceVersion": self.resource_version().to_string() });
        Ok(Response::json(200, View::Whole.list(kind, &names, metadata, now)))
    }

    fn list_page(
        &self,
        now: Timestamp,
        request: &Request,
        target: &Target<'_>,
        kind: &Arc<Kind>,
    ) -> Result<Response, ApiError> {
        let selector = Selector::parse(request.param("labelSelector"), request.param("fieldSelector"))?;
        let (version, start) = match request.param("continue") {
            "" => (self.resource_version(), None),
            token => self.resume(token)?,
        };
        self.check_version(request.param("resourceVersion"))?;
        let limit = number(request, "limit")?
            .filter(|limit| *limit > 0)
            .unwrap_or(u64::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut rest = self
            .store
            .list(&kind.stored_as, target.namespace)
            .filter(|(key, _)| {
                start
                    .as_ref()
                    .is_none_or(|s| (&key.namespace, &key.name) >= (&s.0, &s.1))
            })
            .map(|(key, object)| (key, convert::from_stored(kind, (**object).clone())))
            .filter(|(_, object)| selector.matches(object));
        let page: Vec<Object> = rest.by_ref().take(limit).map(|(_, object)| object).collect();
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if let Some((key, _)) = rest.next() {
            metadata["continue"] = token(version, key).into();
            if selector == Selector::default() {
                metadata["remainingItemCount"] = (rest.count() + 1).into();
            }
        }
        Ok(Response::json(
            200,
            View::of(request).list(kind, &page, metadata, now),
        ))
    }

    /// Where a list goes on: the version it began at, and the first object not yet listed.
    fn resume(&self, token: &str) -> Result<(u64, Option<(String, String)>), ApiError> {
        let bad = || ApiError::bad_request("continue key is not valid");
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
        let (version, namespace, name): (u64, String, String) =
            serde_json::from_slice(&bytes).map_err(|_| bad())?;
        if version < self.store.forgotten() {
            return Err(ApiError::expired_continue());
        }
        Ok((version, Some((namespace, name))))
    }

    fn check_version(&self, wanted: &str) -> Result<(), ApiError> {
        let wanted = if wanted.is_empty() {
            0
        } else {
            parse_version(wanted)?
        };
        if wanted > self.resource_version() {
            Err(ApiError::too_large(wanted, self.resource_version()))
        } else {
            Ok(())
        }
    }
}

fn token(version: u64, next: &Key) -> String {
    URL_SAFE_NO_PAD.encode(json!([version, next.namespace, next.name]).to_string())
}

pub(crate) fn parse_version(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| {
        ApiError::bad_request(format!(
            "Invalid value: {text:?}: strconv.ParseUint: invalid syntax"
        ))
    })
}

pub(crate) fn number(request: &Request, key: &str) -> Result<Option<u64>, ApiError> {
    match request.param(key) {
        "" => Ok(None),
        text => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(ApiError::bad_request(format!("{key}: {text:?} is not a number"))),
        },
    }
}

/// Reads who writes and how from the query.
pub(crate) fn call<'a>(
    now: Timestamp,
    request: &'a Request,
    target: &'a Target<'_>,
) -> Result<Call<'a>, ApiError> {
    let mut call = Call::new(now, request.manager()).on(target.subresource);
    call.dry_run = match request.param("dryRun") {
        "" => false,
        "All" => true,
        other => {
            return Err(ApiError::bad_request(format!(
                "dryRun: Unsupported value: {other:?}: supported values: \"All\""
            )));
        }
    };
    call.validation = match request.param("fieldValidation") {
        "Strict" => FieldValidation::Strict,
        "Ignore" => FieldValidation::Ignore,
        "" | "Warn" => FieldValidation::Warn,
        other => {
            let allowed = "\"Ignore\", \"Warn\", \"Strict\"";
            let message =
                format!("fieldValidation: Unsupported value: {other:?}: supported values: {allowed}");
            return Err(ApiError::bad_request(message));
        }
    };
    Ok(call)
}

fn body(request: &Request) -> Result<Object, ApiError> {
    let media = request.content_type.split(';').next().unwrap_or_default().trim();
    if !matches!(
        media,
        "" | "application/json" | "application/yaml" | protobuf::MEDIA_TYPE
    ) {
        return Err(ApiError::unsupported_media_type(&[
            "application/json",
            "application/yaml",
        ]));
    }
    let is_protobuf = media == protobuf::MEDIA_TYPE;
    let object = Object(if is_protobuf {
        protobuf::read(&request.body)?
    } else {
        request.json()?
    });
    if object.str("/apiVersion").is_empty() || object.str("/kind").is_empty() {
        return Err(ApiError::bad_request(
            "Object 'Kind' or 'apiVersion' is missing in the body",
        ));
    }
    Ok(object)
}

fn patch(request: &Request, kind: &Kind, call: &mut Call<'_>) -> Result<Patch, ApiError> {
    let media = request.content_type.split(';').next().unwrap_or_default().trim();
    let force = request.is_set("force");
    if force && media != "application/apply-patch+yaml" {
        let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
        return Err(ApiError::invalid_options(&cause));
    }
    let document = request.json()?;
    match media {
        "application/json-patch+json" => {
            let patch = serde_json::from_value(document)
                .map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))?;
            Ok(Patch::Json(patch))
        }
        "application/merge-patch+json" => Ok(Patch::Merge(document)),
        "application/strategic-merge-patch+json" => Ok(Patch::Strategic(document)),
        "application/apply-patch+yaml" => {
            call.writer.operation = Operation::Apply;
            if request.param("fieldManager").is_empty() {
                let cause = Cause::required("fieldManager", "is required for apply patch");
                return Err(ApiError::invalid_options(&cause));
            }
            let wanted = Object(document);
            if wanted.str("/apiVersion").is_empty() || wanted.str("/kind").is_empty() {
                let message = format!(
                    "the applied object must have apiVersion {} and kind {}",
                    kind.api_version(),
                    kind.kind
                );
                return Err(ApiError::bad_request(message));
            }
            Ok(Patch::Apply { wanted, force })
        }
        _ => Err(ApiError::unsupported_media_type(PATCH_TYPES)),
    }
}

fn delete_options(request: &Request) -> Result<DeleteOptions, ApiError> {
    let body = Object(request.json()?);
    let propagation = match request.param("propagationPolicy") {
        "" => body.str("/propagationPolicy"),
        given => given,
    };
    if !matches!(propagation, "" | "Background" | "Foreground" | "Orphan") {
        let message = format!("propagationPolicy: {propagation:?} is none of Background, Foreground, Orphan");
        return Err(ApiError::bad_request(message));
    }
    Ok(DeleteOptions {
        uid: body.str("/preconditions/uid").to_owned(),
        resource_version: body.str("/preconditions/resourceVersion").to_owned(),
        propagation: propagation.to_owned(),
    })
}

fn answer(written: &Written, view: &View, kind: &Kind, now: Timestamp) -> Response {
    let code = if written.created { 201 } else { 200 };
    let mut response = Response::json(code, view.one(kind, &written.object, now));
    response.warnings = written.warnings.clone();
    response
}

fn shown_deletion(kind: &Kind, deleted: &Deleted) -> Value {
    match deleted {
        Deleted::Waiting(object) => object.0.clone(),
        Deleted::Gone(object) => {
            let mut details = json!({ "name": object.name(), "kind": kind.plural, "uid": object.uid() });
            if !kind.group.is_empty() {
                details["group"] = kind.group.clone().into();
            }
            json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
        }
    }
}
