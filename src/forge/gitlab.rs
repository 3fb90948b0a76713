//! GitLab, by REST v4: merge requests by their `iid`, projects by their path in one segment.

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
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use wire::Merge;
use wire::Note;
use wire::Status;
use wire::User;

/// What a draft's title begins with.
const DRAFT: &str = "Draft: ";
/// GitLab's largest page.
const PAGE: (&str, usize) = ("per_page", 100);

/// One GitLab.
pub(super) struct GitLab {
    rest: Rest,
}

impl GitLab {
    pub(super) fn new(bound: &Bound, pace: Pace) -> Result<Self, PortError> {
        let root = format!("{}/api/v4", bound.base.url());
        let rest = host::rest(bound, root, "Bearer", false, pace)?;
        Ok(Self { rest })
    }

    async fn reviewers(&self, names: &[String]) -> Result<Vec<u64>, PortError> {
        let mut ids = Vec::new();
        for name in names {
            let call = Call::get("/users".to_owned()).query("username", name.as_str());
            let found: Vec<User> = self.rest.json(call).await?;
            match found
                .into_iter()
                .find(|user| user.username.eq_ignore_ascii_case(name))
            {
                Some(user) => ids.push(user.id),
                None => tracing::warn!(reviewer = name, "GitLab knows no such user"),
            }
        }
        Ok(ids)
    }

    /// The users who made these commits: only those that an address names without doubt.
    async fn authors(&self, repo: &Slug, commits: &[String]) -> Result<Vec<u64>, PortError> {
        #[derive(Deserialize)]
        struct Commit {
            author_email: String,
        }
        let mut ids = Vec::new();
        for commit in commits {
            let path = format!("/projects/{}/repository/commits/{commit}", repo.encoded());
            let commit: Commit = self.rest.json(Call::get(path)).await?;
            let call = Call::get("/users".to_owned()).query("search", commit.author_email);
            let found: Vec<User> = self.rest.json(call).await?;
            if let [user] = found.as_slice() {
                ids.push(user.id);
            }
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    async fn change(&self, repo: &Slug, number: u64, change: Value) -> Result<(), PortError> {
        let path = format!("{}/{number}", merges(repo));
        self.rest.done(Call::with(Method::PUT, path, change)).await
    }
}

/// What was found for a wish; a refusal is told, and then there is nothing to ask for.
fn told(number: u64, what: &str, found: Result<Vec<u64>, PortError>) -> Result<Option<Vec<u64>>, PortError> {
    match found {
        Ok(ids) => Ok(Some(ids).filter(|ids| !ids.is_empty())),
        Err(error) => granted(number, what, Err(error)).map(|()| None),
    }
}

fn merges(repo: &Slug) -> String {
    format!("/projects/{}/merge_requests", repo.encoded())
}

/// A state as GitLab spells it: what it calls `pending` has not begun.
const fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "running",
        StatusState::Success => "success",
        StatusState::Failure => "failed",
        StatusState::Error => "canceled",
    }
}

#[async_trait]
impl Host for GitLab {
    async fn pulls(&self, repo: &Slug, head: &str, only_open: bool) -> Result<Vec<HostPull>, PortError> {
        let state = if only_open { "opened" } else { "all" };
        let path = || {
            Call::get(merges(repo))
                .query("source_branch", head)
                .query("state", state)
        };
        let all: Vec<Merge> = self.rest.pages(PAGE, path).await?;
        let own = all.into_iter().filter(|merge| merge.is_from(head));
        Ok(own.map(HostPull::from).collect())
    }

    async fn one(&self, repo: &Slug, number: u64) -> Result<HostPull, PortError> {
        let merge: Merge = self
            .rest
            .json(Call::get(format!("{}/{number}", merges(repo))))
            .await?;
        Ok(merge.into())
    }

    async fn create(&self, repo: &Slug, text: &PullText) -> Result<Option<HostPull>, PortError> {
        let draft = if text.wishes.draft { DRAFT } else { "" };
        // GitLab makes labels that are not there.
        let body = json!({
            "source_branch": text.branch.name, "target_branch": text.base,
            "title": format!("{draft}{}", text.title), "description": text.body,
            "labels": text.labels.join(","),
        });
        let made: Option<Merge> = self.rest.create(Call::post(merges(repo), body)).await?;
        Ok(made.map(HostPull::from))
    }

    async fn wish(&self, repo: &Slug, pull: &HostPull, text: &PullText) -> Result<(), PortError> {
        let number = pull.pull.number;
        let wishes = &text.wishes;
        let mut change = serde_json::Map::new();
        let reviewers = self.reviewers(&wishes.reviewers).await;
        if let Some(ids) = told(number, "reviewers", reviewers)? {
            change.insert("reviewer_ids".to_owned(), json!(ids));
        }
        let authors = self.authors(repo, &wishes.assign_authors_of).await;
        if let Some(ids) = told(number, "assignees", authors)? {
            change.insert("assignee_ids".to_owned(), json!(ids));
        }
        if !change.is_empty() {
            let path = format!("{}/{number}", merges(repo));
            let changed = self
                .rest
                .done(Call::with(Method::PUT, path, Value::Object(change)));
            granted(number, "reviewers and assignees", changed.await)?;
        }
        if wishes.auto_merge {
            let path = format!("{}/{number}/merge", merges(repo));
            let body =
                json!({ "auto_merge": true, "merge_when_pipeline_succeeds": true, "sha": pull.pull.head });
            let merging = self.rest.done(Call::with(Method::PUT, path, body)).await;
            granted(number, "auto-merge", merging)?;
        }
        Ok(())
    }

    async fn edit(&self, repo: &Slug, old: &HostPull, title: &str, body: &str) -> Result<(), PortError> {
        let draft = if old.draft { DRAFT } else { "" };
        let change = json!({ "title": format!("{draft}{title}"), "description": body });
        self.change(repo, old.pull.number, change).await
    }

    async fn close(&self, repo: &Slug, old: &HostPull) -> Result<(), PortError> {
        let change = json!({ "state_event": "close" });
        self.change(repo, old.pull.number, change).await
    }

    async fn comments(&self, repo: &Slug, number: u64) -> Result<Vec<Comment>, PortError> {
        let call = || {
            Call::get(format!("{}/{number}/notes", merges(repo)))
                .query("order_by", "created_at")
                .query("sort", "asc")
        };
        let all: Vec<Note> = self.rest.pages(PAGE, call).await?;
        let said = all.into_iter().filter(|note| !note.system);
        Ok(said.map(|note| note.under(number)).collect())
    }

    async fn comment(&self, repo: &Slug, number: u64, body: &str) -> Result<(), PortError> {
        let path = format!("{}/{number}/notes", merges(repo));
        self.rest.done(Call::post(path, json!({ "body": body }))).await
    }

    async fn edit_comment(&self, repo: &Slug, old: &Comment, body: &str) -> Result<(), PortError> {
        let path = format!("{}/{}/notes/{}", merges(repo), old.pull, old.id);
        let change = json!({ "body": body });
        self.rest.done(Call::with(Method::PUT, path, change)).await
    }

    async fn status(&self, repo: &Slug, commit: &str, context: &str) -> Result<Option<Standing>, PortError> {
        let path = format!(
            "/projects/{}/repository/commits/{commit}/statuses",
            repo.encoded()
        );
        let call = || Call::get(path.clone()).query("name", context);
        let all: Vec<Status> = self.rest.pages(PAGE, call).await?;
        let newest = all.into_iter().filter(|s| s.name == context).max_by_key(|s| s.id);
        Ok(newest.map(Standing::from))
    }

    async fn set_status(&self, repo: &Slug, status: &CommitStatus) -> Result<(), PortError> {
        let path = format!("/projects/{}/statuses/{}", repo.encoded(), status.commit);
        let mut body = json!({
            "state": word(status.state), "name": status.context, "description": status.description,
        });
        if !status.url.is_empty() {
            body["target_url"] = json!(status.url);
        }
        match self.rest.done(Call::post(path, body).guarded()).await {
            // It goes from no state to the same one, but what else it says is taken.
            Err(PortError::Invalid(text)) if text.contains("Cannot transition status") => Ok(()),
            done => done,
        }
    }

    fn standing(&self, status: &CommitStatus) -> Standing {
        Standing::of(status, word(status.state))
    }

    async fn access(&self, repos: &[Slug]) -> Result<Access, PortError> {
        access::may(&self.rest, repos).await
    }
}
