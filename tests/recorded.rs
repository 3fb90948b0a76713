//! Cases that lie beside the repository: where they are, and their trees. Shared by the tests that play them.

use recant_render::Entry;
use recant_render::Tree;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// The directories of a set of cases, in order; none, with a word, where the set is absent.
pub(crate) fn cases(set: &str) -> Vec<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // A linked worktree lies one level deeper than the repository itself.
    let beside =
        ["../shared", "../../shared"].map(|up| repository.join(up).join("kustomize-cases").join(set));
    let Some(entries) = beside.iter().find_map(|dir| fs::read_dir(dir).ok()) else {
        eprintln!("no cases at {}: skipped", beside[0].display());
        return Vec::new();
    };
    let mut all: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
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
