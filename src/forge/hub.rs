//! The words that GitHub and Gitea share: Gitea took GitHub's for most of its API. What each says in its own way is its
//! `Dialect`.

mod wire;

pub(super) use wire::WirePull;
pub(super) use wire::WireRepo;
pub(super) use wire::WireUser;

use super::host;
use super::host::Comment;
use super::host::Host;
use super::host::HostPull;
use super::host::Standing;
use super::host::granted;
use super::rest::Call;
use super::rest::Rest;
use super::slug::Slug;
use crate::port::PortError;
use async_trait::async_trait;
use http::Method;
use recant_core::effect::CheckRun;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::Push;
use recant_core::effect::StatusState;
use recant_core::query::Access;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use wire::WireComment;
use wire::WireStatus;

/// Query parameter for a page's size, and the largest size there is.
pub(super) type Page = (&'static str, usize);

/// How a host is told that a pull request is a draft.
pub(super) enum Draft {
    /// By the field `draft`.
    Field,
    /// By what its title begins with; everybody else sees the title without that.
    Title(&'static str),
}

/// What each of these hosts says in its own way.
#[async_trait]
pub(super) trait Dialect: Send + Sync + Sized {
    /// How pages are asked for.
    const PAGE: Page;
    /// Whether the comments under a pull request come in pages; if not, all come at once, whatever page is asked for.
    const COMMENTS_HAVE_PAGES: bool;
    /// How a draft is one.
    const DRAFT: Draft;

    /// The list of pull requests, narrowed to that branch where the host can.
    fn list(repo: &Slug, head: &str) -> Call;
    /// Where a commit is, with the login of its author.
    fn commit_path(repo: &Slug, commit: &str) -> String;
    /// Puts labels on a pull request; those that are not there are made.
    async fn label(hub: &Hub<Self>, repo: &Slug, number: u64, labels: &[String]) -> Result<(), PortError>;
    /// Assigns people.
    async fn assign(hub: &Hub<Self>, repo: &Slug, number: u64, logins: &[String]) -> Result<(), PortError>;
    /// Has it merged once everything that must pass has.
    async fn merge(hub: &Hub<Self>, repo: &Slug, pull: &HostPull) -> Result<(), PortError>;
    /// Who the credential is, and what it may do in these repositories.
    async fn access(hub: &Hub<Self>, repos: &[Slug]) -> Result<Access, PortError>;

    /// Tells the details of a verdict, where the host has a place for them.
    async fn check(_hub: &Hub<Self>, _repo: &Slug, _check: &CheckRun) -> Result<(), PortError> {
        Ok(())
    }

    /// Makes a commit by the host's own hand.
    async fn commit(_hub: &Hub<Self>, _repo: &Slug, _push: &Push) -> Result<String, PortError> {
        Err(host::no_commits())
    }
}

/// One such host.
pub(super) struct Hub<D> {
    pub(super) rest: Rest,
    pub(super) own: D,
}

#[async_trait]
impl<D: Dialect> Host for Hub<D> {
    async fn pulls(&self, repo: &Slug, head: &str, only_open: bool) -> Result<Vec<HostPull>, PortError> {
        let state = if only_open { "open" } else { "all" };
        let call = || D::list(repo, head).query("state", state);
        // A filter that is not understood is left out by these hosts, so that all pull requests come.
        let all: Vec<WirePull> = self.rest.pages(D::PAGE, call).await?;
        let own = all.into_iter().filter(|pull| pull.is_from(head));
        Ok(own.map(seen::<D>).collect())
    }

    async fn one(&self, repo: &Slug, number: u64) -> Result<HostPull, PortError> {
        let call = Call::get(format!("/repos/{repo}/pulls/{number}"));
        self.rest.json(call).await.map(seen::<D>)
    }

    async fn create(&self, repo: &Slug, text: &PullText) -> Result<Option<HostPull>, PortError> {
        let mut body = json!({
            "title": titled::<D>(&text.title, text.wishes.draft), "body": text.body,
            "head": text.branch.name, "base": text.base,
        });
        if matches!(D::DRAFT, Draft::Field) {
            body["draft"] = json!(text.wishes.draft);
        }
        let call = Call::post(format!("/repos/{repo}/pulls"), body);
        let made: Option<WirePull> = self.rest.create(call).await?;
        Ok(made.map(seen::<D>))
    }

    async fn wish(&self, repo: &Slug, pull: &HostPull, text: &PullText) -> Result<(), PortError> {
        let number = pull.pull.number;
        let wishes = &text.wishes;
        if !text.labels.is_empty() {
            let labelled = D::label(self, repo, number, &text.labels).await;
            granted(number, "labels", labelled)?;
        }
        if !wishes.reviewers.is_empty() {
            let asked = self.review(repo, number, &wishes.reviewers).await;
            granted(number, "reviewers", asked)?;
        }
        if !wishes.assign_authors_of.is_empty() {
            let assigned = self.assign(repo, number, &wishes.assign_authors_of).await;
            granted(number, "assignees", assigned)?;
        }
        if wishes.auto_merge {
            granted(number, "auto-merge", D::merge(self, repo, pull).await)?;
        }
        Ok(())
    }

    async fn edit(&self, repo: &Slug, old: &HostPull, title: &str, body: &str) -> Result<(), PortError> {
        let change = json!({ "title": titled::<D>(title, old.draft), "body": body });
        self.patch(repo, old.pull.number, change).await
    }

    async fn close(&self, repo: &Slug, old: &HostPull) -> Result<(), PortError> {
        self.patch(repo, old.pull.number, json!({ "state": "closed" }))
            .await
    }

    async fn comments(&self, repo: &Slug, number: u64) -> Result<Vec<Comment>, PortError> {
        let call = || Call::get(format!("/repos/{repo}/issues/{number}/comments"));
        let all: Vec<WireComment> = match D::COMMENTS_HAVE_PAGES {
            true => self.rest.pages(D::PAGE, call).await?,
            false => self.rest.json(call()).await?,
        };
        Ok(all.into_iter().map(|wire| wire.under(number)).collect())
    }

    async fn comment(&self, repo: &Slug, number: u64, body: &str) -> Result<(), PortError> {
        let path = format!("/repos/{repo}/issues/{number}/comments");
        self.rest.done(Call::post(path, json!({ "body": body }))).await
    }

    async fn edit_comment(&self, repo: &Slug, old: &Comment, body: &str) -> Result<(), PortError> {
        let path = format!("/repos/{repo}/issues/comments/{}", old.id);
        let change = json!({ "body": body });
        self.rest.done(Call::with(Method::PATCH, path, change)).await
    }

    async fn status(&self, repo: &Slug, commit: &str, context: &str) -> Result<Option<Standing>, PortError> {
        let call = || Call::get(format!("/repos/{repo}/commits/{commit}/statuses"));
        let all: Vec<WireStatus> = self.rest.pages(D::PAGE, call).await?;
        let own = all.into_iter().filter(|status| status.context == context);
        Ok(own.max_by_key(|status| status.id).map(Standing::from))
    }

    async fn set_status(&self, repo: &Slug, status: &CommitStatus) -> Result<(), PortError> {
        let mut body = json!({
            "state": word(status.state), "context": status.context, "description": status.description,
        });
        if !status.url.is_empty() {
            body["target_url"] = json!(status.url);
        }
        let path = format!("/repos/{repo}/statuses/{}", status.commit);
        // The newest one counts, so a second one of the same says nothing else.
        self.rest.done(Call::post(path, body).guarded()).await
    }

    fn standing(&self, status: &CommitStatus) -> Standing {
        Standing::of(status, word(status.state))
    }

    async fn check(&self, repo: &Slug, check: &CheckRun) -> Result<(), PortError> {
        D::check(self, repo, check).await
    }

    async fn commit(&self, repo: &Slug, push: &Push) -> Result<String, PortError> {
        D::commit(self, repo, push).await
    }

    async fn access(&self, repos: &[Slug]) -> Result<Access, PortError> {
        D::access(self, repos).await
    }
}

impl<D: Dialect> Hub<D> {
    /// Changes a pull request.
    pub(super) async fn patch(&self, repo: &Slug, number: u64, change: Value) -> Result<(), PortError> {
        let path = format!("/repos/{repo}/pulls/{number}");
        self.rest.done(Call::with(Method::PATCH, path, change)).await
    }

    async fn review(&self, repo: &Slug, number: u64, reviewers: &[String]) -> Result<(), PortError> {
        let team = |name: &&String| name.starts_with("team/");
        let (teams, people): (Vec<&String>, Vec<&String>) = reviewers.iter().partition(team);
        let teams: Vec<&str> = teams
            .into_iter()
            .filter_map(|name| name.strip_prefix("team/"))
            .collect();
        let path = format!("/repos/{repo}/pulls/{number}/requested_reviewers");
        let body = json!({ "reviewers": people, "team_reviewers": teams });
        // Who is asked already is not asked again.
        self.rest.done(Call::post(path, body).guarded()).await
    }

    /// Assigns the authors of these commits whom the host knows.
    async fn assign(&self, repo: &Slug, number: u64, commits: &[String]) -> Result<(), PortError> {
        #[derive(Deserialize)]
        struct Commit {
            #[serde(default)]
            author: Option<WireUser>,
        }
        let mut logins = Vec::new();
        for commit in commits {
            let commit: Commit = self.rest.json(Call::get(D::commit_path(repo, commit))).await?;
            logins.extend(commit.author.map(|user| user.login));
        }
        logins.retain(|login| !login.is_empty());
        logins.sort();
        logins.dedup();
        if logins.is_empty() {
            return Ok(());
        }
        D::assign(self, repo, number, &logins).await
    }
}

/// A pull request as everybody sees it.
fn seen<D: Dialect>(wire: WirePull) -> HostPull {
    let mut pull = HostPull::from(wire);
    if let Draft::Title(prefix) = D::DRAFT
        && let Some(title) = pull.pull.title.strip_prefix(prefix)
    {
        pull.pull.title = title.to_owned();
        pull.draft = true;
    }
    pull
}

/// A title as the host is told it.
fn titled<D: Dialect>(title: &str, draft: bool) -> String {
    match D::DRAFT {
        Draft::Title(prefix) if draft => format!("{prefix}{title}"),
        _ => title.to_owned(),
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
