//! Azure DevOps, by REST 7.1. A comment there is the first one of a thread; a description has 4,000 characters.

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
use crate::port::Answered;
use crate::port::PortError;
use http::Method;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::StatusState;
use recant_core::query::Access;
use recant_core::query::Pull;
use recant_core::query::PullState;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

/// The version of the API that this client was written for.
const VERSION: &str = "7.1";
/// The largest page that is asked for.
const PAGE: usize = 100;
/// The most characters of a description.
const BODY_MAX: usize = 4000;
/// The namespace of rights on Git repositories, and recant's rights in it, each with what it is for.
const RIGHTS_OF_GIT: &str = "2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87";
const RIGHTS: [(u32, &str); 3] = [
    (4, "Contribute (to push recant's branch)"),
    (16, "Create branch"),
    (16_384, "Contribute to pull requests"),
];

/// One organisation, or several, of Azure DevOps.
pub(super) struct Azure {
    rest: Rest,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "pullRequestId")]
    id: u64,
    status: String,
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
struct Repository {
    #[serde(default)]
    id: String,
    #[serde(rename = "webUrl", default)]
    page: String,
    #[serde(default)]
    project: Project,
}

#[derive(Default, Deserialize)]
struct Project {
    #[serde(default)]
    id: String,
}

#[derive(Deserialize)]
struct Thread {
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
struct Status {
    #[serde(default)]
    id: u64,
    state: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(rename = "targetUrl", default)]
    url: Option<String>,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    name: String,
    #[serde(default)]
    genre: Option<String>,
}

impl Azure {
    pub(super) fn new(bound: &Bound, pace: Pace) -> Result<Self, PortError> {
        let rest = host::rest(bound, bound.base.url(), "", true, pace)?;
        Ok(Self { rest })
    }

    async fn list<T: serde::de::DeserializeOwned>(&self, call: Call) -> Result<Vec<T>, PortError> {
        let next = |page: &Value, so_far: usize| {
            let full = page.get("value")?.as_array()?.len() >= PAGE;
            full.then(|| ("$skip", so_far.to_string()))
        };
        self.rest
            .walk(call.query("$top", PAGE.to_string()), "value", next)
            .await
    }

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
        Ok(newest.map(|status| Standing {
            state: status.state,
            text: status.description.unwrap_or_default(),
            url: status.url.unwrap_or_default(),
        }))
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

    async fn access(&self, repos: &[Slug]) -> Result<Access, PortError> {
        let mut access = Access::default();
        let mut seen: Vec<String> = repos.iter().map(organisation).collect();
        seen.sort();
        seen.dedup();
        if seen.is_empty() {
            seen.push(String::new());
        }
        for organisation in seen {
            let call = Call::get(format!("{organisation}/_apis/connectionData"));
            let data: Value = self.rest.json(call).await?;
            let user = data.get("authenticatedUser").cloned().unwrap_or_default();
            let name = user.get("providerDisplayName").and_then(Value::as_str);
            access.login = name.unwrap_or_default().to_owned();
        }
        for repo in repos {
            self.repo_access(repo, &mut access).await?;
        }
        Ok(access)
    }

    async fn repo_access(&self, repo: &Slug, access: &mut Access) -> Result<(), PortError> {
        let found: Repository = match self.rest.json(get(path(repo))).await {
            Ok(found) => found,
            Err(PortError::Denied(why) | PortError::Invalid(why)) => {
                access.missing.push(format!("sight of {repo} ({why})"));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let token = format!("repoV2/{}/{}", found.project.id, found.id);
        for (bit, what) in RIGHTS {
            let path = format!("{}/_apis/permissions/{RIGHTS_OF_GIT}/{bit}", organisation(repo));
            let may: Value = self.rest.json(get(path).query("tokens", token.as_str())).await?;
            if may.pointer("/value/0") != Some(&Value::Bool(true)) {
                access.missing.push(format!("{what} in {repo}"));
            }
        }
        Ok(())
    }
}

/// The part of the path that stands before `_apis` for what concerns no project. Below a URL that names the
/// organisation there is none.
fn organisation(repo: &Slug) -> String {
    match repo.owner.split_once('/') {
        Some((organisation, _)) => format!("/{organisation}"),
        None => String::new(),
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

fn short(reference: &str) -> String {
    reference
        .strip_prefix("refs/heads/")
        .unwrap_or(reference)
        .to_owned()
}

impl Wire {
    fn is_from(&self, branch: &str) -> bool {
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

impl Host for Azure {
    fn pulls<'a>(&'a self, repo: &'a Slug, head: &'a str, only_open: bool) -> Answered<'a, Vec<HostPull>> {
        Box::pin(self.pulls(repo, head, only_open))
    }

    fn one<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, HostPull> {
        Box::pin(async move {
            let call = get(format!("{}/pullrequests/{number}", path(repo)));
            let wire: Wire = self.rest.json(call).await?;
            Ok(wire.into())
        })
    }

    fn create<'a>(&'a self, repo: &'a Slug, text: &'a PullText) -> Answered<'a, Option<HostPull>> {
        Box::pin(self.create(repo, text))
    }

    fn wish<'a>(&'a self, repo: &'a Slug, pull: &'a HostPull, text: &'a PullText) -> Answered<'a, ()> {
        Box::pin(self.wish(repo, pull, text))
    }

    fn edit<'a>(
        &'a self,
        repo: &'a Slug,
        old: &'a HostPull,
        title: &'a str,
        body: &'a str,
    ) -> Answered<'a, ()> {
        let change = json!({ "title": title, "description": body });
        let path = format!("{}/pullrequests/{}", path(repo), old.pull.number);
        Box::pin(self.rest.done(with(Method::PATCH, path, change)))
    }

    fn close<'a>(&'a self, repo: &'a Slug, old: &'a HostPull) -> Answered<'a, ()> {
        let change = json!({ "status": "abandoned" });
        let path = format!("{}/pullrequests/{}", path(repo), old.pull.number);
        Box::pin(self.rest.done(with(Method::PATCH, path, change)))
    }

    fn comments<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, Vec<Comment>> {
        Box::pin(async move {
            let call = get(format!("{}/pullRequests/{number}/threads", path(repo)));
            let page: Value = self.rest.json(call).await?;
            let threads = page.get("value").cloned().unwrap_or_default();
            let threads: Vec<Thread> = serde_json::from_value(threads)
                .map_err(|e| PortError::Invalid(format!("Azure DevOps: threads: {e}")))?;
            let mut said: Vec<Comment> = Vec::new();
            for thread in threads.into_iter().filter(|thread| !thread.deleted) {
                let own = thread.comments.into_iter().filter(|said| said.kind != "system");
                said.extend(own.map(|one| Comment {
                    id: thread.id,
                    version: one.id,
                    body: one.content.unwrap_or_default(),
                }));
            }
            Ok(said)
        })
    }

    fn comment<'a>(&'a self, repo: &'a Slug, number: u64, body: &'a str) -> Answered<'a, ()> {
        let path = format!("{}/pullRequests/{number}/threads", path(repo));
        // A thread that is not closed would have to be resolved before a merge.
        let body = json!({
            "comments": [{ "parentCommentId": 0, "content": body, "commentType": "text" }], "status": "closed",
        });
        Box::pin(self.rest.done(post(path, body)))
    }

    fn edit_comment<'a>(
        &'a self,
        repo: &'a Slug,
        number: u64,
        old: &'a Comment,
        body: &'a str,
    ) -> Answered<'a, ()> {
        let (thread, place) = (old.id, old.version);
        let path = format!(
            "{}/pullRequests/{number}/threads/{thread}/comments/{place}",
            path(repo)
        );
        Box::pin(
            self.rest
                .done(with(Method::PATCH, path, json!({ "content": body }))),
        )
    }

    fn status<'a>(
        &'a self,
        repo: &'a Slug,
        commit: &'a str,
        context: &'a str,
    ) -> Answered<'a, Option<Standing>> {
        Box::pin(self.status(repo, commit, context))
    }

    fn set_status<'a>(&'a self, repo: &'a Slug, status: &'a CommitStatus) -> Answered<'a, ()> {
        Box::pin(self.set_status(repo, status))
    }

    fn standing(&self, status: &CommitStatus) -> Standing {
        Standing {
            state: word(status.state).to_owned(),
            text: status.description.clone(),
            url: status.url.clone(),
        }
    }

    fn body_max(&self) -> usize {
        BODY_MAX
    }

    fn access<'a>(&'a self, repos: &'a [Slug]) -> Answered<'a, Access> {
        Box::pin(self.access(repos))
    }
}
