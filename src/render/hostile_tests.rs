//! Trees that mean harm: each ends in a clear problem, within bounded time and memory.

use crate::Entry;
use crate::Root;
use crate::Severity;
use crate::Tree;
use crate::render;
use std::fmt::Write;

fn problems(tree: &Tree, path: &str) -> String {
    let rendered = render(
        tree,
        &Root {
            path: path.to_owned(),
            flux: None,
        },
    );
    assert!(!rendered.ok());
    let bad = rendered
        .problems
        .iter()
        .filter(|p| p.severity != Severity::Warning);
    bad.map(|p| format!("{p}\n")).collect()
}

#[test]
fn kustomizations_in_a_circle_end() {
    let tree = Tree::fixture(
        "//- /a/kustomization.yaml\nresources: [../b]\n//- /b/kustomization.yaml\nresources: [../a]\n",
    );
    assert!(problems(&tree, "a").contains("b/kustomization.yaml:1: cycle"));
    let own = Tree::fixture("//- /a/kustomization.yaml\nresources: [.]\n");
    assert!(problems(&own, "a").contains("cycle"));
    let parent = Tree::fixture(
        "//- /kustomization.yaml\nresources: [a]\n//- /a/kustomization.yaml\nresources: [..]\n",
    );
    assert!(problems(&parent, "").contains("cycle"));
}

#[test]
fn no_path_leaves_the_tree() {
    let dots = Tree::fixture("//- /a/kustomization.yaml\nresources: [../../../etc/passwd]\n");
    assert!(problems(&dots, "a").contains("leads out of the repository"));
    for target in ["/etc/passwd", "../../x"] {
        let link = Tree::fixture("//- /a/kustomization.yaml\nresources: [l.yaml]\n")
            .with_entry("a/l.yaml", Some(Entry::Link(target.into())));
        assert!(
            problems(&link, "a").contains("leads out of the repository"),
            "{target}"
        );
    }
}

#[test]
fn links_are_followed_but_not_in_circles() {
    let circle = Tree::fixture("//- /kustomization.yaml\nresources: [l]\n")
        .with_entry("l", Some(Entry::Link("m".into())))
        .with_entry("m", Some(Entry::Link("l".into())));
    assert!(problems(&circle, "").contains("in a circle"));
    let fine = Tree::fixture(
        "//- /a/kustomization.yaml\nresources: [l/cm.yaml]\n//- /b/cm.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
    )
    .with_entry("a/l", Some(Entry::Link("../b".into())));
    let rendered = render(
        &fine,
        &Root {
            path: "a".to_owned(),
            flux: None,
        },
    );
    assert!(rendered.ok() && rendered.reads.contains("a/l") && rendered.reads.contains("b/cm.yaml"));
}

#[test]
fn aliases_do_not_explode() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        let _ = writeln!(bomb, "a{level}: &a{level} [{inner}]");
    }
    let tree = Tree::of([
        ("kustomization.yaml", "resources: [b.yaml]\n".to_owned()),
        ("b.yaml", bomb),
    ]);
    assert!(problems(&tree, "").contains("aliases expand to too many values"));
    let own = Tree::of([
        ("kustomization.yaml", "resources: [b.yaml]\n"),
        ("b.yaml", "a: &a [*a]\n"),
    ]);
    assert!(problems(&own, "").contains("b.yaml:1"));
}

#[test]
fn nesting_is_bounded() {
    for deep in ["[".repeat(10_000), "{a: ".repeat(10_000), "- ".repeat(10_000)] {
        let tree = Tree::of([
            ("kustomization.yaml", "resources: [b.yaml]\n".to_owned()),
            ("b.yaml", deep),
        ]);
        assert!(problems(&tree, "").contains("b.yaml:1"));
    }
}

#[test]
fn chains_and_repetition_of_kustomizations_are_bounded() {
    let chain = (0..1_000).map(|n| {
        (
            format!("d{n}/kustomization.yaml"),
            format!("resources: [../d{}]\n", n + 1),
        )
    });
    assert!(problems(&Tree::of(chain), "d0").contains("deep"));
    let fan = (0..40).map(|n| {
        let next = n + 1;
        (
            format!("d{n}/kustomization.yaml"),
            format!("resources: [../d{next}, ../d{next}]\n"),
        )
    });
    assert!(problems(&Tree::of(fan), "d0").contains("again and again"));
}

#[test]
fn patches_that_double_what_they_copy_are_stopped() {
    let mut patch = String::new();
    for n in 0..40 {
        let _ = writeln!(patch, "    - {{op: copy, from: /data, path: /data/k{n}}}");
    }
    let kustomization =
        format!("resources: [cm.yaml]\npatches:\n- target: {{kind: ConfigMap}}\n  patch: |\n{patch}");
    let cm = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n".to_owned();
    let tree = Tree::of([("kustomization.yaml", kustomization), ("cm.yaml", cm)]);
    assert!(problems(&tree, "").contains("too much"));
}

#[test]
fn bytes_that_are_no_text_are_a_problem_with_a_line() {
    let tree = Tree::of([
        ("kustomization.yaml", &b"resources: [b.yaml]\n"[..]),
        ("b.yaml", b"a: 1\nb: \xff\n"),
    ]);
    assert!(problems(&tree, "").contains("b.yaml:2: not valid UTF-8"));
}

#[test]
fn a_key_that_stands_twice_is_a_problem_with_a_line() {
    let cm = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: b\n  a: c\n";
    let tree = Tree::of([("kustomization.yaml", "resources: [b.yaml]\n"), ("b.yaml", cm)]);
    assert!(problems(&tree, "").contains("b.yaml:6: key `a` stands twice"));
}

#[test]
fn huge_files_are_refused() {
    let tree = Tree::of([
        ("kustomization.yaml", b"resources: [b.yaml]\n".to_vec()),
        ("b.yaml", vec![b'#'; 40 << 20]),
    ]);
    assert!(problems(&tree, "").contains("too large"));
}
