//! GitLab's JSON.

use crate::forge::host::Comment;
use crate::forge::host::HostPull;
use crate::forge::host::Standing;
use recant_core::query::Pull;
use recant_core::query::PullState;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Merge {
    iid: u64,
    #[serde(default)]
    web_url: String,
    state: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: Option<String>,
    source_branch: String,
    target_branch: String,
    source_project_id: Option<u64>,
    target_project_id: u64,
    #[serde(default)]
    sha: Option<String>,
    #[serde(default)]
    merge_commit_sha: Option<String>,
    #[serde(default)]
    squash_commit_sha: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) username: String,
}

#[derive(Deserialize)]
pub(super) struct Note {
    id: u64,
    #[serde(default)]
    body: String,
    /// Whether GitLab itself said it.
    #[serde(default)]
    pub(super) system: bool,
}

#[derive(Deserialize)]
pub(super) struct Status {
    #[serde(default)]
    pub(super) id: u64,
    status: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    target_url: Option<String>,
}

impl Merge {
    /// Whether it comes from that branch of the project it is to be merged into, not of a fork.
    pub(super) fn is_from(&self, branch: &str) -> bool {
        self.source_branch == branch && self.source_project_id == Some(self.target_project_id)
    }
}

impl Note {
    pub(super) fn under(self, number: u64) -> Comment {
        Comment::unversioned(number, self.id, self.body)
    }
}

impl From<Status> for Standing {
    fn from(wire: Status) -> Self {
        Self {
            state: wire.status,
            text: wire.description.unwrap_or_default(),
            url: wire.target_url.unwrap_or_default(),
        }
    }
}

impl From<Merge> for HostPull {
    fn from(wire: Merge) -> Self {
        let merged = wire
            .merge_commit_sha
            .or(wire.squash_commit_sha)
            .or_else(|| wire.sha.clone());
        let state = match wire.state.as_str() {
            "merged" => PullState::Merged(merged.unwrap_or_default()),
            // A locked one is being merged.
            "opened" | "locked" => PullState::Open,
            _ => PullState::Closed,
        };
        let title = wire.title.strip_prefix(super::DRAFT);
        let pull = Pull {
            number: wire.iid,
            url: wire.web_url,
            state,
            head: wire.sha.unwrap_or_default(),
            base: wire.target_branch,
            title: title.unwrap_or(&wire.title).to_owned(),
            body: wire.description.unwrap_or_default(),
        };
        Self {
            draft: title.is_some(),
            ..Self::new(pull, wire.source_branch)
        }
    }
}
