//! Bitbucket Cloud's JSON.

use crate::forge::host::Comment;
use crate::forge::host::HostPull;
use recant_core::query::Pull;
use recant_core::query::PullState;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Wire {
    id: u64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: Option<String>,
    state: String,
    #[serde(default)]
    draft: bool,
    source: End,
    destination: End,
    #[serde(default)]
    merge_commit: Option<Commit>,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize)]
struct End {
    branch: Name,
    #[serde(default)]
    commit: Option<Commit>,
    /// None when a fork was deleted.
    #[serde(default)]
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
pub(super) struct Commit {
    pub(super) hash: String,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Default, Deserialize)]
struct Links {
    #[serde(default)]
    html: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: String,
}

#[derive(Deserialize)]
pub(super) struct Said {
    pub(super) id: u64,
    content: Content,
    #[serde(default)]
    pub(super) deleted: bool,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    raw: String,
}

impl Said {
    pub(super) fn under(self, number: u64) -> Comment {
        Comment::unversioned(number, self.id, self.content.raw)
    }
}

impl Wire {
    /// Whether it comes from that branch of the repository it is to be merged into, not of a fork.
    pub(super) fn is_from(&self, branch: &str) -> bool {
        let name = |end: &End| {
            end.repository
                .as_ref()
                .map(|repo| repo.full_name.to_ascii_lowercase())
        };
        let source = name(&self.source);
        self.source.branch.name == branch && source.is_some() && source == name(&self.destination)
    }
}

impl From<Wire> for HostPull {
    fn from(wire: Wire) -> Self {
        let hash = |commit: Option<Commit>| commit.map(|commit| commit.hash).unwrap_or_default();
        let state = match wire.state.as_str() {
            "OPEN" => PullState::Open,
            "MERGED" => PullState::Merged(hash(wire.merge_commit)),
            _ => PullState::Closed,
        };
        let pull = Pull {
            number: wire.id,
            url: wire.links.html.map(|link| link.href).unwrap_or_default(),
            state,
            head: hash(wire.source.commit),
            base: wire.destination.branch.name,
            title: wire.title,
            body: wire.description.unwrap_or_default(),
        };
        Self {
            draft: wire.draft,
            ..Self::new(pull, wire.source.branch.name)
        }
    }
}
