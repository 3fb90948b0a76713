//! Which fields of the built-in kinds are maps and which are lists, wherever they stand.

use serde_json::Value;

const MAPS: &[&str] = &[
    "metadata",
    "spec",
    "status",
    "template",
    "jobTemplate",
    "strategy",
    "updateStrategy",
    "rollingUpdate",
    "selector",
    "matchLabels",
    "labels",
    "annotations",
    "securityContext",
    "httpGet",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "configMap",
    "secret",
    "emptyDir",
    "roleRef",
    "data",
    "binaryData",
    "stringData",
    "involvedObject",
    "scaleTargetRef",
    "nodeSelector",
    "valueFrom",
];
const LISTS: &[&str] = &[
    "containers",
    "initContainers",
    "volumes",
    "volumeMounts",
    "env",
    "envFrom",
    "ports",
    "command",
    "args",
    "subjects",
    "ownerReferences",
    "finalizers",
    "imagePullSecrets",
    "tolerations",
    "endpoints",
    "subsets",
];
/// Where these words mean something else: maps whose keys are the user's own, and conditions, which are a list here, a map
/// there, and whose `status` is a word.
const FREE: &[&str] = &[
    "labels",
    "annotations",
    "data",
    "binaryData",
    "stringData",
    "matchLabels",
    "nodeSelector",
    "managedFields",
    "conditions",
];

/// What is wrong with the first field that has the wrong type, in the words of a JSON reader.
pub(super) fn mistyped(value: &Value, at: &str) -> Option<String> {
    match value {
        Value::Object(map) => map.iter().find_map(|(name, inner)| {
            let path = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}.{name}")
            };
            check(name, inner, &path)
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, inner)| mistyped(inner, &format!("{at}[{index}]"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn check(name: &str, value: &Value, path: &str) -> Option<String> {
    let wrong = |is: &str| {
        Some(format!(
            "cannot unmarshal {} into {path}, which is a {is}",
            type_of(value)
        ))
    };
    if value.is_null() {
        return None;
    }
    // The status of a condition is a word.
    let is_map = MAPS.contains(&name) && (name != "status" || path == "status");
    if is_map && !value.is_object() {
        return wrong("map");
    }
    // Those of an endpoint are a map.
    let is_list = LISTS.contains(&name) && (name != "conditions" || path == "status.conditions");
    if is_list && !value.is_array() {
        return wrong("list");
    }
    if FREE.contains(&name) {
        None
    } else {
        mistyped(value, path)
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
