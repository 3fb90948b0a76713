//! Webhooks: a call to somebody outside whose answer a decision waits for, and what the answer means.
//!
//! Flagger's contract: what is posted, when an answer means yes (status 202 and below), how long and how often it is
//! tried. How often a hook is *called* is decided by [`HookCall::occasion`]: as long as it is the same, it is the same
//! call, however often the core asks for its answer.

use crate::object::ObjectRef;
use crate::observed::Observed;
use crate::observed::Why;
use serde::Deserialize;
use std::fmt;

/// The highest status that means yes: Flagger's rule. Even a 204 means no.
pub const STATUS_MAX: u16 = 202;
/// How much of an answer's body is told to people, in characters.
const BODY_MAX: usize = 200;

/// When a hook is called: Flagger's types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookType {
    /// Before the canary is scaled up, until it says yes.
    ConfirmRollout,
    /// Before the canary gets its first traffic; a no is a failed check.
    PreRollout,
    /// At every check, before the metrics; a no is a failed check. Also what no type means.
    #[default]
    #[serde(alias = "")]
    Rollout,
    /// Before every growth of the weight; a no holds the weight.
    ConfirmTrafficIncrease,
    /// Before the promotion, until it says yes; the checks go on meanwhile.
    ConfirmPromotion,
    /// After the promotion or the rollback; the answer is told and changes nothing.
    PostRollout,
    /// At every check; a yes rolls back.
    Rollback,
    /// With every event; nobody waits for the answer.
    Event,
}

impl HookType {
    /// The type as manifests spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConfirmRollout => "confirm-rollout",
            Self::PreRollout => "pre-rollout",
            Self::Rollout => "rollout",
            Self::ConfirmTrafficIncrease => "confirm-traffic-increase",
            Self::ConfirmPromotion => "confirm-promotion",
            Self::PostRollout => "post-rollout",
            Self::Rollback => "rollback",
            Self::Event => "event",
        }
    }
}

/// One call of a webhook.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HookCall {
    /// The Canary that calls.
    pub canary: ObjectRef,
    /// Which of its hooks: place and name in `spec.analysis.webhooks`.
    pub hook: String,
    /// Which call of that hook. A hook is called once for each occasion, and again only if recant stopped before the
    /// answer was used: the receiver can tell by the header `Idempotency-Key`, which carries hook and occasion.
    pub occasion: String,
    /// Where to: it may hold credentials.
    pub url: String,
    /// What is posted, JSON: it may hold credentials.
    pub body: String,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: i64,
    /// How often it is tried again after a lost connection, a 429 or a 5xx.
    pub retries: u32,
    /// Whether the server's certificate is not verified.
    pub disable_tls: bool,
}

impl fmt::Debug for HookCall {
    /// Without URL and body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookCall")
            .field("canary", &self.canary)
            .field("hook", &self.hook)
            .field("occasion", &self.occasion)
            .finish_non_exhaustive()
    }
}

impl HookCall {
    /// What the receiver can tell one call from another by.
    pub fn key(&self) -> String {
        let ObjectRef { namespace, name, .. } = &self.canary;
        format!("{namespace}/{name}/{}/{}", self.hook, self.occasion)
    }
}

/// What became of a call so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookAnswer {
    /// The receiver has not answered yet; ask again later.
    Pending,
    /// It answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookVerdict {
    /// Yes.
    Yes,
    /// No, and in which words.
    No(String),
    /// There was no answer: with Flagger as good as a no, but it says nothing of the revision.
    Unanswered(Why),
}

impl HookVerdict {
    /// What was seen, as a verdict; none while the answer is waited for.
    pub fn of(seen: Observed<&HookAnswer>) -> Option<Self> {
        match seen {
            Observed::Known(HookAnswer::Pending) => None,
            Observed::Known(HookAnswer::Answered { status, .. }) if *status <= STATUS_MAX => Some(Self::Yes),
            Observed::Known(HookAnswer::Answered { status, body }) => Some(Self::No(words(*status, body))),
            Observed::Unknown(why) => Some(Self::Unanswered(why)),
        }
    }
}

/// A body in one line; the status where there is none.
fn words(status: u16, body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return format!("HTTP {status}");
    }
    line.chars().take(BODY_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hundred_and_two_is_the_last_yes() {
        let verdict = |status| {
            let body = "no\n way ".to_owned();
            HookVerdict::of(Observed::Known(&HookAnswer::Answered { status, body }))
        };
        for status in [200, 201, 202] {
            assert_eq!(verdict(status), Some(HookVerdict::Yes), "{status}");
        }
        for status in [203, 204, 302, 403, 500] {
            assert_eq!(
                verdict(status),
                Some(HookVerdict::No("no way".to_owned())),
                "{status}"
            );
        }
        assert_eq!(HookVerdict::of(Observed::Known(&HookAnswer::Pending)), None);
    }

    #[test]
    fn neither_url_nor_body_of_a_call_is_printed() {
        let call = HookCall {
            canary: ObjectRef::new("flagger.app/v1beta1", "Canary", "test", "podinfo"),
            hook: "0/gate".to_owned(),
            occasion: "x".to_owned(),
            url: "http://user:hunter2@gate".to_owned(),
            body: "{\"token\":\"hunter2\"}".to_owned(),
            timeout_ms: 10_000,
            retries: 0,
            disable_tls: false,
        };
        let printed = format!("{call:?} {}", call.key());
        assert!(
            !printed.contains("hunter2") && printed.contains("0/gate"),
            "{printed}"
        );
    }
}
