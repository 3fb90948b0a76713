//! Git hosts: pull requests, labels, comments and commit statuses.
//!
//! Which host a repository is on, and the credential for it, comes from the `Forge` objects in recant's own namespace
//! (`binding`); everything above one host's words is here. Asking twice never makes two pull requests: before one is
//! opened, and after every answer that leaves it open whether one was, the host is asked what is there.

mod app;
mod azure;
mod binding;
mod bitbucket;
mod build;
mod datacenter;
mod gitea;
mod github;
mod gitlab;
mod glob;
mod host;
mod hub;
mod keys;
mod plain;
mod rest;
mod slug;

pub use binding::Bindings;
pub use rest::Pace;

use crate::credential::Credentials;
use crate::port::Answered;
use crate::port::Forge;
use crate::port::PortError;
use binding::Bound;
use host::Host;
use host::HostPull;
use host::Standing;
use recant_core::effect::CheckRun;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullComment;
use recant_core::effect::PullText;
use recant_core::effect::Push;
use recant_core::forge::ForgeType;
use recant_core::object::ObjectRef;
use recant_core::query::Access;
use recant_core::query::Branch;
use recant_core::query::Pull;
use recant_core::query::PullState;
use recant_core::query::RepoUrl;
use slug::Slug;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

type Hosted = (Arc<dyn Host>, Slug);

/// The clients made so far, by the name of their `Forge`, with what they were made from.
type Open = BTreeMap<String, (Bound, Arc<dyn Host>)>;

/// The statuses that this process has set, by repository, commit and context: what it said itself it need not ask.
type Said = VecDeque<((String, String, String), Standing)>;

/// How many statuses are remembered.
const SAID: usize = 1024;

/// All Git hosts that a `Forge` object binds.
#[derive(Clone)]
pub struct Hosts {
    bindings: Arc<Bindings>,
    pace: Pace,
    hosts: Arc<Mutex<Open>>,
    said: Arc<Mutex<Said>>,
}

impl Hosts {
    /// The hosts of these bindings.
    pub fn new(bindings: Arc<Bindings>) -> Self {
        Self {
            bindings,
            pace: Pace::default(),
            hosts: Arc::default(),
            said: Arc::default(),
        }
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    async fn host(&self, repo: &RepoUrl) -> Result<Hosted, PortError> {
        let (bound, slug) = self.bindings.find(&repo.0).await?;
        Ok((self.client(bound)?, slug))
    }

    /// The client for one Forge: the one there is, while the Forge and its credential stay as they are.
    fn client(&self, bound: Bound) -> Result<Arc<dyn Host>, PortError> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, host)) = hosts.get(bound.name())
            && *known == bound
        {
            return Ok(Arc::clone(host));
        }
        let pace = self.pace;
        let host: Arc<dyn Host> = match bound.forge.spec.r#type {
            ForgeType::GitHub => Arc::new(github::client(&self.bindings, &bound, pace)?),
            ForgeType::GitLab => Arc::new(gitlab::GitLab::new(&bound, pace)?),
            ForgeType::Gitea | ForgeType::Forgejo => Arc::new(gitea::client(&bound, pace)?),
            ForgeType::Bitbucket => Arc::new(bitbucket::Bitbucket::new(&bound, pace)?),
            ForgeType::BitbucketServer => Arc::new(datacenter::DataCenter::new(&bound, pace)?),
            ForgeType::AzureDevOps => Arc::new(azure::Azure::new(&bound, pace)?),
        };
        hosts.insert(bound.name().to_owned(), (bound, Arc::clone(&host)));
        Ok(host)
    }

    /// A refused credential may have been replaced since it was read.
    fn done<T>(&self, answer: Result<T, PortError>) -> Result<T, PortError> {
        if let Err(PortError::Denied(_)) = &answer {
            self.bindings.refused();
        }
        answer
    }

    async fn pulls(&self, branch: &Branch) -> Result<Vec<Pull>, PortError> {
        let (host, slug) = self.host(&branch.repo).await?;
        let found = host.pulls(&slug, &branch.name, false).await?;
        let mut pulls: Vec<Pull> = found.into_iter().map(|found| found.pull).collect();
        pulls.sort_by_key(|pull| std::cmp::Reverse(pull.number));
        Ok(pulls)
    }

    async fn open(&self, text: &PullText) -> Result<Pull, PortError> {
        let (host, slug) = self.host(&text.branch.repo).await?;
        if let Some(pull) = self.standing(&*host, &slug, text).await? {
            return Ok(pull.pull);
        }
        let pull = self.create(&*host, &slug, text).await?;
        host.wish(&slug, &pull, text).await?;
        Ok(pull.pull)
    }

    /// The open pull request from that branch. Of several, which only a host that takes a second one can have, the
    /// oldest stays.
    async fn standing(
        &self,
        host: &dyn Host,
        slug: &Slug,
        text: &PullText,
    ) -> Result<Option<HostPull>, PortError> {
        let mut open = host.pulls(slug, &text.branch.name, true).await?;
        open.retain(|found| found.pull.state == PullState::Open);
        open.sort_by_key(|found| found.pull.number);
        let mut open = open.into_iter();
        let first = open.next();
        for more in open {
            tracing::info!(
                number = more.pull.number,
                "a second pull request from one branch: closing it"
            );
            host.close(slug, &more).await?;
        }
        Ok(first)
    }

    async fn create(&self, host: &dyn Host, slug: &Slug, text: &PullText) -> Result<HostPull, PortError> {
        let mut attempt = 0;
        loop {
            let error = match host.create(slug, text).await {
                Ok(Some(pull)) => return Ok(pull),
                // Nobody answered. The host may still be at it, so it is not asked a second time now.
                Ok(None) => None,
                Err(error @ (PortError::Unreachable(_) | PortError::Stale(_))) => Some(error),
                Err(error) => return Err(error),
            };
            tracing::info!(
                ?error,
                "unclear whether the pull request was opened: looking for it"
            );
            self.pace.rest(attempt).await;
            if let Some(pull) = self.standing(host, slug, text).await? {
                return Ok(pull);
            }
            match error {
                Some(error) if attempt >= self.pace.attempts => return Err(error),
                Some(_) => attempt += 1,
                None => {
                    let text =
                        format!("{slug}: no answer to the request for a pull request, and there is none yet");
                    return Err(PortError::Unreachable(text));
                }
            }
        }
    }

    async fn update(&self, number: u64, text: &PullText) -> Result<(), PortError> {
        let (host, slug) = self.host(&text.branch.repo).await?;
        let old = own(&*host, &slug, &text.branch, number).await?;
        if old.pull.title == text.title && old.pull.body == text.body {
            return Ok(());
        }
        host.edit(&slug, &old, &text.title, &text.body).await
    }

    async fn close(&self, branch: &Branch, number: u64, comment: &str) -> Result<(), PortError> {
        let (host, slug) = self.host(&branch.repo).await?;
        let old = own(&*host, &slug, branch, number).await?;
        if old.pull.state != PullState::Open {
            return Ok(());
        }
        let said = host.comments(&slug, number).await?;
        if !said.iter().any(|old| old.body.trim() == comment.trim()) {
            host.comment(&slug, number, comment).await?;
        }
        host.close(&slug, &old).await
    }

    async fn comments(&self, branch: &Branch, number: u64) -> Result<Vec<String>, PortError> {
        let (host, slug) = self.host(&branch.repo).await?;
        let said = host.comments(&slug, number).await?;
        Ok(said.into_iter().map(|comment| comment.body).collect())
    }

    async fn comment(&self, wanted: &PullComment) -> Result<(), PortError> {
        let (host, slug) = self.host(&wanted.branch.repo).await?;
        own(&*host, &slug, &wanted.branch, wanted.number).await?;
        let said = host.comments(&slug, wanted.number).await?;
        match said.iter().find(|old| old.body.contains(&wanted.marker)) {
            Some(old) if old.body.trim() == wanted.body.trim() => Ok(()),
            Some(old) => host.edit_comment(&slug, old, &wanted.body).await,
            None => host.comment(&slug, wanted.number, &wanted.body).await,
        }
    }

    async fn commit(&self, push: &Push) -> Result<String, PortError> {
        let (host, slug) = self.host(&push.branch.repo).await?;
        host.commit(&slug, push).await
    }

    async fn access(&self, name: &ObjectRef) -> Result<Access, PortError> {
        let bound = self.bindings.named(name).await?;
        let repos = bound.named_repositories();
        self.client(bound)?.access(&repos).await
    }

    async fn check(&self, check: &CheckRun) -> Result<(), PortError> {
        match self.host_for_statuses(&check.status.repo).await? {
            Some((host, slug)) => host.check(&slug, check).await,
            None => Ok(()),
        }
    }

    /// The host of a repository, unless its Forge wants no statuses.
    async fn host_for_statuses(&self, repo: &RepoUrl) -> Result<Option<Hosted>, PortError> {
        let (bound, slug) = self.bindings.find(&repo.0).await?;
        if !bound.forge.spec.commit_statuses {
            return Ok(None);
        }
        Ok(Some((self.client(bound)?, slug)))
    }

    async fn status(&self, status: &CommitStatus) -> Result<(), PortError> {
        if status.commit.is_empty() || !status.commit.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(PortError::Invalid(format!(
                "{:?} is not a commit id",
                status.commit
            )));
        }
        let Some((host, slug)) = self.host_for_statuses(&status.repo).await? else {
            return Ok(());
        };
        let wanted = host.standing(status);
        let key = (slug.to_string(), status.commit.clone(), status.context.clone());
        if self.has_said(&key, &wanted) {
            return Ok(());
        }
        let standing = host.status(&slug, &status.commit, &status.context).await?;
        if standing.as_ref() != Some(&wanted) {
            host.set_status(&slug, status).await?;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|(known, _)| *known != key);
        said.truncate(SAID - 1);
        said.push_front((key, wanted));
        Ok(())
    }

    fn has_said(&self, key: &(String, String, String), wanted: &Standing) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().any(|(known, said)| known == key && said == wanted)
    }
}

/// The pull request of that number, if it comes from that branch: nobody else's is ever edited or closed.
async fn own(host: &dyn Host, slug: &Slug, branch: &Branch, number: u64) -> Result<HostPull, PortError> {
    let found = host.one(slug, number).await?;
    if found.branch != branch.name {
        return Err(PortError::Invalid(format!(
            "pull request {number} of {slug} comes from branch {:?}, not from {:?}",
            found.branch, branch.name
        )));
    }
    Ok(found)
}

impl Forge for Hosts {
    fn pulls<'a>(&'a self, branch: &'a Branch) -> Answered<'a, Vec<Pull>> {
        Box::pin(async { self.done(self.pulls(branch).await) })
    }

    fn open<'a>(&'a self, text: &'a PullText) -> Answered<'a, Pull> {
        Box::pin(async { self.done(self.open(text).await) })
    }

    fn update<'a>(&'a self, number: u64, text: &'a PullText) -> Answered<'a, ()> {
        Box::pin(async move { self.done(self.update(number, text).await) })
    }

    fn close<'a>(&'a self, branch: &'a Branch, number: u64, comment: &'a str) -> Answered<'a, ()> {
        Box::pin(async move { self.done(self.close(branch, number, comment).await) })
    }

    fn comments<'a>(&'a self, branch: &'a Branch, number: u64) -> Answered<'a, Vec<String>> {
        Box::pin(async move { self.done(self.comments(branch, number).await) })
    }

    fn comment<'a>(&'a self, comment: &'a PullComment) -> Answered<'a, ()> {
        Box::pin(async { self.done(self.comment(comment).await) })
    }

    fn check<'a>(&'a self, check: &'a CheckRun) -> Answered<'a, ()> {
        Box::pin(async { self.done(self.check(check).await) })
    }

    fn commit<'a>(&'a self, push: &'a Push) -> Answered<'a, String> {
        Box::pin(async { self.done(self.commit(push).await) })
    }

    fn of<'a>(&'a self, repo: &'a RepoUrl) -> Answered<'a, Option<recant_core::forge::Forge>> {
        Box::pin(self.bindings.of(&repo.0))
    }

    fn access<'a>(&'a self, name: &'a ObjectRef) -> Answered<'a, Access> {
        Box::pin(async { self.done(self.access(name).await) })
    }

    fn status<'a>(&'a self, status: &'a CommitStatus) -> Answered<'a, ()> {
        Box::pin(async { self.done(self.status(status).await) })
    }
}
