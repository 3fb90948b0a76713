//! Azure DevOps' JSON.

use crate::forge::host::Comment;
use crate::forge::host::HostPull;
use crate::forge::host::Standing;
use recant_core::query::Pull;
use recant_core::query::PullState;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Wire {
    #[serde(rename = "pullRequestId")]
    pub(super) id: u64,
    pub(super) status: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(rename = "isDraft", default)]
    draft: bool,
    #[serde(rename = "sourceRefName")]
    source: String,
    #[serde(rename = "targetRefName")]
    target: String,
    #[serde(rename = "lastMergeSourceCommit", default)]
    head: Option<Commit>,
    #[serde(rename = "lastMergeCommit", default)]
    merged: Option<Commit>,
    /// There when it comes from a fork.
    #[serde(rename = "forkSource", default)]
    fork: Option<Value>,
    #[serde(rename = "createdBy", default)]
    by: Identity,
    #[serde(default)]
    repository: Repository,
}

#[derive(Deserialize)]
struct Commit {
    #[serde(rename = "commitId")]
    id: String,
}

#[derive(Default, Deserialize)]
struct Identity {
    #[serde(default)]
    id: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Repository {
    #[serde(default)]
    pub(super) id: String,
    #[serde(rename = "webUrl", default)]
    page: String,
    #[serde(default)]
    pub(super) project: Project,
}

#[derive(Default, Deserialize)]
pub(super) struct Project {
    #[serde(default)]
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct Thread {
    id: u64,
    #[serde(rename = "isDeleted", default)]
    deleted: bool,
    #[serde(default)]
    comments: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    id: u64,
    #[serde(rename = "commentType", default)]
    kind: String,
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Status {
    #[serde(default)]
    pub(super) id: u64,
    state: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(rename = "targetUrl", default)]
    url: Option<String>,
    pub(super) context: Context,
}

#[derive(Deserialize)]
pub(super) struct Context {
    pub(super) name: String,
    #[serde(default)]
    pub(super) genre: Option<String>,
}

impl Thread {
    /// What people said in it.
    pub(super) fn said(self, number: u64) -> Vec<Comment> {
        let own = self
            .comments
            .into_iter()
            .filter(|said| said.kind != "system" && !self.deleted);
        own.map(|said| Comment {
            pull: number,
            id: self.id,
            version: said.id,
            body: said.content.unwrap_or_default(),
        })
        .collect()
    }
}

impl From<Status> for Standing {
    fn from(wire: Status) -> Self {
        Self {
            state: wire.state,
            text: wire.description.unwrap_or_default(),
            url: wire.url.unwrap_or_default(),
        }
    }
}

/// A branch's name without `refs/heads/`.
fn short(reference: &str) -> String {
    reference
        .strip_prefix("refs/heads/")
        .unwrap_or(reference)
        .to_owned()
}

impl Wire {
    /// Whether it comes from that branch, not of a fork.
    pub(super) fn is_from(&self, branch: &str) -> bool {
        short(&self.source) == branch && self.fork.is_none()
    }
}

impl From<Wire> for HostPull {
    fn from(wire: Wire) -> Self {
        let id = |commit: Option<Commit>| commit.map(|commit| commit.id).unwrap_or_default();
        let state = match wire.status.as_str() {
            "active" => PullState::Open,
            "completed" => PullState::Merged(id(wire.merged)),
            _ => PullState::Closed,
        };
        let pull = Pull {
            number: wire.id,
            url: format!("{}/pullrequest/{}", wire.repository.page, wire.id),
            state,
            head: id(wire.head),
            base: short(&wire.target),
            title: wire.title,
            body: wire.description.unwrap_or_default(),
        };
        Self {
            draft: wire.draft,
            // Only who opened it may be said to complete it.
            id: wire.by.id,
            ..Self::new(pull, short(&wire.source))
        }
    }
}
