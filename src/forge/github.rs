//! GitHub.com and GitHub Enterprise Server, through octocrab.
//!
//! octocrab brings the base address, the headers and the rule that the token goes to no other host; retries are
//! `rest`'s, because octocrab waits for a rate limit as long as it takes.

use super::binding::Bound;
use super::binding::Slug;
use super::host::Host;
use super::host::WirePull;
use super::rest::Api;
use super::rest::Call;
use super::rest::Pace;
use super::rest::Reply;
use super::rest::Rest;
use crate::port::Answered;
use crate::port::PortError;
use futures::future::BoxFuture;
use http::Method;
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use serde_json::json;
use std::time::Duration;

/// One GitHub.
pub(super) struct GitHub {
    rest: Rest,
}

impl GitHub {
    /// Must be called where a Tokio runtime is.
    pub(super) fn new(bound: &Bound, pace: Pace) -> Result<Self, PortError> {
        crate::tls::install();
        let credential = bound.credential()?;
        // The one place that is not below the bound URL: github.com's API has a host of its own.
        let root = match bound.base.host() {
            "github.com" => "https://api.github.com".to_owned(),
            _ => format!("{}/api/v3", bound.base.url()),
        };
        let invalid =
            |e: octocrab::Error| PortError::Invalid(format!("Forge {}: {}", bound.name(), words(&e)));
        let octocrab = Octocrab::builder()
            .base_uri(root.as_str())
            .and_then(|builder| builder.upload_uri(root.as_str()))
            .map_err(invalid)?
            .personal_token(credential.token.secret())
            .add_retry_config(RetryConfig::None)
            .build()
            .map_err(invalid)?;
        let api = Octo {
            octocrab,
            timeout: pace.timeout,
        };
        let rest = Rest::new(Box::new(api), bound.base.url(), credential.token.clone(), pace);
        Ok(Self { rest })
    }
}

impl Host for GitHub {
    fn rest(&self) -> &Rest {
        &self.rest
    }

    fn page(&self) -> (&'static str, usize) {
        ("per_page", 100)
    }

    fn pulls<'a>(&'a self, repo: &'a Slug, head: &'a str, only_open: bool) -> Answered<'a, Vec<WirePull>> {
        Box::pin(async move {
            let state = if only_open { "open" } else { "all" };
            let path = || {
                Call::get(format!("/repos/{repo}/pulls"))
                    .query("state", state)
                    .query("head", format!("{}:{head}", repo.owner))
                    .query("sort", "created")
                    .query("direction", "desc")
            };
            // A filter that is not understood is left out by GitHub, so that all pull requests come.
            let all: Vec<WirePull> = self.rest.pages(self.page(), path).await?;
            Ok(all.into_iter().filter(|pull| pull.is_from(head)).collect())
        })
    }

    /// GitHub makes labels that are not there.
    fn label<'a>(&'a self, repo: &'a Slug, number: u64, labels: &'a [String]) -> Answered<'a, ()> {
        let path = format!("/repos/{repo}/issues/{number}/labels");
        Box::pin(
            self.rest
                .done(Call::with(Method::POST, path, json!({ "labels": labels }))),
        )
    }
}

struct Octo {
    octocrab: Octocrab,
    timeout: Duration,
}

impl Octo {
    async fn ask(&self, call: &Call) -> Result<Reply, octocrab::Error> {
        let target = call.target();
        let response = match call.method {
            Method::POST => self.octocrab._post(target, call.body.as_ref()).await?,
            Method::PATCH => self.octocrab._patch(target, call.body.as_ref()).await?,
            _ => self.octocrab._get(target).await?,
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = self.octocrab.body_to_string(response).await?.into_bytes();
        Ok(Reply {
            status,
            headers,
            body,
        })
    }
}

impl Api for Octo {
    fn send<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, String>> {
        Box::pin(async move {
            match tokio::time::timeout(self.timeout, self.ask(call)).await {
                Ok(answer) => answer.map_err(|e| words(&e)),
                Err(_) => Err(format!("no answer within {} s", self.timeout.as_secs_f32())),
            }
        })
    }
}

/// octocrab's own text has a backtrace in it; the causes say it better.
fn words(error: &octocrab::Error) -> String {
    let mut cause = std::error::Error::source(error);
    let mut text = Vec::new();
    while let Some(error) = cause {
        text.push(error.to_string());
        cause = error.source();
    }
    if text.is_empty() {
        "request failed".to_owned()
    } else {
        text.join(": ")
    }
}
