//! Gitea and Forgejo, by REST v1.

use super::binding::Bound;
use super::host;
use super::host::HostPull;
use super::hub::Dialect;
use super::hub::Draft;
use super::hub::Hub;
use super::hub::Page;
use super::hub::WireRepo;
use super::hub::WireUser;
use super::rest::Call;
use super::rest::Pace;
use super::slug::Slug;
use crate::port::PortError;
use async_trait::async_trait;
use recant_core::query::Access;
use serde::Deserialize;
use serde_json::json;

/// The colour of a label that recant makes.
const COLOR: &str = "#d93f0b";

/// What is Gitea's own.
pub(super) struct Gitea;

#[derive(Deserialize)]
struct Label {
    id: u64,
    name: String,
}

/// The client for one Gitea or Forgejo.
pub(super) fn client(bound: &Bound, pace: Pace) -> Result<Hub<Gitea>, PortError> {
    let root = format!("{}/api/v1", bound.base.url());
    let rest = host::rest(bound, root, "token", false, pace)?;
    Ok(Hub { rest, own: Gitea })
}

#[async_trait]
impl Dialect for Gitea {
    /// Gitea's largest page.
    const PAGE: Page = ("limit", 50);
    const COMMENTS_HAVE_PAGES: bool = false;
    /// The first of Gitea's `WORK_IN_PROGRESS_PREFIXES`.
    const DRAFT: Draft = Draft::Title("WIP: ");

    fn list(repo: &Slug, _head: &str) -> Call {
        // The list has no filter for the head, so all of it is read.
        Call::get(format!("/repos/{repo}/pulls"))
    }

    fn commit_path(repo: &Slug, commit: &str) -> String {
        format!("/repos/{repo}/git/commits/{commit}")
    }

    async fn label(hub: &Hub<Self>, repo: &Slug, number: u64, labels: &[String]) -> Result<(), PortError> {
        let ids = hub.label_ids(repo, labels).await?;
        let path = format!("/repos/{repo}/issues/{number}/labels");
        // A label that is there stays.
        let call = Call::post(path, json!({ "labels": ids }));
        hub.rest.done(call.guarded()).await
    }

    async fn assign(hub: &Hub<Self>, repo: &Slug, number: u64, logins: &[String]) -> Result<(), PortError> {
        hub.patch(repo, number, json!({ "assignees": logins })).await
    }

    async fn merge(hub: &Hub<Self>, repo: &Slug, pull: &HostPull) -> Result<(), PortError> {
        let path = format!("/repos/{repo}/pulls/{}/merge", pull.pull.number);
        let body =
            json!({ "do": "merge", "merge_when_checks_succeed": true, "head_commit_id": pull.pull.head });
        hub.rest.done(Call::post(path, body)).await
    }

    async fn access(hub: &Hub<Self>, repos: &[Slug]) -> Result<Access, PortError> {
        hub.may(repos).await
    }
}

impl Hub<Gitea> {
    /// The ids of these labels, which are made if they are not there.
    async fn label_ids(&self, repo: &Slug, labels: &[String]) -> Result<Vec<u64>, PortError> {
        let path = format!("/repos/{repo}/labels");
        let known: Vec<Label> = self.rest.pages(Gitea::PAGE, || Call::get(path.clone())).await?;
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

    async fn may(&self, repos: &[Slug]) -> Result<Access, PortError> {
        let mut access = Access::default();
        match self.rest.json::<WireUser>(Call::get("/user".to_owned())).await {
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
                .json::<WireRepo>(Call::get(format!("/repos/{repo}")))
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
