//! Everything recant may ask of the world, and the answers.
//!
//! Failure to observe is an observation: an answer is [`Observed::Unknown`] with a [`Why`], never an error that
//! ends a decision. The shell (`observe.rs`) and the simulator answer the same queries.

pub use crate::observed::Observed;
pub use crate::observed::Why;

use crate::forge::Forge;
use crate::hook::HookAnswer;
use crate::hook::HookCall;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::provider::Provider;
use recant_render::Tree;
use std::collections::BTreeMap;
use std::fmt;

/// One thing to be known before the next move.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Query {
    /// One object of the cluster.
    Object(ObjectRef),
    /// A number from a metric provider.
    Metric(MetricQuery),
    /// The commit at the head of a branch.
    Head(Branch),
    /// All files of a commit.
    Tree(CommitRef),
    /// The commits reachable from `to` and not from `from`, newest first, at most 100.
    Log {
        /// Where the repository is.
        repo: RepoUrl,
        /// The older commit, exclusive.
        from: String,
        /// The newer commit, inclusive.
        to: String,
    },
    /// The pull requests from one head branch, open and closed, newest first.
    Pulls(Branch),
    /// What was said under a pull request, oldest first.
    Comments {
        /// Its repository and head branch.
        branch: Branch,
        /// Its number.
        number: u64,
    },
    /// All objects of a kind, in all namespaces, in order of namespace and name. Nobody is woken when one changes.
    Objects {
        /// `group/version`.
        api_version: String,
        /// The kind.
        kind: String,
    },
    /// The Forge that a repository is bound to: what is wanted there.
    Forge(RepoUrl),
    /// What the credential of one Forge may do.
    Access(ObjectRef),
    /// The answer of a webhook: called once for each occasion, however often this is asked.
    Hook(HookCall),
}

impl Query {
    /// All objects of a kind.
    pub fn objects(api_version: &str, kind: &str) -> Self {
        Self::Objects {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        }
    }
}

/// A query for a metric provider.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricQuery {
    /// Who is asked.
    pub provider: Provider,
    /// The query, complete, in the provider's own language.
    pub query: String,
    /// The metric's interval in milliseconds: providers whose queries carry no range look back over it, or ten times
    /// as long, as Flagger's do.
    pub interval_ms: i64,
}

impl MetricQuery {
    /// PromQL for a Prometheus at this address; for recant's own `--metrics-server` when that is empty.
    pub fn prometheus(address: &str, promql: &str) -> Self {
        Self {
            provider: Provider::prometheus(address),
            query: promql.to_owned(),
            interval_ms: 60_000,
        }
    }
}

/// A Git repository by its URL, as Flux spells it in `GitRepository.spec.url`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct RepoUrl(pub String);

impl fmt::Display for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A branch of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch {
    /// The repository.
    pub repo: RepoUrl,
    /// The branch's short name: `main`.
    pub name: String,
}

/// A commit of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitRef {
    /// The repository.
    pub repo: RepoUrl,
    /// The commit's id: 40 (or 64) hexadecimal digits.
    pub commit: String,
}

/// What is told of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// Its parents' ids.
    pub parents: Vec<String>,
    /// `Name <email>` of the author.
    pub author: String,
    /// The whole message.
    pub message: String,
}

impl Commit {
    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

/// A pull request as the forge shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Its number in the repository.
    pub number: u64,
    /// The page a person opens.
    pub url: String,
    /// Open, merged or closed.
    pub state: PullState,
    /// The commit at the head of its branch.
    pub head: String,
    /// The name of the branch it is to be merged into.
    pub base: String,
    /// Its title.
    pub title: String,
    /// Its body.
    pub body: String,
}

/// Where a pull request is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullState {
    /// Waiting for a person.
    Open,
    /// Merged, as this commit of the base branch (empty when the forge does not say).
    Merged(String),
    /// Closed without a merge.
    Closed,
}

/// What a host says of a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Who it is there.
    pub login: String,
    /// The rights that it lacks, each with what it is for.
    pub missing: Vec<String>,
    /// What else is to be said: what could not be seen, rights that recant does not need.
    pub notes: Vec<String>,
    /// When it ends, where the host says so.
    pub expires: Option<jiff::Timestamp>,
}

/// An answer to one [`Query`], of the same name.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The object, or that there is none of that name.
    Object(Option<Object>),
    /// The number, or that the provider has no value for the query ("no data").
    Metric(Option<f64>),
    /// The head's commit id, or that there is no such branch.
    Head(Option<String>),
    /// The files.
    Tree(Tree),
    /// The commits.
    Log(Vec<Commit>),
    /// The pull requests.
    Pulls(Vec<Pull>),
    /// The bodies of the comments: Markdown, as it was written.
    Comments(Vec<String>),
    /// The objects.
    Objects(Vec<Object>),
    /// The Forge, or that the repository is bound to none: it can be read at most.
    Forge(Option<Box<Forge>>),
    /// What the credential may do.
    Access(Access),
    /// What became of the call so far.
    Hook(HookAnswer),
}

/// What has been seen so far: a query and its answer, each at most once.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    answers: BTreeMap<Query, Observed<Answer>>,
}

impl Observation {
    /// Notes an answer; a later answer to the same query replaces it.
    pub fn note(&mut self, query: Query, answer: Observed<Answer>) {
        self.answers.insert(query, answer);
    }

    /// What was asked.
    pub fn queries(&self) -> impl Iterator<Item = &Query> {
        self.answers.keys()
    }

    /// Whether the query has been answered, if only with "unknown".
    pub fn has(&self, query: &Query) -> bool {
        self.answers.contains_key(query)
    }

    fn get(&self, query: &Query) -> Observed<&Answer> {
        match self.answers.get(query) {
            Some(Observed::Known(answer)) => Observed::Known(answer),
            Some(Observed::Unknown(why)) => Observed::Unknown(why.clone()),
            None => Observed::Unknown(Why::NotAsked),
        }
    }
}

/// Typed getters: one for each kind of query.
macro_rules! getter {
    ($(#[$doc:meta])* $name:ident($arg:ident: &$argty:ty => $query:expr) -> $variant:ident($ty:ty)) => {
        impl Observation {
            $(#[$doc])*
            pub fn $name(&self, $arg: &$argty) -> Observed<&$ty> {
                match self.get(&$query) {
                    Observed::Known(Answer::$variant(value)) => Observed::Known(value),
                    Observed::Known(_) => Observed::Unknown(Why::Invalid("an answer of another kind".to_owned())),
                    Observed::Unknown(why) => Observed::Unknown(why),
                }
            }
        }
    };
}

getter! {
    /// The object of that name, or that there is none.
    object(name: &ObjectRef => Query::Object(name.clone())) -> Object(Option<Object>)
}
getter! {
    /// The value of a metric, or that there is no data.
    metric(query: &MetricQuery => Query::Metric(query.clone())) -> Metric(Option<f64>)
}
getter! {
    /// The commit at the head of a branch.
    head(branch: &Branch => Query::Head(branch.clone())) -> Head(Option<String>)
}
getter! {
    /// The files of a commit.
    tree(commit: &CommitRef => Query::Tree(commit.clone())) -> Tree(Tree)
}
getter! {
    /// The pull requests from a branch.
    pulls(branch: &Branch => Query::Pulls(branch.clone())) -> Pulls(Vec<Pull>)
}
getter! {
    /// The answer to a [`Query::Comments`].
    comments(query: &Query => query.clone()) -> Comments(Vec<String>)
}
getter! {
    /// The answer to a [`Query::Objects`].
    objects(query: &Query => query.clone()) -> Objects(Vec<Object>)
}
getter! {
    /// The Forge of a repository, or that it is bound to none.
    forge(repo: &RepoUrl => Query::Forge(repo.clone())) -> Forge(Option<Box<Forge>>)
}
getter! {
    /// What the credential of a Forge may do.
    access(name: &ObjectRef => Query::Access(name.clone())) -> Access(Access)
}
getter! {
    /// The answer to a [`Query::Log`].
    log(query: &Query => query.clone()) -> Log(Vec<Commit>)
}
getter! {
    /// What became of a webhook's call so far.
    hook(call: &HookCall => Query::Hook(call.clone())) -> Hook(HookAnswer)
}
