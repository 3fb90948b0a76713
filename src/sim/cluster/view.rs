//! How objects are shown: whole, as rows of a table, or their metadata only.

use super::kind::Kind;
use super::protocol::Request;
use super::table;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

/// What the client's `Accept` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Whole,
    Table(Rows),
    Metadata,
}

/// How a table's rows are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    /// What of the object each row carries: `Metadata`, `Object` or `None`.
    include: String,
    /// Whether the columns have been sent: in a stream they are, once.
    has_columns: bool,
}

impl View {
    /// The best view the client accepts.
    pub(crate) fn of(request: &Request) -> Self {
        for parameters in request.accepted() {
            let has = |wanted: &str| parameters.contains(&wanted);
            if has("as=Table") {
                let include = request.param("includeObject").to_owned();
                return Self::Table(Rows {
                    include,
                    has_columns: false,
                });
            }
            if has("as=PartialObjectMetadata") || has("as=PartialObjectMetadataList") {
                return Self::Metadata;
            }
            if has("application/json") {
                return Self::Whole;
            }
        }
        Self::Whole
    }

    /// One object.
    pub(crate) fn one(&self, kind: &Kind, object: &Object, now: Timestamp) -> Value {
        match self {
            Self::Whole => object.0.clone(),
            Self::Table(rows) => {
                let metadata = json!({ "resourceVersion": object.resource_version() });
                table(kind, std::slice::from_ref(object), metadata, rows, now)
            }
            Self::Metadata => partial(object),
        }
    }

    /// One object of a stream.
    pub(crate) fn streamed(&mut self, kind: &Kind, object: &Object, now: Timestamp) -> Value {
        let shown = self.one(kind, object, now);
        if let Self::Table(rows) = self {
            rows.has_columns = true;
        }
        shown
    }

    /// A list.
    pub(crate) fn list(&self, kind: &Kind, objects: &[Object], metadata: Value, now: Timestamp) -> Value {
        match self {
            Self::Whole => {
                let items: Vec<Value> = objects.iter().map(|object| item(kind, object)).collect();
                let list = format!("{}List", kind.kind);
                json!({ "kind": list, "apiVersion": kind.api_version(), "metadata": metadata, "items": items })
            }
            Self::Table(rows) => table(kind, objects, metadata, rows, now),
            Self::Metadata => {
                let items: Vec<Value> = objects.iter().map(partial).collect();
                let list = "PartialObjectMetadataList";
                json!({ "kind": list, "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items })
            }
        }
    }
}

/// An item of a list: those of built-in kinds do not repeat their type.
fn item(kind: &Kind, object: &Object) -> Value {
    let mut item = object.0.clone();
    if let (None, Some(map)) = (&kind.custom, item.as_object_mut()) {
        map.remove("apiVersion");
        map.remove("kind");
    }
    item
}

fn partial(object: &Object) -> Value {
    let metadata = object.at("/metadata").cloned().unwrap_or_default();
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
}

fn table(kind: &Kind, objects: &[Object], metadata: Value, how: &Rows, now: Timestamp) -> Value {
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let mut row = json!({ "cells": table::cells(kind, object, now) });
            match how.include.as_str() {
                "None" => {}
                "Object" => row["object"] = object.0.clone(),
                _ => row["object"] = partial(object),
            }
            row
        })
        .collect();
    let columns = if how.has_columns {
        json!([])
    } else {
        table::columns(kind)
    };
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": columns, "rows": rows,
    })
}
