//! In what two renderings of one directory differ, object by object and field by field.

use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// What one rendering holds.
type Objects<'a> = BTreeMap<String, &'a Value>;

/// Every difference, one line each: the object, the field, and what each side says of it. Order does not count.
pub(super) fn differences(ours: &[Value], theirs: &[Value], names: (&str, &str)) -> Vec<String> {
    let (ours, theirs) = (by_name(ours), by_name(theirs));
    let all: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut out = Vec::new();
    for id in all {
        match (ours.get(id), theirs.get(id)) {
            (Some(a), Some(b)) => {
                let mut fields = Vec::new();
                walk("", Some(a), Some(b), names, &mut fields);
                out.extend(fields.into_iter().map(|field| format!("{id} {field}")));
            }
            (Some(_), None) => out.push(format!("{id}: only {} has it", names.0)),
            (None, _) => out.push(format!("{id}: only {} has it", names.1)),
        }
    }
    out
}

/// The fields in which two values differ.
pub(super) fn fields(ours: &Value, theirs: &Value, names: (&str, &str)) -> Vec<String> {
    let mut out = Vec::new();
    walk("", Some(ours), Some(theirs), names, &mut out);
    out
}

fn by_name(objects: &[Value]) -> Objects<'_> {
    objects.iter().map(|object| (named(object), object)).collect()
}

/// `Kind/namespace/name (group/version)`.
pub(super) fn named(object: &Value) -> String {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (kind, name, version) = (text("/kind"), text("/metadata/name"), text("/apiVersion"));
    match text("/metadata/namespace") {
        "" => format!("{kind}/{name} ({version})"),
        namespace => format!("{kind}/{namespace}/{name} ({version})"),
    }
}

fn walk(pointer: &str, a: Option<&Value>, b: Option<&Value>, names: (&str, &str), out: &mut Vec<String>) {
    let below = |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    match (a, b) {
        _ if a == b => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter()
                .for_each(|key| walk(&below(key), a.get(key), b.get(key), names, out));
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                walk(&below(&at.to_string()), Some(a), Some(b), names, out);
            }
        }
        _ => {
            let told =
                |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
            out.push(format!(
                "{pointer}: {} says {}, {} says {}",
                names.0,
                told(a),
                names.1,
                told(b)
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_field_that_differs_is_told_and_order_does_not_count() {
        let object = |name: &str, value: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": value});
        let (a, b) = (
            object("a", json!({"x/y": 1, "z": [1, 2]})),
            object("b", json!({})),
        );
        let other = object("a", json!({"x/y": 2, "z": [1, 2]}));
        assert!(differences(&[a.clone(), b.clone()], &[b.clone(), a.clone()], ("one", "two")).is_empty());
        let told = differences(&[a.clone(), b], &[other], ("one", "two"));
        let want = [
            "ConfigMap/a (v1) /data/x~1y: one says 1, two says 2",
            "ConfigMap/b (v1): only one has it",
        ];
        assert_eq!(told, want);
    }
}
