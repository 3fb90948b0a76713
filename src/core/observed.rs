//! What came of looking: something known, or the reason why not. Beneath the questions (`query`) and what they are made
//! of, so that a webhook's or a provider's answer needs to know no question.

use std::fmt;

/// Something known, or not, and then why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed<T> {
    /// It was seen.
    Known(T),
    /// It could not be seen.
    Unknown(Why),
}

/// Why something could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "why", content = "detail", rename_all = "camelCase")]
pub enum Why {
    /// The other side did not answer (connection, time-out, 5xx).
    Unreachable(String),
    /// The other side answered that recant may not.
    Denied(String),
    /// The answer made no sense, or the question did not to the other side.
    Invalid(String),
    /// Nobody asked yet.
    NotAsked,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(detail) => write!(f, "unreachable: {detail}"),
            Self::Denied(detail) => write!(f, "denied: {detail}"),
            Self::Invalid(detail) => write!(f, "invalid: {detail}"),
            Self::NotAsked => f.write_str("not asked"),
        }
    }
}
