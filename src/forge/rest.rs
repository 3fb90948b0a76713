//! REST with patience: retries, waiting when told to, pages, and errors in the port's words.

use crate::credential::Token;
use crate::port::PortError;
use futures::future::BoxFuture;
use http::HeaderMap;
use http::Method;
use http::header;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// The most pages of a list that are read.
const PAGES: usize = 100;

/// How patient recant is with a Git host.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often a request is repeated that failed and can be repeated without harm.
    pub attempts: u32,
    /// The rest before the first repetition; it doubles each time.
    pub pause: Duration,
    /// The longest a host's `Retry-After` is waited for; a longer one is an error that says so.
    pub max_wait: Duration,
    /// The longest wait for one answer.
    pub timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            attempts: 3,
            pause: Duration::from_millis(500),
            max_wait: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
        }
    }
}

impl Pace {
    /// Rests before repetition number `attempt`, counted from 0.
    pub(super) async fn rest(&self, attempt: u32) {
        tokio::time::sleep(self.pause.saturating_mul(1 << attempt.min(10))).await;
    }
}

/// One request, relative to the API's root.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

impl Call {
    pub(super) fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            query: Vec::new(),
            body: None,
        }
    }

    pub(super) fn with(method: Method, path: String, body: Value) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            body: Some(body),
        }
    }

    pub(super) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    /// Path and query.
    pub(super) fn target(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.query)
            .finish();
        format!("{}?{query}", self.path)
    }

    /// Whether sending it twice does what sending it once does.
    fn is_idempotent(&self) -> bool {
        self.method != Method::POST
    }
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Something that sends requests with the credential on them. The error is why there was no answer.
pub(super) trait Api: Send + Sync {
    fn send<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, String>>;
}

/// A host's REST API.
pub(super) struct Rest {
    api: Box<dyn Api>,
    /// The host, as errors name it.
    place: String,
    token: Token,
    pace: Pace,
}

impl Rest {
    pub(super) fn new(api: Box<dyn Api>, place: String, token: Token, pace: Pace) -> Self {
        Self {
            api,
            place,
            token,
            pace,
        }
    }

    /// Sends, and reads the answer's JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, PortError> {
        let reply = self.reply(&call).await?;
        self.read(&call, &reply)
    }

    /// Sends; what the answer says does not matter.
    pub(super) async fn done(&self, call: Call) -> Result<(), PortError> {
        self.reply(&call).await.map(drop)
    }

    /// All pages of a list. `size` is the query parameter for the page's size, and the size.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        size: (&'static str, usize),
        call: impl Fn() -> Call,
    ) -> Result<Vec<T>, PortError> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let call = call()
                .query(size.0, size.1.to_string())
                .query("page", page.to_string());
            let reply = self.reply(&call).await?;
            let items: Vec<T> = self.read(&call, &reply)?;
            let last = match reply.headers.get(header::LINK).and_then(|v| v.to_str().ok()) {
                Some(links) => !links.contains("rel=\"next\""),
                // Without links a page that is not full is the last; the host may make pages smaller than asked.
                None => items.is_empty() || items.len() < size.1,
            };
            all.extend(items);
            if last {
                break;
            }
        }
        Ok(all)
    }

    fn read<T: DeserializeOwned>(&self, call: &Call, reply: &Reply) -> Result<T, PortError> {
        serde_json::from_slice(&reply.body).map_err(|e| {
            PortError::Invalid(format!(
                "{} {} {}: unexpected answer: {e}",
                self.place, call.method, call.path
            ))
        })
    }

    /// An answer with a good status, after as many attempts as are right.
    async fn reply(&self, call: &Call) -> Result<Reply, PortError> {
        let mut attempt = 0;
        loop {
            let answer = self.api.send(call).await;
            if let Ok(reply) = &answer
                && (200..300).contains(&reply.status)
            {
                return answer.map_err(PortError::Unreachable);
            }
            let again = attempt < self.pace.attempts;
            match self.failure(call, answer) {
                Failure::Limited(wait, _) if again && wait <= self.pace.max_wait => {
                    tokio::time::sleep(wait).await
                }
                Failure::Limited(wait, text) => {
                    let text = format!("{text}; it asks to wait {} s", wait.as_secs());
                    return Err(PortError::Unreachable(text));
                }
                Failure::Away(_) if again && call.is_idempotent() => self.pace.rest(attempt).await,
                Failure::Away(text) => return Err(PortError::Unreachable(text)),
                Failure::Refused(error) => return Err(error),
            }
            attempt += 1;
        }
    }

    fn failure(&self, call: &Call, answer: Result<Reply, String>) -> Failure {
        let said = |text: &str| {
            let text = self.token.strike(text);
            format!("{} {} {}: {text}", self.place, call.method, call.path)
        };
        let reply = match answer {
            Ok(reply) => reply,
            Err(why) => return Failure::Away(said(&why)),
        };
        let message = reply.message();
        let text = said(&format!("HTTP {}: {message}", reply.status));
        if let Some(wait) = reply.limited() {
            return Failure::Limited(wait, text);
        }
        match reply.status {
            408 | 500..=599 => Failure::Away(text),
            401 | 403 => Failure::Refused(PortError::Denied(text)),
            409 => Failure::Refused(PortError::Stale(text)),
            422 if message.contains("already exists") => Failure::Refused(PortError::Stale(text)),
            423 => Failure::Refused(PortError::Denied(text)),
            300..=399 => {
                let text = format!("{text} moved: put the new address into the Forge or the GitRepository");
                Failure::Refused(PortError::Invalid(text))
            }
            _ => Failure::Refused(PortError::Invalid(text)),
        }
    }
}

/// What to make of an answer that is not good.
enum Failure {
    /// Asked too often: nothing was done. Wait that long.
    Limited(Duration, String),
    /// No answer, or the host is broken. Something may have been done.
    Away(String),
    /// It will say the same again.
    Refused(PortError),
}

impl Reply {
    /// How long to wait, when that is what the host wants. GitHub says so with 403, too.
    fn limited(&self) -> Option<Duration> {
        let number = |name: &str| self.headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let after = number("retry-after").map(Duration::from_secs);
        let used_up = number("x-ratelimit-remaining") == Some(0);
        match self.status {
            429 => Some(after.unwrap_or(Duration::from_secs(1))),
            403 if after.is_some() => after,
            403 if used_up => Some(Duration::from_secs(60)),
            503 => after,
            _ => None,
        }
    }

    /// What the host says about it, in one line.
    fn message(&self) -> String {
        let Ok(body) = serde_json::from_slice::<Value>(&self.body) else {
            return one_line(&String::from_utf8_lossy(&self.body));
        };
        let mut text = body
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        for error in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
            let detail = error.as_str().or_else(|| error.get("message")?.as_str());
            let detail = detail.map_or_else(|| error.to_string(), str::to_owned);
            text = format!("{text}: {detail}");
        }
        one_line(&text)
    }
}

fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().take(300).collect()
}
