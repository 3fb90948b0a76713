//! What is read of a repository: heads, files, history.

use super::cache;
use super::error::Fault;
use super::job::Job;
use super::job::commit_id;
use git2::Direction;
use git2::ObjectType;
use git2::Oid;
use git2::Remote;
use git2::Repository;
use git2::Sort;
use git2::TreeWalkMode;
use git2::TreeWalkResult;
use recant_core::query::Commit;
use recant_render::Entry;
use recant_render::Tree;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most commits a log tells.
const LOG: usize = 100;

const LINK: i32 = 0o120_000;

/// The head of a branch on the server.
pub(super) fn head(job: &Job, branch: &str) -> Result<Option<String>, Fault> {
    let heads = heads(job)?;
    let found = heads.into_iter().find(|(name, _)| name == branch);
    Ok(found.map(|(_, id)| id.to_string()))
}

/// All branches on the server, with their heads.
pub(super) fn heads(job: &Job) -> Result<Vec<(String, Oid)>, Fault> {
    let mut remote = Remote::create_detached(job.place.url.as_str())?;
    let connection = remote.connect_auth(Direction::Fetch, None, None)?;
    let branch = |name: &str| name.strip_prefix("refs/heads/").map(str::to_owned);
    Ok(connection
        .list()?
        .iter()
        .filter_map(|head| Some((branch(head.name())?, head.oid())))
        .collect())
}

/// The files of a commit.
pub(super) fn tree(job: &Job, commit: &str) -> Result<Tree, Fault> {
    let id = commit_id(commit)?;
    let repo = job.open()?;
    cache::ensure(job, &repo, &[id])?;
    files(&repo, id)
}

pub(super) fn files(repo: &Repository, id: Oid) -> Result<Tree, Fault> {
    files_with(repo, id, &mut Blobs::new())
}

/// Files that were read before: commits share most of theirs.
pub(super) type Blobs = BTreeMap<(Oid, bool), Entry>;

/// The files of a commit, with what was read before.
pub(super) fn files_with(repo: &Repository, id: Oid, blobs: &mut Blobs) -> Result<Tree, Fault> {
    let mut entries = Vec::new();
    let mut broken = None;
    let walked = repo
        .find_commit(id)?
        .tree()?
        .walk(TreeWalkMode::PreOrder, |directory, entry| {
            if entry.kind() != Some(ObjectType::Blob) {
                return TreeWalkResult::Ok;
            }
            // A name that is not UTF-8 cannot be named by a manifest either.
            let Ok(name) = entry.name() else {
                return TreeWalkResult::Ok;
            };
            let is_link = entry.filemode() == LINK;
            let known = blobs.get(&(entry.id(), is_link)).cloned();
            match known.map_or_else(|| content(repo, entry.id(), is_link), Ok) {
                Ok(content) => {
                    blobs.insert((entry.id(), is_link), content.clone());
                    entries.push((format!("{directory}{name}"), content));
                    TreeWalkResult::Ok
                }
                Err(error) => {
                    broken = Some(error);
                    TreeWalkResult::Abort
                }
            }
        });
    if let Some(error) = broken {
        return Err(error.into());
    }
    walked?;
    Ok(Tree::new(entries))
}

fn content(repo: &Repository, id: Oid, is_link: bool) -> Result<Entry, git2::Error> {
    let blob = repo.find_blob(id)?;
    if is_link {
        Ok(Entry::Link(Arc::from(String::from_utf8_lossy(blob.content()))))
    } else {
        Ok(Entry::File(Arc::from(blob.content())))
    }
}

/// The commits in `from..to`, newest first; all of `to`'s when `from` is empty.
pub(super) fn log(job: &Job, from: &str, to: &str) -> Result<Vec<Commit>, Fault> {
    let to = commit_id(to)?;
    let from = if from.is_empty() {
        None
    } else {
        Some(commit_id(from)?)
    };
    let repo = job.open()?;
    let wanted: Vec<Oid> = std::iter::once(to).chain(from).collect();
    cache::ensure(job, &repo, &wanted)?;
    let mut walk = repo.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
    walk.push(to)?;
    if let Some(from) = from {
        walk.hide(from)?;
    }
    walk.take(LOG).map(|id| told(&repo, id?)).collect()
}

fn told(repo: &Repository, id: Oid) -> Result<Commit, Fault> {
    let commit = repo.find_commit(id)?;
    let author = commit.author();
    Ok(Commit {
        id: id.to_string(),
        parents: commit.parent_ids().map(|id| id.to_string()).collect(),
        author: format!(
            "{} <{}>",
            String::from_utf8_lossy(author.name_bytes()),
            String::from_utf8_lossy(author.email_bytes())
        ),
        message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
    })
}
