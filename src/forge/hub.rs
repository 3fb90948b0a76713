//! The words that GitHub and Gitea share: Gitea took GitHub's for most of its API.

use super::host::Comment;
use super::host::HostPull;
use super::host::Standing;
use super::rest::Call;
use super::rest::Rest;
use super::slug::Slug;
use crate::port::PortError;
use http::Method;
use recant_core::effect::CommitStatus;
use recant_core::effect::StatusState;
use recant_core::query::Pull;
use recant_core::query::PullState;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

/// Query parameter for a page's size, and the largest size there is.
pub(super) type Page = (&'static str, usize);

pub(super) async fn one(rest: &Rest, repo: &Slug, number: u64) -> Result<HostPull, PortError> {
    let pull: WirePull = rest
        .json(Call::get(format!("/repos/{repo}/pulls/{number}")))
        .await?;
    Ok(pull.into())
}

pub(super) async fn patch(rest: &Rest, repo: &Slug, number: u64, change: Value) -> Result<(), PortError> {
    let path = format!("/repos/{repo}/pulls/{number}");
    rest.done(Call::with(Method::PATCH, path, change)).await
}

pub(super) async fn comments(
    rest: &Rest,
    page: Page,
    repo: &Slug,
    number: u64,
) -> Result<Vec<Comment>, PortError> {
    let path = || Call::get(format!("/repos/{repo}/issues/{number}/comments"));
    let all: Vec<WireComment> = rest.pages(page, path).await?;
    let comment = |wire: WireComment| Comment {
        id: wire.id,
        version: 0,
        body: wire.body,
    };
    Ok(all.into_iter().map(comment).collect())
}

pub(super) async fn comment(rest: &Rest, repo: &Slug, number: u64, body: &str) -> Result<(), PortError> {
    let path = format!("/repos/{repo}/issues/{number}/comments");
    rest.done(Call::post(path, json!({ "body": body }))).await
}

pub(super) async fn edit_comment(
    rest: &Rest,
    repo: &Slug,
    old: &Comment,
    body: &str,
) -> Result<(), PortError> {
    let path = format!("/repos/{repo}/issues/comments/{}", old.id);
    rest.done(Call::with(Method::PATCH, path, json!({ "body": body })))
        .await
}

pub(super) async fn review(
    rest: &Rest,
    repo: &Slug,
    number: u64,
    reviewers: &[String],
) -> Result<(), PortError> {
    let teams: Vec<&str> = reviewers
        .iter()
        .filter_map(|name| name.strip_prefix("team/"))
        .collect();
    let people: Vec<&String> = reviewers
        .iter()
        .filter(|name| !name.starts_with("team/"))
        .collect();
    let path = format!("/repos/{repo}/pulls/{number}/requested_reviewers");
    let body = json!({ "reviewers": people, "team_reviewers": teams });
    // Who is asked already is not asked again.
    rest.done(Call::post(path, body).guarded()).await
}

/// The login of a commit's author, if the host knows one.
pub(super) async fn author(rest: &Rest, path: String) -> Result<Option<String>, PortError> {
    #[derive(Deserialize)]
    struct Commit {
        #[serde(default)]
        author: Option<WireUser>,
    }
    let commit: Commit = rest.json(Call::get(path)).await?;
    let login = commit.author.map(|user| user.login);
    Ok(login.filter(|login| !login.is_empty()))
}

pub(super) async fn status(
    rest: &Rest,
    page: Page,
    repo: &Slug,
    commit: &str,
    context: &str,
) -> Result<Option<Standing>, PortError> {
    let path = || Call::get(format!("/repos/{repo}/commits/{commit}/statuses"));
    let all: Vec<WireStatus> = rest.pages(page, path).await?;
    let newest = all
        .into_iter()
        .filter(|s| s.context == context)
        .max_by_key(|s| s.id);
    Ok(newest.map(|status| Standing {
        state: status.state,
        text: status.description.unwrap_or_default(),
        url: status.target_url.unwrap_or_default(),
    }))
}

pub(super) async fn set_status(rest: &Rest, repo: &Slug, status: &CommitStatus) -> Result<(), PortError> {
    let path = format!("/repos/{repo}/statuses/{}", status.commit);
    let mut body = json!({
        "state": word(status.state),
        "context": status.context,
        "description": status.description,
    });
    if !status.url.is_empty() {
        body["target_url"] = json!(status.url);
    }
    // The newest one counts, so a second one of the same says nothing else.
    rest.done(Call::post(path, body).guarded()).await
}

pub(super) fn standing(status: &CommitStatus) -> Standing {
    Standing {
        state: word(status.state).to_owned(),
        text: status.description.clone(),
        url: status.url.clone(),
    }
}

/// A state as these hosts spell it.
const fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        StatusState::Error => "error",
    }
}

/// What a token may do in a repository, by the repository's own word.
#[derive(Deserialize)]
pub(super) struct WireRepo {
    #[serde(default)]
    pub(super) full_name: String,
    #[serde(default)]
    pub(super) node_id: String,
    #[serde(default)]
    pub(super) permissions: Option<WirePermissions>,
}

#[derive(Deserialize)]
pub(super) struct WirePermissions {
    #[serde(default)]
    pub(super) push: bool,
}

#[derive(Deserialize)]
pub(super) struct WireUser {
    #[serde(default)]
    pub(super) login: String,
}

/// A pull request in the hosts' JSON.
#[derive(Deserialize)]
pub(super) struct WirePull {
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
struct WireComment {
    #[serde(default)]
    id: u64,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
struct WireStatus {
    #[serde(default)]
    id: u64,
    /// Gitea answers with `status` what it is given as `state`.
    #[serde(alias = "status")]
    state: String,
    #[serde(default)]
    context: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    target_url: Option<String>,
}

impl WirePull {
    /// Whether it comes from that branch of the repository it is to be merged into, not of a fork. The host's own
    /// names are compared: the repository may have had another when its URL was written.
    pub(super) fn is_from(&self, branch: &str) -> bool {
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
