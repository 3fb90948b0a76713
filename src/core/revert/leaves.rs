//! What differs between two values, leaf by leaf.

use serde::Serialize;
use serde_json::Value;

/// One leaf that the revert is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaf {
    /// Where in the object, as a JSON pointer; lists count as at head, or as in the good state for what head lacks.
    pub pointer: String,
    /// The value in the good state; `None` when it was not there.
    pub good: Option<Value>,
    /// The value at head; `None` when it is not there.
    pub head: Option<Value>,
}

/// The leaves that differ. Lists of maps with a `name` are aligned by it, other lists by place.
pub(super) fn leaves(pointer: &str, good: Option<&Value>, head: Option<&Value>) -> Vec<Leaf> {
    let mut out = Vec::new();
    walk(pointer, good, head, &mut out);
    out
}

fn walk(pointer: &str, good: Option<&Value>, head: Option<&Value>, out: &mut Vec<Leaf>) {
    if good == head {
        return;
    }
    match (good, head) {
        (Some(Value::Object(g)), Some(Value::Object(h))) => {
            for key in g.keys().chain(h.keys().filter(|k| !g.contains_key(*k))) {
                walk(&join(pointer, key), g.get(key), h.get(key), out);
            }
        }
        (Some(Value::Array(g)), Some(Value::Array(h))) => lists(pointer, g, h, out),
        (None, Some(Value::Object(h))) if !h.is_empty() => {
            h.iter()
                .for_each(|(key, value)| walk(&join(pointer, key), None, Some(value), out));
        }
        (Some(Value::Object(g)), None) if !g.is_empty() => {
            g.iter()
                .for_each(|(key, value)| walk(&join(pointer, key), Some(value), None, out));
        }
        _ => out.push(Leaf {
            pointer: pointer.to_owned(),
            good: good.cloned(),
            head: head.cloned(),
        }),
    }
}

fn lists(pointer: &str, good: &[Value], head: &[Value], out: &mut Vec<Leaf>) {
    let name = |v: &Value| v.get("name").and_then(Value::as_str).map(str::to_owned);
    let named = good.iter().chain(head).all(|v| name(v).is_some());
    if !named {
        for at in 0..good.len().max(head.len()) {
            walk(&join(pointer, &at.to_string()), good.get(at), head.get(at), out);
        }
        return;
    }
    let before = out.len();
    for (at, item) in head.iter().enumerate() {
        let old = good.iter().find(|g| name(g) == name(item));
        walk(&join(pointer, &at.to_string()), old, Some(item), out);
    }
    for (at, item) in good.iter().enumerate() {
        if !head.iter().any(|h| name(h) == name(item)) {
            walk(&join(pointer, &at.to_string()), Some(item), None, out);
        }
    }
    if out.len() == before {
        // Same items in another order.
        let list = |items: &[Value]| Some(Value::Array(items.to_vec()));
        out.push(Leaf {
            pointer: pointer.to_owned(),
            good: list(good),
            head: list(head),
        });
    }
}

/// A JSON pointer, one part longer.
pub(super) fn join(pointer: &str, part: &str) -> String {
    format!("{pointer}/{}", part.replace('~', "~0").replace('/', "~1"))
}
