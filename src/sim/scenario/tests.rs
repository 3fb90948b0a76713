//! The text format: what is read, and how mistakes are told.

use super::*;

#[test]
fn a_scenario_is_read_line_by_line() {
    let text = r#"
# a comment
image x:2 success 62.5 latency 30 p99 200   # another
commit "Bump \"x\"" by "D <d@e>"
  replace a.yaml "tag: 1\n" "tag: 2\n"
  delete b.yaml
wait 1m30s
expect canary test/x phase Failed within 5m
merge
"#;
    let scenario = parse("s.txt", text).expect("a scenario");
    let lines: Vec<_> = scenario.statements.iter().map(|s| s.line).collect();
    assert_eq!(lines, [3, 4, 7, 8, 9]);
    let Some(Verb::Commit { message, edits, .. }) = scenario.statements.get(1).map(|s| &s.verb) else {
        panic!("a commit")
    };
    assert_eq!(message, "Bump \"x\"");
    assert_eq!(
        edits.first(),
        Some(&Edit::Replace {
            file: "a.yaml".to_owned(),
            old: "tag: 1\n".to_owned(),
            new: "tag: 2\n".to_owned()
        })
    );
    let Some(Verb::Image { behaviour, .. }) = scenario.statements.first().map(|s| &s.verb) else {
        panic!("an image")
    };
    assert_eq!((behaviour.success_pct, behaviour.latency.p99_ms), (62.5, 200.0));
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_would_be_right() {
    let table = [
        ("\nmege\n", "s.txt:2: mege: not understood; a line begins with"),
        ("wait soon", "s.txt:1: soon: must be a time such as 30s or 5m"),
        ("flagger podinfo", "s.txt:1: podinfo: must be NAMESPACE/NAME"),
        ("config \"a: b\" succes 1", "s.txt:1: succes: not understood"),
        (
            "expect object ConfigMap test/x /data/a is b",
            "s.txt:1: object takes APIVERSION/KIND",
        ),
        (
            "commit \"x\"\nmerge",
            "s.txt:1: a commit needs at least one indented edit",
        ),
        (
            "  replace a b c",
            "s.txt:1: an indented line must follow a commit",
        ),
        ("commit \"x\"\n  replace a b", "s.txt:2: replace takes:"),
        (
            "commit \"x\"\n  rename a b",
            "s.txt:2: rename: not understood; an edit is",
        ),
        ("say \"no end", "s.txt:1: the closing \" is missing"),
        ("say \"a\\qb\"", "s.txt:1: \\q means nothing here"),
        (
            "expect canary podinfo phase Failed",
            "s.txt:1: podinfo: must be NAMESPACE/NAME",
        ),
        (
            "expect rain",
            "s.txt:1: expect rain: not understood; expect canary, hook",
        ),
        ("image x:1 success most", "s.txt:1: most: must be a number"),
        (
            "image x:1 colour 3",
            "s.txt:1: colour: not understood; an image has",
        ),
        (
            "hook http://x answers no",
            "s.txt:1: hook takes: hook URL answers",
        ),
        ("gate ajar test/x", "s.txt:1: gate and rollback take: gate open"),
        ("abort podinfo", "s.txt:1: podinfo: must be NAMESPACE/NAME"),
        ("load test 3", "s.txt:1: test: must be NAMESPACE/NAME"),
        ("load test/x 3 with header", "s.txt:1: load takes:"),
        ("load test/x 3 users", "s.txt:1: load takes:"),
    ];
    for (text, wanted) in table {
        let error = parse("s.txt", text).expect_err(text).to_string();
        assert!(error.starts_with(wanted), "{text:?}: {error}");
    }
}
