//! CustomResourceDefinitions: from the object to the kinds it serves.

use super::error::Cause;
use super::kind::Column;
use super::kind::Custom;
use super::kind::Kind;
use super::kind::Scale;
use super::meta;
use super::schema;
use super::schema::Schema;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;

/// The group of definitions.
pub(crate) const GROUP: &str = "apiextensions.k8s.io";
/// The kind of definitions.
pub(crate) const KIND: &str = "CustomResourceDefinition";
/// Where definitions are stored.
pub(crate) const STORED_AS: &str = "customresourcedefinitions.apiextensions.k8s.io";
/// Holds a definition back until its instances are gone.
pub(crate) const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Where the instances are stored.
pub(crate) fn stored_as(definition: &Object) -> String {
    format!(
        "{}.{}",
        definition.str("/spec/names/plural"),
        definition.str("/spec/group")
    )
}

/// The kinds a definition serves, newest version first.
pub(crate) fn kinds(definition: &Object) -> Vec<Kind> {
    let versions = meta::list(definition, "/spec/versions");
    let mut served: Vec<&Value> = versions
        .iter()
        .filter(|v| v.get("served") == Some(&Value::Bool(true)))
        .collect();
    served.sort_by_key(|v| std::cmp::Reverse(priority(text(v, "name"))));
    served.iter().map(|version| kind(definition, version)).collect()
}

/// Order of versions: GA before beta before alpha, higher numbers first, anything else last.
fn priority(version: &str) -> (u8, u64, u64) {
    let Some(rest) = version.strip_prefix('v') else {
        return (0, 0, 0);
    };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let Ok(major) = rest[..end].parse() else {
        return (0, 0, 0);
    };
    let tail = &rest[end..];
    let minor = |prefix: &str| tail.strip_prefix(prefix).and_then(|n| n.parse().ok());
    match (tail, minor("beta"), minor("alpha")) {
        ("", _, _) => (3, major, 0),
        (_, Some(minor), _) => (2, major, minor),
        (_, _, Some(minor)) => (1, major, minor),
        _ => (0, 0, 0),
    }
}

fn kind(definition: &Object, version: &Value) -> Kind {
    let strings = |pointer: &str| -> Vec<String> {
        meta::list(definition, pointer)
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let schema = version
        .pointer("/schema/openAPIV3Schema")
        .cloned()
        .unwrap_or(json!({ "type": "object" }));
    Kind {
        group: definition.str("/spec/group").to_owned(),
        version: text(version, "name").to_owned(),
        kind: definition.str("/spec/names/kind").to_owned(),
        plural: definition.str("/spec/names/plural").to_owned(),
        singular: definition.str("/spec/names/singular").to_owned(),
        short_names: strings("/spec/names/shortNames"),
        categories: strings("/spec/names/categories"),
        namespaced: definition.str("/spec/scope") == "Namespaced",
        status: version.pointer("/subresources/status").is_some(),
        scale: version.pointer("/subresources/scale").map(scale),
        generation: true,
        unconditional_update: false,
        stored_as: stored_as(definition),
        custom: Some(Custom {
            schema: Arc::new(Schema::new(schema)),
            columns: Arc::new(columns(version)),
        }),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// `.spec.replicas` as a JSON pointer.
fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

fn scale(scale: &Value) -> Scale {
    Scale {
        spec_replicas: pointer(text(scale, "specReplicasPath")),
        status_replicas: pointer(text(scale, "statusReplicasPath")),
        selector: pointer(text(scale, "labelSelectorPath")),
    }
}

fn columns(version: &Value) -> Vec<Column> {
    let defined = version.get("additionalPrinterColumns").and_then(Value::as_array);
    let column = |c: &Value| Column {
        name: text(c, "name").to_owned(),
        kind: text(c, "type").to_owned(),
        priority: c.get("priority").and_then(Value::as_i64).unwrap_or_default(),
        path: text(c, "jsonPath").to_owned(),
        description: text(c, "description").to_owned(),
        format: text(c, "format").to_owned(),
    };
    let age = || Column {
        name: "Age".to_owned(),
        kind: "date".to_owned(),
        priority: 0,
        path: ".metadata.creationTimestamp".to_owned(),
        description: String::new(),
        format: String::new(),
    };
    match defined.map(|list| list.iter().map(column).collect::<Vec<_>>()) {
        Some(columns) if !columns.is_empty() => columns,
        _ => vec![age()],
    }
}

/// Fills in what a definition leaves out, and establishes it.
pub(crate) fn default(definition: &mut Object, now: Timestamp) {
    let kind = definition.str("/spec/names/kind").to_owned();
    let mut fill = |pointer: &str, value: Value| {
        if definition.at(pointer).is_none() {
            definition.set(pointer, value);
        }
    };
    fill("/spec/names/singular", kind.to_lowercase().into());
    fill("/spec/names/listKind", format!("{kind}List").into());
    fill("/spec/conversion", json!({ "strategy": "None" }));
    let mut finalizers = meta::finalizers(definition);
    if !definition.is_deleting() && !finalizers.iter().any(|f| f == FINALIZER) {
        finalizers.push(FINALIZER.to_owned());
        meta::set_finalizers(definition, &finalizers);
    }
    if definition.at("/status/conditions").is_none() {
        definition.set("/status/conditions", conditions(now));
    }
    let names = definition.at("/spec/names").cloned().unwrap_or_default();
    definition.set("/status/acceptedNames", names);
    let versions = meta::list(definition, "/spec/versions");
    let storage = versions
        .iter()
        .find(|v| v.get("storage") == Some(&Value::Bool(true)));
    let storage = json!([storage.map(|v| text(v, "name")).unwrap_or_default()]);
    definition.set("/status/storedVersions", storage);
}

fn conditions(now: Timestamp) -> Value {
    let time = meta::time(now);
    json!([
        { "type": "NamesAccepted", "status": "True", "lastTransitionTime": time,
          "reason": "NoConflicts", "message": "no conflicts found" },
        { "type": "Established", "status": "True", "lastTransitionTime": time,
          "reason": "InitialNamesAccepted", "message": "the initial names have been accepted" },
    ])
}

/// What is wrong with a definition.
pub(crate) fn validate(definition: &Object, old: Option<&Object>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for field in ["spec.group", "spec.names.plural", "spec.names.kind", "spec.scope"] {
        if definition
            .str(&format!("/{}", field.replace('.', "/")))
            .is_empty()
        {
            causes.push(Cause::required(field, ""));
        }
    }
    let expected = stored_as(definition);
    if definition.name() != expected {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &definition.name().into(), detail));
    }
    if !matches!(definition.str("/spec/scope"), "" | "Namespaced" | "Cluster") {
        let allowed = ["Cluster".to_owned(), "Namespaced".to_owned()];
        causes.push(Cause::not_supported(
            "spec.scope",
            &definition.str("/spec/scope").into(),
            &allowed,
        ));
    }
    for field in ["scope", "group"] {
        let before = old.map(|o| o.str(&format!("/spec/{field}")));
        let now = definition.str(&format!("/spec/{field}"));
        if before.is_some_and(|before| before != now) {
            causes.push(Cause::invalid(
                &format!("spec.{field}"),
                &now.into(),
                "field is immutable",
            ));
        }
    }
    validate_versions(definition, &mut causes);
    causes
}

fn validate_versions(definition: &Object, causes: &mut Vec<Cause>) {
    let versions = meta::list(definition, "/spec/versions");
    let stored = versions
        .iter()
        .filter(|v| v.get("storage") == Some(&Value::Bool(true)))
        .count();
    if stored != 1 {
        let detail = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid(
            "spec.versions",
            &Value::from(versions.to_vec()),
            detail,
        ));
    }
    for (index, version) in versions.iter().enumerate() {
        let at = format!("spec.versions[{index}].schema.openAPIV3Schema");
        match version.pointer("/schema/openAPIV3Schema") {
            None => causes.push(Cause::required(&at, "schemas are required")),
            Some(schema) if schema.get("type").is_none_or(|t| t != "object") => {
                causes.push(Cause::invalid(
                    &format!("{at}.type"),
                    &text(schema, "type").into(),
                    "must be object at the root",
                ));
            }
            Some(schema) => causes.extend(schema::problems(schema, &at)),
        }
    }
}
