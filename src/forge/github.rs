//! GitHub.com and GitHub Enterprise, through octocrab.
//!
//! octocrab brings the base address and the headers over this crate's own HTTP client; retries are `rest`'s, because
//! octocrab waits for a rate limit as long as it takes.

mod access;
mod check;
mod commit;
mod octo;

use super::app;
use super::app::AppTokens;
use super::binding::Bindings;
use super::binding::Bound;
use super::host;
use super::host::HostPull;
use super::hub::Dialect;
use super::hub::Draft;
use super::hub::Hub;
use super::hub::Page;
use super::keys::Keys;
use super::plain::Auth;
use super::rest::Call;
use super::rest::Pace;
use super::rest::Rest;
use super::slug::Slug;
use crate::port::PortError;
use async_trait::async_trait;
use recant_core::effect::CheckRun;
use recant_core::effect::Push;
use recant_core::query::Access;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;

/// What is GitHub's own.
pub(super) struct GitHub {
    app: Option<Arc<AppTokens>>,
    statuses: bool,
}

/// The client for one GitHub.
pub(super) fn client(bindings: &Bindings, bound: &Bound, pace: Pace) -> Result<Hub<GitHub>, PortError> {
    let (auth, app, said) = match bound.keys()? {
        Keys::Token { token, .. } => (Auth::Word("Bearer", token.clone()), None, None),
        Keys::App(key) => {
            let tokens = bindings.apps.tokens(bound)?;
            let auth = Auth::App(Arc::clone(&tokens));
            (auth, Some(tokens), key.base_url.as_deref())
        }
    };
    let pace = host::patience(bound, pace);
    let root = app::root(bound, said)?;
    let api = octo::Octo::new(bound, root, auth, pace)?;
    let statuses = bound.forge.spec.commit_statuses;
    Ok(Hub {
        rest: Rest::new(Box::new(api), bound.base.url(), pace),
        own: GitHub { app, statuses },
    })
}

#[async_trait]
impl Dialect for GitHub {
    const PAGE: Page = ("per_page", 100);
    const COMMENTS_HAVE_PAGES: bool = true;
    const DRAFT: Draft = Draft::Field;

    fn list(repo: &Slug, head: &str) -> Call {
        Call::get(format!("/repos/{repo}/pulls"))
            .query("head", format!("{}:{head}", repo.owner))
            .query("sort", "created")
            .query("direction", "desc")
    }

    fn commit_path(repo: &Slug, commit: &str) -> String {
        format!("/repos/{repo}/commits/{commit}")
    }

    async fn label(hub: &Hub<Self>, repo: &Slug, number: u64, labels: &[String]) -> Result<(), PortError> {
        // GitHub makes labels that are not there.
        let path = format!("/repos/{repo}/issues/{number}/labels");
        let call = Call::post(path, json!({ "labels": labels }));
        hub.rest.done(call.guarded()).await
    }

    async fn assign(hub: &Hub<Self>, repo: &Slug, number: u64, logins: &[String]) -> Result<(), PortError> {
        let path = format!("/repos/{repo}/issues/{number}/assignees");
        let call = Call::post(path, json!({ "assignees": logins }));
        hub.rest.done(call.guarded()).await
    }

    async fn merge(hub: &Hub<Self>, _repo: &Slug, pull: &HostPull) -> Result<(), PortError> {
        let query = "mutation($input: EnablePullRequestAutoMergeInput!) { enablePullRequestAutoMerge(input: $input) \
                     { clientMutationId } }";
        let input = json!({ "pullRequestId": pull.id });
        hub.graphql(query, json!({ "input": input })).await.map(drop)
    }

    async fn access(hub: &Hub<Self>, repos: &[Slug]) -> Result<Access, PortError> {
        hub.may(repos).await
    }

    async fn check(hub: &Hub<Self>, repo: &Slug, check: &CheckRun) -> Result<(), PortError> {
        hub.run_check(repo, check).await
    }

    async fn commit(hub: &Hub<Self>, repo: &Slug, push: &Push) -> Result<String, PortError> {
        hub.sign(repo, push).await
    }
}

impl Hub<GitHub> {
    /// A GraphQL mutation that carries its precondition; its `data`.
    async fn graphql(&self, query: &str, variables: Value) -> Result<Value, PortError> {
        let call = Call::post(
            octo::GRAPHQL.to_owned(),
            json!({ "query": query, "variables": variables }),
        );
        let reply: Value = self.rest.json(call.guarded()).await?;
        let errors = reply.get("errors").and_then(Value::as_array);
        let Some(first) = errors.and_then(|all| all.first()) else {
            return Ok(reply.get("data").cloned().unwrap_or_default());
        };
        let kind = first.get("type").and_then(Value::as_str).unwrap_or_default();
        let text = first.get("message").and_then(Value::as_str).unwrap_or_default();
        let text = format!("GitHub GraphQL: {text}");
        Err(match kind {
            "STALE_DATA" => PortError::Stale(text),
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => PortError::Denied(text),
            _ => PortError::Invalid(text),
        })
    }
}
