//! Structural schemas of custom kinds: defaulting, pruning of unknown fields, and validation.
//!
//! CEL rules (`x-kubernetes-validations`), recant's own and those of the CRDs it writes to, are accepted and not
//! evaluated: what only they refuse is let in here. The conformance suite holds the definitions to them on a real API
//! server (`tests/crds/reject/rules.yaml`), and the core refuses the same manifests when they are there all the same.

mod check;

use super::error::Cause;
use serde_json::Map;
use serde_json::Value;

/// An OpenAPI v3 schema of a CustomResourceDefinition.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema(Value);

impl Schema {
    pub(crate) fn new(schema: Value) -> Self {
        Self(schema)
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0
    }

    /// Fills in the schema's defaults.
    pub(crate) fn default(&self, object: &mut Value) {
        fill(&self.0, object);
    }

    /// Removes fields that the schema does not know, and names them.
    pub(crate) fn prune(&self, object: &mut Value) -> Vec<String> {
        let mut unknown = Vec::new();
        prune(&self.0, object, "", &mut unknown);
        unknown
    }

    /// What the schema has against the object.
    pub(crate) fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        check::check(&self.0, object, "", &mut causes);
        causes
    }
}

fn fill(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, field) in properties(schema) {
                let missing = match map.get(name) {
                    None => true,
                    Some(present) => present.is_null() && !is_true(field, "nullable"),
                };
                if let (true, Some(default)) = (missing, field.get("default")) {
                    map.insert(name.clone(), default.clone());
                }
                if let Some(inner) = map.get_mut(name) {
                    fill(field, inner);
                }
            }
            if let Some(extra @ Value::Object(_)) = schema.get("additionalProperties") {
                map.values_mut().for_each(|inner| fill(extra, inner));
            }
        }
        Value::Array(items) => {
            if let Some(item) = schema.get("items") {
                items.iter_mut().for_each(|inner| fill(item, inner));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn prune(schema: &Value, value: &mut Value, at: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(map) => prune_map(schema, map, at, unknown),
        Value::Array(items) => {
            if let Some(item) = schema.get("items") {
                for (index, inner) in items.iter_mut().enumerate() {
                    prune(item, inner, &format!("{at}[{index}]"), unknown);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn prune_map(schema: &Value, map: &mut Map<String, Value>, at: &str, unknown: &mut Vec<String>) {
    let keep = is_true(schema, "x-kubernetes-preserve-unknown-fields");
    let embedded = at.is_empty() || is_true(schema, "x-kubernetes-embedded-resource");
    let extra = schema
        .get("additionalProperties")
        .filter(|e| **e != Value::Bool(false));
    let mut gone = Vec::new();
    for (name, inner) in map.iter_mut() {
        if embedded && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        let path = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        match (schema.get("properties").and_then(|p| p.get(name)), extra) {
            (Some(field), _) | (None, Some(field)) => prune(field, inner, &path, unknown),
            (None, None) if keep => {}
            (None, None) => {
                gone.push(name.clone());
                unknown.push(path);
            }
        }
    }
    gone.iter().for_each(|name| {
        map.remove(name);
    });
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

fn is_true(schema: &Value, key: &str) -> bool {
    schema.get(key) == Some(&Value::Bool(true))
}
