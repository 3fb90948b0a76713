//! The world's Git on disk: bare repositories that real git programs can clone and push to.
//!
//! Never here: a working copy, the user's Git identity, a write to the repository a demo was made from.

use git2::ErrorCode;
use git2::Index;
use git2::IndexEntry;
use git2::IndexTime;
use git2::ObjectType;
use git2::Oid;
use git2::Repository;
use git2::RepositoryInitOptions;
use git2::RepositoryOpenFlags;
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

/// Why there is no bare repository.
#[derive(Debug, thiserror::Error)]
pub enum BareError {
    /// The directory is no repository, or may not be read.
    #[error("{}: not a Git repository ({why}); give the directory that holds .git", .dir.display())]
    NotARepository {
        /// The directory.
        dir: PathBuf,
        /// What libgit2 says.
        why: String,
    },
    /// Nothing was committed yet.
    #[error("{}: branch {branch} has no commits; commit something first", .dir.display())]
    NoCommits {
        /// The directory.
        dir: PathBuf,
        /// The branch `HEAD` means.
        branch: String,
    },
    /// `HEAD` is on no branch.
    #[error("{}: HEAD is detached; check out the branch Flux deploys from", .dir.display())]
    Detached {
        /// The directory.
        dir: PathBuf,
    },
    /// There is no such branch.
    #[error("{}: there is no branch {branch}; there are: {}", .dir.display(), .found.join(", "))]
    NoBranch {
        /// The directory.
        dir: PathBuf,
        /// The branch asked for.
        branch: String,
        /// The branches there are.
        found: Vec<String>,
    },
    /// Part of the history is missing.
    #[error("{}: a shallow clone; run `git fetch --unshallow` there", .dir.display())]
    Shallow {
        /// The directory.
        dir: PathBuf,
    },
    /// The disk, or what is on it.
    #[error("{}: {why}", .dir.display())]
    Storage {
        /// The directory.
        dir: PathBuf,
        /// What libgit2 says.
        why: String,
    },
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

    /// Copies all branches of a person's repository (a working copy or a bare one; only what is committed) into a new
    /// bare repository. Its `HEAD` means `branch`, or the branch that is checked out there.
    pub fn clone_of(dir: &Path, branch: Option<&str>, into: &Path) -> Result<Self, BareError> {
        let source = open_source(dir)?;
        let branch = match branch {
            Some(name) => name.to_owned(),
            None => checked_out(&source, dir)?,
        };
        if source.find_branch(&branch, git2::BranchType::Local).is_err() {
            return Err(missing(&source, dir, branch));
        }
        let copy = Self::init(into, &branch)?;
        let url = source.commondir().to_string_lossy().into_owned();
        let fetched = copy.repository.remote_anonymous(&url).and_then(|mut remote| {
            let mut options = git2::FetchOptions::new();
            options
                .download_tags(git2::AutotagOption::None)
                .update_fetchhead(false);
            remote.fetch(&["+refs/heads/*:refs/heads/*"], Some(&mut options), None)
        });
        fetched.map_err(storage(dir))?;
        Ok(copy)
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

fn open_source(dir: &Path) -> Result<Repository, BareError> {
    let none: [&Path; 0] = [];
    let source = Repository::open_ext(dir, RepositoryOpenFlags::NO_SEARCH, none).map_err(|why| {
        BareError::NotARepository {
            dir: dir.to_owned(),
            why: why.message().to_owned(),
        }
    })?;
    if source.is_shallow() {
        return Err(BareError::Shallow { dir: dir.to_owned() });
    }
    Ok(source)
}

/// The branch `HEAD` means, which must have a commit.
fn checked_out(source: &Repository, dir: &Path) -> Result<String, BareError> {
    let head = source.find_reference("HEAD").map_err(storage(dir))?;
    let target = head.symbolic_target().ok().flatten();
    let branch = target.and_then(|name| name.strip_prefix("refs/heads/"));
    let branch = branch.ok_or_else(|| BareError::Detached { dir: dir.to_owned() })?;
    Ok(branch.to_owned())
}

fn missing(source: &Repository, dir: &Path, branch: String) -> BareError {
    let dir = dir.to_owned();
    let branches = source
        .branches(Some(git2::BranchType::Local))
        .into_iter()
        .flatten();
    let found: Vec<String> = branches
        .flatten()
        .filter_map(|(branch, _)| Some(branch.name().ok()??.to_owned()))
        .collect();
    if found.is_empty() || checked_out(source, &dir).is_ok_and(|head| head == branch) {
        return BareError::NoCommits { dir, branch };
    }
    BareError::NoBranch { dir, branch, found }
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
