//! Everything recant may do to the world.
//!
//! An effect is complete (it leaves the shell no choice), idempotent, and carries its precondition: the
//! `resourceVersion` seen, the base commit, the head a branch must still have. A stale effect is refused by whoever
//! performs it, never re-interpreted; the next observation then leads to the right one.

use crate::alert::Alert;
use crate::forge::Author;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Branch;
use crate::query::RepoUrl;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write to the cluster.
    Write(Write),
    /// Record a Kubernetes event (core/v1, reason `Synced`, as Flagger's).
    Event(Event),
    /// Commit on top of `base` and push as `branch`.
    Push(Push),
    /// Open a pull request. Done already if one from that branch is open.
    OpenPull(PullText),
    /// Give an open pull request a new title and body.
    UpdatePull {
        /// Its number.
        number: u64,
        /// What it is to say.
        text: PullText,
    },
    /// Close a pull request, with a comment that says why.
    ClosePull {
        /// Its repository and head branch.
        branch: Branch,
        /// Its number.
        number: u64,
        /// The comment.
        comment: String,
    },
    /// Say something under a pull request, or say it anew.
    Comment(PullComment),
    /// Delete a branch of recant's own, if its head is still `expect`.
    DeleteBranch {
        /// The branch.
        branch: Branch,
        /// The commit that must be its head.
        expect: String,
    },
    /// Set a commit status.
    Status(CommitStatus),
    /// Tell the details of a verdict beside the commit status. Done already where the host has no such thing, or the
    /// credential may not.
    Check(CheckRun),
    /// Tell people through a chat.
    Alert(Alert),
    /// Post an event to a webhook.
    EventHook(EventHook),
}

/// A write to the cluster. `Create` is done when the object exists; the others are refused when the object is not at
/// the given `resourceVersion` any more.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Create the object; refused if one of that name exists.
    Create(Object),
    /// Replace the object; its own `metadata.resourceVersion` is the precondition.
    Update(Object),
    /// Replace the status subresource; the object's `metadata.resourceVersion` is the precondition.
    UpdateStatus(Object),
    /// JSON merge patch (RFC 7396).
    Patch {
        /// Which object.
        name: ObjectRef,
        /// The `resourceVersion` it must have; empty for a patch that is right on any version.
        resource_version: String,
        /// The patch.
        patch: Value,
    },
    /// Delete the object, if it still has that uid.
    Delete {
        /// Which object.
        name: ObjectRef,
        /// The uid it must have.
        uid: String,
    },
}

impl Write {
    /// The object written to.
    pub fn name(&self) -> ObjectRef {
        match self {
            Self::Create(object) | Self::Update(object) | Self::UpdateStatus(object) => object.reference(),
            Self::Patch { name, .. } | Self::Delete { name, .. } => name.clone(),
        }
    }
}

/// A Kubernetes event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The object it is about.
    pub about: ObjectRef,
    /// That object's uid.
    pub uid: String,
    /// Whether it is of type `Warning`; else `Normal`.
    pub warning: bool,
    /// The text.
    pub message: String,
}

/// An event for a webhook, as Flagger posts it.
#[derive(Clone, PartialEq)]
pub struct EventHook {
    /// The object it is about.
    pub about: ObjectRef,
    /// The webhook's name in `spec.analysis.webhooks`; `events` for recant's own.
    pub name: String,
    /// Where to; none for recant's own `--event-webhook`.
    pub url: Option<String>,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: i64,
    /// How often it is tried again after a lost connection or a 5xx.
    pub retries: u32,
    /// Whether the server's certificate is believed unseen.
    pub insecure_skip_verify: bool,
    /// What is posted: JSON.
    pub payload: Value,
}

impl fmt::Debug for EventHook {
    /// Without URL and payload, which may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventHook")
            .field("about", &self.about)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A commit to make and push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Where to: a branch of recant's own, never the one that is deployed.
    pub branch: Branch,
    /// The commit to build on: the only parent.
    pub base: String,
    /// The head the branch must have now: `None` when it must not exist.
    pub expect: Option<String>,
    /// The files to change: their new bytes, or `None` to delete one.
    pub files: BTreeMap<String, Option<Vec<u8>>>,
    /// The commit's message.
    pub message: String,
    /// Seconds since 1970: author's and committer's date, so that the same push makes the same commit.
    pub date_s: i64,
    /// Author and committer; recant itself when none is given.
    pub author: Option<Author>,
    /// Whether the host is to make the commit, and so sign it, instead of a push.
    pub by_forge: bool,
}

/// What a pull request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullText {
    /// The repository and the head branch.
    pub branch: Branch,
    /// The branch to merge into.
    pub base: String,
    /// The title.
    pub title: String,
    /// The body: Markdown.
    pub body: String,
    /// Labels by name; made if the forge lacks them.
    pub labels: Vec<String>,
    /// What else is wanted of it when it is opened. None of it is worth going without a pull request: what the host
    /// refuses is left out.
    pub wishes: PullWishes,
}

/// How a pull request is to be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullWishes {
    /// Logins of reviewers; `team/NAME` or `group/NAME` for a team.
    pub reviewers: Vec<String>,
    /// The commits whose authors are assigned, as far as the host knows them.
    pub assign_authors_of: Vec<String>,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether the host is asked to merge it as soon as its own rules allow.
    pub auto_merge: bool,
}

/// A commit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatus {
    /// The repository.
    pub repo: RepoUrl,
    /// The commit.
    pub commit: String,
    /// The context: `recant/<cluster>/<namespace>/<canary>`.
    pub context: String,
    /// The state.
    pub state: StatusState,
    /// One line: at most 140 characters.
    pub description: String,
    /// The page that tells more; empty when there is none.
    pub url: String,
}

/// A comment that is kept up to date: the first comment under the pull request that holds `marker` is made to say
/// `body`; a new one is written when none holds it. Done already when it says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullComment {
    /// The pull request's repository and head branch.
    pub branch: Branch,
    /// Its number.
    pub number: u64,
    /// What the comment is known by: an HTML comment, which `body` holds too.
    pub marker: String,
    /// What it is to say: Markdown.
    pub body: String,
}

/// What GitHub calls a check run: a commit status with a page of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRun {
    /// State, context (its name), description (its title) and page.
    pub status: CommitStatus,
    /// The page: Markdown.
    pub summary: String,
}

/// The state of a commit status, in GitHub's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusState {
    /// The analysis runs.
    Pending,
    /// Promoted.
    Success,
    /// Failed.
    Failure,
    /// recant could not tell.
    Error,
}
