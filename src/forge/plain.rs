//! Requests with the credential on them, to one root and nowhere else.

use super::app::AppTokens;
use super::rest::Api;
use super::rest::Call;
use super::rest::Reply;
use super::rest::Unanswered;
use crate::credential::Token;
use crate::credential::Transport;
use crate::port::PortError;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::future::BoxFuture;
use http::header;
use reqwest::header::HeaderValue;
use std::sync::Arc;
use std::time::Duration;

/// How the credential stands in a request.
#[derive(Clone)]
pub(super) enum Auth {
    /// `Authorization: WORD TOKEN`.
    Word(&'static str, Token),
    /// `Authorization: Basic …`.
    Basic(String, Token),
    /// `Authorization: Bearer …` with a GitHub App's token of the hour.
    App(Arc<AppTokens>),
}

impl Auth {
    /// The header's value.
    pub(super) async fn header(&self) -> Result<HeaderValue, PortError> {
        let text = match self {
            Self::Word(word, token) => format!("{word} {}", token.secret()),
            Self::Basic(user, token) => basic(user, token),
            Self::App(tokens) => format!("Bearer {}", tokens.token().await?.secret()),
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| PortError::Denied("the token is no header's value".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// A text with every form of the credential struck out.
    pub(super) fn strike(&self, text: &str) -> String {
        match self {
            Self::Word(_, token) => token.strike(text),
            Self::Basic(user, token) => {
                let encoded = basic(user, token).split_off("Basic ".len());
                Token::new(encoded).strike(&token.strike(text))
            }
            Self::App(tokens) => tokens.strike(text),
        }
    }
}

fn basic(user: &str, token: &Token) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{user}:{}", token.secret()))
    )
}

/// The HTTP client for one host's REST API.
pub(super) fn client(transport: &Transport, timeout: Duration) -> Result<reqwest::Client, PortError> {
    let client = transport.client().map_err(PortError::Denied)?;
    client
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(10)))
        .user_agent(concat!("recant/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| PortError::Invalid(format!("HTTP client: {}", words(e))))
}

/// What reqwest says, without the URL and with the cause.
pub(super) fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Requests to one root.
pub(super) struct Plain {
    pub(super) client: reqwest::Client,
    pub(super) auth: Auth,
    pub(super) root: String,
    /// What every request says beside the credential.
    pub(super) headers: &'static [(&'static str, &'static str)],
}

/// What most hosts want to hear.
pub(super) const JSON: &[(&str, &str)] = &[("accept", "application/json")];

impl Api for Plain {
    fn send<'a>(&'a self, call: &'a Call, etag: Option<&'a str>) -> BoxFuture<'a, Result<Reply, Unanswered>> {
        Box::pin(async move {
            let auth = self.auth.header().await.map_err(Unanswered::Unsent)?;
            let mut request = self
                .client
                .request(call.method.clone(), format!("{}{}", self.root, call.target()))
                .header(header::AUTHORIZATION, auth);
            for (name, value) in self.headers {
                request = request.header(*name, *value);
            }
            if let Some(etag) = etag {
                request = request.header(header::IF_NONE_MATCH, etag);
            }
            if let Some(body) = &call.body {
                request = request.json(body);
            }
            let said = |e: reqwest::Error| Unanswered::Silent(words(e));
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

    fn strike(&self, text: &str) -> String {
        self.auth.strike(text)
    }
}
