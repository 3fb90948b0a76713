//! octocrab as the sender of requests.

use super::super::app;
use super::super::binding::Bound;
use super::super::plain;
use super::super::plain::Auth;
use super::super::rest::Api;
use super::super::rest::Call;
use super::super::rest::Pace;
use super::super::rest::Reply;
use super::super::rest::Unanswered;
use crate::port::PortError;
use futures::future::BoxFuture;
use http::header;
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use std::time::Duration;

/// The one path that is not below the REST API's root on an Enterprise Server.
pub(super) const GRAPHQL: &str = "/graphql";

/// octocrab with the credential, which is put on each request: an App's token changes by the hour.
pub(super) struct Octo {
    octocrab: Octocrab,
    auth: Auth,
    /// The path of the REST API's root, and that of GraphQL.
    root: String,
    graphql: String,
    timeout: Duration,
}

impl Octo {
    /// Must be called where a Tokio runtime is.
    pub(super) fn new(bound: &Bound, root: String, auth: Auth, pace: Pace) -> Result<Self, PortError> {
        let invalid =
            |e: octocrab::Error| PortError::Invalid(format!("Forge {}: {}", bound.name(), words(&e)));
        let client = plain::client(&bound.manner.transport, pace.timeout)?;
        // octocrab puts its base's path before every path; GraphQL's is not below it on an Enterprise Server.
        let url = url::Url::parse(&root)
            .map_err(|e| PortError::Invalid(format!("Forge {}: {root}: {e}", bound.name())))?;
        let (origin, path) = (
            url.origin().ascii_serialization(),
            url.path().trim_end_matches('/'),
        );
        let octocrab = Octocrab::builder()
            .base_uri(origin.as_str())
            .and_then(|builder| builder.upload_uri(origin.as_str()))
            .map_err(invalid)?
            .add_retry_config(RetryConfig::None)
            .build_with_reqwest(client)
            .map_err(invalid)?;
        let graphql = match path.strip_suffix("/api/v3") {
            Some(server) => format!("{server}/api/graphql"),
            None => GRAPHQL.to_owned(),
        };
        Ok(Self {
            octocrab,
            auth,
            root: path.to_owned(),
            graphql,
            timeout: pace.timeout,
        })
    }

    async fn ask(&self, call: &Call, etag: Option<&str>) -> Result<Reply, Unanswered> {
        let silent = |e: octocrab::Error| Unanswered::Silent(words(&e));
        let target = if call.path == GRAPHQL {
            self.graphql.clone()
        } else {
            format!("{}{}", self.root, call.target())
        };
        let auth = self.auth.header().await.map_err(Unanswered::Unsent)?;
        let mut request = http::Request::builder()
            .method(call.method.clone())
            .uri(target)
            .header(header::AUTHORIZATION, auth);
        // The version octocrab says itself.
        for (name, value) in app::HEADERS.iter().filter(|(name, _)| *name == "accept") {
            request = request.header(*name, *value);
        }
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let request = self
            .octocrab
            .build_request(request, call.body.as_ref())
            .map_err(silent)?;
        let response = self.octocrab.execute(request).await.map_err(silent)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = self
            .octocrab
            .body_to_string(response)
            .await
            .map_err(silent)?
            .into_bytes();
        Ok(Reply {
            status,
            headers,
            body,
        })
    }
}

impl Api for Octo {
    fn send<'a>(&'a self, call: &'a Call, etag: Option<&'a str>) -> BoxFuture<'a, Result<Reply, Unanswered>> {
        Box::pin(async move {
            match tokio::time::timeout(self.timeout, self.ask(call, etag)).await {
                Ok(answer) => answer,
                Err(_) => {
                    let text = format!("no answer within {} s", self.timeout.as_secs_f32());
                    Err(Unanswered::Silent(text))
                }
            }
        })
    }

    fn strike(&self, text: &str) -> String {
        self.auth.strike(text)
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
