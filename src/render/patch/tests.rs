//! Strategic merge against kustomize's own table, and JSON patches by example.

use super::json6902;
use super::merge;
use crate::yaml::Node;
use crate::yaml::json;
use crate::yaml::parse;
use crate::yaml::parse::Place;
use crate::yaml::parse::Twice;
use crate::yaml::resolve::Rules;
use serde_json::Value;
use std::path::Path;

fn node(text: &str) -> Option<Node> {
    let documents = parse::documents(text.as_bytes(), &Place::File(0), Twice::Fault);
    documents.expect("YAML").into_iter().next()
}

fn value(text: &str) -> Value {
    node(text).map_or(Value::Null, |n| json::to_json(&n, Rules::V3).expect("JSON"))
}

/// Lists as sorted texts: the table was recorded with another order of merging lists.
fn unordered(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(unordered).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(map) => map.into_iter().map(|(k, v)| (k, unordered(v))).collect(),
        other => other,
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test that reads its cases from disk")]
fn strategic_merge_does_what_kustomize_recorded() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = ["../shared", "../../shared"]
        .map(|up| repository.join(up).join("kustomize-cases/strategic-merge.json"));
    let Some(text) = files.iter().find_map(|f| std::fs::read_to_string(f).ok()) else {
        return;
    };
    let cases: Vec<Value> = serde_json::from_str(&text).expect("the table");
    for case in cases {
        let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        let (dest, patch) = (node(&text("dest")), node(&text("patch")));
        let (Some(dest), Some(patch)) = (dest, patch) else {
            continue;
        };
        let merged = merge::merge(dest, patch, &mut Vec::new()).expect("a merge");
        let got = merged.map_or(Value::Null, |n| json::to_json(&n, Rules::V3).expect("JSON"));
        assert_eq!(
            unordered(got),
            unordered(value(&text("expected"))),
            "{}",
            text("description")
        );
    }
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
