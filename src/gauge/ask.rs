//! What a provider's file is given to write its request, and the answers it may give.

use crate::credential::Secret;
use crate::credential::Token;
use crate::port::PortError;
use jiff::Timestamp;
use recant_core::query::MetricQuery;
use serde_json::Value;
use url::Url;

/// Flagger looks back ten times as long as the metric's interval where the query itself does not say.
const WINDOW: i64 = 10;

/// What reading an answer comes to: the number, or no data; or what is wrong with it.
pub(super) type Read = Result<Option<f64>, String>;

/// A query, and what is needed to ask it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) query: &'a MetricQuery,
    pub(super) secret: Option<&'a Secret>,
    pub(super) now: Timestamp,
}

impl Ask<'_> {
    /// The address with a path below it.
    ///
    /// # Errors
    /// When there is none, or it is not http or https. The address itself is not repeated: it may hold a password.
    pub(super) fn url(&self, address: &str, path: &str) -> Result<Url, PortError> {
        let name = self.query.provider.kind.name();
        let invalid = |why: &str| PortError::Invalid(format!("{name} address: {why}"));
        if address.is_empty() {
            return Err(invalid("none is given: set spec.provider.address"));
        }
        let mut url = Url::parse(address).map_err(|e| invalid(&e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme().to_owned();
            return Err(invalid(&format!("scheme {scheme:?} is not http or https")));
        }
        let path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        Ok(url)
    }

    /// A value of the Secret.
    ///
    /// # Errors
    /// [`PortError::Denied`] when the MetricTemplate names no Secret, or it has no such key.
    pub(super) fn credential(&self, key: &str) -> Result<Token, PortError> {
        let name = self.query.provider.kind.name();
        let secret = self.secret.ok_or_else(|| {
            PortError::Denied(format!(
                "{name} needs a Secret with {key}: set spec.provider.secretRef"
            ))
        })?;
        secret.line(key).map_err(PortError::Denied)
    }

    /// From when to when to look, in milliseconds since 1970.
    pub(super) fn window_ms(&self) -> (i64, i64) {
        let now_ms = self.now.as_millisecond();
        (
            now_ms.saturating_sub(self.query.interval_ms.saturating_mul(WINDOW)),
            now_ms,
        )
    }
}

/// One request to a provider.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) url: Url,
    /// Header names and values; the values may be secret.
    pub(super) headers: Vec<(&'static str, Token)>,
    pub(super) basic: Option<(String, Token)>,
    /// A POST's content type and body; none for a GET.
    pub(super) body: Option<(&'static str, Vec<u8>)>,
}

impl Request {
    /// A GET.
    pub(super) const fn get(url: Url) -> Self {
        Self {
            url,
            headers: Vec::new(),
            basic: None,
            body: None,
        }
    }

    /// A POST.
    pub(super) const fn post(url: Url, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            url,
            headers: Vec::new(),
            basic: None,
            body: Some((content_type, body)),
        }
    }

    /// The same with a header.
    pub(super) fn header(mut self, name: &'static str, value: Token) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same with more of a query.
    pub(super) fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.url.query_pairs_mut().extend_pairs(pairs);
        self
    }
}

/// The JSON of an answer.
pub(super) fn json(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|e| format!("the answer is not JSON: {e}"))
}

/// A number that an answer must hold at a place; no data where it is null.
pub(super) fn number(value: Option<&Value>, place: &str) -> Read {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(other) => Err(format!("{place} is {other}, not a number")),
    }
}
