//! What a token or an App may do on GitHub.

use super::GitHub;
use crate::forge::app::AppTokens;
use crate::forge::hub::Hub;
use crate::forge::hub::WireRepo;
use crate::forge::hub::WireUser;
use crate::forge::rest::Call;
use crate::forge::slug::Slug;
use crate::port::PortError;
use recant_core::query::Access;
use std::collections::BTreeMap;

/// What an App must be allowed, and what for.
const APP_RIGHTS: [(&str, &str, &str); 5] = [
    ("contents", "write", "to push recant's branch"),
    ("pull_requests", "write", "to open pull requests"),
    ("metadata", "read", "to see the repository"),
    ("statuses", "write", "to set commit statuses"),
    ("issues", "write", "to label and comment on pull requests"),
];

impl Hub<GitHub> {
    /// Who the credential is, and what it may do in these repositories.
    pub(super) async fn may(&self, repos: &[Slug]) -> Result<Access, PortError> {
        let mut access = match &self.own.app {
            Some(app) => self.app_access(app).await?,
            None => self.token_access().await?,
        };
        for repo in repos {
            match self
                .rest
                .json::<WireRepo>(Call::get(format!("/repos/{repo}")))
                .await
            {
                // What an installation may do is not among a repository's permissions.
                Ok(_) if self.own.app.is_some() => {}
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
            .filter(|(right, ..)| *right != "statuses" || self.own.statuses);
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
        let user: WireUser = serde_json::from_slice(&reply.body)
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
pub(super) fn allows(permissions: &BTreeMap<String, String>, right: &str, level: &str) -> bool {
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
