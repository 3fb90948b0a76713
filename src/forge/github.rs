//! GitHub.com and GitHub Enterprise, through octocrab.
//!
//! octocrab brings the base address and the headers over this crate's own HTTP client; retries are `rest`'s, because
//! octocrab waits for a rate limit as long as it takes.

mod check;
mod commit;
mod octo;

use super::app;
use super::app::AppTokens;
use super::binding::Bindings;
use super::binding::Bound;
use super::host;
use super::host::Comment;
use super::host::Host;
use super::host::HostPull;
use super::host::Standing;
use super::host::granted;
use super::hub;
use super::hub::WirePull;
use super::keys::Keys;
use super::plain::Auth;
use super::rest::Call;
use super::rest::Pace;
use super::rest::Rest;
use super::slug::Slug;
use crate::port::Answered;
use crate::port::PortError;
use recant_core::effect::CheckRun;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::Push;
use recant_core::query::Access;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// GitHub's largest page.
const PAGE: hub::Page = ("per_page", 100);

/// What an App must be allowed, and what for.
const APP_RIGHTS: [(&str, &str, &str); 5] = [
    ("contents", "write", "to push recant's branch"),
    ("pull_requests", "write", "to open pull requests"),
    ("metadata", "read", "to see the repository"),
    ("statuses", "write", "to set commit statuses"),
    ("issues", "write", "to label and comment on pull requests"),
];

/// One GitHub.
pub(super) struct GitHub {
    rest: Rest,
    app: Option<Arc<AppTokens>>,
    statuses: bool,
}

impl GitHub {
    pub(super) fn new(bindings: &Bindings, bound: &Bound, pace: Pace) -> Result<Self, PortError> {
        let (auth, app, said) = match bound.keys()? {
            Keys::Token { token, .. } => (Auth::Word("Bearer", token.clone()), None, None),
            Keys::App(key) => {
                let tokens = bindings.apps.tokens(bound)?;
                (
                    Auth::App(Arc::clone(&tokens)),
                    Some(tokens),
                    key.base_url.as_deref(),
                )
            }
        };
        let pace = host::patience(bound, pace);
        let root = app::root(bound, said)?;
        let api = octo::Octo::new(bound, root, auth, pace)?;
        Ok(Self {
            rest: Rest::new(Box::new(api), bound.base.url(), pace),
            app,
            statuses: bound.forge.spec.commit_statuses,
        })
    }

    async fn pulls(&self, repo: &Slug, head: &str, only_open: bool) -> Result<Vec<HostPull>, PortError> {
        let state = if only_open { "open" } else { "all" };
        let path = || {
            Call::get(format!("/repos/{repo}/pulls"))
                .query("state", state)
                .query("head", format!("{}:{head}", repo.owner))
                .query("sort", "created")
                .query("direction", "desc")
        };
        // A filter that is not understood is left out by GitHub, so that all pull requests come.
        let all: Vec<WirePull> = self.rest.pages(PAGE, path).await?;
        let own = all.into_iter().filter(|pull| pull.is_from(head));
        Ok(own.map(HostPull::from).collect())
    }

    async fn wish(&self, repo: &Slug, pull: &HostPull, text: &PullText) -> Result<(), PortError> {
        let number = pull.pull.number;
        if !text.labels.is_empty() {
            // GitHub makes labels that are not there.
            let path = format!("/repos/{repo}/issues/{number}/labels");
            let call = Call::post(path, json!({ "labels": text.labels })).guarded();
            granted(number, "labels", self.rest.done(call).await)?;
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
            let query = "mutation($id: ID!) { enablePullRequestAutoMerge(input: { pullRequestId: $id }) \
                         { clientMutationId } }";
            let merging = self.graphql(query, json!({ "id": pull.id })).await.map(drop);
            granted(number, "auto-merge", merging)?;
        }
        Ok(())
    }

    async fn assign(&self, repo: &Slug, number: u64, commits: &[String]) -> Result<(), PortError> {
        let mut logins = Vec::new();
        for commit in commits {
            let path = format!("/repos/{repo}/commits/{commit}");
            logins.extend(hub::author(&self.rest, path).await?);
        }
        logins.sort();
        logins.dedup();
        if logins.is_empty() {
            return Ok(());
        }
        let path = format!("/repos/{repo}/issues/{number}/assignees");
        let call = Call::post(path, json!({ "assignees": logins }));
        self.rest.done(call.guarded()).await
    }

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

    async fn access(&self, repos: &[Slug]) -> Result<Access, PortError> {
        let mut access = match &self.app {
            Some(app) => self.app_access(app).await?,
            None => self.token_access().await?,
        };
        for repo in repos {
            match self
                .rest
                .json::<hub::WireRepo>(Call::get(format!("/repos/{repo}")))
                .await
            {
                // What an installation may do is not among a repository's permissions.
                Ok(_) if self.app.is_some() => {}
                Ok(found) if found.permissions.as_ref().is_some_and(|may| may.push) => {}
                Ok(_) => access.missing.push(format!("write access to {repo}")),
                Err(PortError::Denied(why) | PortError::Invalid(why)) => {
                    access.missing.push(format!("sight of {repo} ({why})"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(access)
    }

    async fn app_access(&self, app: &AppTokens) -> Result<Access, PortError> {
        let grant = app.grant().await?;
        let slug = app.slug().await?;
        let mut notes = Vec::new();
        if grant.repository_selection == "all" {
            notes.push("the App is installed on all repositories of its owner".to_owned());
        }
        if !allows(&grant.permissions, "checks", "write") {
            notes.push("without checks: write there are no check runs, only commit statuses".to_owned());
        }
        notes.extend(needless(&grant.permissions));
        let wanted = APP_RIGHTS
            .iter()
            .filter(|(right, ..)| *right != "statuses" || self.statuses);
        let missing = wanted
            .filter(|(right, level, _)| !allows(&grant.permissions, right, level))
            .map(|(right, level, why)| format!("{right}: {level} ({why})"))
            .collect();
        Ok(Access {
            login: format!("{slug}[bot]"),
            missing,
            notes,
            expires: None,
        })
    }

    /// A classic token's scopes are in a header; a fine-grained one has none, and each repository says what it may.
    async fn token_access(&self) -> Result<Access, PortError> {
        let reply = self.rest.reply(&Call::get("/user".to_owned())).await?;
        let user: hub::WireUser = serde_json::from_slice(&reply.body)
            .map_err(|e| PortError::Invalid(format!("GitHub's GET /user: {e}")))?;
        let mut access = Access {
            login: user.login,
            expires: reply
                .header("github-authentication-token-expiration")
                .and_then(expiry),
            ..Access::default()
        };
        if let Some(scopes) = reply.header("x-oauth-scopes").filter(|scopes| !scopes.is_empty()) {
            let scopes: Vec<&str> = scopes.split(',').map(str::trim).collect();
            if !scopes.contains(&"repo") && !scopes.contains(&"public_repo") {
                access
                    .missing
                    .push("scope repo (to push and open pull requests)".to_owned());
            }
            access
                .notes
                .push("a classic token reaches all of its user's repositories: a fine-grained one or an App reaches only some".to_owned());
        }
        Ok(access)
    }
}

/// Whether a permission is at least at a level.
fn allows(permissions: &BTreeMap<String, String>, right: &str, level: &str) -> bool {
    match permissions.get(right).map(String::as_str) {
        Some("write" | "admin") => true,
        Some("read") => level == "read",
        _ => false,
    }
}

/// Rights to change what recant never changes.
fn needless(permissions: &BTreeMap<String, String>) -> Option<String> {
    let known = |right: &str| right == "checks" || APP_RIGHTS.iter().any(|(known, ..)| *known == right);
    let more: Vec<&str> = permissions
        .iter()
        .filter(|(right, level)| !known(right) && *level != "read")
        .map(|(right, _)| right.as_str())
        .collect();
    (!more.is_empty()).then(|| format!("the App may change more than recant needs: {}", more.join(", ")))
}

/// `2026-12-01 12:00:00 UTC`, or with an offset.
fn expiry(text: &str) -> Option<jiff::Timestamp> {
    let (date, rest) = text.split_once(' ')?;
    let (time, zone) = rest.split_once(' ')?;
    let zone = if zone == "UTC" { "Z" } else { zone };
    format!("{date}T{time}{zone}").parse().ok()
}

impl Host for GitHub {
    fn pulls<'a>(&'a self, repo: &'a Slug, head: &'a str, only_open: bool) -> Answered<'a, Vec<HostPull>> {
        Box::pin(self.pulls(repo, head, only_open))
    }

    fn one<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, HostPull> {
        Box::pin(hub::one(&self.rest, repo, number))
    }

    fn create<'a>(&'a self, repo: &'a Slug, text: &'a PullText) -> Answered<'a, Option<HostPull>> {
        Box::pin(async move {
            let body = json!({
                "title": text.title, "body": text.body, "head": text.branch.name, "base": text.base,
                "draft": text.wishes.draft,
            });
            let call = Call::post(format!("/repos/{repo}/pulls"), body);
            let made: Option<WirePull> = self.rest.create(call).await?;
            Ok(made.map(HostPull::from))
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
        let change = json!({ "title": title, "body": body });
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

    fn check<'a>(&'a self, repo: &'a Slug, check: &'a CheckRun) -> Answered<'a, ()> {
        Box::pin(self.run_check(repo, check))
    }

    fn commit<'a>(&'a self, repo: &'a Slug, push: &'a Push) -> Answered<'a, String> {
        Box::pin(self.sign(repo, push))
    }

    fn access<'a>(&'a self, repos: &'a [Slug]) -> Answered<'a, Access> {
        Box::pin(self.access(repos))
    }
}
