//! Build statuses, as both Bitbuckets show them: one a key and commit, with a page that must be there.

use super::host;
use super::host::Standing;
use super::rest::Call;
use super::rest::Rest;
use crate::port::PortError;
use recant_core::effect::CommitStatus;
use recant_core::effect::StatusState;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Build {
    state: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    url: Option<String>,
}

/// The build status that a call asks for.
pub(super) async fn status(rest: &Rest, call: Call) -> Result<Option<Standing>, PortError> {
    let found = host::if_there(rest.json::<Build>(call).await)?;
    Ok(found.map(|build| Standing {
        state: build.state,
        text: build.description.unwrap_or_default(),
        url: build.url.unwrap_or_default(),
    }))
}

/// Sets a build status. The key makes a second one of the same the first one.
pub(super) async fn set(
    rest: &Rest,
    path: String,
    key: &str,
    status: &CommitStatus,
    build: Standing,
) -> Result<(), PortError> {
    let body = json!({
        "key": key, "name": status.context, "state": build.state, "description": build.text, "url": build.url,
    });
    rest.done(Call::post(path, body).guarded()).await
}

/// What is to be said. `error` is the host's word for what is neither good nor bad; without a page it is `base`.
pub(super) fn standing(status: &CommitStatus, error: &str, base: &str) -> Standing {
    let word = match status.state {
        StatusState::Pending => "INPROGRESS",
        StatusState::Success => "SUCCESSFUL",
        StatusState::Failure => "FAILED",
        StatusState::Error => error,
    };
    let mut build = Standing::of(status, word);
    if build.url.is_empty() {
        base.clone_into(&mut build.url);
    }
    build
}
