//! Structural schemas of custom kinds: defaulting, pruning of unknown fields, and validation by
//! types, ranges, patterns and rules.

mod check;
mod rules;

use super::error::Cause;
use rules::Rules;
use serde_json::Map;
use serde_json::Value;

/// An OpenAPI v3 schema of a CustomResourceDefinition.
#[derive(Clone, Debug)]
pub struct Schema {
    schema: Value,
    rules: Rules,
}

/// The rules follow from the rest.
impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
    }
}

impl Schema {
    /// A schema against which [`problems`] has nothing.
    pub(crate) fn new(schema: Value) -> Self {
        let rules = Rules::of(&schema, "", &mut |_, _| {});
        Self { schema, rules }
    }

    pub(crate) fn value(&self) -> &Value {
        &self.schema
    }

    /// Fills in the schema's defaults.
    pub(crate) fn default(&self, object: &mut Value) {
        fill(&self.schema, object);
    }

    /// Removes fields that the schema does not know, and names them.
    pub(crate) fn prune(&self, object: &mut Value) -> Vec<String> {
        let mut unknown = Vec::new();
        prune(&self.schema, object, "", &mut unknown);
        unknown
    }

    /// What the schema has against the object. Rules are not asked about what does not even fit the types.
    pub(crate) fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        let mut causes = Vec::new();
        check::check(&self.schema, object, "", &mut causes);
        if causes.is_empty() {
            self.rules.check(object, old, "", &mut causes);
        }
        causes
    }
}

/// The rules of a schema at `at` that are not understood.
pub(crate) fn problems(schema: &Value, at: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    Rules::of(schema, at, &mut |at, why| {
        causes.push(Cause::invalid(&at, &Value::from("rule"), &why));
    });
    causes
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
        let path = below(at, name);
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

/// The path to a field of what is at `at`.
fn below(at: &str, name: &str) -> String {
    match at {
        "" => name.to_owned(),
        at => format!("{at}.{name}"),
    }
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
