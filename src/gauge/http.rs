//! Sending a request to a provider, and telling apart who did not answer, who refused and who understood nothing.

use crate::credential::Token;
use crate::gauge::ask::Request;
use crate::port::PortError;
use crate::post::causes;
use recant_core::provider::Provider;
use reqwest::Client;
use reqwest::ClientBuilder;
use reqwest::Response;
use reqwest::StatusCode;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// The longest answer that is read, in bytes.
const ANSWER_MAX: usize = 4 * 1024 * 1024;

/// How much of what a server says is told, in characters.
const SAID_MAX: usize = 200;

/// The clients: for servers whose certificates are looked at, and for those whose are not.
pub(super) struct Http {
    careful: Client,
    careless: Client,
}

impl Http {
    pub(super) fn new(proxy: Option<&str>) -> Result<Self, PortError> {
        crate::tls::install();
        let build = |careless: bool| {
            let builder = through(Client::builder(), proxy)?
                .redirect(reqwest::redirect::Policy::none())
                .danger_accept_invalid_certs(careless)
                .user_agent(concat!("recant/", env!("CARGO_PKG_VERSION")));
            let built = builder.build();
            built.map_err(|e| PortError::Invalid(format!("HTTP client for metrics: {}", causes(&e))))
        };
        Ok(Self {
            careful: build(false)?,
            careless: build(true)?,
        })
    }

    /// Sends, and returns the server as errors may name it, and the body of a good answer.
    pub(super) async fn send(
        &self,
        request: Request,
        provider: &Provider,
        timeout: Duration,
    ) -> Result<(String, Vec<u8>), PortError> {
        let shown = shown(&request.url);
        let secrets = secrets(&request);
        let client = if provider.insecure_skip_verify {
            &self.careless
        } else {
            &self.careful
        };
        let mut request = build(client, request, provider)?;
        *request.timeout_mut() = Some(timeout);
        let away =
            |e: reqwest::Error| PortError::Unreachable(format!("{shown}: {}", causes(&e.without_url())));
        let response = client.execute(request).await.map_err(away)?;
        let status = response.status();
        let elsewhere = elsewhere(&response);
        let body = bytes(response, &shown).await?;
        if status.is_success() {
            return Ok((shown, body));
        }
        let said = match elsewhere {
            Some(host) => format!("it redirects to {host}: set the address to where it is"),
            None => secrets
                .iter()
                .fold(said(&body), |text, secret| secret.strike(&text)),
        };
        Err(refused(status, &shown, said.trim()))
    }
}

fn through(builder: ClientBuilder, proxy: Option<&str>) -> Result<ClientBuilder, PortError> {
    let Some(proxy) = proxy else { return Ok(builder) };
    let proxy = reqwest::Proxy::http(proxy);
    let proxy = proxy.map_err(|e| PortError::Invalid(format!("proxy for metrics: {}", causes(&e))))?;
    Ok(builder.proxy(proxy))
}

fn build(client: &Client, request: Request, provider: &Provider) -> Result<reqwest::Request, PortError> {
    let mut url = request.url;
    if request.basic.is_some() || request.headers.iter().any(|(name, _)| *name == "authorization") {
        // A Secret goes before what stands in the address. Both fail only for URLs that cannot have a username.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    let mut new = match request.body {
        Some((content_type, body)) => client.post(url).header("content-type", content_type).body(body),
        None => client.get(url),
    };
    for (name, values) in &provider.headers {
        for value in values {
            let bad = || PortError::Invalid(format!("spec.provider.headers: {name} cannot be sent"));
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            new = new.header(header, hidden(value).ok_or_else(bad)?);
        }
    }
    if let Some((user, password)) = &request.basic {
        new = new.basic_auth(user, Some(password.secret()));
    }
    for (name, value) in &request.headers {
        let value = hidden(value.secret());
        let value =
            value.ok_or_else(|| PortError::Denied(format!("the credential for {name} cannot be sent")))?;
        new = new.header(*name, value);
    }
    let built = new.build();
    built.map_err(|e| PortError::Invalid(format!("request: {}", causes(&e.without_url()))))
}

/// A header's value that no log prints.
fn hidden(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What must not be told again when a server repeats it: with the word before it, and without.
fn secrets(request: &Request) -> Vec<Token> {
    let headers = request.headers.iter().map(|(_, value)| value.secret());
    let password = request.basic.as_ref().map(|(_, password)| password.secret());
    let words = headers
        .chain(password)
        .filter_map(|value| value.split(' ').next_back());
    words.map(Token::new).collect()
}

/// The host that an answer redirects to, if it does.
fn elsewhere(response: &Response) -> Option<String> {
    let location = response.headers().get("location")?.to_str().ok()?;
    let url = response.url().join(location).ok()?;
    response
        .status()
        .is_redirection()
        .then(|| crate::post::host(&url))
}

async fn bytes(mut response: Response, shown: &str) -> Result<Vec<u8>, PortError> {
    let mut body = Vec::new();
    let away = |e: reqwest::Error| PortError::Unreachable(format!("{shown}: {}", causes(&e.without_url())));
    while let Some(chunk) = response.chunk().await.map_err(away)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_MAX {
            return Err(PortError::Invalid(format!(
                "{shown}: the answer is longer than 4 MiB"
            )));
        }
    }
    Ok(body)
}

/// A query that timed out (503 with Prometheus) may pass later; so may one that came too often.
fn refused(status: StatusCode, server: &str, said: &str) -> PortError {
    let gap = if said.is_empty() { "" } else { ": " };
    let text = format!("{server}: HTTP {}{gap}{said}", status.as_u16());
    match status.as_u16() {
        401 | 403 => PortError::Denied(text),
        408 | 429 | 500..=599 => PortError::Unreachable(text),
        _ => PortError::Invalid(text),
    }
}

/// What a server says about its refusal: the message where the providers have one, else the beginning of the text.
fn said(body: &[u8]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let places = [
        "/error/message",
        "/error",
        "/errors/0",
        "/errors/0/message",
        "/message",
        "/Message",
        "/__type",
    ];
    let message = places
        .iter()
        .find_map(|place| json.pointer(place)?.as_str().map(str::to_owned));
    let text = message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().take(SAID_MAX).collect()
}

/// The server as errors may name it: without credentials and query.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have a username, which hold no secret either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}
