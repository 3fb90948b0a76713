//! Cases that lie beside the repository: where they are, and their trees. Shared by the tests that play them.

use recant_render::Entry;
use recant_render::Tree;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// A set of cases or a table; none, with a word, where it is absent.
pub(crate) fn beside(name: &str) -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // A linked worktree lies one level deeper than the repository itself.
    let places =
        ["../shared", "../../shared"].map(|up| repository.join(up).join("kustomize-cases").join(name));
    let found = places.iter().find(|place| place.exists());
    if found.is_none() {
        eprintln!("no cases at {}: skipped", places[0].display());
    }
    found.cloned()
}

/// The directories of a set of cases, in order.
pub(crate) fn cases(set: &str) -> Vec<PathBuf> {
    let entries = beside(set).map(|dir| fs::read_dir(dir).unwrap());
    let mut all: Vec<PathBuf> = entries.into_iter().flatten().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

/// All files and links below a directory.
pub(crate) fn tree(dir: &Path) -> Tree {
    let mut entries = Vec::new();
    collect(dir, dir, &mut entries);
    Tree::new(entries)
}

fn collect(root: &Path, dir: &Path, entries: &mut Vec<(String, Entry)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            entries.push((name, Entry::Link(target.to_str().unwrap().into())));
        } else if path.is_dir() {
            collect(root, &path, entries);
        } else {
            entries.push((name, Entry::File(Arc::from(fs::read(&path).unwrap()))));
        }
    }
}
