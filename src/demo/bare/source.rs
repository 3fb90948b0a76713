//! A bare repository made from a person's own, which is only read.

use super::BareGit;
use super::storage;
use git2::AutotagOption;
use git2::BranchType;
use git2::FetchOptions;
use git2::Repository;
use git2::RepositoryOpenFlags;
use std::path::Path;
use std::path::PathBuf;

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
    /// Copies all branches of a person's repository (a working copy or a bare one; only what is committed) into a new
    /// bare repository. Its `HEAD` means `branch`, or the branch that is checked out there.
    pub fn clone_of(dir: &Path, branch: Option<&str>, into: &Path) -> Result<Self, BareError> {
        let source = open_source(dir)?;
        let branch = match branch {
            Some(name) => name.to_owned(),
            None => checked_out(&source, dir)?,
        };
        if source.find_branch(&branch, BranchType::Local).is_err() {
            return Err(missing(&source, dir, branch));
        }
        let copy = Self::init(into, &branch)?;
        let url = source.commondir().to_string_lossy().into_owned();
        let fetched = copy.repository.remote_anonymous(&url).and_then(|mut remote| {
            let mut options = FetchOptions::new();
            options.download_tags(AutotagOption::None).update_fetchhead(false);
            remote.fetch(&["+refs/heads/*:refs/heads/*"], Some(&mut options), None)
        });
        fetched.map_err(storage(dir))?;
        Ok(copy)
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
    let branches = source.branches(Some(BranchType::Local)).into_iter().flatten();
    let found: Vec<String> = branches
        .flatten()
        .filter_map(|(branch, _)| Some(branch.name().ok()??.to_owned()))
        .collect();
    if found.is_empty() || checked_out(source, &dir).is_ok_and(|head| head == branch) {
        return BareError::NoCommits { dir, branch };
    }
    BareError::NoBranch { dir, branch, found }
}
