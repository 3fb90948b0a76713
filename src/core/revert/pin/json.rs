//! The JSON patch that leads from head's object back to the good one: where a strategic merge would have to repeat a
//! whole list, or would reorder it.

use crate::subject;
use crate::yaml;
use serde_json::Value;
use serde_json::json;

/// The operations, with a test of every named item they go into: a list that has moved on fails loudly.
pub(super) fn operations(good: &Value, head: &Value) -> Vec<Value> {
    let mut ops = Vec::new();
    let pointer = subject::essence_pointer(good);
    walk(
        pointer,
        &subject::essence(good),
        &subject::essence(head),
        &mut ops,
    );
    ops
}

/// An item of `patches`.
pub(super) fn entry(operations: &[Value], kind: &Value, metadata: &Value) -> Vec<String> {
    let mut target = json!({ "kind": kind });
    if let (Value::Object(target), Value::Object(names)) = (&mut target, metadata) {
        target.extend(names.clone());
    }
    let body = yaml::lines(&Value::Array(operations.to_vec()));
    let patch = body.iter().map(|line| yaml::indented(4, line));
    let target = yaml::lines(&target)
        .into_iter()
        .map(|line| yaml::indented(4, &line));
    let patch = ["- patch: |-".to_owned()].into_iter().chain(patch);
    patch.chain(["  target:".to_owned()]).chain(target).collect()
}

fn walk(pointer: &str, good: &Value, head: &Value, ops: &mut Vec<Value>) {
    match (good, head) {
        _ if good == head => {}
        (Value::Object(g), Value::Object(h)) => {
            for (key, was) in g {
                let at = join(pointer, key);
                match h.get(key) {
                    Some(is) => walk(&at, was, is, ops),
                    None => ops.push(json!({ "op": "add", "path": at, "value": was })),
                }
            }
            let gone = h.keys().filter(|key| !g.contains_key(*key));
            ops.extend(gone.map(|key| json!({ "op": "remove", "path": join(pointer, key) })));
        }
        (Value::Array(g), Value::Array(h)) => list(pointer, g, h, ops),
        _ => ops.push(json!({ "op": "replace", "path": pointer, "value": good })),
    }
}

/// What both ends share stays; in between items change, and then come or go.
fn list(pointer: &str, good: &[Value], head: &[Value], ops: &mut Vec<Value>) {
    let alike = |(a, b): &(&Value, &Value)| a == b;
    let first = good.iter().zip(head).take_while(alike).count();
    let rest = good[first..].iter().rev().zip(head[first..].iter().rev());
    let last = rest.take_while(alike).count();
    let (was, is) = (&good[first..good.len() - last], &head[first..head.len() - last]);
    for (at, (good, head)) in was.iter().zip(is).enumerate() {
        let item = join(pointer, &(first + at).to_string());
        if let Some(name) = head.get("name") {
            ops.push(json!({ "op": "test", "path": join(&item, "name"), "value": name }));
        }
        walk(&item, good, head, ops);
    }
    let both = was.len().min(is.len());
    for (at, item) in was.iter().enumerate().skip(both) {
        let path = join(pointer, &(first + at).to_string());
        ops.push(json!({ "op": "add", "path": path, "value": item }));
    }
    for at in (both..is.len()).rev() {
        ops.push(json!({ "op": "remove", "path": join(pointer, &(first + at).to_string()) }));
    }
}

fn join(pointer: &str, part: &str) -> String {
    format!("{pointer}/{}", part.replace('~', "~0").replace('/', "~1"))
}
