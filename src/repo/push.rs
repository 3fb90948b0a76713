//! Commits, and their way to the server: only to recant's own branches, only onto the head that is expected there.

use super::cache;
use super::error::Fault;
use super::job::Job;
use super::job::commit_id;
use super::read;
use super::sign;
use crate::port::PortError;
use git2::FileMode;
use git2::Oid;
use git2::PushOptions;
use git2::Reference;
use git2::RemoteCallbacks;
use git2::Repository;
use git2::Signature;
use git2::Time;
use git2::build::TreeUpdateBuilder;
use recant_core::effect::Push;
use std::cell::RefCell;
use std::path::Path;

/// How much of what a server's hook says is kept, in bytes.
const SAID: usize = 2000;

/// Commits and pushes. The commit depends on nothing but the push and the settings, so that doing it again finds the
/// branch where it should be.
pub(super) fn push(job: &Job, push: &Push) -> Result<String, Fault> {
    let branch = own_ref(job, &push.branch.name)?;
    job.may_push()?;
    let base = commit_id(&push.base)?;
    let expect = push.expect.as_deref().map(commit_id).transpose()?;
    let repo = job.open()?;
    cache::ensure(job, &repo, &[base])?;
    let id = commit(job, &repo, base, push)?;
    let local = format!("refs/recant/push/{id}");
    repo.reference(&local, id, true, "to be pushed")?;
    // Forced, because a branch of recant's own may be put onto another base; the negotiation below is what guards it.
    send(job, &repo, &format!("+{local}:{branch}"), expect, Some(id))?;
    Ok(id.to_string())
}

/// Asks for the server's references as somebody who is going to push: it answers only who may.
pub(super) fn ask(job: &Job) -> Result<(), Fault> {
    job.may_push()?;
    let repo = job.open()?;
    let mut remote = repo.remote_anonymous(&job.place.url)?;
    remote.connect(git2::Direction::Push)?;
    Ok(remote.disconnect()?)
}

/// Deletes a branch that is at `expect`; a branch that is not there is deleted.
pub(super) fn delete(job: &Job, name: &str, expect: &str) -> Result<(), Fault> {
    let branch = own_ref(job, name)?;
    job.may_push()?;
    let expect = commit_id(expect)?;
    if read::head(job, name)?.is_none() {
        return Ok(());
    }
    send(job, &job.open()?, &format!(":{branch}"), Some(expect), None)
}

/// The full name of a branch, if it is recant's own.
fn own_ref(job: &Job, name: &str) -> Result<String, Fault> {
    let prefix = job.own_prefix();
    let reference = format!("refs/heads/{name}");
    let own = name.len() > prefix.len() && name.starts_with(prefix);
    if !own || prefix.is_empty() || !Reference::is_valid_name(&reference) {
        let text = format!("branch {name:?} is not recant's own: it pushes only below {prefix:?}");
        return Err(Fault::Port(PortError::Denied(text)));
    }
    Ok(reference)
}

fn commit(job: &Job, repo: &Repository, base: Oid, push: &Push) -> Result<Oid, Fault> {
    let base = repo.find_commit(base)?;
    let before = base.tree()?;
    let mut update = TreeUpdateBuilder::new();
    for (path, content) in &push.files {
        match content {
            Some(bytes) => {
                let mode = mode(&before, path)?;
                update.upsert(path.as_str(), repo.blob(bytes)?, mode);
            }
            None if before.get_path(Path::new(path)).is_ok() => {
                update.remove(path.as_str());
            }
            None => {
                return Err(Fault::invalid(format!(
                    "{path} is to be deleted and is not in {}",
                    base.id()
                )));
            }
        }
    }
    let after = update.create_updated(repo, &before)?;
    if after == before.id() {
        return Err(Fault::invalid(format!(
            "the commit on {} would change nothing",
            base.id()
        )));
    }
    let when = Time::new(push.date_s, 0);
    let (name, email) = match &push.author {
        Some(author) => (&author.name, &author.email),
        None => (&job.settings.author_name, &job.settings.author_email),
    };
    let who = Signature::new(name, email, &when)?;
    let tree = repo.find_tree(after)?;
    let Some(signer) = job.signer() else {
        return Ok(repo.commit(None, &who, &who, &push.message, &tree, &[&base])?);
    };
    let commit = repo.commit_create_buffer(&who, &who, &push.message, &tree, &[&base])?;
    let text = commit
        .as_str()
        .map_err(|_| Fault::invalid("the commit is not UTF-8"))?;
    let signature = sign::signature(signer, text).map_err(Fault::invalid)?;
    Ok(repo.commit_signed(text, &signature, None)?)
}

/// The mode a file keeps or gets. Only regular files are written.
fn mode(tree: &git2::Tree<'_>, path: &str) -> Result<FileMode, Fault> {
    let odd =
        |part: &str| part.is_empty() || part == "." || part == ".." || part.eq_ignore_ascii_case(".git");
    if path.split('/').any(odd) {
        return Err(Fault::invalid(format!("{path:?} is not a path in a repository")));
    }
    match tree.get_path(Path::new(path)).map(|entry| entry.filemode()) {
        Err(_) | Ok(0o100_644 | 0o100_664) => Ok(FileMode::Blob),
        Ok(0o100_755) => Ok(FileMode::BlobExecutable),
        Ok(_) => Err(Fault::invalid(format!(
            "{path} is a link, a directory or a submodule, not a regular file"
        ))),
    }
}

/// What the server had when the push began.
enum Found {
    AsWanted,
    Other(Oid),
}

/// Pushes one reference, if the server still has it at `expect`.
fn send(
    job: &Job,
    repo: &Repository,
    refspec: &str,
    expect: Option<Oid>,
    new: Option<Oid>,
) -> Result<(), Fault> {
    let found = RefCell::new(None);
    let refused = RefCell::new(None);
    let said = RefCell::new(Vec::new());
    let mut callbacks = RemoteCallbacks::new();
    callbacks.push_negotiation(|updates| {
        let there = updates.first().map_or(Oid::ZERO_SHA1, git2::PushUpdate::src);
        if Some(there) == new {
            *found.borrow_mut() = Some(Found::AsWanted);
        } else if there != expect.unwrap_or(Oid::ZERO_SHA1) {
            *found.borrow_mut() = Some(Found::Other(there));
        }
        match *found.borrow() {
            Some(_) => Err(git2::Error::from_str("nothing to push")),
            None => Ok(()),
        }
    });
    callbacks.push_update_reference(|_, status| {
        *refused.borrow_mut() = status.map(str::to_owned);
        Ok(())
    });
    callbacks.sideband_progress(|bytes| {
        let mut said = said.borrow_mut();
        let room = SAID.saturating_sub(said.len()).min(bytes.len());
        said.extend_from_slice(&bytes[..room]);
        true
    });
    let mut options = PushOptions::new();
    options.remote_callbacks(callbacks).packbuilder_parallelism(1);
    let pushed = repo
        .remote_anonymous(&job.place.url)?
        .push(&[refspec], Some(&mut options));
    drop(options);
    match (found.into_inner(), pushed, refused.into_inner()) {
        (Some(Found::AsWanted), _, _) => Ok(()),
        (Some(Found::Other(there)), _, _) => Err(stale(refspec, expect, there)),
        (None, Err(error), _) => Err(error.into()),
        (None, Ok(()), Some(why)) => Err(refusal(job, &why, &said.into_inner())),
        (None, Ok(()), None) => Ok(()),
    }
}

fn stale(refspec: &str, expect: Option<Oid>, there: Oid) -> Fault {
    let name = |id: Oid| {
        if id.is_zero() {
            "nothing".to_owned()
        } else {
            id.to_string()
        }
    };
    let expected = expect.map_or_else(|| "nothing".to_owned(), name);
    let branch = refspec.rsplit(':').next().unwrap_or(refspec);
    Fault::Port(PortError::Stale(format!(
        "{branch} is at {}, expected {expected}",
        name(there)
    )))
}

/// A server's refusal of one reference: somebody was faster, or it will not have it.
fn refusal(job: &Job, why: &str, said: &[u8]) -> Fault {
    let faster = [
        "stale info",
        "fetch first",
        "non-fast-forward",
        "failed to update ref",
        "cannot lock ref",
        "failed to lock",
    ];
    let lower = why.to_ascii_lowercase();
    let hook = String::from_utf8_lossy(said);
    let text = if hook.trim().is_empty() {
        why.to_owned()
    } else {
        format!("{why}: {}", hook.trim())
    };
    let text = format!("{} refused the push: {}", job.place.url, job.strike(&text));
    if faster.iter().any(|known| lower.contains(known)) {
        Fault::Port(PortError::Stale(text))
    } else {
        Fault::Port(PortError::Denied(text))
    }
}
