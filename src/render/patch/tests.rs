//! JSON patches by example. `tests/render/cases.rs` holds strategic merges to kustomize's own table.

use super::json6902;
use crate::yaml::Node;
use crate::yaml::json;
use crate::yaml::parse;
use crate::yaml::parse::Place;
use crate::yaml::parse::Twice;
use crate::yaml::resolve::Rules;
use serde_json::Value;

fn node(text: &str) -> Option<Node> {
    let documents = parse::documents(text.as_bytes(), &Place::File(0), Twice::Fault);
    documents.expect("YAML").into_iter().next()
}

fn value(text: &str) -> Value {
    node(text).map_or(Value::Null, |n| json::to_json(&n, Rules::V3).expect("JSON"))
}

fn patched(object: &str, ops: &str) -> Result<Value, String> {
    let mut node = node(object).expect("an object");
    let mut ops = crate::patch::tests::node(ops).expect("operations");
    json::settle(&mut ops).expect("values");
    let ops = json6902::read(&ops).map_err(|p| p.message)?;
    json6902::apply(&mut node, &ops, &mut Vec::new(), &mut |_, _| Ok(())).map_err(|p| p.message)?;
    Ok(json::to_json(&node, Rules::V3).expect("JSON"))
}

#[test]
fn json_patches_do_what_the_rfc_says_with_the_leniencies_of_kustomize() {
    let table = [
        ("a: 1", "[{op: add, path: /b, value: 2}]", "{a: 1, b: 2}"),
        ("a: [1, 2]", "[{op: add, path: /a/-, value: 3}]", "{a: [1, 2, 3]}"),
        ("a: [1, 2]", "[{op: add, path: /a/0, value: 3}]", "{a: [3, 1, 2]}"),
        (
            "a: [1, 2]",
            "[{op: replace, path: /a/-1, value: 3}]",
            "{a: [1, 3]}",
        ),
        (
            "a: {b: 1}",
            "[{op: replace, path: /a/c, value: 2}]",
            "{a: {b: 1, c: 2}}",
        ),
        ("a: {b/c: 1}", "[{op: remove, path: /a/b~1c}]", "{a: {}}"),
        ("a: 1", "[{op: copy, from: /a, path: /b}]", "{a: 1, b: 1}"),
        ("a: 1", "[{op: move, from: /a, path: /b}]", "{b: 1}"),
        ("a: 1", "[{op: test, path: /a, value: 1}]", "{a: 1}"),
        ("a: 1", "[{op: add, path: /b, value: on}]", "{a: 1, b: true}"),
    ];
    for (object, ops, wanted) in table {
        assert_eq!(patched(object, ops), Ok(value(wanted)), "{ops}");
    }
}

#[test]
fn json_patches_that_fit_nothing_are_refused() {
    for ops in [
        "[{op: remove, path: /b}]",
        "[{op: add, path: /b/c, value: 1}]",
        "[{op: replace, path: /a/b, value: 1}]",
        "[{op: add, path: /l/5, value: 1}]",
        "[{op: test, path: /a, value: 2}]",
        "[{op: jump, path: /a}]",
        "{op: add}",
    ] {
        assert!(patched("a: 1\nl: [1]", ops).is_err(), "{ops}");
    }
}
