//! Sets of fields: who owns what, in the words of `metadata.managedFields`.
//!
//! A field is a path of elements as `FieldsV1` spells them: `f:spec`, `k:{"name":"podinfo"}`, `v:"x"`. A path names a
//! leaf (a scalar, or a map or list that is one piece), or an item of a keyed list itself.

use super::shape::ListRule;
use super::shape::Shape;
use serde_json::Map;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

pub(crate) type Path = Vec<String>;
pub(crate) type FieldSet = BTreeSet<Path>;

/// The fields of an object, each with its value; an item of a keyed list itself has none.
pub(crate) fn fields(object: &Value, shape: &Shape<'_>) -> BTreeMap<Path, Option<Value>> {
    let mut found = BTreeMap::new();
    walk(object, shape, &mut Vec::new(), &mut found);
    found.retain(|path, _| !is_stripped(path));
    found
}

/// Fields that nobody can own.
fn is_stripped(path: &Path) -> bool {
    const METADATA: &[&str] = &[
        "f:name",
        "f:namespace",
        "f:uid",
        "f:creationTimestamp",
        "f:generation",
        "f:managedFields",
        "f:resourceVersion",
        "f:selfLink",
        "f:deletionTimestamp",
        "f:deletionGracePeriodSeconds",
    ];
    match path.as_slice() {
        [] => true,
        [only] => matches!(only.as_str(), "f:apiVersion" | "f:kind" | "f:metadata"),
        [first, second, ..] => first == "f:metadata" && METADATA.contains(&second.as_str()),
    }
}

fn walk(value: &Value, shape: &Shape<'_>, at: &mut Path, found: &mut BTreeMap<Path, Option<Value>>) {
    match value {
        Value::Object(map) if !map.is_empty() && !shape.is_atomic_map() => {
            for (name, value) in map {
                at.push(format!("f:{name}"));
                walk(value, &shape.field(name), at, found);
                at.pop();
            }
        }
        Value::Array(items) if !items.is_empty() && shape.list() != ListRule::Atomic => {
            let rule = shape.list();
            for item in items {
                at.push(element(item, &rule));
                if matches!(rule, ListRule::Keyed(_)) {
                    found.insert(at.clone(), None);
                }
                if matches!(rule, ListRule::Set) {
                    found.insert(at.clone(), Some(item.clone()));
                } else {
                    walk(item, &shape.item(), at, found);
                }
                at.pop();
            }
        }
        leaf => {
            found.insert(at.clone(), Some(leaf.clone()));
        }
    }
}

/// The path element that names an item of a list.
pub(crate) fn element(item: &Value, rule: &ListRule) -> String {
    match rule {
        ListRule::Keyed(keys) => {
            let pairs: Map<String, Value> = keys
                .iter()
                .filter_map(|(key, default)| Some((key.clone(), item.get(key).or(default.as_ref())?.clone())))
                .collect();
            format!("k:{}", Value::Object(pairs))
        }
        ListRule::Set | ListRule::Atomic => format!("v:{item}"),
    }
}

/// What changed from one object to another: fields added or changed, and fields gone.
pub(crate) fn compare(old: &Value, new: &Value, shape: &Shape<'_>) -> (FieldSet, FieldSet) {
    let (old, new) = (fields(old, shape), fields(new, shape));
    let changed = new
        .iter()
        .filter(|(path, value)| old.get(*path) != Some(*value))
        .map(|(path, _)| path.clone());
    let gone = old.keys().filter(|path| !new.contains_key(*path)).cloned();
    (changed.collect(), gone.collect())
}

/// As `fieldsV1`.
pub(crate) fn to_v1(set: &FieldSet) -> Value {
    let mut root = Map::new();
    for path in set {
        let mut here = &mut root;
        for (depth, element) in path.iter().enumerate() {
            let entry = here
                .entry(element.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = entry else { break };
            let is_item = depth + 1 == path.len() && element.starts_with("k:");
            if is_item {
                inner.insert(".".to_owned(), Value::Object(Map::new()));
            }
            here = inner;
        }
    }
    Value::Object(root)
}

/// From `fieldsV1`.
pub(crate) fn from_v1(fields: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    collect(fields, &mut Vec::new(), &mut set);
    set
}

fn collect(fields: &Value, at: &mut Path, set: &mut FieldSet) {
    let Value::Object(map) = fields else { return };
    for (element, inner) in map {
        if element == "." {
            set.insert(at.clone());
            continue;
        }
        at.push(element.clone());
        if inner.as_object().is_none_or(Map::is_empty) {
            set.insert(at.clone());
        } else {
            collect(inner, at, set);
        }
        at.pop();
    }
}

/// The path as conflicts show it: `.spec.containers[name="podinfo"].image`.
pub(crate) fn display(path: &Path) -> String {
    path.iter().map(|element| display_element(element)).collect()
}

fn display_element(element: &str) -> String {
    match element.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("k", keys)) => {
            let keys: BTreeMap<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let pairs: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("[{}]", pairs.join(","))
        }
        Some((_, value)) => format!("[={value}]"),
        None => element.to_owned(),
    }
}
