//! The bytes Git hashes: blobs, trees and commits in their canonical form, and what may be named in them.

use super::NewCommit;
use super::Refused;
use recant_render::Entry;
use recant_render::Tree;
use sha1::Digest;
use sha1::Sha1;
use std::fmt::Write;

/// The 20 bytes of an object id.
pub(super) type Id = [u8; 20];

/// One file as its tree names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    mode: &'static str,
    id: Id,
}

impl Leaf {
    pub(super) fn of(entry: &Entry) -> Self {
        match entry {
            Entry::File(bytes) => Self {
                mode: "100644",
                id: hash("blob", bytes),
            },
            Entry::Link(target) => Self {
                mode: "120000",
                id: hash("blob", target.as_bytes()),
            },
        }
    }
}

/// The id of the tree that holds these files, sorted by path.
///
/// Sorting whole paths by their bytes is Git's own order of entries: a directory sorts as if its name ended in `/`.
pub(super) fn tree_id(leaves: &[(&str, Leaf)]) -> Id {
    let mut bytes = Vec::new();
    let mut rest = leaves;
    while let Some((path, leaf)) = rest.first() {
        let taken = match path.split_once('/') {
            None => {
                entry(&mut bytes, leaf.mode, path, &leaf.id);
                1
            }
            Some((dir, _)) => {
                let below: Vec<(&str, Leaf)> = rest
                    .iter()
                    .map_while(|(p, l)| Some((p.strip_prefix(dir)?.strip_prefix('/')?, *l)))
                    .collect();
                entry(&mut bytes, "40000", dir, &tree_id(&below));
                below.len()
            }
        };
        rest = &rest[taken..];
    }
    hash("tree", &bytes)
}

fn entry(into: &mut Vec<u8>, mode: &str, name: &str, id: &Id) {
    into.extend_from_slice(mode.as_bytes());
    into.push(b' ');
    into.extend_from_slice(name.as_bytes());
    into.push(0);
    into.extend_from_slice(id);
}

/// The canonical bytes of a commit, given its tree's id. Refuses what would read back as something else.
pub fn commit_bytes(new: &NewCommit, tree: &str) -> Result<Vec<u8>, Refused> {
    for (what, text) in [("author", &new.author), ("email", &new.email)] {
        if text.trim().is_empty() || text.trim() != text || text.contains(['<', '>', '\n', '\0']) {
            return Err(Refused::Invalid(format!(
                "{what} {text:?}: must not be empty, hold <, > or a line break, nor begin or end in a space"
            )));
        }
    }
    if new.message.contains('\0') {
        return Err(Refused::Invalid("the message holds a NUL byte".to_owned()));
    }
    let mut text = format!("tree {tree}\n");
    for parent in &new.parents {
        text.push_str(&format!("parent {parent}\n"));
    }
    let who = format!("{} <{}> {} +0000", new.author, new.email, new.date_s);
    text.push_str(&format!("author {who}\ncommitter {who}\n\n{}", new.message));
    Ok(text.into_bytes())
}

/// The id of an object of this kind with these bytes.
pub(super) fn hash(kind: &str, bytes: &[u8]) -> Id {
    let mut sha = Sha1::new();
    sha.update(format!("{kind} {}\0", bytes.len()));
    sha.update(bytes);
    sha.finalize().into()
}

/// An id as people write it.
pub(super) fn hex(id: &Id) -> String {
    id.iter().fold(String::with_capacity(40), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

/// Refuses a tree Git cannot hold, and says which path is why.
pub fn check_tree(tree: &Tree) -> Result<(), Refused> {
    for (path, _) in tree.iter() {
        if !is_path(path) {
            return Err(Refused::Invalid(format!("{path:?} is not a path Git takes")));
        }
        if tree.is_dir(path) {
            return Err(Refused::Invalid(format!(
                "{path:?} is both a file and a directory"
            )));
        }
    }
    Ok(())
}

/// Whether Git takes this as a path of a file in a tree.
pub fn is_path(path: &str) -> bool {
    !path.contains('\0')
        && path
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git"))
}

/// Whether Git takes this as a branch's short name.
pub fn is_branch_name(name: &str) -> bool {
    let bad = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    !name.is_empty()
        && name != "HEAD"
        && name != "@"
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(bad)
        && name
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
}
