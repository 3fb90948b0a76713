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
use crate::port::Answered;
use crate::port::PortError;
use recant_core::effect::CheckRun;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::Push;
use recant_core::query::Access;
use recant_core::query::Pull;

/// One Git host with its credential.
pub(super) trait Host: Send + Sync {
    /// The pull requests from one of the repository's own branches; perhaps only the open ones.
    fn pulls<'a>(&'a self, repo: &'a Slug, head: &'a str, only_open: bool) -> Answered<'a, Vec<HostPull>>;
    /// One pull request.
    fn one<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, HostPull>;
    /// Opens a pull request, with as many of its wishes as the host takes in one request. None when no answer came: it
    /// may be made, or be made later.
    fn create<'a>(&'a self, repo: &'a Slug, text: &'a PullText) -> Answered<'a, Option<HostPull>>;
    /// What is left of the wishes once it is there. Each that is refused is told, and is no error.
    fn wish<'a>(&'a self, repo: &'a Slug, pull: &'a HostPull, text: &'a PullText) -> Answered<'a, ()>;
    /// Gives a pull request a new title and body.
    fn edit<'a>(
        &'a self,
        repo: &'a Slug,
        old: &'a HostPull,
        title: &'a str,
        body: &'a str,
    ) -> Answered<'a, ()>;
    /// Closes a pull request.
    fn close<'a>(&'a self, repo: &'a Slug, old: &'a HostPull) -> Answered<'a, ()>;
    /// What has been said under a pull request, oldest first.
    fn comments<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, Vec<Comment>>;
    /// Says something under a pull request.
    fn comment<'a>(&'a self, repo: &'a Slug, number: u64, body: &'a str) -> Answered<'a, ()>;
    /// Says something anew.
    fn edit_comment<'a>(
        &'a self,
        repo: &'a Slug,
        number: u64,
        old: &'a Comment,
        body: &'a str,
    ) -> Answered<'a, ()>;
    /// The newest status of a commit in that context.
    fn status<'a>(
        &'a self,
        repo: &'a Slug,
        commit: &'a str,
        context: &'a str,
    ) -> Answered<'a, Option<Standing>>;
    /// Sets a commit status.
    fn set_status<'a>(&'a self, repo: &'a Slug, status: &'a CommitStatus) -> Answered<'a, ()>;
    /// Who the credential is, and what it may do in these repositories.
    fn access<'a>(&'a self, repos: &'a [Slug]) -> Answered<'a, Access>;

    /// A status as this host would give it back.
    fn standing(&self, status: &CommitStatus) -> Standing;

    /// The longest body that the host takes, in characters.
    fn body_max(&self) -> usize {
        65_000
    }

    /// Tells the details of a verdict, where the host has a place for them.
    fn check<'a>(&'a self, _repo: &'a Slug, _check: &'a CheckRun) -> Answered<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Makes a commit by the host's own hand.
    fn commit<'a>(&'a self, _repo: &'a Slug, _push: &'a Push) -> Answered<'a, String> {
        let text = "spec.commits.signByForge: this host makes no commits itself".to_owned();
        Box::pin(async { Err(PortError::Invalid(text)) })
    }
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
    /// Its id.
    pub(super) id: u64,
    /// Its version, or its place in its thread.
    pub(super) version: u64,
    /// Its text.
    pub(super) body: String,
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

/// A description cut to what a host takes.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}
