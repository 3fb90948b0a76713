#![expect(clippy::unwrap_used, reason = "tests")]

use super::merge::texts;
use super::*;
use recant_render::Entry;
use recant_render::Tree;

fn new(parents: &[&String], content: Content, message: &str, date_s: i64) -> NewCommit {
    NewCommit {
        parents: parents.iter().map(|id| (*id).clone()).collect(),
        content,
        author: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
        message: message.to_owned(),
        date_s,
    }
}

fn files(changes: &[(&str, Option<&str>)]) -> Content {
    Content::Files(
        changes
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.map(|t| t.as_bytes().to_vec())))
            .collect(),
    )
}

#[test]
fn ids_are_those_the_git_program_gives() {
    let mut git = MemoryGit::new("main");
    let tree = Tree::of([
        ("a.yaml", "x: 1\n"),
        ("dir/b.yaml", "y: 2\n"),
        ("dir-x", "z\n"),
        ("dir.txt", "t\n"),
    ]);
    let first = git
        .commit(&new(&[], Content::Tree(tree.clone()), "first\n", 1_700_000_000))
        .unwrap();
    assert_eq!(first, "7a526d7d193afe5377705eaf516b17fb301ecbfb");
    let tree = tree
        .without("a.yaml")
        .with("dir/b.yaml", b"x: 2\n")
        .with_entry("link", Some(Entry::Link("a.yaml".into())));
    let second = git
        .commit(&new(&[&first], Content::Tree(tree), "second\n", 1_700_000_060))
        .unwrap();
    assert_eq!(second, "44b1c7c8f773baffd6d454d63ee09b7f51434c5d");
}

#[test]
fn what_git_cannot_hold_is_refused_and_says_what() {
    let bad = [
        files(&[("a", Some("1")), ("a/b", Some("2"))]),
        files(&[("../a", Some("1"))]),
        files(&[(".git/config", Some("1"))]),
        files(&[("a//b", Some("1"))]),
    ];
    let mut git = MemoryGit::new("main");
    for content in bad {
        let refused = git.commit(&new(&[], content, "m", 0)).unwrap_err();
        assert!(
            refused.to_string().contains("\"a") || refused.to_string().contains('/'),
            "{refused}"
        );
    }
    let missing = "0".repeat(40);
    assert_eq!(
        git.commit(&new(&[&missing], files(&[]), "m", 0)),
        Err(Refused::NoCommit(missing))
    );
    let mut nameless = new(&[], files(&[]), "m", 0);
    nameless.author = "A <b>".to_owned();
    assert!(git.commit(&nameless).unwrap_err().to_string().contains("author"));
}

#[test]
fn a_log_across_a_merge_is_newest_first_and_ends_before_from() {
    let mut git = MemoryGit::new("main");
    let root = git
        .commit(&new(&[], files(&[("a", Some("1"))]), "root", 10))
        .unwrap();
    let left = git
        .commit(&new(&[&root], files(&[("b", Some("1"))]), "left", 30))
        .unwrap();
    let right = git
        .commit(&new(&[&root], files(&[("c", Some("1"))]), "right", 20))
        .unwrap();
    let both = git
        .commit(&new(&[&left, &right], files(&[]), "both", 20))
        .unwrap();
    let subjects = |from: Option<&str>, limit| -> Vec<String> {
        let log = git.log(from, &both, limit);
        log.iter().map(|commit| commit.subject().to_owned()).collect()
    };
    assert_eq!(subjects(None, 10), ["both", "left", "right", "root"]);
    assert_eq!(subjects(None, 2), ["both", "left"]);
    assert_eq!(subjects(Some(&left), 10), ["both", "right"]);
    assert_eq!(subjects(Some(&both), 10), [""; 0]);
    assert_eq!(git.merge_base(&left, &right), Some(root.clone()));
    assert_eq!(git.merge_base(&both, &right), Some(right.clone()));
    assert!(git.is_ancestor(&root, &both) && git.is_ancestor(&both, &both));
    assert!(!git.is_ancestor(&left, &right));
}

#[test]
fn texts_merge_by_line_and_touching_changes_conflict() {
    let cases = [
        (
            "a\nb\nc\nd\n",
            "A\nb\nc\nd\n",
            "a\nb\nc\nD\n",
            Some("A\nb\nc\nD\n"),
        ),
        ("a\nb\nc\n", "a\nb\nc\n", "a\nX\nc\n", Some("a\nX\nc\n")),
        ("a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n", Some("a\nX\nc\n")),
        ("a\nb\nc\n", "a\nX\nc\n", "a\nY\nc\n", None),
        ("a\nb\nc\n", "X\nb\nc\n", "a\nY\nc\n", None),
        (
            "a\nb\nc\nd\n",
            "a\nc\nd\n",
            "a\nb\nc\nd\ne\n",
            Some("a\nc\nd\ne\n"),
        ),
        ("a\nb\nc", "A\nb\nc", "a\nb\nc\n", Some("A\nb\nc\n")),
        ("", "a\n", "b\n", None),
        ("", "a\n", "", Some("a\n")),
        ("a\nb\nc\n", "", "a\nb\nc\n", Some("")),
    ];
    for (base, ours, theirs, want) in cases {
        assert_eq!(
            texts(base, ours, theirs).as_deref(),
            want,
            "{base:?} {ours:?} {theirs:?}"
        );
        assert_eq!(
            texts(base, theirs, ours).as_deref(),
            want,
            "turned: {base:?} {ours:?} {theirs:?}"
        );
    }
}

#[test]
fn trees_merge_per_file_and_name_every_conflict() {
    let base = Tree::fixture("//- /a\n1\n2\n3\n//- /b\n1\n//- /c\n1\n");
    let ours = base
        .with("a", b"X\n2\n3\n")
        .with("b", b"2\n")
        .without("c")
        .with("d", b"1\n");
    let theirs = base.with("a", b"1\n2\nX\n").with("e", b"1\n");
    let merged = merge::trees(&base, &ours, &theirs).unwrap();
    assert_eq!(merged, ours.with("a", b"X\n2\nX\n").with("e", b"1\n"));
    let theirs = base.with("b", b"3\n").with("c", b"2\n").with("d/x", b"1\n");
    assert_eq!(
        merge::trees(&base, &ours, &theirs),
        Err(vec!["b".into(), "c".into(), "d".into()])
    );
}

#[test]
fn names_of_branches_are_those_git_takes() {
    for good in ["main", "recant/revert-1", "a.b", "@a"] {
        assert!(is_branch_name(good), "{good}");
    }
    for bad in [
        "", "-a", "a..b", "a b", "a~1", "a.lock", "a//b", "/a", "a/", "a/.b", "HEAD", "a@{b", "a.",
    ] {
        assert!(!is_branch_name(bad), "{bad}");
    }
}
