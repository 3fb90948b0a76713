//! What a token may do on Bitbucket Cloud: its answers name its scopes.

use crate::forge::rest::Call;
use crate::forge::rest::Rest;
use crate::forge::slug::Slug;
use crate::port::PortError;
use recant_core::query::Access;
use serde_json::Value;

/// Who the credential is, and what it may do in these repositories.
pub(super) async fn may(rest: &Rest, repos: &[Slug]) -> Result<Access, PortError> {
    let mut access = Access::default();
    match rest.json::<Value>(Call::get("/user".to_owned())).await {
        Ok(user) => {
            let name = user.get("display_name").and_then(Value::as_str);
            access.login = name.unwrap_or_default().to_owned();
        }
        Err(PortError::Denied(why)) if repos.is_empty() => return Err(PortError::Denied(why)),
        Err(PortError::Denied(_)) => {
            access.login = "x-token-auth".to_owned();
            access
                .notes
                .push("the token does not say who it is (scope account)".to_owned());
        }
        Err(error) => return Err(error),
    }
    for repo in repos {
        let reply = match rest.reply(&Call::get(format!("/repositories/{repo}"))).await {
            Ok(reply) => reply,
            Err(PortError::Denied(why) | PortError::Invalid(why)) => {
                access.missing.push(format!("sight of {repo} ({why})"));
                continue;
            }
            Err(error) => return Err(error),
        };
        let Some(scopes) = reply.header("x-oauth-scopes") else {
            continue;
        };
        let scopes: Vec<&str> = scopes.split(',').map(str::trim).collect();
        let has = |wanted: &[&str]| wanted.iter().any(|scope| scopes.contains(scope));
        if !has(&["pullrequest:write", "write:pullrequest:bitbucket"]) {
            let lacking = "scope pullrequest:write (to open pull requests)".to_owned();
            access.missing.push(lacking);
        }
        if !has(&["repository:write", "write:repository:bitbucket"]) {
            access
                .missing
                .push("scope repository:write (to push recant's branch)".to_owned());
        }
    }
    access.missing.sort();
    access.missing.dedup();
    Ok(access)
}
