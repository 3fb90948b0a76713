//! The ways out: what the controller may ask of a cluster, a Git repository, a forge, a metric provider, whoever is to
//! be told, and webhooks.
//!
//! Adapters (`cluster/`, `repo/`, `forge/`, `gauge/`, `notifier/`, `hook.rs`) implement these and never import one
//! another; the controller
//! knows nothing else of the outside. Few methods each, and every type in them is the core's.

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use recant_core::alert::Alert;
use recant_core::effect::CheckRun;
use recant_core::effect::CommitStatus;
use recant_core::effect::Event;
use recant_core::effect::EventHook;
use recant_core::effect::PullComment;
use recant_core::effect::PullText;
use recant_core::effect::Push;
use recant_core::effect::Write;
use recant_core::forge;
use recant_core::hook::HookAnswer;
use recant_core::hook::HookCall;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_core::query::Access;
use recant_core::query::Branch;
use recant_core::query::Commit;
use recant_core::query::CommitRef;
use recant_core::query::MetricQuery;
use recant_core::query::Pull;
use recant_core::query::RepoUrl;
use recant_render::Tree;

/// Why a port could not do it. Never holds a credential.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PortError {
    /// No answer, or a 5xx.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// 401 or 403, or there is no credential for that host.
    #[error("denied: {0}")]
    Denied(String),
    /// The precondition does not hold any more: observe again.
    #[error("stale: {0}")]
    Stale(String),
    /// What was sent or what came back makes no sense.
    #[error("invalid: {0}")]
    Invalid(String),
}

/// What a port answers, some time.
pub type Answered<'a, T> = BoxFuture<'a, Result<T, PortError>>;

/// The Kubernetes API.
pub trait Cluster: Send + Sync {
    /// The object of that name, or none (also when the cluster does not know the kind).
    fn get<'a>(&'a self, name: &'a ObjectRef) -> Answered<'a, Option<Object>>;
    /// All objects of a kind (namespace empty: in all namespaces), in order of namespace and name.
    fn list<'a>(
        &'a self,
        api_version: &'a str,
        kind: &'a str,
        namespace: &'a str,
    ) -> Answered<'a, Vec<Object>>;
    /// Writes, under the write's own precondition, and returns the object as it is then.
    fn write<'a>(&'a self, write: &'a Write) -> Answered<'a, Object>;
    /// Records an event.
    fn event<'a>(&'a self, event: &'a Event) -> Answered<'a, ()>;
    /// Changes of all objects of these kinds (`api_version`, `kind`), for ever, also of kinds that are installed
    /// later. Starts with every object that exists. Lost connections are the adapter's affair.
    fn changes(&self, kinds: &[(&str, &str)]) -> BoxStream<'static, Change>;
}

/// An object that changed, as it is now; deleted ones as they were last.
#[derive(Clone, Debug)]
pub struct Change {
    /// The object.
    pub object: Object,
    /// Whether it is gone.
    pub deleted: bool,
}

/// Git.
pub trait Repo: Send + Sync {
    /// The head of a branch as the server has it now, or that there is no such branch.
    fn head<'a>(&'a self, branch: &'a Branch) -> Answered<'a, Option<String>>;
    /// The files of a commit.
    fn tree<'a>(&'a self, commit: &'a CommitRef) -> Answered<'a, Tree>;
    /// The commits in `from..to`, newest first, at most 100.
    fn log<'a>(&'a self, repo: &'a RepoUrl, from: &'a str, to: &'a str) -> Answered<'a, Vec<Commit>>;
    /// Commits and pushes; returns the new commit's id. Doing it twice makes one commit.
    fn push<'a>(&'a self, push: &'a Push) -> Answered<'a, String>;
    /// Deletes a branch that is still at `expect`.
    fn delete_branch<'a>(&'a self, branch: &'a Branch, expect: &'a str) -> Answered<'a, ()>;
}

/// A Git host.
pub trait Forge: Send + Sync {
    /// The pull requests from one head branch, open and closed, newest first.
    fn pulls<'a>(&'a self, branch: &'a Branch) -> Answered<'a, Vec<Pull>>;
    /// Opens a pull request, or returns the open one from that branch.
    fn open<'a>(&'a self, text: &'a PullText) -> Answered<'a, Pull>;
    /// Gives a pull request a new title and body.
    fn update<'a>(&'a self, number: u64, text: &'a PullText) -> Answered<'a, ()>;
    /// Closes a pull request with a comment.
    fn close<'a>(&'a self, branch: &'a Branch, number: u64, comment: &'a str) -> Answered<'a, ()>;
    /// The bodies of the comments under a pull request, oldest first.
    fn comments<'a>(&'a self, branch: &'a Branch, number: u64) -> Answered<'a, Vec<String>>;
    /// Makes the comment with that marker say this; writes it when there is none.
    fn comment<'a>(&'a self, comment: &'a PullComment) -> Answered<'a, ()>;
    /// Lets the host make a commit, and so sign it; returns the commit's id. Doing it twice makes one commit.
    fn commit<'a>(&'a self, push: &'a Push) -> Answered<'a, String>;
    /// The Forge object that a repository is bound to, or that it is bound to none.
    fn of<'a>(&'a self, repo: &'a RepoUrl) -> Answered<'a, Option<forge::Forge>>;
    /// What the credential of a Forge object may do.
    fn access<'a>(&'a self, name: &'a ObjectRef) -> Answered<'a, Access>;
    /// Sets a commit status; an equal one that stands already is left as it is.
    fn status<'a>(&'a self, status: &'a CommitStatus) -> Answered<'a, ()>;
    /// Tells the details of a verdict, where the host has a place for them.
    fn check<'a>(&'a self, check: &'a CheckRun) -> Answered<'a, ()>;
}

/// A metric provider.
pub trait Gauge: Send + Sync {
    /// The number a query comes to, or that there is no data.
    fn query<'a>(&'a self, query: &'a MetricQuery) -> Answered<'a, Option<f64>>;
}

/// Chats and event webhooks. Nothing waits for them: a message is taken, and sent when it can be.
pub trait Notifier: Send + Sync {
    /// Takes an alert.
    fn alert<'a>(&'a self, alert: &'a Alert) -> Answered<'a, ()>;
    /// Takes an event for a webhook.
    fn event<'a>(&'a self, hook: &'a EventHook) -> Answered<'a, ()>;
}

/// Webhooks.
pub trait Hooks: Send + Sync {
    /// What became of a call so far. The call is made when it is first asked about, and only then: who asks again
    /// about the same occasion gets the same answer. An error is final for the occasion.
    fn ask<'a>(&'a self, call: &'a HookCall) -> Answered<'a, HookAnswer>;
}

/// All ports of one controller.
#[derive(Clone)]
pub struct Ports {
    /// The Kubernetes API.
    pub cluster: std::sync::Arc<dyn Cluster>,
    /// Git.
    pub repo: std::sync::Arc<dyn Repo>,
    /// The Git hosts.
    pub forge: std::sync::Arc<dyn Forge>,
    /// The metric providers.
    pub gauge: std::sync::Arc<dyn Gauge>,
    /// Chats and event webhooks.
    pub notifier: std::sync::Arc<dyn Notifier>,
    /// The webhooks.
    pub hooks: std::sync::Arc<dyn Hooks>,
}
