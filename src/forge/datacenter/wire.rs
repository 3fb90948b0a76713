//! Bitbucket Data Center's JSON.

use crate::forge::host::Comment;
use crate::forge::host::HostPull;
use recant_core::query::Pull;
use recant_core::query::PullState;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Wire {
    id: u64,
    version: u64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: Option<String>,
    state: String,
    #[serde(default)]
    draft: bool,
    #[serde(rename = "fromRef")]
    from: End,
    #[serde(rename = "toRef")]
    to: End,
    #[serde(default)]
    reviewers: Vec<Participant>,
    #[serde(default)]
    properties: Properties,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize)]
struct End {
    #[serde(rename = "displayId", default)]
    branch: String,
    #[serde(rename = "latestCommit", default)]
    commit: String,
    repository: Repository,
}

#[derive(Deserialize, PartialEq, Eq)]
pub(super) struct Repository {
    pub(super) slug: String,
    project: Project,
}

#[derive(Deserialize, PartialEq, Eq)]
struct Project {
    key: String,
}

#[derive(Deserialize)]
struct Participant {
    user: User,
}

#[derive(Deserialize)]
struct User {
    name: String,
}

#[derive(Default, Deserialize)]
struct Properties {
    #[serde(rename = "mergeCommit", default)]
    merge: Option<MergeCommit>,
}

#[derive(Deserialize)]
struct MergeCommit {
    id: String,
}

#[derive(Default, Deserialize)]
struct Links {
    #[serde(rename = "self", default)]
    own: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: String,
}

#[derive(Deserialize)]
pub(super) struct Activity {
    action: String,
    #[serde(rename = "commentAction", default)]
    comment_action: String,
    #[serde(default)]
    comment: Option<Said>,
}

#[derive(Deserialize)]
struct Said {
    id: u64,
    version: u64,
    #[serde(default)]
    text: String,
}

impl Wire {
    /// Whether it comes from that branch of the repository it is to be merged into, not of a fork.
    pub(super) fn is_from(&self, branch: &str) -> bool {
        self.from.branch == branch && self.from.repository == self.to.repository
    }
}

impl Activity {
    /// The comment that was made by it.
    pub(super) fn said(self, number: u64) -> Option<Comment> {
        let is_new = matches!(self.comment_action.as_str(), "" | "ADDED");
        let said = self.comment.filter(|_| self.action == "COMMENTED" && is_new)?;
        Some(Comment {
            pull: number,
            id: said.id,
            version: said.version,
            body: said.text,
        })
    }
}

impl From<Wire> for HostPull {
    fn from(wire: Wire) -> Self {
        let state = match wire.state.as_str() {
            "OPEN" => PullState::Open,
            "MERGED" => PullState::Merged(wire.properties.merge.map(|commit| commit.id).unwrap_or_default()),
            _ => PullState::Closed,
        };
        let pull = Pull {
            number: wire.id,
            url: wire
                .links
                .own
                .into_iter()
                .next()
                .map(|link| link.href)
                .unwrap_or_default(),
            state,
            head: wire.from.commit,
            base: wire.to.branch,
            title: wire.title,
            body: wire.description.unwrap_or_default(),
        };
        Self {
            draft: wire.draft,
            version: wire.version,
            reviewers: wire.reviewers.into_iter().map(|one| one.user.name).collect(),
            ..Self::new(pull, wire.from.branch)
        }
    }
}
