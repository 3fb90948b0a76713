//! Gitea and Forgejo, by REST v1.

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
use http::header;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::json;

/// The colour of a label that recant makes.
const COLOR: &str = "#d93f0b";

/// One Gitea or Forgejo.
pub(super) struct Gitea {
    rest: Rest,
}

impl Gitea {
    pub(super) fn new(bound: &Bound, pace: Pace) -> Result<Self, PortError> {
        crate::tls::install();
        let credential = bound.credential()?;
        let mut token =
            HeaderValue::from_str(&format!("token {}", credential.token.secret())).map_err(|_| {
                PortError::Denied(format!("Forge {}: the token is no header value", bound.name()))
            })?;
        token.set_sensitive(true);
        let client = reqwest::Client::builder()
            .timeout(pace.timeout)
            // A redirect would take the token along within a host, and a POST would become a GET.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("recant/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| PortError::Invalid(format!("HTTP client for Forge {}: {e}", bound.name())))?;
        let api = Plain {
            client,
            token,
            root: format!("{}/api/v1", bound.base.url()),
        };
        let rest = Rest::new(Box::new(api), bound.base.url(), credential.token.clone(), pace);
        Ok(Self { rest })
    }

    /// The ids of these labels, which are made if they are not there.
    async fn label_ids(&self, repo: &Slug, labels: &[String]) -> Result<Vec<u64>, PortError> {
        let path = format!("/repos/{repo}/labels");
        let known: Vec<Label> = self.rest.pages(self.page(), || Call::get(path.clone())).await?;
        let mut ids = Vec::new();
        for name in labels {
            if let Some(label) = known.iter().find(|label| label.name == *name) {
                ids.push(label.id);
                continue;
            }
            let body = json!({ "name": name, "color": COLOR, "description": "Opened by recant" });
            let made: Label = self
                .rest
                .json(Call::with(Method::POST, path.clone(), body))
                .await?;
            ids.push(made.id);
        }
        Ok(ids)
    }
}

#[derive(Deserialize)]
struct Label {
    id: u64,
    name: String,
}

impl Host for Gitea {
    fn rest(&self) -> &Rest {
        &self.rest
    }

    fn page(&self) -> (&'static str, usize) {
        ("limit", 50)
    }

    /// The list has no filter for the head, so all of it is read.
    fn pulls<'a>(&'a self, repo: &'a Slug, head: &'a str, only_open: bool) -> Answered<'a, Vec<WirePull>> {
        Box::pin(async move {
            let state = if only_open { "open" } else { "all" };
            let path = || Call::get(format!("/repos/{repo}/pulls")).query("state", state);
            let all: Vec<WirePull> = self.rest.pages(self.page(), path).await?;
            Ok(all.into_iter().filter(|pull| pull.is_from(head)).collect())
        })
    }

    fn label<'a>(&'a self, repo: &'a Slug, number: u64, labels: &'a [String]) -> Answered<'a, ()> {
        Box::pin(async move {
            let ids = self.label_ids(repo, labels).await?;
            let path = format!("/repos/{repo}/issues/{number}/labels");
            self.rest
                .done(Call::with(Method::POST, path, json!({ "labels": ids })))
                .await
        })
    }
}

/// Requests with the token on them, to one root and nowhere else.
struct Plain {
    client: reqwest::Client,
    token: HeaderValue,
    root: String,
}

impl Api for Plain {
    fn send<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, String>> {
        Box::pin(async move {
            let mut request = self
                .client
                .request(call.method.clone(), format!("{}{}", self.root, call.target()))
                .header(header::AUTHORIZATION, self.token.clone())
                .header(header::ACCEPT, "application/json");
            if let Some(body) = &call.body {
                request = request.json(body);
            }
            let said = |e: reqwest::Error| {
                let e = e.without_url();
                std::error::Error::source(&e).map_or_else(|| e.to_string(), |cause| format!("{e}: {cause}"))
            };
            let response = request.send().await.map_err(said)?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.bytes().await.map_err(said)?.to_vec();
            Ok(Reply {
                status,
                headers,
                body,
            })
        })
    }
}
