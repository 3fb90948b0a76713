//! The repository in memory and the one on disk are one and the same to whoever uses them.

use super::server::commit;
use super::server::git;
use recant::demo::bare::BareError;
use recant::demo::bare::BareGit;
use recant_render::Entry;
use recant_render::Tree;
use recant_sim::git::Content;
use recant_sim::git::Git;
use recant_sim::git::MemoryGit;
use recant_sim::git::NewCommit;
use std::fs;
use std::path::Path;

const FILES: &str = "//- /apps/web/deploy.yaml\nimage: web:1\n//- /apps.yaml\nx: 1\n//- /apps-2.yaml\ny: 1\n";

fn new(parents: &[&str], content: Content, date_s: i64) -> NewCommit {
    NewCommit {
        parents: parents.iter().map(|id| (*id).to_owned()).collect(),
        content,
        author: "Ünïcode Person, Jr.".to_owned(),
        email: "ada@example.org".to_owned(),
        message: "subject\n\nbody without an end".to_owned(),
        date_s,
    }
}

fn files(changes: &[(&str, Option<&str>)]) -> Content {
    let change =
        |(path, text): &(&str, Option<&str>)| ((*path).to_owned(), text.map(|t| t.as_bytes().to_vec()));
    Content::Files(changes.iter().map(change).collect())
}

/// Does all that can be done to a repository and writes down every answer.
fn story(git: &mut dyn Git) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |what: &str, answer: String| said.push(format!("{what}: {answer}"));
    let tree = Tree::fixture(FILES).with_entry("link", Some(Entry::Link("apps.yaml".into())));
    let root = git.commit(&new(&[], Content::Tree(tree), 100)).expect("root");
    let left = git
        .commit(&new(
            &[&root],
            files(&[("apps/web/deploy.yaml", Some("image: web:2\n"))]),
            300,
        ))
        .expect("left");
    let right = git
        .commit(&new(
            &[&root],
            files(&[("apps.yaml", None), ("new/deep/file", Some("")), ("nope", None)]),
            200,
        ))
        .expect("right");
    let gone = git
        .commit(&new(
            &[&right],
            files(&[("new/deep/file", None), ("apps", None)]),
            200,
        ))
        .expect("gone");
    let turned = git
        .commit(&new(
            &[&left],
            files(&[("apps/web/deploy.yaml", None), ("apps", Some("a file now"))]),
            400,
        ))
        .expect("turned");
    let both = git.commit(&new(&[&left, &right], files(&[]), 300)).expect("both");
    let bytes: Vec<u8> = (0..=255).collect();
    let binary = Content::Files([("bin".to_owned(), Some(bytes))].into());
    let binary = git.commit(&new(&[&root], binary, 300)).expect("binary");
    for id in [&root, &left, &right, &gone, &turned, &both, &binary] {
        let tree = git.tree(id).expect("it is there");
        let listed: Vec<_> = tree.iter().collect();
        say(
            "commit",
            format!("{id} {:?} {:?} {listed:?}", git.show(id), git.date_s(id)),
        );
    }
    let again = git.commit(&new(&[&left, &right], files(&[]), 300));
    say("again", format!("{again:?}"));
    for (branch, expect, to) in [
        ("main", None, Some(&root)),
        ("main", None, Some(&left)),
        ("main", Some(&left), Some(&right)),
        ("main", Some(&root), Some(&both)),
        ("main/sub", None, Some(&root)),
        ("recant/x", None, Some(&left)),
        ("recant", None, Some(&left)),
        ("recant/x", Some(&root), None),
        ("recant/x", Some(&left), None),
        ("recant", None, Some(&right)),
        ("gone", None, None),
        ("bad name", None, Some(&root)),
    ] {
        let done = git.set_branch(branch, expect.map(String::as_str), to.map(String::as_str));
        say("branch", format!("{branch} {done:?} {:?}", git.branches()));
    }
    let zero = "0".repeat(40);
    say("missing", format!("{:?}", git.set_branch("y", None, Some(&zero))));
    say(
        "missing",
        format!("{:?}", git.commit(&new(&[&zero], files(&[]), 1))),
    );
    say(
        "missing",
        format!("{:?} {:?} {:?}", git.show(&zero), git.show("main"), git.tree("")),
    );
    for bad in ["../x", "a//b", ".git/config", "apps.yaml/x"] {
        say(
            "bad path",
            format!("{:?}", git.commit(&new(&[&root], files(&[(bad, Some(""))]), 1))),
        );
    }
    for from in [None, Some(&root), Some(&left), Some(&both)] {
        let ids: Vec<String> = git
            .log(from.map(String::as_str), &both, 9)
            .into_iter()
            .map(|commit| commit.id)
            .collect();
        say("log", ids.join(" "));
    }
    for (one, other) in [(&left, &right), (&both, &right), (&root, &root), (&both, &binary)] {
        say("base", format!("{:?}", git.merge_base(one, other)));
        say(
            "ancestor",
            format!("{} {}", git.is_ancestor(one, other), git.is_ancestor(other, one)),
        );
    }
    say(
        "head",
        format!(
            "{:?} {:?} {}",
            git.head("main"),
            git.head("nope"),
            git.default_branch()
        ),
    );
    said
}

#[test]
fn memory_and_disk_tell_the_same_story_with_the_same_ids() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.git");
    let mut bare = BareGit::init(&path, "main").expect("it is new");
    let (on_disk, in_memory) = (story(&mut bare), story(&mut MemoryGit::new("main")));
    for (disk, memory) in on_disk.iter().zip(&in_memory) {
        assert_eq!(disk, memory);
    }
    assert_eq!(on_disk.len(), in_memory.len());
    let (ok, text) = git(&path, &["fsck", "--strict"]);
    assert!(ok, "{text}");
}

/// A person's repository with one commit, and a program in it.
fn working_copy(dir: &Path) {
    fs::create_dir_all(dir.join("apps")).expect("a directory");
    fs::write(dir.join("apps/run.sh"), "#!/bin/sh\n").expect("a file");
    for args in [
        &["init", "-q"][..],
        &["add", "-A"],
        &["update-index", "--chmod=+x", "apps/run.sh"],
        &["commit", "-qm", "one"],
        &["branch", "stage"],
    ] {
        let (ok, text) = git(dir, args);
        assert!(ok, "{args:?}: {text}");
    }
}

#[test]
fn a_clone_has_all_branches_and_leaves_the_source_as_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let source = dir.path().join("mine");
    working_copy(&source);
    fs::write(source.join("uncommitted"), "x").expect("a file");
    let before = git(&source, &["for-each-ref"]).1 + &git(&source, &["status", "--porcelain"]).1;
    let mut copy = BareGit::clone_of(&source, None, &dir.path().join("copy.git")).expect("it can be cloned");
    assert_eq!(copy.default_branch(), "main");
    assert_eq!(copy.branches().into_keys().collect::<Vec<_>>(), ["main", "stage"]);
    let tree = copy.tree(&copy.head("main").expect("a head")).expect("a tree");
    assert_eq!(
        tree.iter().map(|(path, _)| path).collect::<Vec<_>>(),
        ["apps/run.sh"]
    );
    commit(&mut copy, "main", tree.with("new", b"1"), "two\n");
    let listed = git(copy.path(), &["ls-tree", "-r", "main"]).1;
    assert!(
        listed.contains("100755 blob") && listed.contains("apps/run.sh"),
        "{listed}"
    );
    let after = git(&source, &["for-each-ref"]).1 + &git(&source, &["status", "--porcelain"]).1;
    assert_eq!(before, after);
    let bare = BareGit::clone_of(copy.path(), Some("stage"), &dir.path().join("again.git"))
        .expect("also of a bare one");
    assert_eq!(bare.default_branch(), "stage");
}

#[test]
fn what_cannot_be_cloned_says_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("plain")).expect("a directory");
    assert!(git(dir.path(), &["init", "-q", "unborn"]).0);
    working_copy(&at("good"));
    working_copy(&at("detached"));
    assert!(git(&at("detached"), &["checkout", "-q", "--detach"]).0);
    working_copy(&at("deep"));
    assert!(git(&at("deep"), &["commit", "-qm", "two", "--allow-empty"]).0);
    let url = format!("file://{}", at("deep").display());
    assert!(git(dir.path(), &["clone", "-q", "--depth=1", &url, "shallow"]).0);
    let why = |name: &str, branch: Option<&str>| -> BareError {
        let cloned = BareGit::clone_of(&at(name), branch, &at("never.git"));
        cloned.err().unwrap_or_else(|| panic!("{name} was cloned"))
    };
    for (name, branch, words) in [
        ("plain", None, "not a Git repository"),
        ("nowhere", None, "not a Git repository"),
        ("unborn", None, "branch main has no commits"),
        ("detached", None, "HEAD is detached"),
        ("shallow", None, "git fetch --unshallow"),
        (
            "good",
            Some("nope"),
            "there is no branch nope; there are: main, stage",
        ),
    ] {
        let text = why(name, branch).to_string();
        assert!(text.contains(words), "{name}: {text}");
    }
}
