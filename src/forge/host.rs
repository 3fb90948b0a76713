//! What every Git host can do, in words that are none of theirs.

use super::binding::Bound;
use super::keys::Keys;
use super::plain;
use super::plain::Auth;
use super::plain::Plain;
use super::rest::Pace;
use super::rest::Rest;
use super::slug::Slug;
use crate::credential::Token;
use crate::port::PortError;
use async_trait::async_trait;
use recant_core::effect::CheckRun;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::Push;
use recant_core::query::Access;
use recant_core::query::Pull;
use recant_core::query::PullState;

/// One Git host with its credential.
#[async_trait]
pub(super) trait Host: Send + Sync {
    /// The pull requests from one of the repository's own branches; perhaps only the open ones.
    async fn pulls(&self, repo: &Slug, head: &str, only_open: bool) -> Result<Vec<HostPull>, PortError>;
    /// One pull request.
    async fn one(&self, repo: &Slug, number: u64) -> Result<HostPull, PortError>;
    /// Opens a pull request, with as many of its wishes as the host takes in one request. None when no answer came: it
    /// may be made, or be made later.
    async fn create(&self, repo: &Slug, text: &PullText) -> Result<Option<HostPull>, PortError>;
    /// What is left of the wishes once it is there. Each that is refused is told, and is no error.
    async fn wish(&self, repo: &Slug, pull: &HostPull, text: &PullText) -> Result<(), PortError>;
    /// Gives a pull request a new title and body.
    async fn edit(&self, repo: &Slug, old: &HostPull, title: &str, body: &str) -> Result<(), PortError>;
    /// Closes a pull request.
    async fn close(&self, repo: &Slug, old: &HostPull) -> Result<(), PortError>;
    /// What has been said under a pull request, oldest first.
    async fn comments(&self, repo: &Slug, number: u64) -> Result<Vec<Comment>, PortError>;
    /// Says something under a pull request.
    async fn comment(&self, repo: &Slug, number: u64, body: &str) -> Result<(), PortError>;
    /// Says something anew.
    async fn edit_comment(&self, repo: &Slug, old: &Comment, body: &str) -> Result<(), PortError>;
    /// The newest status of a commit in that context.
    async fn status(&self, repo: &Slug, commit: &str, context: &str) -> Result<Option<Standing>, PortError>;
    /// Sets a commit status.
    async fn set_status(&self, repo: &Slug, status: &CommitStatus) -> Result<(), PortError>;
    /// Who the credential is, and what it may do in these repositories.
    async fn access(&self, repos: &[Slug]) -> Result<Access, PortError>;

    /// A status as this host would give it back.
    fn standing(&self, status: &CommitStatus) -> Standing;

    /// Tells the details of a verdict, where the host has a place for them.
    async fn check(&self, _repo: &Slug, _check: &CheckRun) -> Result<(), PortError> {
        Ok(())
    }

    /// Makes a commit by the host's own hand.
    async fn commit(&self, _repo: &Slug, _push: &Push) -> Result<String, PortError> {
        Err(no_commits())
    }
}

/// What a host says that makes no commits.
pub(super) fn no_commits() -> PortError {
    PortError::Invalid("spec.commits.signByForge: this host makes no commits itself".to_owned())
}

/// A pull request, with what its host must be told to change it.
#[derive(Clone, Debug)]
pub(super) struct HostPull {
    /// What everybody knows of it.
    pub(super) pull: Pull,
    /// The name of the branch it comes from.
    pub(super) branch: String,
    /// Whether it is a draft.
    pub(super) draft: bool,
    /// Its id, where the number is not enough.
    pub(super) id: String,
    /// Its version, on a host that wants it back.
    pub(super) version: u64,
    /// Its reviewers' names, on a host that forgets those that are not repeated.
    pub(super) reviewers: Vec<String>,
}

impl HostPull {
    /// One of which nothing more is known.
    pub(super) fn new(pull: Pull, branch: impl Into<String>) -> Self {
        Self {
            pull,
            branch: branch.into(),
            draft: false,
            id: String::new(),
            version: 0,
            reviewers: Vec::new(),
        }
    }
}

/// A comment.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    /// The number of the pull request that it stands under.
    pub(super) pull: u64,
    /// Its id.
    pub(super) id: u64,
    /// Its version, or its place in its thread.
    pub(super) version: u64,
    /// Its text.
    pub(super) body: String,
}

impl Comment {
    /// One of a host that does not count versions.
    pub(super) const fn unversioned(pull: u64, id: u64, body: String) -> Self {
        Self {
            pull,
            id,
            version: 0,
            body,
        }
    }
}

/// A status as it stands: the host's word for the state, the description, the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The host's word.
    pub(super) state: String,
    /// The text.
    pub(super) text: String,
    /// The page; empty for none.
    pub(super) url: String,
}

impl Standing {
    /// What is to be said, with the host's word for the state.
    pub(super) fn of(status: &CommitStatus, word: &str) -> Self {
        Self {
            state: word.to_owned(),
            text: status.description.clone(),
            url: status.url.clone(),
        }
    }
}

/// A REST API below a root, with a token as the host wants it. `word` stands before it in `Authorization`; a Secret
/// with a user's name makes it `Basic`, where `basic` says so.
pub(super) fn rest(
    bound: &Bound,
    root: String,
    word: &'static str,
    basic: bool,
    pace: Pace,
) -> Result<Rest, PortError> {
    let auth = match bound.keys()? {
        Keys::Token { username, token } => auth(word, basic, username.as_deref(), token),
        Keys::App(_) => {
            return Err(PortError::Denied(format!(
                "Forge {}: a GitHub App is a credential for GitHub only",
                bound.name()
            )));
        }
    };
    let pace = patience(bound, pace);
    let api = Plain {
        client: plain::client(&bound.manner.transport, pace.timeout)?,
        auth,
        root,
        headers: plain::JSON,
    };
    Ok(Rest::new(Box::new(api), bound.base.url(), pace))
}

fn auth(word: &'static str, basic: bool, username: Option<&str>, token: &Token) -> Auth {
    match username {
        Some(user) if basic => Auth::Basic(user.to_owned(), token.clone()),
        // An empty user is what Azure documents.
        None if word.is_empty() => Auth::Basic(String::new(), token.clone()),
        _ => Auth::Word(word, token.clone()),
    }
}

/// The pace with the Forge's own time-out.
pub(super) fn patience(bound: &Bound, pace: Pace) -> Pace {
    let own = bound.forge.spec.timeout_s().and_then(|s| u64::try_from(s).ok());
    Pace {
        timeout: own.map_or(pace.timeout, |s| std::time::Duration::from_secs(s.max(1))),
        ..pace
    }
}

/// A wish that the host would not grant is told, and the pull request stays.
pub(super) fn granted(number: u64, what: &str, answer: Result<(), PortError>) -> Result<(), PortError> {
    match answer {
        Err(error @ (PortError::Denied(_) | PortError::Invalid(_) | PortError::Stale(_))) => {
            tracing::warn!(number, %error, "the pull request stays without its {what}");
            Ok(())
        }
        answer => answer,
    }
}

/// Whether a pull request is closed after the host was told to close it. It refuses a second time, and the answer to
/// the first may have been lost.
pub(super) async fn closed(
    host: &dyn Host,
    repo: &Slug,
    old: &HostPull,
    answer: Result<(), PortError>,
) -> Result<(), PortError> {
    match answer {
        Err(error @ (PortError::Invalid(_) | PortError::Stale(_))) => {
            match host.one(repo, old.pull.number).await?.pull.state {
                PullState::Open => Err(error),
                _ => Ok(()),
            }
        }
        done => done,
    }
}

/// What may not be there: none when the host says that it is not.
pub(super) fn if_there<T>(answer: Result<T, PortError>) -> Result<Option<T>, PortError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(PortError::Invalid(text)) if text.contains("HTTP 404") => Ok(None),
        Err(error) => Err(error),
    }
}
