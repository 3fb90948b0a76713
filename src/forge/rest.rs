//! REST with patience: retries, waiting when told to, pages, answers that need not be sent again, and errors in the
//! port's words.

mod known;
mod limit;
mod reply;

pub(super) use reply::Reply;

use crate::port::PortError;
use futures::future::BoxFuture;
use http::Method;
use http::header;
use known::Known;
use limit::Gate;
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
    /// The rest before the first repetition; it doubles each time, and up to half of it is left out by chance.
    pub pause: Duration,
    /// The longest a host's `Retry-After` is waited for; a longer one is an error that says so.
    pub max_wait: Duration,
    /// The longest wait for one answer.
    pub timeout: Duration,
    /// The least time between two requests that change something, as GitHub asks for.
    pub gap: Duration,
    /// What chance grows from: the same seed rests the same.
    pub seed: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            attempts: 3,
            pause: Duration::from_millis(500),
            max_wait: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            gap: Duration::from_secs(1),
            seed: u64::from(std::process::id()),
        }
    }
}

impl Pace {
    /// Rests before repetition number `attempt`, counted from 0.
    pub(super) async fn rest(&self, attempt: u32) {
        tokio::time::sleep(self.wait(attempt)).await;
    }

    fn wait(&self, attempt: u32) -> Duration {
        let whole = self.pause.saturating_mul(1 << attempt.min(10));
        let chance = splitmix(self.seed.wrapping_add(u64::from(attempt))) >> 32;
        let half = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX) / 2;
        whole - Duration::from_millis(half.saturating_mul(chance) >> 32)
    }
}

/// Steele, Lea and Flood's SplitMix64.
const fn splitmix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One request, relative to the API's root.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    /// Whether a second one of the same does no harm although it is a POST: it carries a precondition.
    guarded: bool,
}

impl Call {
    pub(super) fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            query: Vec::new(),
            body: None,
            guarded: false,
        }
    }

    pub(super) fn with(method: Method, path: String, body: Value) -> Self {
        Self {
            method,
            body: Some(body),
            ..Self::get(path)
        }
    }

    pub(super) fn post(path: String, body: Value) -> Self {
        Self::with(Method::POST, path, body)
    }

    pub(super) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    /// Says that the request does nothing when it is done already.
    pub(super) fn guarded(mut self) -> Self {
        self.guarded = true;
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
    fn is_repeatable(&self) -> bool {
        self.guarded || self.method != Method::POST
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Nobody answered: what was asked for may be done, or be done later.
    Silent(String),
    /// It was not sent.
    Unsent(PortError),
}

/// Something that sends requests with the credential on them.
pub(super) trait Api: Send + Sync {
    /// Sends; `etag` is what is known of the answer already.
    fn send<'a>(&'a self, call: &'a Call, etag: Option<&'a str>) -> BoxFuture<'a, Result<Reply, Unanswered>>;
    /// A text with every form of the credential struck out.
    fn strike(&self, text: &str) -> String;
}

/// A host's REST API.
pub(super) struct Rest {
    api: Box<dyn Api>,
    /// The host, as errors name it.
    place: String,
    pace: Pace,
    gate: Gate,
    known: Known,
}

/// An error, and whether nobody answered at all.
type Failed = (PortError, bool);

impl Rest {
    pub(super) fn new(api: Box<dyn Api>, place: String, pace: Pace) -> Self {
        Self {
            api,
            place,
            pace,
            gate: Gate::new(pace.gap),
            known: Known::default(),
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

    /// Sends what must not be done twice; none when no answer came: it may be done, or be done later.
    pub(super) async fn create<T: DeserializeOwned>(&self, call: Call) -> Result<Option<T>, PortError> {
        match self.attempt(&call).await {
            Ok(reply) => self.read(&call, &reply).map(Some),
            Err((error, silent)) if silent => {
                tracing::info!(%error, "no answer: it may have been done");
                Ok(None)
            }
            Err((error, _)) => Err(error),
        }
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

    /// All pages of a list whose pages say in their body how the next one is asked for.
    pub(super) async fn walk<T: DeserializeOwned>(
        &self,
        call: Call,
        items: &str,
        next: impl Fn(&Value, usize) -> Option<(&'static str, String)>,
    ) -> Result<Vec<T>, PortError> {
        let mut all = Vec::new();
        let mut at: Option<(&'static str, String)> = None;
        for _ in 0..PAGES {
            let mut call = call.clone();
            call.query.extend(at.take());
            let reply = self.reply(&call).await?;
            let page: Value = self.read(&call, &reply)?;
            let found = page.get(items).cloned().unwrap_or_default();
            let found: Vec<T> = serde_json::from_value(found).map_err(|e| self.odd(&call, &e))?;
            let is_empty = found.is_empty();
            all.extend(found);
            at = next(&page, all.len()).filter(|_| !is_empty);
            if at.is_none() {
                break;
            }
        }
        Ok(all)
    }

    fn read<T: DeserializeOwned>(&self, call: &Call, reply: &Reply) -> Result<T, PortError> {
        serde_json::from_slice(&reply.body).map_err(|e| self.odd(call, &e))
    }

    fn odd(&self, call: &Call, error: &serde_json::Error) -> PortError {
        PortError::Invalid(format!(
            "{} {} {}: unexpected answer: {}",
            self.place,
            call.method,
            call.path,
            self.api.strike(&error.to_string())
        ))
    }

    /// An answer with a good status, after as many attempts as are right.
    pub(super) async fn reply(&self, call: &Call) -> Result<Reply, PortError> {
        self.attempt(call).await.map_err(|(error, _)| error)
    }

    async fn attempt(&self, call: &Call) -> Result<Reply, Failed> {
        let mut attempt = 0;
        loop {
            let again = attempt < self.pace.attempts;
            let answer = match self.gate.wait() {
                Some(wait) if wait > self.pace.max_wait || !again => {
                    return Err((self.too_often(call, wait, "the host's limit is used up"), false));
                }
                Some(wait) => {
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                    continue;
                }
                None => self.send(call).await,
            };
            let failure = match answer {
                Ok(reply) if reply.is_good() => return Ok(reply),
                answer => self.failure(call, answer),
            };
            match failure {
                Failure::Limited(wait, _) if again && wait <= self.pace.max_wait => {
                    tokio::time::sleep(wait).await;
                }
                Failure::Limited(wait, text) => return Err((self.too_often(call, wait, &text), false)),
                Failure::Away(..) if again && call.is_repeatable() => self.pace.rest(attempt).await,
                Failure::Away(text, silent) => return Err((PortError::Unreachable(text), silent)),
                Failure::Refused(error) => return Err((error, false)),
            }
            attempt += 1;
        }
    }

    /// One request in its turn. What is known is not asked for again: the host says whether it still holds.
    async fn send(&self, call: &Call) -> Result<Reply, Unanswered> {
        let _turn = match call.method {
            Method::GET => None,
            _ => Some(self.gate.turn().await),
        };
        let target = (call.method == Method::GET).then(|| call.target());
        let known = target.as_ref().and_then(|target| self.known.get(target));
        let etag = known.as_ref().map(|(etag, _)| etag.as_str());
        let reply = self.api.send(call, etag).await?;
        self.gate.note(&reply);
        match (reply.status, known, target) {
            (304, Some((_, known)), _) => Ok(known),
            (200, _, Some(target)) => {
                self.known.put(target, &reply);
                Ok(reply)
            }
            _ => Ok(reply),
        }
    }

    fn too_often(&self, call: &Call, wait: Duration, text: &str) -> PortError {
        PortError::Unreachable(format!(
            "{} {} {}: {text}; it asks to wait {} s",
            self.place,
            call.method,
            call.path,
            wait.as_secs()
        ))
    }

    fn failure(&self, call: &Call, answer: Result<Reply, Unanswered>) -> Failure {
        let said = |text: &str| {
            let text = self.api.strike(text);
            format!("{} {} {}: {text}", self.place, call.method, call.path)
        };
        let reply = match answer {
            Ok(reply) => reply,
            Err(Unanswered::Silent(why)) => return Failure::Away(said(&why), true),
            Err(Unanswered::Unsent(error)) => return Failure::Refused(error),
        };
        let message = reply.message_without(|text| self.api.strike(text));
        let text = said(&format!("HTTP {}: {message}", reply.status));
        if let Some(wait) = reply.limited() {
            return Failure::Limited(
                wait,
                self.api.strike(&format!("HTTP {}: {message}", reply.status)),
            );
        }
        match reply.status {
            408 | 500..=599 => Failure::Away(text, false),
            // Azure shows its page for signing in instead of an error.
            203 | 401 | 403 | 423 => Failure::Refused(PortError::Denied(text)),
            409 => Failure::Refused(PortError::Stale(text)),
            400 | 422 if reply.says_exists() => Failure::Refused(PortError::Stale(text)),
            300..=399 if reply.is_sign_in() => Failure::Refused(PortError::Denied(text)),
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
    /// No answer (then true), or the host is broken. Something may have been done.
    Away(String, bool),
    /// It will say the same again.
    Refused(PortError),
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::Duration;

    #[test]
    fn the_same_seed_rests_the_same_and_never_longer_than_twice_as_long_each_time() {
        let pace = |seed| Pace {
            seed,
            ..Pace::default()
        };
        let rests = |seed| (0..5).map(|attempt| pace(seed).wait(attempt)).collect::<Vec<_>>();
        assert_eq!(rests(7), rests(7));
        assert_ne!(rests(7), rests(8));
        for (attempt, rest) in rests(7).into_iter().enumerate() {
            let whole = Duration::from_millis(500 << attempt);
            assert!(rest <= whole && rest >= whole / 2, "{attempt}: {rest:?}");
        }
    }
}
