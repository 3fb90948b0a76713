//! Objects that an edit is written into on purpose, and what of them may change for it.

use recant_render::flux::RENDERING;
use serde_json::Value;

/// Whether an object changes only in what can carry an edit: how a Flux Kustomization renders its path, or the tags
/// that an ImageRepository leaves out, which only grow in number.
pub(super) fn only_carries(was: &Value, is: &Value) -> bool {
    let kind = |object: &Value| {
        object
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    match kind(was).as_str() {
        "Kustomization" => {
            let fields: Vec<&str> = RENDERING.iter().copied().chain(["path"]).collect();
            without(was, &fields) == without(is, &fields)
        }
        "ImageRepository" => {
            let excluded = |object: &Value| {
                let list = object.pointer("/spec/exclusionList").and_then(Value::as_array);
                list.cloned().unwrap_or_default()
            };
            let after = excluded(is);
            let kept = excluded(was).iter().all(|pattern| after.contains(pattern));
            kept && without(was, &["exclusionList"]) == without(is, &["exclusionList"])
        }
        _ => false,
    }
}

/// An object without these fields of its spec.
fn without(object: &Value, fields: &[&str]) -> Value {
    let mut object = object.clone();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.retain(|key, _| !fields.contains(&key.as_str()));
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_that_carries_an_edit_may_change_in_that_and_in_nothing_else() {
        let flux = |spec: Value| json!({"kind": "Kustomization", "spec": spec});
        let image = |spec: Value| json!({"kind": "ImageRepository", "spec": spec});
        let table = [
            (
                flux(json!({"path": "a", "prune": true})),
                flux(json!({"path": "a", "prune": true, "images": []})),
                true,
            ),
            (
                flux(json!({"path": "a", "prune": true})),
                flux(json!({"path": "a", "prune": false})),
                false,
            ),
            (
                image(json!({"image": "a"})),
                image(json!({"image": "a", "exclusionList": ["^1$"]})),
                true,
            ),
            (
                image(json!({"image": "a", "exclusionList": ["^1$"]})),
                image(json!({"image": "a"})),
                false,
            ),
            (image(json!({"image": "a"})), image(json!({"image": "b"})), false),
            (
                json!({"kind": "ConfigMap", "data": {}}),
                json!({"kind": "ConfigMap", "data": {"a": "b"}}),
                false,
            ),
        ];
        for (was, is, carries) in table {
            assert_eq!(only_carries(&was, &is), carries, "{was} {is}");
        }
    }
}
