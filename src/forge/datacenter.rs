//! Bitbucket Data Center, by REST 1.0. Whatever is changed there must be named with the version it was seen at.

mod wire;

use super::binding::Bound;
use super::build;
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
use recant_core::query::Access;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::json;
use wire::Activity;
use wire::Repository;
use wire::Wire;

/// The largest page.
const PAGE: &str = "100";

/// One Bitbucket Data Center.
pub(super) struct DataCenter {
    rest: Rest,
    base: String,
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

#[async_trait]
impl Host for DataCenter {
    async fn pulls(&self, repo: &Slug, head: &str, only_open: bool) -> Result<Vec<HostPull>, PortError> {
        let call = Call::get(format!("{}/pull-requests", path(repo)))
            .query("state", if only_open { "OPEN" } else { "ALL" })
            .query("direction", "OUTGOING")
            .query("at", format!("refs/heads/{head}"))
            .query("order", "NEWEST");
        let all: Vec<Wire> = self.list(call).await?;
        let own = all.into_iter().filter(|wire| wire.is_from(head));
        Ok(own.map(HostPull::from).collect())
    }

    async fn one(&self, repo: &Slug, number: u64) -> Result<HostPull, PortError> {
        let call = Call::get(format!("{}/pull-requests/{number}", path(repo)));
        let wire: Wire = self.rest.json(call).await?;
        Ok(wire.into())
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

    async fn wish(&self, repo: &Slug, pull: &HostPull, text: &PullText) -> Result<(), PortError> {
        if !text.wishes.auto_merge {
            return Ok(());
        }
        let number = pull.pull.number;
        let path = format!("{}/pull-requests/{number}/merge", path(repo));
        let body = json!({ "autoMerge": true, "version": pull.version });
        let call = Call::post(path, body).query("version", pull.version.to_string());
        // Where the repository's setting allows no auto-merge, Data Center refuses.
        granted(number, "auto-merge", self.rest.done(call).await)
    }

    async fn edit(&self, repo: &Slug, old: &HostPull, title: &str, body: &str) -> Result<(), PortError> {
        // Reviewers that are not repeated are taken off.
        let change = json!({
            "version": old.version, "title": title, "description": body, "reviewers": people(&old.reviewers),
        });
        let path = format!("{}/pull-requests/{}", path(repo), old.pull.number);
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
    }

    async fn close(&self, repo: &Slug, old: &HostPull) -> Result<(), PortError> {
        let path = format!("{}/pull-requests/{}/decline", path(repo), old.pull.number);
        let call =
            Call::post(path, json!({ "version": old.version })).query("version", old.version.to_string());
        let declined = self.rest.done(call.guarded()).await;
        host::closed(self, repo, old, declined).await
    }

    async fn comments(&self, repo: &Slug, number: u64) -> Result<Vec<Comment>, PortError> {
        let call = Call::get(format!("{}/pull-requests/{number}/activities", path(repo)));
        let all: Vec<Activity> = self.list(call).await?;
        let mut said: Vec<Comment> = all.into_iter().filter_map(|one| one.said(number)).collect();
        said.sort_by_key(|comment| comment.id);
        Ok(said)
    }

    async fn comment(&self, repo: &Slug, number: u64, body: &str) -> Result<(), PortError> {
        let path = format!("{}/pull-requests/{number}/comments", path(repo));
        self.rest.done(Call::post(path, json!({ "text": body }))).await
    }

    async fn edit_comment(&self, repo: &Slug, old: &Comment, body: &str) -> Result<(), PortError> {
        let path = format!("{}/pull-requests/{}/comments/{}", path(repo), old.pull, old.id);
        let change = json!({ "text": body, "version": old.version });
        self.rest.done(Call::with(Method::PUT, path, change)).await
    }

    async fn status(&self, repo: &Slug, commit: &str, context: &str) -> Result<Option<Standing>, PortError> {
        let call = Call::get(format!("{}/commits/{commit}/builds", path(repo))).query("key", context);
        build::status(&self.rest, call).await
    }

    async fn set_status(&self, repo: &Slug, status: &CommitStatus) -> Result<(), PortError> {
        let path = format!("{}/commits/{}/builds", path(repo), status.commit);
        build::set(&self.rest, path, &status.context, status, self.standing(status)).await
    }

    fn standing(&self, status: &CommitStatus) -> Standing {
        build::standing(status, "UNKNOWN", &self.base)
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
