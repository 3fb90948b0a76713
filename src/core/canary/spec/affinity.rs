//! `spec.analysis.sessionAffinity`.

use serde::Deserialize;

/// Keeps a client on the revision that it was sent to first, by a cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionAffinity {
    /// The cookie of clients that were sent to the canary.
    pub cookie_name: String,
    /// The cookie of clients that were sent to the primary; none when empty.
    pub primary_cookie_name: String,
    /// The cookie's `Domain`.
    pub domain: String,
    /// Whether scripts may not read it.
    pub http_only: bool,
    /// How long it lasts, in seconds; a day when 0.
    pub max_age: i64,
    /// Whether it is kept apart for each top-level site.
    pub partitioned: bool,
    /// The cookie's `Path`.
    pub path: String,
    /// `Strict`, `Lax` or `None`.
    pub same_site: String,
    /// Whether it is only sent over TLS.
    pub secure: bool,
}

impl SessionAffinity {
    /// How long the cookie of clients that were sent to the canary lasts, in seconds.
    pub const fn max_age_s(&self) -> i64 {
        if self.max_age == 0 { 86_400 } else { self.max_age }
    }
}
