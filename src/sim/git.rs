//! Git as the world keeps it: one trait, in memory here and on disk in the demo.
//!
//! Both implementations make the same commit ids from the same story, because an id is the SHA-1 of the same canonical
//! bytes. Never here: a file system, a user's identity, the present time.

pub mod diff;
mod encode;
mod graph;
mod memory;
pub mod merge;

pub use encode::check_tree;
pub use encode::commit_bytes;
pub use encode::is_branch_name;
pub use encode::is_path;
pub use memory::MemoryGit;

use recant_core::query::Commit;
use recant_render::Tree;
use std::collections::BTreeMap;

/// One repository: commits, and branches that point at them.
pub trait Git: Send {
    /// The short name of the branch `HEAD` means.
    fn default_branch(&self) -> String;

    /// All branches by their short names, and the commits at their heads.
    fn branches(&self) -> BTreeMap<String, String>;

    /// A commit by its full id.
    fn show(&self, id: &str) -> Option<Commit>;

    /// The commit's committer date, in seconds since 1970.
    fn date_s(&self, id: &str) -> Option<i64>;

    /// All files of a commit.
    fn tree(&self, id: &str) -> Option<Tree>;

    /// Stores a commit and returns its id; moves no branch. Storing it twice is storing it once.
    fn commit(&mut self, new: &NewCommit) -> Result<String, Refused>;

    /// Creates (`expect` is `None`), moves, or deletes (`to` is `None`) a branch, if its head is still `expect`.
    fn set_branch(&mut self, name: &str, expect: Option<&str>, to: Option<&str>) -> Result<(), Refused>;

    /// The head of a branch.
    fn head(&self, branch: &str) -> Option<String> {
        self.branches().remove(branch)
    }

    /// The commits reachable from `to` and not from `from`: newest first, no parent before its child.
    fn log(&self, from: Option<&str>, to: &str, limit: usize) -> Vec<Commit> {
        graph::log(self, from, to, limit)
    }

    /// The best common ancestor of two commits.
    fn merge_base(&self, one: &str, other: &str) -> Option<String> {
        graph::merge_base(self, one, other)
    }

    /// Whether `old` is reachable from `new`; a commit is its own ancestor.
    fn is_ancestor(&self, old: &str, new: &str) -> bool {
        graph::ancestors(self, new).contains(old)
    }
}

/// A commit to be made.
#[derive(Clone, Debug)]
pub struct NewCommit {
    /// The parents' ids; none for the first commit.
    pub parents: Vec<String>,
    /// What it holds.
    pub content: Content,
    /// The author's and committer's name.
    pub author: String,
    /// The author's and committer's address.
    pub email: String,
    /// The whole message, kept byte for byte.
    pub message: String,
    /// The author's and committer's date in seconds since 1970; the time zone is +0000.
    pub date_s: i64,
}

/// The files of a commit to be made.
#[derive(Clone, Debug)]
pub enum Content {
    /// Exactly these.
    Tree(Tree),
    /// Those of the first parent, with these set, or taken away (`None`; nothing happens where there is no such file).
    Files(BTreeMap<String, Option<Vec<u8>>>),
}

/// Why a repository did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The branch is not where it was expected.
    #[error("branch {branch} is at {}, not at {}", place(.found), place(.expect))]
    Moved {
        /// The branch.
        branch: String,
        /// The head it was expected to have.
        expect: Option<String>,
        /// The head it has.
        found: Option<String>,
    },
    /// There is no such commit.
    #[error("there is no commit {0}")]
    NoCommit(String),
    /// What was asked for cannot be written in Git.
    #[error("{0}")]
    Invalid(String),
    /// The disk, or what is on it.
    #[error("storage: {0}")]
    Storage(String),
}

fn place(head: &Option<String>) -> &str {
    head.as_deref().unwrap_or("nothing")
}

#[cfg(test)]
mod tests;
