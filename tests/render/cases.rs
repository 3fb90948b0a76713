//! The renderer against recorded output of the real kustomize.
//!
//! The cases lie beside the repository; where they are absent the tests say so and pass.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that reads cases from disk and reports how many pass"
)]

#[path = "../recorded.rs"]
mod recorded;

use recant_render::Rendered;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;
use recant_render::yaml::Document;
use recorded::beside;
use recorded::cases;
use recorded::tree;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Cases that are not expected to pass, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Objects by name; several of one name in a list.
fn by_name(objects: impl IntoIterator<Item = Value>) -> BTreeMap<String, Vec<Value>> {
    let mut map: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for object in objects {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let key = format!(
            "{} {} {}/{}",
            text("/apiVersion"),
            text("/kind"),
            text("/metadata/namespace"),
            text("/metadata/name")
        );
        map.entry(key).or_default().push(object);
    }
    map
}

/// What is wrong with a rendering, or nothing.
fn differs(case: &Path, rendered: &Rendered) -> Option<String> {
    let problems: Vec<String> = rendered.problems.iter().map(ToString::to_string).collect();
    if case.join("expected_error.txt").exists() {
        return rendered
            .ok()
            .then(|| "kustomize fails here; no problem was found".to_owned());
    }
    if !rendered.ok() {
        return Some(format!("problems: {}", problems.join("; ")));
    }
    let bytes = fs::read(case.join("expected.yaml")).unwrap();
    let wanted = by_name(Document::read(&bytes).unwrap().iter().map(|d| d.json().unwrap()));
    let got = by_name(rendered.objects.iter().map(recant_render::Object::json));
    for key in wanted.keys().chain(got.keys()) {
        match (wanted.get(key), got.get(key)) {
            (Some(wanted), Some(got)) if wanted == got => {}
            (Some(wanted), Some(got)) => {
                return Some(format!("{key}: {}", first_difference("", &wanted[0], &got[0])));
            }
            (Some(_), None) => return Some(format!("{key} is missing; there are {:?}", got.keys())),
            (None, _) => return Some(format!("{key} should not be there")),
        }
    }
    None
}

fn first_difference(path: &str, wanted: &Value, got: &Value) -> String {
    if let (Value::Object(w), Value::Object(g)) = (wanted, got) {
        for key in w.keys().chain(g.keys()) {
            let (w, g) = (&wanted[key], &got[key]);
            if w != g {
                return first_difference(&format!("{path}/{key}"), w, g);
            }
        }
    }
    if let (Value::Array(w), Value::Array(g)) = (wanted, got)
        && w.len() == g.len()
    {
        for (at, (w, g)) in w.iter().zip(g).enumerate() {
            if w != g {
                return first_difference(&format!("{path}/{at}"), w, g);
            }
        }
    }
    format!("{path}: wanted {wanted}, got {got}")
}

fn check(set: &str) {
    let (mut passed, mut failed) = (0, Vec::new());
    for case in cases(set) {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let path = fs::read_to_string(case.join("path.txt")).unwrap();
        let root = Root {
            path: path.trim().trim_start_matches('/').to_owned(),
            flux: None,
        };
        let rendered = render(&tree(&case.join("tree")), &root);
        match (
            differs(&case, &rendered),
            EXCEPTIONS.iter().find(|(n, _)| *n == name),
        ) {
            (None, None) => passed += 1,
            (None, Some(_)) => failed.push(format!("{name}: passes now; take it off the list of exceptions")),
            (Some(_), Some(_)) => {}
            (Some(why), None) => failed.push(format!("{name}: {why}")),
        }
    }
    eprintln!("{set}: {passed} pass, {} fail", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn kustomizes_own_cases_render_as_recorded() {
    check("krusty");
}

#[test]
fn real_repositories_render_as_recorded() {
    check("real");
}

/// An object of the table of merges, with the version and the name that it leaves out.
fn whole(text: &str) -> String {
    let text = text.trim_start_matches('\n');
    let indent = &text[..text.len() - text.trim_start().len()];
    let (metadata, name) = (format!("\n{indent}metadata:"), format!("\n{indent}  name: "));
    let mut whole = text.trim_end().to_owned();
    if !whole.contains(&metadata) {
        whole.push_str(&metadata);
    }
    if !whole.contains(&name) {
        whole = whole.replace(&metadata, &format!("{metadata}{name}x"));
    }
    if !whole.contains("apiVersion:") {
        whole = format!("{indent}apiVersion: apps/v1\n{whole}");
    }
    whole + "\n"
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
fn strategic_merge_does_what_kustomize_recorded() {
    let Some(file) = beside("strategic-merge.json") else {
        return;
    };
    let table: Vec<Value> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    for case in table {
        let text = |key: &str| case[key].as_str().unwrap_or_default();
        let tree = Tree::default()
            .with(
                "kustomization.yaml",
                b"resources: [object.yaml]\npatches: [{path: patch.yaml}]\n",
            )
            .with("object.yaml", whole(text("dest")).as_bytes())
            .with("patch.yaml", whole(text("patch")).as_bytes());
        let root = Root {
            path: String::new(),
            flux: None,
        };
        let rendered = render(&tree, &root);
        assert!(rendered.ok(), "{}: {:?}", text("description"), rendered.problems);
        let got: Vec<Value> = rendered
            .objects
            .iter()
            .map(|object| unordered(object.json()))
            .collect();
        let expected = Some(text("expected")).filter(|text| !text.trim().is_empty());
        let documents = expected.map(|text| Document::read(whole(text).as_bytes()).unwrap());
        let wanted: Vec<Value> = documents
            .iter()
            .flatten()
            .map(|document| unordered(document.json().unwrap()))
            .collect();
        assert_eq!(got, wanted, "{}", text("description"));
    }
}
