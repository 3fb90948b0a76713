//! Pod templates: when two are the same, and what the primary's looks like.

use crate::object::Object;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

/// The annotation that makes the primary's pods new ones at each promotion. Flagger's is random; recant's is the
/// hash of the promoted template, so that promoting the same template restarts nothing.
pub const ID_ANNOTATION: &str = "flagger-id";

/// A hash of a JSON value: 16 hexadecimal digits of SHA-256 over its canonical text (sorted keys, no spaces).
///
/// ```
/// # use recant_core::template::hash;
/// assert_eq!(hash(&serde_json::json!({"a": 1, "b": 2})), hash(&serde_json::json!({"b": 2, "a": 1})));
/// ```
pub fn hash(value: &Value) -> String {
    let digest = Sha256::digest(value.to_string().as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The pod template of a workload.
pub fn of(workload: &Object) -> Value {
    workload.at("/spec/template").cloned().unwrap_or_default()
}

/// The label that selects a workload's pods: the first of `names` in its selector, and its value.
pub fn selector_label(workload: &Object, names: &[String]) -> Option<(String, String)> {
    let labels = workload.strings("/spec/selector/matchLabels");
    names
        .iter()
        .find_map(|name| Some((name.clone(), labels.get(name)?.clone())))
}

/// The primary's template for a target's.
pub fn primary_of(template: &Value, label: &(String, String)) -> Value {
    let mut primary = Object(template.clone());
    let (key, value) = label;
    primary.set(
        &format!("/metadata/labels/{}", escaped(key)),
        Value::from(format!("{value}-primary")),
    );
    primary.set(
        &format!("/metadata/annotations/{ID_ANNOTATION}"),
        Value::from(hash(template)),
    );
    primary.0
}

/// The target's template for a primary's: the way back, for workloads that Flagger has promoted.
pub fn target_of(primary: &Value, label: &(String, String)) -> Value {
    let mut target = Object(primary.clone());
    let (key, value) = label;
    target.set(
        &format!("/metadata/labels/{}", escaped(key)),
        Value::from(value.clone()),
    );
    if let Some(Value::Object(annotations)) = target.0.pointer_mut("/metadata/annotations") {
        annotations.remove(ID_ANNOTATION);
        if annotations.is_empty()
            && let Some(Value::Object(metadata)) = target.0.get_mut("metadata")
        {
            metadata.remove("annotations");
        }
    }
    target.0
}

/// A key as a part of a JSON pointer.
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The images of a template's containers, `name=image`, in order.
pub fn images(template: &Value) -> Vec<String> {
    let containers = template.pointer("/spec/containers").and_then(Value::as_array);
    let image = |c: &Value| Some(c.get("image")?.as_str()?.to_owned());
    containers.into_iter().flatten().filter_map(image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_way_to_the_primary_and_back_changes_nothing() {
        let label = ("app.kubernetes.io/name".to_owned(), "podinfo".to_owned());
        let table = [
            json!({"metadata": {"labels": {"app.kubernetes.io/name": "podinfo"}}, "spec": {}}),
            json!({"metadata": {"labels": {"app.kubernetes.io/name": "podinfo", "x": "y"},
                                "annotations": {"a": "b"}}, "spec": {"containers": [{"image": "i:1"}]}}),
        ];
        for template in table {
            let primary = primary_of(&template, &label);
            assert_ne!(primary, template);
            assert_eq!(target_of(&primary, &label), template);
        }
    }
}
