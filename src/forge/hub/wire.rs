//! The JSON that GitHub and Gitea answer with.

use crate::forge::host::Comment;
use crate::forge::host::HostPull;
use crate::forge::host::Standing;
use recant_core::query::Pull;
use recant_core::query::PullState;
use serde::Deserialize;

/// What a token may do in a repository, by the repository's own word.
#[derive(Deserialize)]
pub(in crate::forge) struct WireRepo {
    #[serde(default)]
    pub(in crate::forge) full_name: String,
    #[serde(default)]
    pub(in crate::forge) node_id: String,
    #[serde(default)]
    pub(in crate::forge) permissions: Option<WirePermissions>,
}

#[derive(Deserialize)]
pub(in crate::forge) struct WirePermissions {
    #[serde(default)]
    pub(in crate::forge) push: bool,
}

#[derive(Deserialize)]
pub(in crate::forge) struct WireUser {
    #[serde(default)]
    pub(in crate::forge) login: String,
}

/// A pull request in the hosts' JSON.
#[derive(Deserialize)]
pub(in crate::forge) struct WirePull {
    number: u64,
    #[serde(default)]
    node_id: String,
    #[serde(default)]
    html_url: String,
    state: String,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    merged_at: Option<String>,
    #[serde(default)]
    merged: bool,
    #[serde(default)]
    merge_commit_sha: Option<String>,
    head: WireEnd,
    base: WireEnd,
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
struct WireEnd {
    #[serde(rename = "ref")]
    branch: String,
    #[serde(default)]
    sha: String,
    /// None when a fork was deleted.
    #[serde(default)]
    repo: Option<WireRepo>,
}

#[derive(Deserialize)]
pub(super) struct WireComment {
    #[serde(default)]
    id: u64,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
pub(super) struct WireStatus {
    #[serde(default)]
    pub(super) id: u64,
    /// Gitea answers with `status` what it is given as `state`.
    #[serde(alias = "status")]
    state: String,
    #[serde(default)]
    pub(super) context: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    target_url: Option<String>,
}

impl WireComment {
    pub(super) fn under(self, number: u64) -> Comment {
        Comment::unversioned(number, self.id, self.body)
    }
}

impl From<WireStatus> for Standing {
    fn from(wire: WireStatus) -> Self {
        Self {
            state: wire.state,
            text: wire.description.unwrap_or_default(),
            url: wire.target_url.unwrap_or_default(),
        }
    }
}

impl WirePull {
    /// Whether it comes from that branch of the repository it is to be merged into, not of a fork. The host's own
    /// names are compared: the repository may have had another when its URL was written.
    pub(in crate::forge) fn is_from(&self, branch: &str) -> bool {
        let name = |end: &WireEnd| end.repo.as_ref().map(|repo| repo.full_name.to_ascii_lowercase());
        let own = name(&self.head).is_some_and(|head| !head.is_empty() && Some(head) == name(&self.base));
        self.head.branch == branch && own
    }
}

impl From<WirePull> for HostPull {
    fn from(wire: WirePull) -> Self {
        let merged = wire.merged || wire.merged_at.is_some();
        let state = match wire.state.as_str() {
            _ if merged => PullState::Merged(wire.merge_commit_sha.unwrap_or_default()),
            "open" => PullState::Open,
            _ => PullState::Closed,
        };
        let pull = Pull {
            number: wire.number,
            url: wire.html_url,
            state,
            head: wire.head.sha,
            base: wire.base.branch,
            title: wire.title,
            body: wire.body.unwrap_or_default(),
        };
        Self {
            draft: wire.draft,
            id: wire.node_id,
            ..Self::new(pull, wire.head.branch)
        }
    }
}
