//! Azure DevOps, by REST 7.1. A comment there is the first one of a thread; a description has 4,000 characters.

mod access;
mod wire;

use super::binding::Bound;
use super::host;
use super::host::Comment;
use super::host::Host;
use super::host::HostPull;
use super::host::Standing;
use super::host::granted;
use super::rest::Call;
use super::rest::Pace;
use super::rest::Rest;
use super::slug::Slug;
use crate::port::PortError;
use async_trait::async_trait;
use http::Method;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::StatusState;
use recant_core::query::Access;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::json;
use wire::Status;
use wire::Thread;
use wire::Wire;

/// The version of the API that this client was written for.
const VERSION: &str = "7.1";
/// The largest page that is asked for.
const PAGE: usize = 100;

/// One organisation, or several, of Azure DevOps.
pub(super) struct Azure {
    rest: Rest,
}

impl Azure {
    pub(super) fn new(bound: &Bound, pace: Pace) -> Result<Self, PortError> {
        let rest = host::rest(bound, bound.base.url(), "", true, pace)?;
        Ok(Self { rest })
    }

    async fn list<T: DeserializeOwned>(&self, call: Call) -> Result<Vec<T>, PortError> {
        let next = |page: &Value, so_far: usize| {
            let full = page.get("value")?.as_array()?.len() >= PAGE;
            full.then(|| ("$skip", so_far.to_string()))
        };
        self.rest
            .walk(call.query("$top", PAGE.to_string()), "value", next)
            .await
    }

    /// All of a list that is not cut into pages.
    async fn whole<T: DeserializeOwned>(&self, call: Call) -> Result<Vec<T>, PortError> {
        self.rest.walk(call, "value", |_, _| None).await
    }

    async fn change(&self, repo: &Slug, number: u64, change: Value) -> Result<(), PortError> {
        let path = format!("{}/pullrequests/{number}", path(repo));
        self.rest.done(with(Method::PATCH, path, change)).await
    }
}

fn path(repo: &Slug) -> String {
    format!("/{}/_apis/git/repositories/{}", repo.owner, repo.name)
}

fn get(path: String) -> Call {
    Call::get(path).query("api-version", VERSION)
}

fn post(path: String, body: Value) -> Call {
    with(Method::POST, path, body)
}

fn with(method: Method, path: String, body: Value) -> Call {
    Call::with(method, path, body).query("api-version", VERSION)
}

/// A context as genre and name.
fn split(context: &str) -> (&str, &str) {
    context.split_once('/').unwrap_or(("", context))
}

const fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "succeeded",
        StatusState::Failure => "failed",
        StatusState::Error => "error",
    }
}

#[async_trait]
impl Host for Azure {
    async fn pulls(&self, repo: &Slug, head: &str, only_open: bool) -> Result<Vec<HostPull>, PortError> {
        let call = get(format!("{}/pullrequests", path(repo)))
            .query("searchCriteria.sourceRefName", format!("refs/heads/{head}"))
            .query("searchCriteria.status", if only_open { "active" } else { "all" });
        let all: Vec<Wire> = self.list(call).await?;
        let mut own = Vec::new();
        for wire in all.into_iter().filter(|wire| wire.is_from(head)) {
            // A list shows the beginning of a description only.
            own.push(match wire.status.as_str() {
                "active" => self.one(repo, wire.id).await?,
                _ => wire.into(),
            });
        }
        Ok(own)
    }

    async fn one(&self, repo: &Slug, number: u64) -> Result<HostPull, PortError> {
        let call = get(format!("{}/pullrequests/{number}", path(repo)));
        let wire: Wire = self.rest.json(call).await?;
        Ok(wire.into())
    }

    async fn create(&self, repo: &Slug, text: &PullText) -> Result<Option<HostPull>, PortError> {
        let labels: Vec<Value> = text.labels.iter().map(|label| json!({ "name": label })).collect();
        let body = json!({
            "sourceRefName": format!("refs/heads/{}", text.branch.name),
            "targetRefName": format!("refs/heads/{}", text.base),
            "title": text.title, "description": text.body, "isDraft": text.wishes.draft, "labels": labels,
        });
        let call = post(format!("{}/pullrequests", path(repo)), body);
        let made: Option<Wire> = self.rest.create(call).await?;
        Ok(made.map(HostPull::from))
    }

    async fn wish(&self, repo: &Slug, pull: &HostPull, text: &PullText) -> Result<(), PortError> {
        let number = pull.pull.number;
        // A reviewer is named by the id of an identity: a login says too little here. There are no assignees.
        for id in &text.wishes.reviewers {
            let path = format!("{}/pullRequests/{number}/reviewers/{id}", path(repo));
            let body = json!({ "id": id, "vote": 0 });
            let asked = self.rest.done(with(Method::PUT, path, body)).await;
            granted(number, "reviewers", asked)?;
        }
        if text.wishes.auto_merge {
            let body = json!({ "autoCompleteSetBy": { "id": pull.id } });
            let path = format!("{}/pullrequests/{number}", path(repo));
            let merging = self.rest.done(with(Method::PATCH, path, body)).await;
            granted(number, "auto-complete", merging)?;
        }
        Ok(())
    }

    async fn edit(&self, repo: &Slug, old: &HostPull, title: &str, body: &str) -> Result<(), PortError> {
        let change = json!({ "title": title, "description": body });
        self.change(repo, old.pull.number, change).await
    }

    async fn close(&self, repo: &Slug, old: &HostPull) -> Result<(), PortError> {
        let change = json!({ "status": "abandoned" });
        self.change(repo, old.pull.number, change).await
    }

    async fn comments(&self, repo: &Slug, number: u64) -> Result<Vec<Comment>, PortError> {
        let call = get(format!("{}/pullRequests/{number}/threads", path(repo)));
        let threads: Vec<Thread> = self.whole(call).await?;
        Ok(threads
            .into_iter()
            .flat_map(|thread| thread.said(number))
            .collect())
    }

    async fn comment(&self, repo: &Slug, number: u64, body: &str) -> Result<(), PortError> {
        let path = format!("{}/pullRequests/{number}/threads", path(repo));
        // A thread that is not closed would have to be resolved before a merge.
        let body = json!({
            "comments": [{ "parentCommentId": 0, "content": body, "commentType": "text" }], "status": "closed",
        });
        self.rest.done(post(path, body)).await
    }

    async fn edit_comment(&self, repo: &Slug, old: &Comment, body: &str) -> Result<(), PortError> {
        let (number, thread, place) = (old.pull, old.id, old.version);
        let path = path(repo);
        let path = format!("{path}/pullRequests/{number}/threads/{thread}/comments/{place}");
        let change = json!({ "content": body });
        self.rest.done(with(Method::PATCH, path, change)).await
    }

    async fn status(&self, repo: &Slug, commit: &str, context: &str) -> Result<Option<Standing>, PortError> {
        let call = get(format!("{}/commits/{commit}/statuses", path(repo))).query("latestOnly", "true");
        let all: Value = self.rest.json(call).await?;
        let all: Vec<Status> =
            serde_json::from_value(all.get("value").cloned().unwrap_or_default()).unwrap_or_default();
        let (genre, name) = split(context);
        let newest = all
            .into_iter()
            .filter(|s| s.context.name == name && s.context.genre.as_deref().unwrap_or_default() == genre)
            .max_by_key(|s| s.id);
        Ok(newest.map(Standing::from))
    }

    async fn set_status(&self, repo: &Slug, status: &CommitStatus) -> Result<(), PortError> {
        let (genre, name) = split(&status.context);
        let mut body = json!({
            "state": word(status.state), "description": status.description,
            "context": { "genre": genre, "name": name },
        });
        if !status.url.is_empty() {
            body["targetUrl"] = json!(status.url);
        }
        let path = format!("{}/commits/{}/statuses", path(repo), status.commit);
        // The newest one counts, so a second one of the same says nothing else.
        self.rest.done(post(path, body).guarded()).await
    }

    fn standing(&self, status: &CommitStatus) -> Standing {
        Standing::of(status, word(status.state))
    }

    async fn access(&self, repos: &[Slug]) -> Result<Access, PortError> {
        access::may(&self.rest, repos).await
    }
}
