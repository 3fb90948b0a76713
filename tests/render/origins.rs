//! Origins against perturbation: a value that is changed in a file must be an origin of every field that changes.
//!
//! The cases lie beside the repository; where they are absent the test says so and passes.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that reads cases from disk and reports"
)]

#[path = "../recorded.rs"]
mod recorded;

use recant_render::Cache;
use recant_render::Object;
use recant_render::Rendered;
use recant_render::Root;
use recant_render::Tree;
use recant_render::edit::set_scalar;
use recant_render::render_with;
use recant_render::yaml::Document;
use recant_render::yaml::Leaf;
use recorded::cases;
use recorded::tree;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

type Leaves = BTreeMap<(usize, String), Value>;

/// Every leaf by the place of its object and its pointer.
fn leaves(rendered: &Rendered) -> Leaves {
    let mut all = Leaves::new();
    for (at, object) in rendered.objects.iter().enumerate() {
        let json = object.json();
        for (pointer, _) in object.origins() {
            let value = json.pointer(&pointer).cloned().unwrap_or_default();
            all.insert((at, pointer), value);
        }
    }
    all
}

/// Whether a value of a file is an origin of a field.
fn is_origin(object: &Object, pointer: &str, file: &str, leaf: &Leaf) -> bool {
    let origin = object.origin(pointer);
    let mut sources = origin.iter().flat_map(|o| o.sources());
    sources.any(|(f, _, start, end)| f == file && start <= leaf.span.start && leaf.span.end <= end)
}

/// Whether a value says what something is for, not what it is: names, kinds and selectors decide what a patch,
/// an image or a reference touches. They are no origins of what it brings.
fn decides(pointer: &str) -> bool {
    const WORDS: [&str; 10] = [
        "apiVersion",
        "kind",
        "name",
        "namespace",
        "group",
        "version",
        "apiGroup",
        "labelSelector",
        "op",
        "fieldPath",
    ];
    let last = pointer.rsplit('/').next().unwrap_or_default();
    let parts = [
        "/target/",
        "/select/",
        "/source/",
        "/objref/",
        "/fieldref/",
        "/fieldPaths/",
        "/resources/",
        "/fieldSpecs/",
        "/varReference/",
        "/sortOptions/",
        "/components/",
        // Patches may be selected by these.
        "/labels/",
        "/annotations/",
    ];
    WORDS.contains(&last) || parts.iter().any(|p| pointer.contains(p))
}

/// What one change of one value moved without being an origin of it.
fn missed(before: &Rendered, after: &Rendered, file: &str, leaf: &Leaf) -> (usize, Vec<String>) {
    if !after.ok() || after.objects.len() != before.objects.len() {
        return (0, Vec::new());
    }
    let (old, new) = (leaves(before), leaves(after));
    let mut moved = 0;
    let mut missed = Vec::new();
    for ((at, pointer), value) in &old {
        let now = new.get(&(*at, pointer.clone()));
        if now.is_none_or(|now| now == value) {
            continue;
        }
        moved += 1;
        let object = &before.objects[*at];
        if !is_origin(object, pointer, file, leaf) {
            let (id, from) = (object.id(), object.origin(pointer));
            missed.push(format!(
                "{id} {pointer} moves with {file}:{} {}, comes from {from:?}",
                leaf.line, leaf.pointer
            ));
        }
    }
    (moved, missed)
}

#[test]
fn what_moves_with_a_line_comes_from_it() {
    let (mut changes, mut moved, mut all) = (0, 0, Vec::new());
    for case in cases("real").into_iter().chain(cases("krusty")) {
        if case.join("expected_error.txt").exists() {
            continue;
        }
        let tree = tree(&case.join("tree"));
        let root = Root {
            path: fs::read_to_string(case.join("path.txt"))
                .unwrap()
                .trim()
                .to_owned(),
            flux: None,
        };
        let mut cache = Cache::default();
        let before = render_with(&tree, &root, &mut cache);
        let size: usize = before.objects.iter().map(|o| o.origins().count()).sum();
        if size > 1_500 {
            continue; // a few renderings of those take as long as all the others
        }
        for (file, at, leaf) in sample(&tree, &before) {
            let token = Value::from(format!("zz{}", changes % 7));
            let Ok(bytes) = set_scalar(tree.bytes(&file).unwrap(), at, &leaf.pointer, &token) else {
                continue;
            };
            let after = render_with(&tree.with(&file, &bytes), &root, &mut cache);
            let (n, mut missed) = missed(&before, &after, &file, &leaf);
            changes += 1;
            moved += n;
            all.append(&mut missed);
        }
    }
    eprintln!(
        "{changes} changes moved {moved} fields; {} of them without the line as an origin",
        all.len()
    );
    // What is left are values that decide where something goes, found by this means alone.
    assert!(all.len() * 1_000 <= moved, "{}", all.join("\n"));
}

/// Some leaves of every file that was read, spread evenly.
fn sample(tree: &Tree, rendered: &Rendered) -> Vec<(String, usize, Leaf)> {
    let mut picked = Vec::new();
    for file in &rendered.reads {
        let Some(bytes) = tree.bytes(file).filter(|_| file.ends_with("yaml")) else {
            continue;
        };
        for (at, document) in Document::read(bytes).unwrap_or_default().iter().enumerate() {
            let leaves: Vec<Leaf> = document
                .leaves()
                .into_iter()
                .filter(|l| !l.aliased && !decides(&l.pointer))
                .collect();
            let step = leaves.len() / 3 + 1;
            picked.extend(leaves.into_iter().step_by(step).map(|l| (file.clone(), at, l)));
        }
    }
    picked
}
