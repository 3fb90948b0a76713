//! Git, through libgit2: one bare cache repository for each URL, and HTTP by recant's own client.
//!
//! The cache is only that: it can be deleted at any time. Nothing is ever pushed but single commits to branches below
//! recant's own prefix, each by the exact head it expects there. There is no merge here, and a work tree is only read.

pub(crate) mod blame;
mod cache;
mod error;
mod http;
mod job;
pub(crate) mod local;
mod push;
mod read;
mod sign;

use crate::credential::Credential;
use crate::credential::Credentials;
use crate::credential::Transport;
use crate::port::Answered;
use crate::port::PortError;
use crate::port::Repo;
use job::Job;
use job::Place;
use recant_core::effect::Push;
use recant_core::query::Branch;
use recant_core::query::Commit;
use recant_core::query::CommitRef;
use recant_core::query::RepoUrl;
use recant_render::Tree;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

/// How many trees are kept in memory: a commit's files never change.
const TREES: usize = 16;

/// How many HTTP clients are kept: one for each way to reach a host.
const CLIENTS: usize = 16;

/// HTTP clients by how they reach their host.
type Clients = VecDeque<(Transport, reqwest::Client)>;

/// How recant uses Git.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the cache repositories are.
    pub cache: PathBuf,
    /// The name of recant's commits' author and committer.
    pub author_name: String,
    /// Their address.
    pub author_email: String,
    /// What the name of every branch begins with that recant may push to or delete.
    pub own_prefix: String,
    /// The longest silence of a server.
    pub timeout: Duration,
    /// Whether `file://` URLs and paths are repositories, too. In a cluster they would be the pod's own files.
    pub allow_local: bool,
}

impl Settings {
    /// The defaults, with this cache directory.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            cache: cache.into(),
            author_name: "recant".to_owned(),
            author_email: "recant@users.noreply.invalid".to_owned(),
            own_prefix: "recant/".to_owned(),
            timeout: Duration::from_secs(60),
            allow_local: false,
        }
    }
}

/// Git repositories by URL.
#[derive(Clone)]
pub struct Git2 {
    settings: Arc<Settings>,
    credentials: Arc<dyn Credentials>,
    clients: Arc<Mutex<Clients>>,
    locks: Arc<Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>>,
    trees: Arc<Mutex<VecDeque<(CommitRef, Tree)>>>,
}

impl Git2 {
    /// Repositories cached below `settings.cache`, which is made when it is not there.
    pub fn new(settings: Settings, credentials: Arc<dyn Credentials>) -> Result<Self, PortError> {
        http::install()?;
        std::fs::create_dir_all(&settings.cache)
            .map_err(|e| PortError::Invalid(format!("cache directory {}: {e}", settings.cache.display())))?;
        Ok(Self {
            settings: Arc::new(settings),
            credentials,
            clients: Arc::default(),
            locks: Arc::default(),
            trees: Arc::default(),
        })
    }

    /// Runs blocking work on one repository, on a thread for that, one at a time for each URL.
    async fn run<T: Send + 'static>(
        &self,
        repo: &RepoUrl,
        work: impl Fn(&Job) -> Result<T, error::Fault> + Send + 'static,
    ) -> Result<T, PortError> {
        let place = Place::of(&repo.0, self.settings.allow_local)?;
        let credential = if place.is_http() {
            self.credentials.for_url(&place.url).await?
        } else {
            None
        };
        let place = place.reached_at(credential.as_ref().and_then(|c| c.place.as_ref()));
        let client = self.client(credential.as_ref())?;
        let guard = self.lock(&place.url).lock_owned().await;
        let job = Job::new(Arc::clone(&self.settings), place, client, credential);
        let done = tokio::task::spawn_blocking(move || {
            let _guard = guard;
            job.run(&work)
        });
        let answer = done
            .await
            .unwrap_or_else(|e| Err(PortError::Invalid(format!("work on {repo} broke off: {e}"))));
        if let Err(PortError::Denied(_)) = &answer {
            self.credentials.refused();
        }
        answer
    }

    /// The HTTP client with the certificates and the proxy that belong to a credential.
    fn client(&self, credential: Option<&Credential>) -> Result<reqwest::Client, PortError> {
        let transport = credential.map_or_else(Transport::default, |c| c.manner.transport.clone());
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == transport) {
            return Ok(client.clone());
        }
        let client = http::client(&transport, self.settings.timeout)?;
        clients.truncate(CLIENTS - 1);
        clients.push_front((transport, client.clone()));
        Ok(client)
    }

    /// Asks the server for the right to push, and pushes nothing.
    ///
    /// # Errors
    /// [`PortError::Denied`] when there is none.
    pub async fn may_push(&self, repo: &RepoUrl) -> Result<(), PortError> {
        self.run(repo, push::ask).await
    }

    fn lock(&self, url: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(url.to_owned()).or_default())
    }

    async fn tree(&self, commit: &CommitRef) -> Result<Tree, PortError> {
        if let Some(tree) = self.remembered(commit) {
            return Ok(tree);
        }
        let id = commit.commit.clone();
        let tree = self.run(&commit.repo, move |job| read::tree(job, &id)).await?;
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        trees.truncate(TREES - 1);
        trees.push_front((commit.clone(), tree.clone()));
        Ok(tree)
    }

    fn remembered(&self, commit: &CommitRef) -> Option<Tree> {
        let trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        trees
            .iter()
            .find(|(known, _)| known == commit)
            .map(|(_, tree)| tree.clone())
    }
}

impl Repo for Git2 {
    fn head<'a>(&'a self, branch: &'a Branch) -> Answered<'a, Option<String>> {
        let name = branch.name.clone();
        Box::pin(self.run(&branch.repo, move |job| read::head(job, &name)))
    }

    fn tree<'a>(&'a self, commit: &'a CommitRef) -> Answered<'a, Tree> {
        Box::pin(self.tree(commit))
    }

    fn log<'a>(&'a self, repo: &'a RepoUrl, from: &'a str, to: &'a str) -> Answered<'a, Vec<Commit>> {
        let (from, to) = (from.to_owned(), to.to_owned());
        Box::pin(self.run(repo, move |job| read::log(job, &from, &to)))
    }

    fn push<'a>(&'a self, push: &'a Push) -> Answered<'a, String> {
        let wanted = push.clone();
        Box::pin(self.run(&push.branch.repo, move |job| push::push(job, &wanted)))
    }

    fn delete_branch<'a>(&'a self, branch: &'a Branch, expect: &'a str) -> Answered<'a, ()> {
        let (name, expect) = (branch.name.clone(), expect.to_owned());
        Box::pin(self.run(&branch.repo, move |job| push::delete(job, &name, &expect)))
    }
}
