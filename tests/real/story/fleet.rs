//! What people do in Git: commits, on the branch that is deployed or on a pull request's.

use crate::files;
use crate::stage;
use recant_render::Tree;
use recant_sim::fleet::point_at;
use recant_sim::scenario;
use recant_sim::scenario::Edit;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const DANA: &str = "Dana <dana@example.com>";

/// The repository as it stands, pointed at itself as `flux bootstrap` would.
pub(super) fn first_commit(clone: &Path, dir: &str, path: &str, url: &str) {
    let tree = files::tree(dir);
    let pointed = point_at(&tree, path, url, "main");
    for (file, entry) in tree.iter() {
        if let recant_render::Entry::File(bytes) = entry {
            let bytes = pointed
                .get(file)
                .cloned()
                .flatten()
                .unwrap_or_else(|| bytes.to_vec());
            write(clone, file, &bytes);
        }
    }
    push(clone, "main", "The fleet", DANA).unwrap();
}

/// The first commit of another repository.
pub(super) fn first(clone: &Path, edits: &[Edit]) -> Result<(), String> {
    edit(clone, edits)?;
    push(clone, "main", "The application", DANA)
}

/// A person commits on top of the head.
pub(super) fn commit(clone: &Path, message: &str, author: &str, edits: &[Edit]) -> Result<(), String> {
    stage::git(clone, &["pull", "-q", "--ff-only", "origin", "main"])?;
    edit(clone, edits)?;
    push(clone, "main", message, author)
}

/// A person commits to another branch.
pub(super) fn push_to(clone: &Path, branch: &str, message: &str, edits: &[Edit]) -> Result<(), String> {
    stage::git(clone, &["fetch", "-q", "origin", branch])?;
    stage::git(clone, &["checkout", "-q", "-B", branch, "FETCH_HEAD"])?;
    edit(clone, edits)?;
    push(clone, branch, message, "Kim Example <kim@example.com>")?;
    stage::git(clone, &["checkout", "-q", "main"]).map(drop)
}

fn edit(clone: &Path, edits: &[Edit]) -> Result<(), String> {
    let mut files = BTreeMap::new();
    for edit in edits {
        let (Edit::Replace { file, .. } | Edit::Write { file, .. } | Edit::Delete { file }) = edit;
        let there = fs::read(clone.join(file)).ok().map(|bytes| (file.clone(), bytes));
        let (file, bytes) = scenario::edited(&Tree::of(there), &files, edit)?;
        files.insert(file, bytes);
    }
    for (file, bytes) in &files {
        match bytes {
            Some(bytes) => write(clone, file, bytes),
            None => fs::remove_file(clone.join(file)).map_err(|error| error.to_string())?,
        }
    }
    Ok(())
}

fn write(clone: &Path, file: &str, bytes: &[u8]) {
    let path = clone.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn push(clone: &Path, branch: &str, message: &str, author: &str) -> Result<(), String> {
    stage::git(clone, &["add", "-A"])?;
    stage::git(clone, &["commit", "-q", "--author", author, "-m", message])?;
    stage::git(clone, &["push", "-q", "origin", branch]).map(drop)
}
