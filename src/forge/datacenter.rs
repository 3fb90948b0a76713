//! Bitbucket Data Center, by REST 1.0. Whatever is changed there must be named with the version it was seen at.

use super::binding::Bound;
use super::host;
use super::host::Comment;
use super::host::Host;
use super::host::HostPull;
use super::host::Standing;
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
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::json;

/// The largest page.
const PAGE: &str = "100";

/// One Bitbucket Data Center.
pub(super) struct DataCenter {
    rest: Rest,
    base: String,
}

#[derive(Deserialize)]
struct Wire {
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
struct Repository {
    slug: String,
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
struct Activity {
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

#[derive(Deserialize)]
struct Build {
    state: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    url: String,
}

impl DataCenter {
    pub(super) fn new(bound: &Bound, pace: Pace) -> Result<Self, PortError> {
        let root = format!("{}/rest/api/latest", bound.base.url());
        Ok(Self {
            rest: host::rest(bound, root, "Bearer", false, pace)?,
            base: bound.base.url(),
        })
    }

    async fn list<T: DeserializeOwned>(&self, call: Call) -> Result<Vec<T>, PortError> {
        let next = |page: &Value, _| {
            let last = page.get("isLastPage").and_then(Value::as_bool).unwrap_or(true);
            let start = page.get("nextPageStart").and_then(Value::as_u64)?;
            (!last).then(|| ("start", start.to_string()))
        };
        self.rest.walk(call.query("limit", PAGE), "values", next).await
    }

    async fn pulls(&self, repo: &Slug, head: &str, only_open: bool) -> Result<Vec<HostPull>, PortError> {
        let call = Call::get(format!("{}/pull-requests", path(repo)))
            .query("state", if only_open { "OPEN" } else { "ALL" })
            .query("direction", "OUTGOING")
            .query("at", format!("refs/heads/{head}"))
            .query("order", "NEWEST");
        let all: Vec<Wire> = self.list(call).await?;
        let own = all
            .into_iter()
            .filter(|wire| wire.from.branch == head && wire.from.repository == wire.to.repository);
        Ok(own.map(HostPull::from).collect())
    }

    async fn create(&self, repo: &Slug, text: &PullText) -> Result<Option<HostPull>, PortError> {
        // Data Center has no labels and no assignees for pull requests.
        let repository = json!({ "slug": repo.name, "project": { "key": repo.owner } });
        let mut body = json!({
            "title": text.title, "description": text.body,
            "fromRef": { "id": format!("refs/heads/{}", text.branch.name), "repository": repository },
            "toRef": { "id": format!("refs/heads/{}", text.base), "repository": repository },
            "reviewers": people(&text.wishes.reviewers),
        });
        if text.wishes.draft {
            body["draft"] = json!(true);
        }
        let call = Call::post(format!("{}/pull-requests", path(repo)), body);
        let made: Option<Wire> = self.rest.create(call).await?;
        Ok(made.map(HostPull::from))
    }

    async fn comments(&self, repo: &Slug, number: u64) -> Result<Vec<Comment>, PortError> {
        let call = Call::get(format!("{}/pull-requests/{number}/activities", path(repo)));
        let all: Vec<Activity> = self.list(call).await?;
        let said = all.into_iter().filter(|activity| {
            activity.action == "COMMENTED" && matches!(activity.comment_action.as_str(), "" | "ADDED")
        });
        let mut comments: Vec<Comment> = said
            .filter_map(|activity| activity.comment)
            .map(|said| Comment {
                id: said.id,
                version: said.version,
                body: said.text,
            })
            .collect();
        comments.sort_by_key(|comment| comment.id);
        Ok(comments)
    }

    fn build(&self, status: &CommitStatus) -> Standing {
        Standing {
            state: word(status.state).to_owned(),
            text: status.description.clone(),
            // Data Center wants a page.
            url: if status.url.is_empty() {
                self.base.clone()
            } else {
                status.url.clone()
            },
        }
    }

    async fn status(&self, repo: &Slug, commit: &str, context: &str) -> Result<Option<Standing>, PortError> {
        let call = Call::get(format!("{}/commits/{commit}/builds", path(repo))).query("key", context);
        match self.rest.json::<Build>(call).await {
            Ok(build) => Ok(Some(Standing {
                state: build.state,
                text: build.description.unwrap_or_default(),
                url: build.url,
            })),
            Err(PortError::Invalid(text)) if text.contains("HTTP 404") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn access(&self, repos: &[Slug]) -> Result<Access, PortError> {
        let reply = self
            .rest
            .reply(&Call::get("/projects".to_owned()).query("limit", "1"))
            .await?;
        let mut access = Access {
            login: reply.header("x-ausername").unwrap_or_default().to_owned(),
            ..Access::default()
        };
        if access.login.is_empty() {
            let text = "Data Center took the request for an anonymous one: the token is not known there";
            return Err(PortError::Denied(text.to_owned()));
        }
        for repo in repos {
            let call = Call::get("/repos".to_owned())
                .query("projectkey", repo.owner.as_str())
                .query("name", repo.name.as_str())
                .query("permission", "REPO_WRITE");
            let writable: Vec<Repository> = self.list(call).await?;
            if !writable
                .iter()
                .any(|found| found.slug.eq_ignore_ascii_case(&repo.name))
            {
                access.missing.push(format!("Repository write for {repo}"));
            }
        }
        Ok(access)
    }
}

fn path(repo: &Slug) -> String {
    format!("/projects/{}/repos/{}", repo.owner, repo.name)
}

fn people(names: &[String]) -> Vec<Value> {
    names
        .iter()
        .map(|name| json!({ "user": { "name": name } }))
        .collect()
}

const fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "INPROGRESS",
        StatusState::Success => "SUCCESSFUL",
        StatusState::Failure => "FAILED",
        StatusState::Error => "UNKNOWN",
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

impl Host for DataCenter {
    fn pulls<'a>(&'a self, repo: &'a Slug, head: &'a str, only_open: bool) -> Answered<'a, Vec<HostPull>> {
        Box::pin(self.pulls(repo, head, only_open))
    }

    fn one<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, HostPull> {
        Box::pin(async move {
            let call = Call::get(format!("{}/pull-requests/{number}", path(repo)));
            let wire: Wire = self.rest.json(call).await?;
            Ok(wire.into())
        })
    }

    fn create<'a>(&'a self, repo: &'a Slug, text: &'a PullText) -> Answered<'a, Option<HostPull>> {
        Box::pin(self.create(repo, text))
    }

    fn wish<'a>(&'a self, _repo: &'a Slug, _pull: &'a HostPull, _text: &'a PullText) -> Answered<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn edit<'a>(
        &'a self,
        repo: &'a Slug,
        old: &'a HostPull,
        title: &'a str,
        body: &'a str,
    ) -> Answered<'a, ()> {
        // Reviewers that are not repeated are taken off.
        let change = json!({
            "version": old.version, "title": title, "description": body, "reviewers": people(&old.reviewers),
        });
        let path = format!("{}/pull-requests/{}", path(repo), old.pull.number);
        Box::pin(async move {
            match self.rest.done(Call::with(Method::PUT, path, change)).await {
                // An answer that was lost: the version has moved on, and it says what it should.
                Err(PortError::Stale(text)) => {
                    let now = self.one(repo, old.pull.number).await?.pull;
                    if now.title == title && now.body == body {
                        return Ok(());
                    }
                    Err(PortError::Stale(text))
                }
                done => done,
            }
        })
    }

    fn close<'a>(&'a self, repo: &'a Slug, old: &'a HostPull) -> Answered<'a, ()> {
        let path = format!("{}/pull-requests/{}/decline", path(repo), old.pull.number);
        let call =
            Call::post(path, json!({ "version": old.version })).query("version", old.version.to_string());
        Box::pin(async move {
            match self.rest.done(call.guarded()).await {
                Err(PortError::Stale(text)) => match self.one(repo, old.pull.number).await?.pull.state {
                    PullState::Open => Err(PortError::Stale(text)),
                    _ => Ok(()),
                },
                done => done,
            }
        })
    }

    fn comments<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, Vec<Comment>> {
        Box::pin(self.comments(repo, number))
    }

    fn comment<'a>(&'a self, repo: &'a Slug, number: u64, body: &'a str) -> Answered<'a, ()> {
        let path = format!("{}/pull-requests/{number}/comments", path(repo));
        Box::pin(self.rest.done(Call::post(path, json!({ "text": body }))))
    }

    fn edit_comment<'a>(
        &'a self,
        repo: &'a Slug,
        number: u64,
        old: &'a Comment,
        body: &'a str,
    ) -> Answered<'a, ()> {
        let path = format!("{}/pull-requests/{number}/comments/{}", path(repo), old.id);
        let change = json!({ "text": body, "version": old.version });
        Box::pin(self.rest.done(Call::with(Method::PUT, path, change)))
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
        let build = self.build(status);
        let body = json!({
            "key": status.context, "name": status.context, "state": build.state,
            "description": build.text, "url": build.url,
        });
        let path = format!("{}/commits/{}/builds", path(repo), status.commit);
        // The key makes a second one of the same the first one.
        Box::pin(self.rest.done(Call::post(path, body).guarded()))
    }

    fn standing(&self, status: &CommitStatus) -> Standing {
        self.build(status)
    }

    fn body_max(&self) -> usize {
        32_000
    }

    fn access<'a>(&'a self, repos: &'a [Slug]) -> Answered<'a, Access> {
        Box::pin(self.access(repos))
    }
}
