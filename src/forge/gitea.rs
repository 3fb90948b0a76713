//! Gitea and Forgejo, by REST v1.

use super::binding::Bound;
use super::host;
use super::host::Comment;
use super::host::Host;
use super::host::HostPull;
use super::host::Standing;
use super::host::granted;
use super::hub;
use super::hub::WirePull;
use super::rest::Call;
use super::rest::Pace;
use super::rest::Rest;
use super::slug::Slug;
use crate::port::Answered;
use crate::port::PortError;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::query::Access;
use serde::Deserialize;
use serde_json::json;

/// The colour of a label that recant makes.
const COLOR: &str = "#d93f0b";
/// What a draft's title begins with: the first of Gitea's `WORK_IN_PROGRESS_PREFIXES`.
const DRAFT: &str = "WIP: ";
/// Gitea's largest page.
const PAGE: hub::Page = ("limit", 50);

/// One Gitea or Forgejo.
pub(super) struct Gitea {
    rest: Rest,
}

#[derive(Deserialize)]
struct Label {
    id: u64,
    name: String,
}

impl Gitea {
    pub(super) fn new(bound: &Bound, pace: Pace) -> Result<Self, PortError> {
        let root = format!("{}/api/v1", bound.base.url());
        let rest = host::rest(bound, root, "token", false, pace)?;
        Ok(Self { rest })
    }

    async fn pulls(&self, repo: &Slug, head: &str, only_open: bool) -> Result<Vec<HostPull>, PortError> {
        let state = if only_open { "open" } else { "all" };
        // The list has no filter for the head, so all of it is read.
        let path = || Call::get(format!("/repos/{repo}/pulls")).query("state", state);
        let all: Vec<WirePull> = self.rest.pages(PAGE, path).await?;
        let own = all.into_iter().filter(|pull| pull.is_from(head));
        Ok(own.map(|pull| undrafted(pull.into())).collect())
    }

    async fn wish(&self, repo: &Slug, pull: &HostPull, text: &PullText) -> Result<(), PortError> {
        let number = pull.pull.number;
        if !text.labels.is_empty() {
            granted(number, "labels", self.label(repo, number, &text.labels).await)?;
        }
        let wishes = &text.wishes;
        if !wishes.reviewers.is_empty() {
            let asked = hub::review(&self.rest, repo, number, &wishes.reviewers).await;
            granted(number, "reviewers", asked)?;
        }
        if !wishes.assign_authors_of.is_empty() {
            let assigned = self.assign(repo, number, &wishes.assign_authors_of).await;
            granted(number, "assignees", assigned)?;
        }
        if wishes.auto_merge {
            let path = format!("/repos/{repo}/pulls/{number}/merge");
            let body =
                json!({ "Do": "merge", "merge_when_checks_succeed": true, "head_commit_id": pull.pull.head });
            let merging = self.rest.done(Call::post(path, body)).await;
            granted(number, "auto-merge", merging)?;
        }
        Ok(())
    }

    async fn label(&self, repo: &Slug, number: u64, labels: &[String]) -> Result<(), PortError> {
        let ids = self.label_ids(repo, labels).await?;
        let path = format!("/repos/{repo}/issues/{number}/labels");
        // A label that is there stays.
        self.rest
            .done(Call::post(path, json!({ "labels": ids })).guarded())
            .await
    }

    /// The ids of these labels, which are made if they are not there.
    async fn label_ids(&self, repo: &Slug, labels: &[String]) -> Result<Vec<u64>, PortError> {
        let path = format!("/repos/{repo}/labels");
        let known: Vec<Label> = self.rest.pages(PAGE, || Call::get(path.clone())).await?;
        let mut ids = Vec::new();
        for name in labels {
            if let Some(label) = known.iter().find(|label| label.name == *name) {
                ids.push(label.id);
                continue;
            }
            let body = json!({ "name": name, "color": COLOR, "description": "Opened by recant" });
            let made: Label = self.rest.json(Call::post(path.clone(), body)).await?;
            ids.push(made.id);
        }
        Ok(ids)
    }

    async fn assign(&self, repo: &Slug, number: u64, commits: &[String]) -> Result<(), PortError> {
        let mut logins = Vec::new();
        for commit in commits {
            let path = format!("/repos/{repo}/git/commits/{commit}");
            logins.extend(hub::author(&self.rest, path).await?);
        }
        logins.sort();
        logins.dedup();
        if logins.is_empty() {
            return Ok(());
        }
        hub::patch(&self.rest, repo, number, json!({ "assignees": logins })).await
    }

    async fn access(&self, repos: &[Slug]) -> Result<Access, PortError> {
        let mut access = Access::default();
        match self
            .rest
            .json::<hub::WireUser>(Call::get("/user".to_owned()))
            .await
        {
            Ok(user) => access.login = user.login,
            // A token for repositories alone may not ask who it is.
            Err(PortError::Denied(why)) if why.contains("scope") => {
                access
                    .notes
                    .push("the token has no scope read:user, so it does not say who it is".to_owned());
            }
            Err(error) => return Err(error),
        }
        for repo in repos {
            match self
                .rest
                .json::<hub::WireRepo>(Call::get(format!("/repos/{repo}")))
                .await
            {
                Ok(found) if found.permissions.as_ref().is_some_and(|may| may.push) => {}
                Ok(_) => access.missing.push(format!("write access to {repo}")),
                Err(PortError::Denied(why)) => access.missing.push(format!("scope write:repository ({why})")),
                Err(PortError::Invalid(why)) => access.missing.push(format!("sight of {repo} ({why})")),
                Err(error) => return Err(error),
            }
        }
        Ok(access)
    }
}

/// A draft is one by its title; everybody else sees the title without that.
fn undrafted(mut pull: HostPull) -> HostPull {
    if let Some(title) = pull.pull.title.strip_prefix(DRAFT) {
        pull.pull.title = title.to_owned();
        pull.draft = true;
    }
    pull
}

impl Host for Gitea {
    fn pulls<'a>(&'a self, repo: &'a Slug, head: &'a str, only_open: bool) -> Answered<'a, Vec<HostPull>> {
        Box::pin(self.pulls(repo, head, only_open))
    }

    fn one<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, HostPull> {
        Box::pin(async move { hub::one(&self.rest, repo, number).await.map(undrafted) })
    }

    fn create<'a>(&'a self, repo: &'a Slug, text: &'a PullText) -> Answered<'a, Option<HostPull>> {
        Box::pin(async move {
            let draft = if text.wishes.draft { DRAFT } else { "" };
            let body = json!({
                "title": format!("{draft}{}", text.title), "body": text.body,
                "head": text.branch.name, "base": text.base,
            });
            let call = Call::post(format!("/repos/{repo}/pulls"), body);
            let made: Option<WirePull> = self.rest.create(call).await?;
            Ok(made.map(|pull| undrafted(pull.into())))
        })
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
        let change = json!({ "title": format!("{draft}{title}"), "body": body });
        Box::pin(hub::patch(&self.rest, repo, old.pull.number, change))
    }

    fn close<'a>(&'a self, repo: &'a Slug, old: &'a HostPull) -> Answered<'a, ()> {
        let change = json!({ "state": "closed" });
        Box::pin(hub::patch(&self.rest, repo, old.pull.number, change))
    }

    fn comments<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, Vec<Comment>> {
        Box::pin(hub::comments(&self.rest, PAGE, repo, number))
    }

    fn comment<'a>(&'a self, repo: &'a Slug, number: u64, body: &'a str) -> Answered<'a, ()> {
        Box::pin(hub::comment(&self.rest, repo, number, body))
    }

    fn edit_comment<'a>(
        &'a self,
        repo: &'a Slug,
        _number: u64,
        old: &'a Comment,
        body: &'a str,
    ) -> Answered<'a, ()> {
        Box::pin(hub::edit_comment(&self.rest, repo, old, body))
    }

    fn status<'a>(
        &'a self,
        repo: &'a Slug,
        commit: &'a str,
        context: &'a str,
    ) -> Answered<'a, Option<Standing>> {
        Box::pin(hub::status(&self.rest, PAGE, repo, commit, context))
    }

    fn set_status<'a>(&'a self, repo: &'a Slug, status: &'a CommitStatus) -> Answered<'a, ()> {
        Box::pin(hub::set_status(&self.rest, repo, status))
    }

    fn standing(&self, status: &CommitStatus) -> Standing {
        hub::standing(status)
    }

    fn access<'a>(&'a self, repos: &'a [Slug]) -> Answered<'a, Access> {
        Box::pin(self.access(repos))
    }
}
