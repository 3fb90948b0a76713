//! What a token may do on GitLab.

use super::wire::User;
use crate::forge::rest::Call;
use crate::forge::rest::Rest;
use crate::forge::slug::Slug;
use crate::port::PortError;
use recant_core::query::Access;
use serde::Deserialize;
use serde_json::Value;

/// The level from which a member may push: Developer.
const DEVELOPER: u64 = 30;

#[derive(Deserialize)]
struct SelfToken {
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    expires_at: Option<String>,
}

/// Who the credential is, and what it may do in these projects.
pub(super) async fn may(rest: &Rest, repos: &[Slug]) -> Result<Access, PortError> {
    let mut access = Access::default();
    let user: User = rest.json(Call::get("/user".to_owned())).await?;
    access.login = user.username;
    match rest
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
        repo_may(rest, repo, &mut access).await?;
    }
    Ok(access)
}

async fn repo_may(rest: &Rest, repo: &Slug, access: &mut Access) -> Result<(), PortError> {
    let call = Call::get(format!("/projects/{}", repo.encoded()));
    let project: Value = match rest.json(call).await {
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
