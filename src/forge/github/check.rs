//! Check runs: an App may make them, a person's token may not.

use super::GitHub;
use super::access::allows;
use crate::forge::hub::Hub;
use crate::forge::rest::Call;
use crate::forge::slug::Slug;
use crate::port::PortError;
use http::Method;
use recant_core::effect::CheckRun;
use recant_core::effect::StatusState;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

/// The most characters that GitHub takes for a summary.
const SUMMARY_MAX: usize = 65_535;

#[derive(Deserialize)]
struct Run {
    id: u64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    details_url: Option<String>,
    #[serde(default)]
    output: Output,
}

#[derive(Default, Deserialize)]
struct Output {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    summary: Option<String>,
}

#[derive(Deserialize)]
struct Runs {
    check_runs: Vec<Run>,
}

impl Hub<GitHub> {
    /// Makes the check run of that name say this. Done already where the credential may not.
    pub(super) async fn run_check(&self, repo: &Slug, check: &CheckRun) -> Result<(), PortError> {
        let Some(app) = &self.own.app else { return Ok(()) };
        if !allows(&app.grant().await?.permissions, "checks", "write") {
            return Ok(());
        }
        let status = &check.status;
        let call = Call::get(format!("/repos/{repo}/commits/{}/check-runs", status.commit))
            .query("check_name", status.context.as_str())
            .query("filter", "latest");
        let found: Runs = self.rest.json(call).await?;
        let mut body = self::body(check);
        match found.check_runs.into_iter().max_by_key(|run| run.id) {
            Some(run) if run.says(&body) => Ok(()),
            Some(run) => {
                let path = format!("/repos/{repo}/check-runs/{}", run.id);
                self.rest.done(Call::with(Method::PATCH, path, body)).await
            }
            None => {
                body["head_sha"] = json!(status.commit);
                let path = format!("/repos/{repo}/check-runs");
                self.rest.done(Call::post(path, body)).await
            }
        }
    }
}

impl Run {
    fn says(&self, body: &Value) -> bool {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        body["status"] == self.status
            && body["conclusion"].as_str() == self.conclusion.as_deref()
            && body["details_url"].as_str().unwrap_or_default() == text(&self.details_url)
            && body["output"]["title"] == text(&self.output.title)
            && body["output"]["summary"] == text(&self.output.summary)
    }
}

fn body(check: &CheckRun) -> Value {
    let status = &check.status;
    let conclusion = match status.state {
        StatusState::Pending => None,
        StatusState::Success => Some("success"),
        StatusState::Failure => Some("failure"),
        StatusState::Error => Some("neutral"),
    };
    let summary: String = check.summary.chars().take(SUMMARY_MAX).collect();
    let mut body = json!({
        "name": status.context,
        "status": if conclusion.is_some() { "completed" } else { "in_progress" },
        "output": { "title": status.description, "summary": summary },
    });
    if let Some(conclusion) = conclusion {
        body["conclusion"] = json!(conclusion);
    }
    if !status.url.is_empty() {
        body["details_url"] = json!(status.url);
    }
    body
}
