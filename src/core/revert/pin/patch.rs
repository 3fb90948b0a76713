//! The strategic merge patch that leads from head's object back to the good one.

use crate::subject;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// How lists of named things go back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lists {
    /// Item by item.
    Merged,
    /// Whole, but for containers and volumes: when their order counts.
    Replaced,
}

/// Patches that may restore the object, lists merged and lists replaced, one for each name it may have. Which of them
/// does is for the renderer to say.
pub(super) fn patches(good: &Value, head: &Value, names: &[Value]) -> [Vec<Value>; 2] {
    let pointer = subject::essence_pointer(good);
    let (want, have) = (subject::essence(good), subject::essence(head));
    let is_native = ["", "apps", "batch"].contains(&group(head));
    [Lists::Merged, Lists::Replaced].map(|lists| {
        let change = wrapped(pointer, maps(&want, &have, is_native.then_some(lists)));
        let named = |metadata: &Value| {
            let Value::Object(mut patch) = change.clone() else {
                return None;
            };
            for key in ["apiVersion", "kind"] {
                patch.insert(key.to_owned(), head.get(key).cloned().unwrap_or_default());
            }
            patch.insert("metadata".to_owned(), metadata.clone());
            Some(Value::Object(patch))
        };
        names.iter().filter_map(named).collect()
    })
}

fn group(object: &Value) -> &str {
    let api_version = object
        .get("apiVersion")
        .and_then(Value::as_str)
        .unwrap_or_default();
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// A value at its place in an otherwise empty object.
fn wrapped(pointer: &str, value: Value) -> Value {
    pointer
        .split('/')
        .skip(1)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .fold(value, |inner, key| json!({ key: inner }))
}

/// How the object may be called where the patch is applied: the kustomization's own namespace and prefix come later.
pub(super) fn names(head: &Value, written: Option<&str>) -> Vec<Value> {
    let name = head.pointer("/metadata/name").cloned().unwrap_or_default();
    let bare = json!({ "name": name });
    let mut all = match head.pointer("/metadata/namespace") {
        Some(namespace) => vec![json!({ "name": name, "namespace": namespace }), bare],
        None => vec![bare],
    };
    let written = written.map(|name| json!({ "name": name }));
    all.extend(written.filter(|w| !all.contains(w)));
    all
}

fn maps(good: &Value, head: &Value, lists: Option<Lists>) -> Value {
    let (Value::Object(g), Value::Object(h)) = (good, head) else {
        return good.clone();
    };
    let mut out = Map::new();
    for (key, was) in g {
        match h.get(key) {
            Some(is) if is == was => (),
            Some(is) => {
                out.insert(key.clone(), field(key, was, is, lists));
            }
            None => {
                out.insert(key.clone(), was.clone());
            }
        }
    }
    let gone = h.keys().filter(|key| !g.contains_key(*key));
    out.extend(gone.map(|key| (key.clone(), Value::Null)));
    Value::Object(out)
}

fn field(key: &str, good: &Value, head: &Value, lists: Option<Lists>) -> Value {
    match (good, head, lists.zip(merge_key(key))) {
        (Value::Object(_), Value::Object(_), _) => maps(good, head, lists),
        (Value::Array(g), Value::Array(h), Some((lists, merge_key))) => {
            let stays = lists == Lists::Merged || matches!(key, "containers" | "initContainers" | "volumes");
            match items(g, h, merge_key, lists) {
                Some(items) if stays => items,
                _ => replaced(g),
            }
        }
        _ => good.clone(),
    }
}

fn replaced(good: &[Value]) -> Value {
    let marker = json!({ "$patch": "replace" });
    Value::Array([marker].into_iter().chain(good.iter().cloned()).collect())
}

/// The items that differ, each under its key; `None` when an item has none, or two have the same.
fn items(good: &[Value], head: &[Value], merge_key: &str, lists: Lists) -> Option<Value> {
    let key = |item: &Value| item.get(merge_key).cloned();
    for list in [good, head] {
        let keys: Vec<Value> = list.iter().map(key).collect::<Option<_>>()?;
        let twice = keys.iter().enumerate().any(|(at, k)| keys[..at].contains(k));
        if twice {
            return None;
        }
    }
    let mut out = Vec::new();
    for item in good {
        match head.iter().find(|h| key(h) == key(item)) {
            Some(same) if same == item => (),
            Some(other) => {
                let mut change = maps(item, other, Some(lists));
                if let (Value::Object(map), Some(key)) = (&mut change, key(item)) {
                    map.insert(merge_key.to_owned(), key);
                }
                out.push(change);
            }
            None => out.push(item.clone()),
        }
    }
    for item in head.iter().filter(|h| !good.iter().any(|g| key(g) == key(h))) {
        out.push(json!({ merge_key: key(item), "$patch": "delete" }));
    }
    Some(Value::Array(out))
}

/// The key by which Kubernetes merges a list of that name.
fn merge_key(list: &str) -> Option<&'static str> {
    match list {
        "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "env" | "imagePullSecrets" => {
            Some("name")
        }
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "ports" => Some("containerPort"),
        "hostAliases" => Some("ip"),
        "topologySpreadConstraints" => Some("topologyKey"),
        _ => None,
    }
}
