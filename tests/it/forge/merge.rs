//! The line merge of the world against libgit2's, on random edits.

use git2::IndexEntry;
use git2::Oid;
use git2::Repository;
use proptest::prelude::*;
use recant_sim::git::merge::texts;

/// What is done at one line of the base: nothing, removed, replaced, or something put before it.
#[derive(Clone, Debug)]
enum Edit {
    Keep,
    Remove,
    Replace,
    Insert,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        24 => Just(Edit::Keep),
        1 => Just(Edit::Remove),
        1 => Just(Edit::Replace),
        1 => Just(Edit::Insert),
    ];
    prop::collection::vec(edit, 12)
}

/// No line stands twice, so that there is one way only to line up two versions.
fn base() -> String {
    (0..12).map(|n| format!("line {n}\n")).collect()
}

fn edited(edits: &[Edit], who: &str) -> String {
    let line = |(n, edit): (usize, &Edit)| match edit {
        Edit::Keep => format!("line {n}\n"),
        Edit::Remove => String::new(),
        Edit::Replace => format!("{who} {n}\n"),
        Edit::Insert => format!("{who} before {n}\nline {n}\n"),
    };
    edits.iter().enumerate().map(line).collect()
}

/// libgit2's merge of three versions of one file; none where it conflicts.
fn by_libgit2(repository: &Repository, versions: [&str; 3]) -> Option<String> {
    let trees = versions.map(|text| {
        let blob = repository.blob(text.as_bytes()).unwrap();
        let mut tree = repository.treebuilder(None).unwrap();
        tree.insert("file", blob, 0o100_644).unwrap();
        repository.find_tree(tree.write().unwrap()).unwrap()
    });
    let [base, ours, theirs] = &trees;
    let index = repository.merge_trees(base, ours, theirs, None).unwrap();
    let merged: Option<IndexEntry> = index.get_path("file".as_ref(), 0);
    let id: Oid = merged.filter(|_| !index.has_conflicts())?.id;
    Some(String::from_utf8(repository.find_blob(id).unwrap().content().to_vec()).unwrap())
}

#[test]
fn the_merge_of_random_edits_is_libgit2s_merge() {
    let dir = tempfile::tempdir().unwrap();
    let repository = Repository::init_bare(dir.path()).unwrap();
    let config = ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let checked = runner.run(&(edits(), edits(), prop::bool::ANY), |(one, other, same)| {
        let (base, ours) = (base(), edited(&one, "ours"));
        let theirs = edited(&other, if same { "ours" } else { "theirs" });
        let wanted = by_libgit2(&repository, [&base, &ours, &theirs]);
        prop_assert_eq!(texts(&base, &ours, &theirs), wanted);
        Ok(())
    });
    checked.unwrap();
}
