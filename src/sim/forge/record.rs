//! What the forge remembers.

use jiff::Timestamp;
use recant_core::effect::StatusState;
use recant_core::query::PullState;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// All that belongs to one repository beside its commits.
#[derive(Clone, Debug, Default)]
pub(super) struct Desk {
    pub(super) last_number: u64,
    pub(super) pulls: BTreeMap<u64, PullRequest>,
    pub(super) labels: Vec<Label>,
    /// Oldest first; a context's last one counts.
    pub(super) statuses: Vec<Status>,
    /// By branch: who may push to it all the same.
    pub(super) protected: BTreeMap<String, BTreeSet<String>>,
}

/// A pull request.
#[derive(Clone, Debug)]
pub struct PullRequest {
    /// Its id, unlike that of anything else in the forge.
    pub id: u64,
    /// Its number in the repository.
    pub number: u64,
    /// Who opened it.
    pub user: String,
    /// The title.
    pub title: String,
    /// The body: Markdown.
    pub body: String,
    /// Ids of its labels.
    pub labels: Vec<u64>,
    /// The branch to merge.
    pub head_branch: String,
    /// The branch to merge into.
    pub base_branch: String,
    /// The commit at the head branch: now while open, then when it was closed or merged.
    pub head: String,
    /// The commit at the base branch: now while open, then when it was closed or merged.
    pub base: String,
    /// Where head and base part; empty when they have nothing in common.
    pub merge_base: String,
    /// Whether it merges without a conflict.
    pub mergeable: bool,
    /// Open, merged or closed.
    pub stage: Stage,
    /// The head that was last seen not to be in the base.
    pub(super) ahead: Option<String>,
    /// The base and head `mergeable` was worked out for.
    pub(super) checked: Option<(String, String)>,
    /// The comments, oldest first.
    pub comments: Vec<Comment>,
    /// When it was opened.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// When it was closed or merged.
    pub closed: Option<Timestamp>,
}

/// Where a pull request is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for a person.
    Open,
    /// Merged.
    Merged {
        /// The commit of the base branch that brought it in.
        commit: String,
        /// Who merged it; empty when a push did.
        by: String,
    },
    /// Closed without a merge.
    Closed,
}

impl Stage {
    pub(super) fn as_state(&self) -> PullState {
        match self {
            Self::Open => PullState::Open,
            Self::Merged { commit, .. } => PullState::Merged(commit.clone()),
            Self::Closed => PullState::Closed,
        }
    }
}

/// A comment on a pull request.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Its id.
    pub id: u64,
    /// Who wrote it.
    pub user: String,
    /// Markdown.
    pub body: String,
    /// When.
    pub created: Timestamp,
    /// When it was last edited.
    pub updated: Timestamp,
}

/// A label of a repository.
#[derive(Clone, Debug)]
pub struct Label {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Six hexadecimal digits.
    pub color: String,
    /// What it is for.
    pub description: String,
}

/// A commit status.
#[derive(Clone, Debug)]
pub struct Status {
    /// Its id.
    pub id: u64,
    /// The commit.
    pub commit: String,
    /// `pending`, `success`, `failure`, `error` or `warning`.
    pub state: String,
    /// The context.
    pub context: String,
    /// One line.
    pub description: String,
    /// Where to read more; may be empty.
    pub target_url: String,
    /// Who set it.
    pub creator: String,
    /// When.
    pub created: Timestamp,
}

impl Status {
    /// Whether both say the same of the same commit in the same context.
    pub(super) fn says_what(&self, other: &Self) -> bool {
        let said = |it: &Self| {
            let Self {
                commit,
                context,
                state,
                description,
                target_url,
                ..
            } = it.clone();
            (commit, context, state, description, target_url)
        };
        said(self) == said(other)
    }
}

/// A state as the REST API spells it.
pub(super) fn state_word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        StatusState::Error => "error",
    }
}
