//! An answer, and what its headers and its body say in each host's way.

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// How long to wait when a host says that a limit is reached and not for how long: GitHub's documentation says a
/// minute for a secondary limit.
const UNSAID: Duration = Duration::from_secs(60);

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub(in crate::forge) struct Reply {
    pub(in crate::forge) status: u16,
    pub(in crate::forge) headers: HeaderMap,
    pub(in crate::forge) body: Vec<u8>,
}

impl Reply {
    /// Whether it is an answer to the question. 203 is a proxy's or a sign-in page's.
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status) && self.status != 203
    }

    /// A header as text.
    pub(in crate::forge) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// How long to wait, when that is what the host wants. GitHub says so with 403, too.
    pub(super) fn limited(&self) -> Option<Duration> {
        let after = self.number("retry-after").map(Duration::from_secs);
        match self.status {
            429 => Some(after.or_else(|| self.reset()).unwrap_or(Duration::from_secs(1))),
            403 if after.is_some() => after,
            403 if self.is_used_up() => Some(self.reset().unwrap_or(UNSAID)),
            403 if self
                .message()
                .to_ascii_lowercase()
                .contains("secondary rate limit") =>
            {
                Some(UNSAID)
            }
            503 => after,
            _ => None,
        }
    }

    /// How long the host will answer nothing more, when this was the last request of its allowance.
    pub(super) fn exhausted(&self) -> Option<Duration> {
        self.is_used_up().then(|| self.reset()).flatten()
    }

    fn is_used_up(&self) -> bool {
        ["x-ratelimit-remaining", "ratelimit-remaining"]
            .iter()
            .any(|name| self.number(name) == Some(0))
    }

    /// The time until the allowance is renewed, by the host's own clock.
    fn reset(&self) -> Option<Duration> {
        let at = ["x-ratelimit-reset", "ratelimit-reset"]
            .iter()
            .find_map(|name| self.number(name))?;
        let date = self.header("date");
        let now = date.and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        let now = now.map_or_else(Timestamp::now, |zoned| zoned.timestamp());
        let seconds = i64::try_from(at).ok()? - now.as_second();
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }

    /// Whether it says that what was to be made is there.
    pub(super) fn says_exists(&self) -> bool {
        let message = self.message().to_ascii_lowercase();
        message.contains("already exists") || message.contains("already open")
    }

    /// Whether it sends a person to a page for signing in.
    pub(super) fn is_sign_in(&self) -> bool {
        let target = self.header("location").unwrap_or_default().to_ascii_lowercase();
        ["signin", "sign_in", "login"]
            .iter()
            .any(|word| target.contains(word))
    }

    /// What the host says about it, in one line.
    pub(in crate::forge) fn message(&self) -> String {
        one_line(&self.said())
    }

    /// The same of a host that may repeat the credential: it is struck out before the text is cut, for half of it would
    /// not be known again.
    pub(in crate::forge) fn message_without(&self, strike: impl Fn(&str) -> String) -> String {
        one_line(&strike(&self.said()))
    }

    fn said(&self) -> String {
        let Ok(body) = serde_json::from_slice::<Value>(&self.body) else {
            return String::from_utf8_lossy(&self.body).into_owned();
        };
        let mut said = Vec::new();
        for key in ["message", "error", "error_description", "errors"] {
            collect(body.get(key).unwrap_or(&Value::Null), &mut said);
        }
        said.join(": ")
    }
}

/// Every text that says something: hosts put it into strings, lists, and maps by field or with a `message`.
fn collect(value: &Value, said: &mut Vec<String>) {
    match value {
        Value::String(text) => said.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|one| collect(one, said)),
        Value::Object(map) => match ["message", "detail"].iter().find_map(|key| map.get(*key)) {
            Some(text) => collect(text, said),
            None => {
                for (field, value) in map {
                    let mut inner = Vec::new();
                    collect(value, &mut inner);
                    if !inner.is_empty() {
                        said.push(format!("{field} {}", inner.join(", ")));
                    }
                }
            }
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

    use super::Reply;
    use http::HeaderMap;
    use http::HeaderName;
    use std::time::Duration;

    fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        Reply {
            status,
            headers: map,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn every_hosts_way_to_say_what_is_wrong_is_read() {
        for (body, expected) in [
            (
                r#"{"message":"Validation Failed","errors":[{"message":"already exists"}]}"#,
                "Validation Failed: already exists",
            ),
            (
                r#"{"message":["Another open merge request already exists: !1"]}"#,
                "Another open merge request already exists: !1",
            ),
            (
                r#"{"message":{"base":["is too long"],"title":["is missing"]}}"#,
                "base is too long: title is missing",
            ),
            (
                r#"{"error":"insufficient_scope","error_description":"needs api"}"#,
                "insufficient_scope: needs api",
            ),
            (
                r#"{"type":"error","error":{"message":"Bad request","fields":{"x":["y"]}}}"#,
                "Bad request",
            ),
            (
                r#"{"errors":[{"context":null,"message":"Only one pull request may be open"}]}"#,
                "Only one pull request may be open",
            ),
            ("<html>\n bad gateway", "<html> bad gateway"),
            ("{}", ""),
        ] {
            assert_eq!(reply(400, &[], body).message(), expected);
        }
    }

    #[test]
    fn every_hosts_way_to_ask_for_patience_is_read() {
        let date = ("date", "Sat, 21 Nov 2026 00:00:00 GMT");
        for (status, headers, body, expected) in [
            (429, vec![("retry-after", "7")], "", Some(7)),
            (429, vec![("ratelimit-reset", "1795219212"), date], "", Some(12)),
            (429, vec![], "", Some(1)),
            (403, vec![("retry-after", "9")], "", Some(9)),
            (
                403,
                vec![
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1795219230"),
                    date,
                ],
                "",
                Some(30),
            ),
            (
                403,
                vec![],
                r#"{"message":"You have exceeded a secondary rate limit."}"#,
                Some(60),
            ),
            (
                403,
                vec![("x-ratelimit-remaining", "10")],
                r#"{"message":"no"}"#,
                None,
            ),
            (503, vec![("retry-after", "3")], "", Some(3)),
            (503, vec![], "", None),
            (404, vec![("retry-after", "3")], "", None),
        ] {
            let wait = reply(status, &headers, body).limited();
            assert_eq!(wait, expected.map(Duration::from_secs), "{status} {headers:?}");
        }
        let last = reply(
            200,
            &[
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "1795219230"),
                date,
            ],
            "",
        );
        assert_eq!(last.exhausted(), Some(Duration::from_secs(30)));
        assert_eq!(
            reply(200, &[("x-ratelimit-remaining", "1"), date], "").exhausted(),
            None
        );
    }
}
