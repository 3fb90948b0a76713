//! Whoever is called by webhooks: receivers whose answers a story sets, and Flagger's load tester with its gates.
//!
//! The load tester stands at every host called `flagger-loadtester…`; nobody stands anywhere a story does not say.

use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// What a receiver says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// This status and body, after this time.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
        /// How long it takes.
        after: SignedDuration,
    },
    /// Nothing: the connection is refused.
    Nothing,
}

impl Says {
    /// An answer at once.
    pub fn at_once(status: u16, body: &str) -> Self {
        Self::Answer {
            status,
            body: body.to_owned(),
            after: SignedDuration::ZERO,
        }
    }
}

/// A call that came.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub url: String,
    /// By what the caller tells calls apart.
    pub key: String,
    /// What was posted.
    pub payload: Value,
}

/// All receivers.
#[derive(Clone, Debug, Default)]
pub struct Receivers {
    told: BTreeMap<String, Says>,
    /// Open gates of the load tester: `podinfo.test`, `rollback.podinfo.test`.
    gates: BTreeSet<String>,
    /// The calls so far, in order.
    pub calls: Vec<Called>,
}

impl Receivers {
    /// Says how a URL answers from now on.
    pub fn set(&mut self, url: &str, says: Says) {
        self.told.insert(url.to_owned(), says);
    }

    /// Opens or shuts a gate of the load tester: `name.namespace`, or `rollback.name.namespace`.
    pub fn gate(&mut self, key: &str, open: bool) {
        if open {
            self.gates.insert(key.to_owned());
        } else {
            self.gates.remove(key);
        }
    }

    /// Takes a call.
    pub fn call(&mut self, at: Timestamp, url: &str, key: &str, body: &str) -> Says {
        let payload = serde_json::from_str(body).unwrap_or(Value::Null);
        self.calls.push(Called {
            at,
            url: url.to_owned(),
            key: key.to_owned(),
            payload: payload.clone(),
        });
        if let Some(says) = self.told.get(url) {
            return says.clone();
        }
        match url.split_once("://").map(|(_, rest)| rest) {
            Some(rest) if rest.starts_with("flagger-loadtester") => {
                let path = rest.find('/').map_or("/", |at| &rest[at..]);
                self.load_tester(path, &payload)
            }
            _ => Says::Nothing,
        }
    }

    /// How often a URL was called: calls that are the same to the receiver count once.
    pub fn times(&self, url: &str) -> usize {
        let calls = self.calls.iter().filter(|call| call.url == url);
        calls.map(|call| &call.key).collect::<BTreeSet<_>>().len()
    }

    /// What a URL was told: the texts of all that was posted there.
    pub fn heard(&self, url: &str) -> Vec<String> {
        let calls = self.calls.iter().filter(|call| call.url == url);
        calls.map(|call| call.payload.to_string()).collect()
    }

    /// Flagger's load tester.
    fn load_tester(&mut self, path: &str, payload: &Value) -> Says {
        let text = |field: &str| payload[field].as_str().unwrap_or_default();
        let key = format!("{}.{}", text("name"), text("namespace"));
        let check = |open: bool| match open {
            true => Says::at_once(200, "Approved"),
            false => Says::at_once(403, "Forbidden"),
        };
        let rollback = format!("rollback.{key}");
        match path {
            "/gate/approve" => check(true),
            "/gate/halt" => check(false),
            "/gate/check" => check(self.gates.contains(&key)),
            "/rollback/check" => check(self.gates.contains(&rollback)),
            "/gate/open" | "/gate/close" => self.turn(&key, path == "/gate/open"),
            "/rollback/open" | "/rollback/close" => self.turn(&rollback, path == "/rollback/open"),
            _ if payload["metadata"]
                .as_object()
                .is_none_or(serde_json::Map::is_empty) =>
            {
                Says::at_once(400, "metadata not found in payload")
            }
            _ => Says::at_once(202, ""),
        }
    }

    fn turn(&mut self, key: &str, open: bool) -> Says {
        self.gate(key, open);
        Says::at_once(202, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_testers_gates_open_and_shut_for_one_canary_at_a_time() {
        let mut receivers = Receivers::default();
        let mut call = |path: &str, name: &str| {
            let body = format!(r#"{{"name":"{name}","namespace":"test"}}"#);
            let url = format!("http://flagger-loadtester.test{path}");
            match receivers.call(Timestamp::UNIX_EPOCH, &url, "k", &body) {
                Says::Answer { status, .. } => status,
                Says::Nothing => 0,
            }
        };
        assert_eq!(call("/gate/check", "podinfo"), 403);
        assert_eq!(call("/gate/open", "podinfo"), 202);
        assert_eq!(call("/gate/check", "podinfo"), 200);
        assert_eq!(call("/gate/check", "other"), 403);
        assert_eq!(call("/rollback/check", "podinfo"), 403);
        assert_eq!(call("/gate/close", "podinfo"), 202);
        assert_eq!(call("/gate/check", "podinfo"), 403);
        assert_eq!((call("/gate/approve", "x"), call("/gate/halt", "x")), (200, 403));
        assert_eq!(call("/", "podinfo"), 400, "a task needs metadata");
    }

    #[test]
    fn the_same_call_twice_counts_once() {
        let mut receivers = Receivers::default();
        receivers.set("http://gate", Says::at_once(200, ""));
        for key in ["a", "a", "b"] {
            receivers.call(Timestamp::UNIX_EPOCH, "http://gate", key, "{}");
        }
        assert_eq!((receivers.times("http://gate"), receivers.calls.len()), (2, 3));
    }
}
