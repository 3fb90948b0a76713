//! GitLab, by REST v4: merge requests by their `iid`, projects by their path in one segment.

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

/// What a draft's title begins with.
const DRAFT: &str = "Draft: ";
/// GitLab's largest page.
const PAGE: (&str, usize) = ("per_page", 100);
/// The level from which a member may push: Developer.
const DEVELOPER: u64 = 30;

/// One GitLab.
pub(super) struct GitLab {
    rest: Rest,
}

#[derive(Deserialize)]
struct Merge {
    iid: u64,
    #[serde(default)]
    web_url: String,
    state: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: Option<String>,
    source_branch: String,
    target_branch: String,
    source_project_id: Option<u64>,
    target_project_id: u64,
    #[serde(default)]
    sha: Option<String>,
    #[serde(default)]
    merge_commit_sha: Option<String>,
    #[serde(default)]
    squash_commit_sha: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
}

#[derive(Deserialize)]
struct Note {
    id: u64,
    #[serde(default)]
    body: String,
    /// Whether GitLab itself said it.
    #[serde(default)]
    system: bool,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    id: u64,
    status: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    target_url: Option<String>,
}

impl Merge {
    fn is_own(&self) -> bool {
        self.source_project_id == Some(self.target_project_id)
    }
}

impl From<Merge> for HostPull {
    fn from(wire: Merge) -> Self {
        let merged = wire
            .merge_commit_sha
            .or(wire.squash_commit_sha)
            .or_else(|| wire.sha.clone());
        let state = match wire.state.as_str() {
            "merged" => PullState::Merged(merged.unwrap_or_default()),
            // A locked one is being merged.
            "opened" | "locked" => PullState::Open,
            _ => PullState::Closed,
        };
        let title = wire.title.strip_prefix(DRAFT);
        let pull = Pull {
            number: wire.iid,
            url: wire.web_url,
            state,
            head: wire.sha.unwrap_or_default(),
            base: wire.target_branch,
            title: title.unwrap_or(&wire.title).to_owned(),
            body: wire.description.unwrap_or_default(),
        };
        Self {
            draft: title.is_some(),
            ..Self::new(pull, wire.source_branch)
        }
    }
}

impl GitLab {
    pub(super) fn new(bound: &Bound, pace: Pace) -> Result<Self, PortError> {
        let root = format!("{}/api/v4", bound.base.url());
        let rest = host::rest(bound, root, "Bearer", false, pace)?;
        Ok(Self { rest })
    }

    async fn pulls(&self, repo: &Slug, head: &str, only_open: bool) -> Result<Vec<HostPull>, PortError> {
        let state = if only_open { "opened" } else { "all" };
        let path = || {
            Call::get(merges(repo))
                .query("source_branch", head)
                .query("state", state)
        };
        let all: Vec<Merge> = self.rest.pages(PAGE, path).await?;
        let own = all
            .into_iter()
            .filter(|merge| merge.is_own() && merge.source_branch == head);
        Ok(own.map(HostPull::from).collect())
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
            let body = json!({ "merge_when_pipeline_succeeds": true, "sha": pull.pull.head });
            let merging = self.rest.done(Call::with(Method::PUT, path, body)).await;
            granted(number, "auto-merge", merging)?;
        }
        Ok(())
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

    async fn status(&self, repo: &Slug, commit: &str, context: &str) -> Result<Option<Standing>, PortError> {
        let path = format!(
            "/projects/{}/repository/commits/{commit}/statuses",
            repo.encoded()
        );
        let call = || Call::get(path.clone()).query("name", context);
        let all: Vec<Status> = self.rest.pages(PAGE, call).await?;
        let newest = all.into_iter().filter(|s| s.name == context).max_by_key(|s| s.id);
        Ok(newest.map(|status| Standing {
            state: status.status,
            text: status.description.unwrap_or_default(),
            url: status.target_url.unwrap_or_default(),
        }))
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

    async fn access(&self, repos: &[Slug]) -> Result<Access, PortError> {
        let mut access = Access::default();
        let user: User = self.rest.json(Call::get("/user".to_owned())).await?;
        access.login = user.username;
        match self
            .rest
            .json::<SelfToken>(Call::get("/personal_access_tokens/self".to_owned()))
            .await
        {
            Ok(token) => {
                if !token.scopes.iter().any(|scope| scope == "api") {
                    access
                        .missing
                        .push("scope api (to push and open merge requests)".to_owned());
                }
                let end = token.expires_at.map(|day| format!("{day}T00:00:00Z"));
                access.expires = end.and_then(|end| end.parse().ok());
            }
            Err(PortError::Denied(_) | PortError::Invalid(_)) => {
                access
                    .notes
                    .push("GitLab does not say which scopes the token has".to_owned());
            }
            Err(error) => return Err(error),
        }
        for repo in repos {
            self.repo_access(repo, &mut access).await?;
        }
        Ok(access)
    }

    async fn repo_access(&self, repo: &Slug, access: &mut Access) -> Result<(), PortError> {
        let call = Call::get(format!("/projects/{}", repo.encoded()));
        let project: Value = match self.rest.json(call).await {
            Ok(project) => project,
            Err(PortError::Denied(why) | PortError::Invalid(why)) => {
                access.missing.push(format!("sight of {repo} ({why})"));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let level = ["project_access", "group_access"]
            .iter()
            .filter_map(|of| project.pointer(&format!("/permissions/{of}/access_level")))
            .filter_map(Value::as_u64)
            .max();
        if level.unwrap_or(0) < DEVELOPER {
            access
                .missing
                .push(format!("the role Developer in {repo} (to push recant's branch)"));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct SelfToken {
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    expires_at: Option<String>,
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

impl Host for GitLab {
    fn pulls<'a>(&'a self, repo: &'a Slug, head: &'a str, only_open: bool) -> Answered<'a, Vec<HostPull>> {
        Box::pin(self.pulls(repo, head, only_open))
    }

    fn one<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, HostPull> {
        Box::pin(async move {
            let call = Call::get(format!("{}/{number}", merges(repo)));
            let merge: Merge = self.rest.json(call).await?;
            Ok(merge.into())
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
        let draft = if old.draft { DRAFT } else { "" };
        let change = json!({ "title": format!("{draft}{title}"), "description": body });
        let path = format!("{}/{}", merges(repo), old.pull.number);
        Box::pin(self.rest.done(Call::with(Method::PUT, path, change)))
    }

    fn close<'a>(&'a self, repo: &'a Slug, old: &'a HostPull) -> Answered<'a, ()> {
        let path = format!("{}/{}", merges(repo), old.pull.number);
        let change = json!({ "state_event": "close" });
        Box::pin(self.rest.done(Call::with(Method::PUT, path, change)))
    }

    fn comments<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, Vec<Comment>> {
        Box::pin(async move {
            let path = || {
                Call::get(format!("{}/{number}/notes", merges(repo)))
                    .query("order_by", "created_at")
                    .query("sort", "asc")
            };
            let all: Vec<Note> = self.rest.pages(PAGE, path).await?;
            let said = all.into_iter().filter(|note| !note.system);
            let comment = |note: Note| Comment {
                id: note.id,
                version: 0,
                body: note.body,
            };
            Ok(said.map(comment).collect())
        })
    }

    fn comment<'a>(&'a self, repo: &'a Slug, number: u64, body: &'a str) -> Answered<'a, ()> {
        let path = format!("{}/{number}/notes", merges(repo));
        Box::pin(self.rest.done(Call::post(path, json!({ "body": body }))))
    }

    fn edit_comment<'a>(
        &'a self,
        repo: &'a Slug,
        number: u64,
        old: &'a Comment,
        body: &'a str,
    ) -> Answered<'a, ()> {
        let path = format!("{}/{number}/notes/{}", merges(repo), old.id);
        Box::pin(
            self.rest
                .done(Call::with(Method::PUT, path, json!({ "body": body }))),
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
        1_000_000
    }

    fn access<'a>(&'a self, repos: &'a [Slug]) -> Answered<'a, Access> {
        Box::pin(self.access(repos))
    }
}
