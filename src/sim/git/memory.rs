//! A repository in memory, with the object ids real Git would give.

use super::Content;
use super::Git;
use super::NewCommit;
use super::Refused;
use super::encode;
use super::encode::Leaf;
use recant_core::query::Commit;
use recant_render::Entry;
use recant_render::Tree;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A repository in memory. Files are regular or links; there are no executable ones, and no tags.
#[derive(Clone, Debug)]
pub struct MemoryGit {
    default_branch: String,
    branches: BTreeMap<String, String>,
    commits: BTreeMap<String, Stored>,
}

#[derive(Clone, Debug)]
struct Stored {
    commit: Commit,
    date_s: i64,
    tree: Tree,
    leaves: BTreeMap<String, Leaf>,
}

impl MemoryGit {
    /// An empty repository whose `HEAD` means this branch.
    pub fn new(default_branch: &str) -> Self {
        Self {
            default_branch: default_branch.to_owned(),
            branches: BTreeMap::new(),
            commits: BTreeMap::new(),
        }
    }

    /// The files of the new commit and the ids of their blobs; only those that differ from the parent are hashed.
    fn content(&self, new: &NewCommit) -> Result<(Tree, BTreeMap<String, Leaf>), Refused> {
        let parent = new.parents.first().and_then(|id| self.commits.get(id));
        let before = parent.map(|stored| stored.tree.clone()).unwrap_or_default();
        let mut leaves = parent.map(|stored| stored.leaves.clone()).unwrap_or_default();
        let after = match &new.content {
            Content::Tree(tree) => tree.clone(),
            Content::Files(files) => files.iter().fold(before.clone(), |tree, (path, bytes)| {
                let entry = bytes.as_deref().map(|bytes| Entry::File(Arc::from(bytes)));
                tree.with_entry(path, entry)
            }),
        };
        for path in before.changed(&after) {
            match after.get(&path) {
                Some(entry) => leaves.insert(path, Leaf::of(entry)),
                None => leaves.remove(&path),
            };
        }
        let flat = Tree::new(after.iter().map(|(path, entry)| (path.to_owned(), entry.clone())));
        encode::check_tree(&flat)?;
        Ok((flat, leaves))
    }
}

impl Git for MemoryGit {
    fn default_branch(&self) -> String {
        self.default_branch.clone()
    }

    fn branches(&self) -> BTreeMap<String, String> {
        self.branches.clone()
    }

    fn head(&self, branch: &str) -> Option<String> {
        self.branches.get(branch).cloned()
    }

    fn show(&self, id: &str) -> Option<Commit> {
        self.commits.get(id).map(|stored| stored.commit.clone())
    }

    fn date_s(&self, id: &str) -> Option<i64> {
        self.commits.get(id).map(|stored| stored.date_s)
    }

    fn tree(&self, id: &str) -> Option<Tree> {
        self.commits.get(id).map(|stored| stored.tree.clone())
    }

    fn commit(&mut self, new: &NewCommit) -> Result<String, Refused> {
        if let Some(missing) = new.parents.iter().find(|id| !self.commits.contains_key(*id)) {
            return Err(Refused::NoCommit(missing.clone()));
        }
        let (tree, leaves) = self.content(new)?;
        let listed: Vec<(&str, Leaf)> = leaves.iter().map(|(path, leaf)| (path.as_str(), *leaf)).collect();
        let bytes = encode::commit_bytes(new, &encode::hex(&encode::tree_id(&listed)))?;
        let id = encode::hex(&encode::hash("commit", &bytes));
        let commit = Commit {
            id: id.clone(),
            parents: new.parents.clone(),
            author: format!("{} <{}>", new.author, new.email),
            message: new.message.clone(),
        };
        let stored = Stored {
            commit,
            date_s: new.date_s,
            tree,
            leaves,
        };
        self.commits.entry(id.clone()).or_insert(stored);
        Ok(id)
    }

    fn set_branch(&mut self, name: &str, expect: Option<&str>, to: Option<&str>) -> Result<(), Refused> {
        if !encode::is_branch_name(name) {
            return Err(Refused::Invalid(format!("{name:?} is not a name for a branch")));
        }
        if let Some(to) = to.filter(|to| !self.commits.contains_key(*to)) {
            return Err(Refused::NoCommit(to.to_owned()));
        }
        let found = self.branches.get(name);
        if found.map(String::as_str) != expect {
            return Err(Refused::Moved {
                branch: name.to_owned(),
                expect: expect.map(str::to_owned),
                found: found.cloned(),
            });
        }
        if let Some(other) = self.branches.keys().find(|other| in_the_way(name, other)) {
            return Err(Refused::Invalid(format!(
                "there cannot be branches {name} and {other} at once"
            )));
        }
        match to {
            Some(to) => self.branches.insert(name.to_owned(), to.to_owned()),
            None => self.branches.remove(name),
        };
        Ok(())
    }
}

/// Whether one name is a directory of the other: on disk a branch is a file.
fn in_the_way(name: &str, other: &str) -> bool {
    let below = |dir: &str, path: &str| path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
    below(name, other) || below(other, name)
}
