//! What people are told through a chat: [`Alert`], of Flagger's severities, with Flagger's fields and some more.

use crate::object::ObjectRef;
use serde::Deserialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something went as planned. Also what an empty severity means, as Flagger documents it (its code sends nothing).
    #[default]
    #[serde(alias = "")]
    Info,
    /// Somebody has to do something.
    Warn,
    /// An analysis or a promotion failed.
    Error,
}

impl Severity {
    /// Flagger's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The Canary it is about.
    pub about: ObjectRef,
    /// The AlertProvider it goes through; none for recant's own (`--slack-url`, `--msteams-url`).
    pub provider: Option<ObjectRef>,
    /// How bad it is.
    pub severity: Severity,
    /// The message.
    pub message: String,
    /// Names and values, in the order in which they are shown.
    pub fields: Vec<(String, String)>,
}
