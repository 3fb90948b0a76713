//! A Prometheus-compatible server, asked by its HTTP API as Flagger asks it.
//!
//! "No data" is an answer of its own, apart from a server that is away and from a query it does not take.

use crate::port::Answered;
use crate::port::Gauge;
use crate::port::PortError;
use recant_core::provider::Provider;
use recant_core::provider::ProviderKind;
use recant_core::query::MetricQuery;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Servers may refuse longer request lines; longer queries go into a POST's body.
const MAX_GET_BYTES: usize = 2000;

/// The client: one for all servers.
#[derive(Clone, Debug)]
pub struct Prometheus {
    http: reqwest::Client,
    default_address: String,
}

impl Prometheus {
    /// A client that asks `default_address` where a query names no server.
    pub fn new(default_address: impl Into<String>) -> Result<Self, PortError> {
        Self::with_timeout(default_address, TIMEOUT)
    }

    /// The same through an HTTP proxy: from outside a cluster, the names of its services mean nothing.
    pub fn through(proxy: &str, default_address: impl Into<String>) -> Result<Self, PortError> {
        let proxy = reqwest::Proxy::http(proxy)
            .map_err(|e| PortError::Invalid(format!("proxy for metrics: {}", chain(&e))))?;
        Self::build(reqwest::Client::builder().proxy(proxy), default_address, TIMEOUT)
    }

    /// The same with another time limit for a whole query than 5 s.
    pub fn with_timeout(default_address: impl Into<String>, timeout: Duration) -> Result<Self, PortError> {
        Self::build(reqwest::Client::builder(), default_address, timeout)
    }

    fn build(
        client: reqwest::ClientBuilder,
        default_address: impl Into<String>,
        timeout: Duration,
    ) -> Result<Self, PortError> {
        crate::tls::install();
        let http = client
            .timeout(timeout)
            .user_agent(concat!("recant/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| PortError::Invalid(format!("HTTP client for metrics: {}", chain(&e))))?;
        Ok(Self {
            http,
            default_address: default_address.into(),
        })
    }

    async fn ask(&self, query: &MetricQuery) -> Result<Option<f64>, PortError> {
        let Provider { kind, address, .. } = &query.provider;
        if *kind != ProviderKind::Prometheus {
            return Err(PortError::Invalid(format!(
                "there is no client for {}",
                kind.name()
            )));
        }
        let server = if address.is_empty() {
            &self.default_address
        } else {
            address
        };
        let url = endpoint(server)?;
        let shown = shown(&url);
        let promql = query.query.split_whitespace().collect::<Vec<_>>().join(" ");
        let request = if promql.len() > MAX_GET_BYTES {
            let body: String = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("query", &promql)
                .finish();
            self.http
                .post(url)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body)
        } else {
            self.http.get(url).query(&[("query", promql.as_str())])
        };
        let away = |e: &reqwest::Error| PortError::Unreachable(format!("{shown}: {}", chain(e)));
        let response = request.send().await.map_err(|e| away(&e.without_url()))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|e| away(&e.without_url()))?;
        read(status.as_u16(), &body).map_err(|why| why.at(&shown))
    }
}

impl Gauge for Prometheus {
    fn query<'a>(&'a self, query: &'a MetricQuery) -> Answered<'a, Option<f64>> {
        Box::pin(self.ask(query))
    }
}

/// `<address>/api/v1/query`; the address may have a path of its own and credentials.
fn endpoint(address: &str) -> Result<url::Url, PortError> {
    let invalid = |why: String| PortError::Invalid(format!("metrics server address: {why}"));
    if address.is_empty() {
        return Err(invalid("none is configured (--metrics-server)".to_owned()));
    }
    let mut url = url::Url::parse(address).map_err(|e| invalid(e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(format!("scheme {:?} is not http or https", url.scheme())));
    }
    let path = format!("{}/api/v1/query", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// The server as errors may name it: without credentials and query.
fn shown(url: &url::Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have a username, which hold no secret either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

/// What is wrong with an answer, before the server is named.
enum Bad {
    Unreachable(String),
    Denied(String),
    Invalid(String),
}

impl Bad {
    fn at(self, server: &str) -> PortError {
        match self {
            Self::Unreachable(why) => PortError::Unreachable(format!("{server}: {why}")),
            Self::Denied(why) => PortError::Denied(format!("{server}: {why}")),
            Self::Invalid(why) => PortError::Invalid(format!("{server}: {why}")),
        }
    }
}

#[derive(Deserialize)]
struct Reply {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

fn read(status: u16, body: &[u8]) -> Result<Option<f64>, Bad> {
    let reply: Result<Reply, _> = serde_json::from_slice(body);
    match (status, reply) {
        (
            200..=299,
            Ok(Reply {
                status,
                data: Some(data),
                ..
            }),
        ) if status == "success" => value(&data),
        (200..=299, Ok(reply)) => Err(Bad::Invalid(format!("the answer has no data: {}", reply.error))),
        (200..=299, Err(e)) => Err(Bad::Invalid(format!("not an answer of a Prometheus server: {e}"))),
        (401 | 403, _) => Err(Bad::Denied(format!("HTTP {status}"))),
        // Prometheus: 503 when a query was timed out or aborted. The same query may pass later.
        (429 | 500..=599, reply) => Err(Bad::Unreachable(message(status, reply.ok(), body))),
        (_, reply) => Err(Bad::Invalid(message(status, reply.ok(), body))),
    }
}

fn message(status: u16, reply: Option<Reply>, body: &[u8]) -> String {
    let text = match reply {
        Some(reply) => reply.error,
        None => String::from_utf8_lossy(body).trim().chars().take(200).collect(),
    };
    format!("HTTP {status}: {text}")
}

/// The last series' value, as Flagger takes it; none for no series and for NaN.
fn value(data: &Data) -> Result<Option<f64>, Bad> {
    let sample = match data.result_type.as_str() {
        "vector" => {
            let series = data
                .result
                .as_array()
                .ok_or(Bad::Invalid("a vector that is no list".to_owned()))?;
            let Some(last) = series.last() else {
                return Ok(None);
            };
            last.get("value").ok_or(Bad::Invalid(
                "a series without a value (native histogram?)".to_owned(),
            ))?
        }
        "scalar" => &data.result,
        other => {
            return Err(Bad::Invalid(format!(
                "the query gives a {other}, not one number a series"
            )));
        }
    };
    let text = sample.get(1).and_then(Value::as_str).unwrap_or_default();
    let number: f64 = text
        .parse()
        .map_err(|_| Bad::Invalid(format!("{text:?} is not a number")))?;
    Ok((!number.is_nan()).then_some(number))
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
