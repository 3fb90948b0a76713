//! Each forge's words over the one world.

mod azure;
mod bitbucket;
mod datacenter;
mod gitea;
mod github;
mod gitlab;

use super::api::Asked;
use super::world::Said;
use super::world::World;
use serde_json::Value;
use serde_json::json;

pub(crate) const TOKEN: &str = "t0ken-s3cret";
pub(crate) const APP_TOKEN: &str = "ghs-h0urly-s3cret";

/// A forge, and how recant is known there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    GitHub,
    /// GitHub with an App's credential, which makes the commits, too.
    GitHubApp,
    GitLab,
    Gitea,
    Forgejo,
    Bitbucket,
    DataCenter,
    Azure,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::GitHub,
        Self::GitHubApp,
        Self::GitLab,
        Self::Gitea,
        Self::Forgejo,
        Self::Bitbucket,
        Self::DataCenter,
        Self::Azure,
    ];

    /// `spec.type`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::GitHub | Self::GitHubApp => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Bitbucket => "bitbucket",
            Self::DataCenter => "bitbucketserver",
            Self::Azure => "azuredevops",
        }
    }

    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::GitHub | Self::GitHubApp => include_str!("api/github.api"),
            Self::GitLab => include_str!("api/gitlab.api"),
            Self::Gitea | Self::Forgejo => include_str!("api/gitea.api"),
            Self::Bitbucket => include_str!("api/bitbucket.api"),
            Self::DataCenter => include_str!("api/bitbucketserver.api"),
            Self::Azure => include_str!("api/azuredevops.api"),
        }
    }

    /// The repository's path below the forge's address, as it is cloned.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::GitLab => "acme/platform/fleet.git",
            Self::DataCenter => "scm/OPS/fleet.git",
            Self::Azure => "acme/ops/_git/fleet",
            _ => "acme/fleet.git",
        }
    }

    /// The repository as `spec.repositories` names it.
    pub(crate) const fn repository(self) -> &'static str {
        match self {
            Self::GitLab => "acme/platform/fleet",
            Self::DataCenter => "OPS/fleet",
            Self::Azure => "acme/ops/fleet",
            _ => "acme/fleet",
        }
    }
}

/// Lets a request in that has the headers it must have; the path below the API's root.
pub(crate) fn admit<'a>(
    kind: Kind,
    path: &'a str,
    header: &impl Fn(&str) -> String,
    has_body: bool,
) -> Result<&'a str, (u16, String)> {
    let root = match kind {
        Kind::GitHub | Kind::GitHubApp if path == "/api/graphql" => "/api",
        Kind::GitHub | Kind::GitHubApp => "/api/v3",
        Kind::GitLab => "/api/v4",
        Kind::Gitea | Kind::Forgejo => "/api/v1",
        Kind::Bitbucket => "/2.0",
        Kind::DataCenter => "/rest/api/latest",
        Kind::Azure => "",
    };
    let path = path
        .strip_prefix(root)
        .ok_or((404, format!("{path} is not below {root}")))?;
    let needed = match kind {
        Kind::Gitea | Kind::Forgejo => format!("token {TOKEN}"),
        // `printf :t0ken-s3cret | base64`
        Kind::Azure => "Basic OnQwa2VuLXMzY3JldA==".to_owned(),
        Kind::GitHubApp if !path.starts_with("/app") && !path.ends_with("/installation") => {
            format!("Bearer {APP_TOKEN}")
        }
        Kind::GitHubApp => String::new(),
        _ => format!("Bearer {TOKEN}"),
    };
    let given = header("authorization");
    let is_jwt = given.starts_with("Bearer ey") && given.split('.').count() == 3;
    if given != needed && !(needed.is_empty() && is_jwt) {
        return Err((401, "bad credentials".to_owned()));
    }
    let mut must = vec![("user-agent", ""), ("accept", "json")];
    if has_body {
        must.push(("content-type", "application/json"));
    }
    if matches!(kind, Kind::GitHub | Kind::GitHubApp) {
        must.extend([
            ("accept", "application/vnd.github+json"),
            ("x-github-api-version", "2022-11-28"),
        ]);
    }
    for (name, part) in must {
        if header(name).is_empty() || !header(name).contains(part) {
            return Err((400, format!("header {name} is {:?}", header(name))));
        }
    }
    Ok(path)
}

/// What the forge says, and what it does.
pub(crate) fn answer(kind: Kind, world: &mut World, asked: &Asked) -> Said {
    let done = match kind {
        Kind::GitHub | Kind::GitHubApp => github::answer(world, asked),
        Kind::GitLab => gitlab::answer(world, asked),
        Kind::Gitea | Kind::Forgejo => gitea::answer(world, asked),
        Kind::Bitbucket => bitbucket::answer(world, asked),
        Kind::DataCenter => datacenter::answer(world, asked),
        Kind::Azure => azure::answer(world, asked),
    };
    done.unwrap_or_else(|| (404, json!({ "message": "Not Found" })))
}

/// One page of a list by number, as most forges cut them.
fn page(asked: &Asked, size: &str, all: Vec<Value>) -> Value {
    let number = |key: &str| asked.query(key).and_then(|n| n.parse::<usize>().ok());
    let (size, page) = (number(size).unwrap_or(20), number("page").unwrap_or(1));
    all.into_iter().skip((page - 1) * size).take(size).collect()
}
