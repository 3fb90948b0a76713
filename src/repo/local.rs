//! A repository on this machine, only read: a commit's files, or those of the working directory.

use super::error::Fault;
use super::read;
use anyhow::Context as _;
use anyhow::anyhow;
use git2::Oid;
use git2::Repository;
use recant_render::Entry;
use recant_render::Tree;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// The longest file that is read from a working directory, in bytes. No manifest is longer.
const MAX_FILE: u64 = 32 << 20;
/// The most files that are read from a working directory.
const MAX_FILES: usize = 200_000;

/// Opens the repository that a directory is in.
///
/// # Errors
/// When there is none, or it cannot be read.
pub(crate) fn open(dir: &Path) -> anyhow::Result<Repository> {
    Repository::discover(dir).map_err(|error| {
        anyhow!(
            "{} is in no Git repository that can be read: {}",
            dir.display(),
            error.message()
        )
    })
}

/// A revision: a commit, a branch, a tag, `HEAD~2` and what else Git understands.
///
/// # Errors
/// When there is no such revision.
pub(crate) fn commit(repo: &Repository, rev: &str) -> anyhow::Result<Oid> {
    let commit = repo
        .revparse_single(rev)
        .and_then(|object| object.peel_to_commit())
        .map_err(|error| anyhow!("there is no commit `{rev}`: {}", error.message()))?;
    Ok(commit.id())
}

/// The files of a commit; `rev` is what the user calls it.
///
/// # Errors
/// When its files cannot be read.
pub(crate) fn files(repo: &Repository, commit: Oid, rev: &str) -> anyhow::Result<Tree> {
    files_with(repo, commit, rev, &mut read::Blobs::new())
}

/// The files of two revisions. What both have is read once.
///
/// # Errors
/// When there is no such revision, or its files cannot be read.
pub(crate) fn revisions(repo: &Repository, revs: [&str; 2]) -> anyhow::Result<[Tree; 2]> {
    let mut blobs = read::Blobs::new();
    let first = files_with(repo, commit(repo, revs[0])?, revs[0], &mut blobs)?;
    let second = files_with(repo, commit(repo, revs[1])?, revs[1], &mut blobs)?;
    Ok([first, second])
}

fn files_with(repo: &Repository, commit: Oid, rev: &str, blobs: &mut read::Blobs) -> anyhow::Result<Tree> {
    read::files_with(repo, commit, blobs).map_err(|fault| {
        let why = match fault {
            Fault::Git(error) => error.message().to_owned(),
            Fault::Port(error) => error.to_string(),
        };
        anyhow!("the files of `{rev}` cannot be read: {why}")
    })
}

/// The files of a directory on disk as they are now, and what was left out. What Git ignores is not read.
///
/// # Errors
/// When a directory or file cannot be read, or there are too many.
pub(crate) fn directory(dir: &Path) -> anyhow::Result<(Tree, Vec<String>)> {
    let mut walk = Walk {
        top: dir.to_owned(),
        repo: Repository::discover(dir).ok(),
        entries: Vec::new(),
        skipped: Vec::new(),
    };
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        let listed =
            fs::read_dir(&dir).with_context(|| format!("cannot read the directory {}", dir.display()))?;
        for entry in listed {
            let path = entry
                .with_context(|| format!("cannot read {}", dir.display()))?
                .path();
            open.extend(walk.visit(path)?);
        }
    }
    Ok((Tree::new(walk.entries), walk.skipped))
}

struct Walk {
    top: PathBuf,
    repo: Option<Repository>,
    entries: Vec<(String, Entry)>,
    skipped: Vec<String>,
}

impl Walk {
    /// Reads one path; a directory is given back to be walked.
    fn visit(&mut self, path: PathBuf) -> anyhow::Result<Option<PathBuf>> {
        // A name that is not UTF-8 cannot be named by a manifest either.
        let relative = path.strip_prefix(&self.top).unwrap_or(&path);
        let Some(name) = relative.to_str().map(str::to_owned) else {
            return Ok(None);
        };
        if path.file_name().is_some_and(|n| n == ".git") || self.is_ignored(&path) {
            return Ok(None);
        }
        let unreadable = || format!("cannot read {}", path.display());
        let meta = fs::symlink_metadata(&path).with_context(unreadable)?;
        if meta.is_dir() {
            return Ok(Some(path));
        }
        if self.entries.len() >= MAX_FILES {
            anyhow::bail!(
                "more than {MAX_FILES} files below {}; name a smaller --repo",
                self.top.display()
            );
        }
        if meta.is_symlink() {
            let target = fs::read_link(&path).with_context(unreadable)?;
            self.entries
                .push((name, Entry::Link(Arc::from(target.to_string_lossy()))));
        } else if meta.len() > MAX_FILE {
            self.skipped
                .push(format!("{name} is not read: {} MB", meta.len() >> 20));
        } else if meta.is_file() {
            let bytes = fs::read(&path).with_context(unreadable)?;
            self.entries.push((name, Entry::File(Arc::from(bytes))));
        }
        Ok(None)
    }

    fn is_ignored(&self, path: &Path) -> bool {
        let Some(repo) = &self.repo else { return false };
        let inside = repo.workdir().and_then(|work| path.strip_prefix(work).ok());
        inside.is_some_and(|path| repo.is_path_ignored(path).unwrap_or(false))
    }
}
