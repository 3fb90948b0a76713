//! One of `spec.analysis.webhooks`.

use crate::duration;
use crate::hook::HookType;
use jiff::SignedDuration;
use serde::Deserialize;

/// Somebody who is called at some point of the release.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its name, in events.
    pub name: String,
    /// When it is called.
    #[serde(default)]
    pub r#type: HookType,
    /// Where to: it may hold credentials.
    pub url: String,
    /// How long one attempt may take; 10 s when absent.
    pub timeout: Option<String>,
    /// How often it is tried again.
    #[serde(default)]
    pub retries: i64,
    /// Whether no alert is sent about it.
    #[serde(default)]
    pub mute_alert: bool,
    /// Whether the server's certificate is not verified.
    #[serde(default, rename = "disableTLS")]
    pub disable_tls: bool,
    /// What is posted besides: it may hold credentials.
    #[serde(default)]
    pub metadata: std::collections::BTreeMap<String, String>,
}

impl std::fmt::Debug for Webhook {
    /// Without URL and metadata.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Webhook");
        shown.field("name", &self.name).field("type", &self.r#type);
        shown.finish_non_exhaustive()
    }
}

impl Webhook {
    /// How long one attempt may take: 10 s where nothing useful is said, as with Flagger.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn timeout(&self) -> Result<SignedDuration, String> {
        match self.timeout.as_deref().filter(|text| text.len() > 1) {
            None => Ok(SignedDuration::from_secs(10)),
            Some(text) => duration::parse(text).ok_or_else(|| {
                format!(
                    "webhook {}: timeout {text}: must be a time such as 10s or 1m",
                    self.name
                )
            }),
        }
    }
}
