//! The world's Git on disk: bare repositories that real git programs can clone and push to.
//!
//! Never here: a working copy, the user's Git identity, a write to the repository a demo was made from.

mod source;

pub use source::BareError;

use git2::ErrorCode;
use git2::Index;
use git2::IndexEntry;
use git2::IndexTime;
use git2::ObjectType;
use git2::Oid;
use git2::Repository;
use git2::RepositoryInitOptions;
use git2::TreeWalkMode;
use git2::TreeWalkResult;
use recant_core::query::Commit;
use recant_render::Entry;
use recant_render::Tree;
use recant_sim::git::Content;
use recant_sim::git::Git;
use recant_sim::git::NewCommit;
use recant_sim::git::Refused;
use recant_sim::git::check_tree;
use recant_sim::git::commit_bytes;
use recant_sim::git::is_branch_name;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// Trees kept in memory; a tree is read from disk whole.
const TREES_KEPT: usize = 16;
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_000;

/// A bare repository on disk.
///
/// Beside what the trait can say, it keeps what it cannot: an executable file stays executable and a submodule stays,
/// as long as a commit does not touch it.
pub struct BareGit {
    repository: Repository,
    path: PathBuf,
    trees: RefCell<BTreeMap<String, Tree>>,
}

impl BareGit {
    /// Makes an empty repository whose `HEAD` means this branch.
    pub fn init(path: &Path, default_branch: &str) -> Result<Self, BareError> {
        let mut options = RepositoryInitOptions::new();
        options
            .bare(true)
            .no_reinit(true)
            .external_template(false)
            .initial_head(default_branch);
        let repository = Repository::init_opts(path, &options).map_err(storage(path))?;
        Ok(Self::over(repository, path))
    }

    /// Opens a repository that [`BareGit::init`] or [`BareGit::clone_of`] made.
    pub fn open(path: &Path) -> Result<Self, BareError> {
        let repository = Repository::open_bare(path).map_err(storage(path))?;
        Ok(Self::over(repository, path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn over(repository: Repository, path: &Path) -> Self {
        Self {
            repository,
            path: path.to_owned(),
            trees: RefCell::default(),
        }
    }

    fn find(&self, id: &str) -> Option<git2::Commit<'_>> {
        self.repository.find_commit(oid(id)?).ok()
    }

    fn read_tree(&self, id: &str) -> Option<Tree> {
        let tree = self.find(id)?.tree().ok()?;
        let mut entries = Vec::new();
        let walked = tree.walk(TreeWalkMode::PreOrder, |dir, entry| {
            if let (Some(ObjectType::Blob), Ok(name)) = (entry.kind(), entry.name())
                && let Ok(blob) = self.repository.find_blob(entry.id())
            {
                let bytes = blob.content();
                let is_link = entry.filemode() == LINK as i32;
                let entry = if is_link {
                    Entry::Link(String::from_utf8_lossy(bytes).into())
                } else {
                    Entry::File(Arc::from(bytes))
                };
                entries.push((format!("{dir}{name}"), entry));
            }
            TreeWalkResult::Ok
        });
        walked.ok()?;
        Some(Tree::new(entries))
    }

    /// The log, walked by libgit2: a person's repository may have a long history.
    fn walk(&self, from: Option<&str>, to: &str, limit: usize) -> Option<Vec<Commit>> {
        let mut walk = self.repository.revwalk().ok()?;
        walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::TIME)
            .ok()?;
        walk.push(oid(to)?).ok()?;
        if let Some(from) = from
            .and_then(oid)
            .filter(|from| self.repository.find_commit(*from).is_ok())
        {
            walk.hide(from).ok()?;
        }
        let ids = walk.take(limit).flatten();
        Some(ids.filter_map(|id| self.show(&id.to_string())).collect())
    }

    /// Writes the tree of a new commit: the first parent's, with only what differs set.
    fn write_tree(&self, new: &NewCommit) -> Result<Oid, Refused> {
        let mut index = Index::new().map_err(refused)?;
        let parents: Vec<git2::Tree<'_>> = self.parent_trees(new)?;
        let before = new
            .parents
            .first()
            .and_then(|id| self.tree(id))
            .unwrap_or_default();
        if let Some(first) = parents.first() {
            index.read_tree(first).map_err(refused)?;
        }
        let after = match &new.content {
            Content::Tree(tree) => tree.clone(),
            Content::Files(files) => files.iter().fold(before.clone(), |tree, (path, bytes)| {
                let entry = bytes.as_deref().map(|bytes| Entry::File(Arc::from(bytes)));
                tree.with_entry(path, entry)
            }),
        };
        check_tree(&after)?;
        let changed = before.changed(&after);
        for path in changed.iter().filter(|path| after.get(path).is_none()) {
            index.remove(Path::new(path), 0).map_err(refused)?;
        }
        for path in &changed {
            if let Some(entry) = after.get(path) {
                let entry = self.index_entry(path, entry, &parents)?;
                index.add(&entry).map_err(refused)?;
            }
        }
        index.write_tree_to(&self.repository).map_err(refused)
    }

    fn parent_trees(&self, new: &NewCommit) -> Result<Vec<git2::Tree<'_>>, Refused> {
        let tree = |id: &String| {
            let commit = self.find(id).ok_or_else(|| Refused::NoCommit(id.clone()))?;
            commit.tree().map_err(refused)
        };
        new.parents.iter().map(tree).collect()
    }

    fn index_entry(
        &self,
        path: &str,
        entry: &Entry,
        parents: &[git2::Tree<'_>],
    ) -> Result<IndexEntry, Refused> {
        let was_program = || {
            let modes = parents
                .iter()
                .filter_map(|tree| Some(tree.get_path(Path::new(path)).ok()?.filemode()));
            modes.into_iter().any(|mode| mode == PROGRAM as i32)
        };
        let (bytes, mode) = match entry {
            Entry::Link(target) => (target.as_bytes(), LINK),
            Entry::File(bytes) if was_program() => (bytes.as_ref(), PROGRAM),
            Entry::File(bytes) => (bytes.as_ref(), FILE),
        };
        Ok(IndexEntry {
            ctime: IndexTime::new(0, 0),
            mtime: IndexTime::new(0, 0),
            dev: 0,
            ino: 0,
            mode,
            uid: 0,
            gid: 0,
            file_size: 0,
            id: self.repository.blob(bytes).map_err(refused)?,
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        })
    }

    /// Moves the branch under the lock a push would take too.
    fn swap(
        &self,
        name: &str,
        expect: Option<&str>,
        to: Option<Oid>,
    ) -> Result<Result<(), Option<String>>, git2::Error> {
        let full = format!("refs/heads/{name}");
        let mut transaction = self.repository.transaction()?;
        transaction.lock_ref(&full)?;
        let found = match self.repository.refname_to_id(&full) {
            Ok(id) => Some(id.to_string()),
            Err(why) if why.code() == ErrorCode::NotFound => None,
            Err(why) => return Err(why),
        };
        if found.as_deref() != expect {
            return Ok(Err(found));
        }
        match to {
            Some(to) => transaction.set_target(&full, to, None, "")?,
            None if found.is_some() => transaction.remove(&full)?,
            None => {}
        }
        transaction.commit()?;
        Ok(Ok(()))
    }
}

impl Git for BareGit {
    fn default_branch(&self) -> String {
        let head = self.repository.find_reference("HEAD").ok();
        let target = head.and_then(|head| Some(head.symbolic_target().ok()??.to_owned()));
        let target = target.unwrap_or_default();
        target.strip_prefix("refs/heads/").unwrap_or("main").to_owned()
    }

    fn branches(&self) -> BTreeMap<String, String> {
        let Ok(all) = self.repository.references_glob("refs/heads/*") else {
            return BTreeMap::new();
        };
        all.flatten()
            .filter_map(|branch| {
                let name = branch.name().ok()?.strip_prefix("refs/heads/")?.to_owned();
                Some((name, branch.target()?.to_string()))
            })
            .collect()
    }

    fn head(&self, branch: &str) -> Option<String> {
        let id = self.repository.refname_to_id(&format!("refs/heads/{branch}"));
        id.ok().map(|id| id.to_string())
    }

    fn show(&self, id: &str) -> Option<Commit> {
        let commit = self.find(id)?;
        let author = commit.author();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(Commit {
            id: id.to_owned(),
            parents: commit.parent_ids().map(|id| id.to_string()).collect(),
            author: format!("{} <{}>", text(author.name_bytes()), text(author.email_bytes())),
            message: text(commit.message_raw_bytes()),
        })
    }

    fn date_s(&self, id: &str) -> Option<i64> {
        Some(self.find(id)?.time().seconds())
    }

    fn tree(&self, id: &str) -> Option<Tree> {
        if let Some(tree) = self.trees.borrow().get(id) {
            return Some(tree.clone());
        }
        let tree = self.read_tree(id)?;
        let mut trees = self.trees.borrow_mut();
        if trees.len() >= TREES_KEPT {
            trees.pop_first();
        }
        trees.insert(id.to_owned(), tree.clone());
        Some(tree)
    }

    fn commit(&mut self, new: &NewCommit) -> Result<String, Refused> {
        let tree = self.write_tree(new)?;
        let bytes = commit_bytes(new, &tree.to_string())?;
        let odb = self.repository.odb().map_err(refused)?;
        let id = odb.write(ObjectType::Commit, &bytes).map_err(refused)?;
        Ok(id.to_string())
    }

    fn set_branch(&mut self, name: &str, expect: Option<&str>, to: Option<&str>) -> Result<(), Refused> {
        if !is_branch_name(name) {
            return Err(Refused::Invalid(format!("{name:?} is not a name for a branch")));
        }
        let to = match to {
            Some(id) => Some(
                self.find(id)
                    .ok_or_else(|| Refused::NoCommit(id.to_owned()))?
                    .id(),
            ),
            None => None,
        };
        match self.swap(name, expect, to) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(found)) => Err(Refused::Moved {
                branch: name.to_owned(),
                expect: expect.map(str::to_owned),
                found,
            }),
            Err(why) => Err(self.why_not(name, &why)),
        }
    }

    fn log(&self, from: Option<&str>, to: &str, limit: usize) -> Vec<Commit> {
        self.walk(from, to, limit).unwrap_or_default()
    }

    fn merge_base(&self, one: &str, other: &str) -> Option<String> {
        let base = self.repository.merge_base(oid(one)?, oid(other)?);
        base.ok().map(|id| id.to_string())
    }

    fn is_ancestor(&self, old: &str, new: &str) -> bool {
        let Some((old, new)) = oid(old).zip(oid(new)) else {
            return false;
        };
        let known = |id| self.repository.find_commit(id).is_ok();
        (old == new && known(old)) || self.repository.graph_descendant_of(new, old).unwrap_or(false)
    }
}

impl BareGit {
    /// A branch is a file: `a` and `a/b` cannot both be. The disk says so in its own words; here in Git's.
    fn why_not(&self, name: &str, why: &git2::Error) -> Refused {
        let below = |dir: &str, path: &str| path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
        let other = self
            .branches()
            .into_keys()
            .find(|other| below(name, other) || below(other, name));
        match other {
            Some(other) => Refused::Invalid(format!("there cannot be branches {name} and {other} at once")),
            None => Refused::Storage(why.message().to_owned()),
        }
    }
}

fn oid(id: &str) -> Option<Oid> {
    (id.len() == 40).then(|| Oid::from_str(id).ok())?
}

fn refused(why: git2::Error) -> Refused {
    Refused::Storage(why.message().to_owned())
}

fn storage(dir: &Path) -> impl Fn(git2::Error) -> BareError {
    let dir = dir.to_owned();
    move |why| BareError::Storage {
        dir: dir.clone(),
        why: why.message().to_owned(),
    }
}
