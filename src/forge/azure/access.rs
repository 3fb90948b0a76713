//! What a token may do on Azure DevOps: each right is asked about.

use super::get;
use super::path;
use super::wire::Repository;
use crate::forge::rest::Call;
use crate::forge::rest::Rest;
use crate::forge::slug::Slug;
use crate::port::PortError;
use recant_core::query::Access;
use serde_json::Value;

/// The namespace of rights on Git repositories, and recant's rights in it, each with what it is for.
const RIGHTS_OF_GIT: &str = "2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87";
const RIGHTS: [(u32, &str); 3] = [
    (4, "Contribute (to push recant's branch)"),
    (16, "Create branch"),
    (16_384, "Contribute to pull requests"),
];

/// Who the credential is, and what it may do in these repositories.
pub(super) async fn may(rest: &Rest, repos: &[Slug]) -> Result<Access, PortError> {
    let mut access = Access::default();
    let mut seen: Vec<String> = repos.iter().map(organisation).collect();
    seen.sort();
    seen.dedup();
    if seen.is_empty() {
        seen.push(String::new());
    }
    for organisation in seen {
        let call = Call::get(format!("{organisation}/_apis/connectionData"));
        let data: Value = rest.json(call).await?;
        let user = data.get("authenticatedUser").cloned().unwrap_or_default();
        let name = user.get("providerDisplayName").and_then(Value::as_str);
        access.login = name.unwrap_or_default().to_owned();
    }
    for repo in repos {
        repo_may(rest, repo, &mut access).await?;
    }
    Ok(access)
}

async fn repo_may(rest: &Rest, repo: &Slug, access: &mut Access) -> Result<(), PortError> {
    let found: Repository = match rest.json(get(path(repo))).await {
        Ok(found) => found,
        Err(PortError::Denied(why) | PortError::Invalid(why)) => {
            access.missing.push(format!("sight of {repo} ({why})"));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let token = format!("repoV2/{}/{}", found.project.id, found.id);
    for (bit, what) in RIGHTS {
        let path = format!("{}/_apis/permissions/{RIGHTS_OF_GIT}/{bit}", organisation(repo));
        let may: Value = rest.json(get(path).query("tokens", token.as_str())).await?;
        if may.pointer("/value/0") != Some(&Value::Bool(true)) {
            access.missing.push(format!("{what} in {repo}"));
        }
    }
    Ok(())
}

/// The part of the path that stands before `_apis` for what concerns no project. Below a URL that names the
/// organisation there is none.
fn organisation(repo: &Slug) -> String {
    match repo.owner.split_once('/') {
        Some((organisation, _)) => format!("/{organisation}"),
        None => String::new(),
    }
}
