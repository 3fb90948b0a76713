//! The cache repositories on disk.

use super::error::Fault;
use super::job::Job;
use crate::port::PortError;
use git2::AutotagOption;
use git2::ErrorClass;
use git2::ErrorCode;
use git2::FetchOptions;
use git2::Oid;
use git2::Repository;
use sha2::Digest;
use sha2::Sha256;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;

fn stem(cache: &Path, url: &str) -> PathBuf {
    let hash = Sha256::digest(url.as_bytes());
    let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    cache.join(name)
}

/// Keeps other processes from the same cache repository until it is dropped.
pub(super) fn lock(cache: &Path, url: &str) -> Result<File, PortError> {
    let path = stem(cache, url).with_extension("lock");
    let said = |e: std::io::Error| PortError::Invalid(format!("lock {}: {e}", path.display()));
    let file = File::create(&path).map_err(said)?;
    file.lock().map_err(said)?;
    Ok(file)
}

/// Opens the cache repository of a URL; makes an empty one first if there is none.
pub(super) fn open(cache: &Path, url: &str) -> Result<Repository, Fault> {
    let path = stem(cache, url).with_extension("git");
    if path.is_dir() {
        return Ok(Repository::open_bare(&path)?);
    }
    Ok(Repository::init_bare(&path)?)
}

/// Deletes the cache repository of a URL.
pub(super) fn remove(cache: &Path, url: &str) -> Result<(), PortError> {
    let path = stem(cache, url).with_extension("git");
    match std::fs::remove_dir_all(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(PortError::Invalid(format!(
            "broken cache {} cannot be removed: {e}",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Makes sure that these commits are in the cache, with all that they reach.
///
/// Looks in the cheapest place first: the branch that has the commit as its head, then all branches, then the commit
/// by its id, which not every server allows.
pub(super) fn ensure(job: &Job, repo: &Repository, ids: &[Oid]) -> Result<(), Fault> {
    let missing = || ids.iter().copied().find(|id| repo.find_commit(*id).is_err());
    if missing().is_none() {
        return Ok(());
    }
    for (name, head) in super::read::heads(job)? {
        if ids.contains(&head) && repo.find_commit(head).is_err() {
            fetch(
                job,
                repo,
                &format!("+refs/heads/{name}:refs/remotes/origin/{name}"),
            )?;
        }
    }
    if missing().is_some() {
        fetch(job, repo, "+refs/heads/*:refs/remotes/origin/*")?;
    }
    while let Some(id) = missing() {
        let alone = fetch(job, repo, &format!("{id}:refs/recant/commits/{id}"));
        if alone.is_err() || repo.find_commit(id).is_err() {
            refuse_dangling(repo)?;
            let text = format!("no branch of {} holds commit {id}", job.place.url);
            return Err(Fault::invalid(text));
        }
    }
    Ok(())
}

/// A reference to a commit that is not there means that objects were lost; a fetch would go on believing in them.
fn refuse_dangling(repo: &Repository) -> Result<(), Fault> {
    for reference in repo.references()? {
        if let Some(id) = reference?.target().filter(|id| repo.find_commit(*id).is_err()) {
            let text = format!("commit {id} was fetched and is gone");
            return Err(git2::Error::new(ErrorCode::NotFound, ErrorClass::Odb, text).into());
        }
    }
    Ok(())
}

fn fetch(job: &Job, repo: &Repository, refspec: &str) -> Result<(), Fault> {
    let mut options = FetchOptions::new();
    options.download_tags(AutotagOption::None).update_fetchhead(false);
    let mut remote = repo.remote_anonymous(&job.place.url)?;
    Ok(remote.fetch(&[refspec], Some(&mut options), None)?)
}
