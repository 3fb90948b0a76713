//! What every Git host can do, and the many words they share: Gitea speaks GitHub's for most of it.

use super::binding::Slug;
use super::rest::Call;
use super::rest::Rest;
use crate::port::Answered;
use crate::port::PortError;
use http::Method;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::Push;
use recant_core::effect::StatusState;
use recant_core::query::Access;
use recant_core::query::Pull;
use recant_core::query::PullState;
use serde::Deserialize;
use serde_json::json;

/// One Git host with its credential.
pub(super) trait Host: Send + Sync {
    /// Its REST API.
    fn rest(&self) -> &Rest;
    /// Query parameter for a page's size, and the largest size there is.
    fn page(&self) -> (&'static str, usize);
    /// The pull requests from one of the repository's own branches; perhaps only the open ones.
    fn pulls<'a>(&'a self, repo: &'a Slug, head: &'a str, only_open: bool) -> Answered<'a, Vec<WirePull>>;
    /// Adds labels; makes those that are not there.
    fn label<'a>(&'a self, repo: &'a Slug, number: u64, labels: &'a [String]) -> Answered<'a, ()>;

    /// One pull request.
    fn one<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, WirePull> {
        Box::pin(
            self.rest()
                .json(Call::get(format!("/repos/{repo}/pulls/{number}"))),
        )
    }

    /// Opens a pull request.
    fn create<'a>(&'a self, repo: &'a Slug, text: &'a PullText) -> Answered<'a, WirePull> {
        let PullText {
            branch,
            base,
            title,
            body,
            ..
        } = text;
        let body = json!({ "title": title, "body": body, "head": branch.name, "base": base });
        Box::pin(
            self.rest()
                .json(Call::with(Method::POST, format!("/repos/{repo}/pulls"), body)),
        )
    }

    /// Gives a pull request a new title and body.
    fn edit<'a>(&'a self, repo: &'a Slug, number: u64, title: &'a str, body: &'a str) -> Answered<'a, ()> {
        let body = json!({ "title": title, "body": body });
        Box::pin(self.rest().done(Call::with(
            Method::PATCH,
            format!("/repos/{repo}/pulls/{number}"),
            body,
        )))
    }

    /// Closes a pull request.
    fn close<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, ()> {
        let body = json!({ "state": "closed" });
        Box::pin(self.rest().done(Call::with(
            Method::PATCH,
            format!("/repos/{repo}/pulls/{number}"),
            body,
        )))
    }

    /// What has been said under a pull request, oldest first.
    fn comments<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, Vec<WireComment>> {
        Box::pin(async move {
            let path = || Call::get(format!("/repos/{repo}/issues/{number}/comments"));
            self.rest().pages(self.page(), path).await
        })
    }

    /// Says something anew.
    fn edit_comment<'a>(
        &'a self,
        repo: &'a Slug,
        _number: u64,
        comment: u64,
        body: &'a str,
    ) -> Answered<'a, ()> {
        let path = format!("/repos/{repo}/issues/comments/{comment}");
        Box::pin(
            self.rest()
                .done(Call::with(Method::PATCH, path, json!({ "body": body }))),
        )
    }

    /// Says something under a pull request.
    fn comment<'a>(&'a self, repo: &'a Slug, number: u64, body: &'a str) -> Answered<'a, ()> {
        let path = format!("/repos/{repo}/issues/{number}/comments");
        Box::pin(
            self.rest()
                .done(Call::with(Method::POST, path, json!({ "body": body }))),
        )
    }

    /// Makes a commit by the host's own hand.
    fn commit<'a>(&'a self, _repo: &'a Slug, _push: &'a Push) -> Answered<'a, String> {
        let text = "spec.commits.signByForge: this host makes no commits itself".to_owned();
        Box::pin(async { Err(PortError::Invalid(text)) })
    }

    /// What the credential may do.
    fn access(&self) -> Answered<'_, Access> {
        Box::pin(async {
            let user: WireUser = self.rest().json(Call::get("/user".to_owned())).await?;
            Ok(Access {
                login: user.login,
                ..Access::default()
            })
        })
    }

    /// State and description of the newest status of a commit in that context.
    fn status<'a>(
        &'a self,
        repo: &'a Slug,
        commit: &'a str,
        context: &'a str,
    ) -> Answered<'a, Option<(String, String)>> {
        Box::pin(async move {
            let path = || Call::get(format!("/repos/{repo}/commits/{commit}/statuses"));
            let all: Vec<WireStatus> = self.rest().pages(self.page(), path).await?;
            let newest = all
                .into_iter()
                .filter(|s| s.context == context)
                .max_by_key(|s| s.id);
            Ok(newest.map(|s| (s.state, s.description.unwrap_or_default())))
        })
    }

    /// Sets a commit status.
    fn set_status<'a>(&'a self, repo: &'a Slug, status: &'a CommitStatus) -> Answered<'a, ()> {
        let path = format!("/repos/{repo}/statuses/{}", status.commit);
        let body = json!({
            "state": word(status.state),
            "context": status.context,
            "description": status.description,
            "target_url": Some(&status.url).filter(|url| !url.is_empty()),
        });
        Box::pin(self.rest().done(Call::with(Method::POST, path, body)))
    }
}

/// A state as hosts spell it.
pub(super) fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        StatusState::Error => "error",
    }
}

/// A pull request in the hosts' JSON.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct WirePull {
    number: u64,
    #[serde(default)]
    html_url: String,
    state: String,
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

#[derive(Clone, Debug, Deserialize)]
struct WireEnd {
    #[serde(rename = "ref")]
    branch: String,
    #[serde(default)]
    sha: String,
    /// None when a fork was deleted.
    #[serde(default)]
    repo: Option<WireRepo>,
}

#[derive(Clone, Debug, Deserialize)]
struct WireRepo {
    #[serde(default)]
    full_name: String,
}

/// A comment in the hosts' JSON.
#[derive(Deserialize)]
pub(super) struct WireComment {
    #[serde(default)]
    pub(super) id: u64,
    #[serde(default)]
    pub(super) body: String,
}

#[derive(Deserialize)]
struct WireUser {
    login: String,
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
}

impl WirePull {
    /// The name of the branch it comes from.
    pub(super) fn head_branch(&self) -> &str {
        &self.head.branch
    }

    /// Whether it comes from that branch of the repository it is to be merged into, not of a fork. The host's own
    /// names are compared: the repository may have had another when its URL was written.
    pub(super) fn is_from(&self, branch: &str) -> bool {
        let name = |end: &WireEnd| end.repo.as_ref().map(|repo| repo.full_name.to_ascii_lowercase());
        let own = name(&self.head).is_some_and(|head| !head.is_empty() && Some(head) == name(&self.base));
        self.head.branch == branch && own
    }
}

impl From<WirePull> for Pull {
    fn from(wire: WirePull) -> Self {
        let merged = wire.merged || wire.merged_at.is_some();
        let state = match wire.state.as_str() {
            _ if merged => PullState::Merged(wire.merge_commit_sha.unwrap_or_default()),
            "open" => PullState::Open,
            _ => PullState::Closed,
        };
        Self {
            number: wire.number,
            url: wire.html_url,
            state,
            head: wire.head.sha,
            base: wire.base.branch,
            title: wire.title,
            body: wire.body.unwrap_or_default(),
        }
    }
}
