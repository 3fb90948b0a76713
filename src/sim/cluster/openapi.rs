//! OpenAPI, as little of it as kubectl needs: that writes take `fieldValidation`, and the schemas of custom kinds for
//! `kubectl explain`.
//!
//! Built-in kinds have no schema here. No path claims strategic merge patches, so that kubectl works them out from
//! the types it has built in.

use super::Cluster;
use super::error::ApiError;
use super::kind::Kind;
use super::protocol::Request;
use super::protocol::Response;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeSet;

impl Cluster {
    pub(crate) fn openapi(&self, request: &Request, path: &str) -> Result<Response, ApiError> {
        if path == "v2" {
            return Ok(second_version(request));
        }
        if path == "v3" || path == "v3/" {
            return Ok(Response::json(200, self.index()));
        }
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["v3", "api", version] => self.document("", version),
            ["v3", "apis", group, version] => self.document(group, version),
            _ => Err(ApiError::no_such_resource()),
        }
    }

    fn index(&self) -> Value {
        let versions: BTreeSet<String> = self.kinds.iter().map(|k| prefix(&k.group, &k.version)).collect();
        // The version in the address makes kubectl's cache forget what changed.
        let version = self.resource_version();
        let paths: Map<String, Value> = versions
            .into_iter()
            .map(|path| {
                let url = json!({ "serverRelativeURL": format!("/openapi/v3{path}?hash={version}") });
                (path.trim_start_matches('/').to_owned(), url)
            })
            .collect();
        json!({ "paths": paths })
    }

    fn document(&self, group: &str, version: &str) -> Result<Response, ApiError> {
        let (mut paths, mut schemas) = (Map::new(), Map::new());
        for kind in self.of(group, version) {
            let scope = if kind.namespaced {
                "/namespaces/{namespace}"
            } else {
                ""
            };
            let path = format!("{}{scope}/{}/{{name}}", prefix(group, version), kind.plural);
            paths.insert(path, operations(kind));
            schemas.insert(schema_name(kind), schema(kind));
        }
        if paths.is_empty() {
            return Err(ApiError::no_such_resource());
        }
        let info = json!({ "title": "Kubernetes", "version": "v1.33.0" });
        let body =
            json!({ "openapi": "3.0.0", "info": info, "paths": paths, "components": { "schemas": schemas } });
        Ok(Response::json(200, body))
    }
}

/// An OpenAPI v2 document without content: kubectl only looks there for kinds it found nowhere else.
fn second_version(request: &Request) -> Response {
    const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    // Not as asked for: `@` may not stand in a media type, and the real server answers with a dot.
    const ANSWERED: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    if request
        .accepted()
        .any(|parameters| parameters.first() == Some(&PROTOBUF))
    {
        // The message's first field is the text "2.0".
        return Response {
            content_type: ANSWERED.to_owned(),
            ..Response::text(200, "\u{a}\u{3}2.0")
        };
    }
    let info = json!({ "title": "Kubernetes", "version": "v1.33.0" });
    Response::json(
        200,
        json!({ "swagger": "2.0", "info": info, "paths": {}, "definitions": {} }),
    )
}

fn prefix(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{group}/{version}")
    }
}

fn schema_name(kind: &Kind) -> String {
    let mut parts: Vec<&str> = kind.group.split('.').filter(|p| !p.is_empty()).collect();
    parts.reverse();
    parts.extend([kind.version.as_str(), kind.kind.as_str()]);
    parts.join(".")
}

fn identity(kind: &Kind) -> Value {
    json!({ "group": kind.group, "version": kind.version, "kind": kind.kind })
}

fn operations(kind: &Kind) -> Value {
    let query = |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } });
    let write = json!({
        "x-kubernetes-group-version-kind": identity(kind),
        "parameters": [query("dryRun"), query("fieldManager"), query("fieldValidation")],
        "requestBody": { "content": { "application/merge-patch+json": {}, "application/json-patch+json": {}, "application/apply-patch+yaml": {} } },
        "responses": { "200": { "description": "OK" } },
    });
    let read = json!({
        "x-kubernetes-group-version-kind": identity(kind),
        "responses": { "200": {
            "description": "OK",
            "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{}", schema_name(kind)) } } },
        } },
    });
    json!({ "get": read, "put": write, "patch": write })
}

fn schema(kind: &Kind) -> Value {
    let mut schema = match &kind.custom {
        Some(custom) => custom.schema.value().clone(),
        None => json!({ "type": "object", "description": format!("{} is a built-in kind.", kind.kind) }),
    };
    if let Some(map) = schema.as_object_mut() {
        map.insert(
            "x-kubernetes-group-version-kind".to_owned(),
            json!([identity(kind)]),
        );
        let properties = map.entry("properties").or_insert_with(|| json!({}));
        for (field, what) in [
            ("apiVersion", "string"),
            ("kind", "string"),
            ("metadata", "object"),
        ] {
            if properties.get(field).is_none() {
                properties[field] = json!({ "type": what });
            }
        }
    }
    schema
}
