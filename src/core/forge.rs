//! A Forge: a Git host, its credential, and how recant behaves there.
//!
//! Which repository a Forge serves is the shell's to find, because the credential hangs on it; what is wanted there is
//! read here, once, for everybody. [`ask`] and [`step`] keep a Forge's own `Ready` condition.

mod looks;
mod ready;
mod rules;

pub use looks::Author;
pub use looks::BODY_WORDS;
pub use looks::Commits;
pub use looks::PullRequests;
pub use looks::SigningKey;
pub use looks::SigningKeyType;
pub use looks::TITLE_WORDS;
pub use looks::fill;
pub use ready::ask;
pub use ready::step;

use crate::duration;
use crate::object::Object;
use crate::object::ObjectRef;
use serde::Deserialize;
use serde::Serialize;

/// A Forge object, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forge {
    /// Which object it is.
    pub name: ObjectRef,
    /// What it says.
    pub spec: ForgeSpec,
}

impl Forge {
    /// Reads a Forge.
    ///
    /// # Errors
    /// The field that makes no sense.
    pub fn of(object: &Object) -> Result<Self, String> {
        let spec = object.at("/spec").cloned().unwrap_or_default();
        let spec: ForgeSpec = serde_json::from_value(spec).map_err(|e| format!("spec: {e}"))?;
        spec.validate()?;
        Ok(Self {
            name: object.reference(),
            spec,
        })
    }
}

/// Which API a host speaks: the words of Flux's notification Providers, and `forgejo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForgeType {
    /// GitHub.com and GitHub Enterprise.
    GitHub,
    /// GitLab, REST v4.
    GitLab,
    /// Gitea.
    Gitea,
    /// Forgejo: Gitea's API.
    Forgejo,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Bitbucket Data Center.
    BitbucketServer,
    /// Azure DevOps Services and Server.
    AzureDevOps,
}

impl ForgeType {
    /// As manifests spell it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Bitbucket => "bitbucket",
            Self::BitbucketServer => "bitbucketserver",
            Self::AzureDevOps => "azuredevops",
        }
    }

    /// The longest body of a pull request that the host takes, in characters; a little less where it counts bytes.
    pub const fn body_max(self) -> usize {
        match self {
            Self::AzureDevOps => 4_000,
            Self::Bitbucket | Self::BitbucketServer => 32_000,
            Self::GitHub | Self::GitLab | Self::Gitea | Self::Forgejo => 60_000,
        }
    }
}

/// What a Forge says. Every default is the CRD's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForgeSpec {
    /// Which API the host speaks.
    pub r#type: ForgeType,
    /// The address the credential is bound to.
    pub url: String,
    /// Globs of the repositories below `url` that recant may write to; all when empty.
    #[serde(default)]
    pub repositories: Vec<String>,
    /// The Secret with the credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// The Secret with `ca.crt`, and `tls.crt` and `tls.key` for mutual TLS, as Flux's `certSecretRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<SecretRef>,
    /// The Secret with `address`, `username` and `password` of a proxy, as Flux's `proxySecretRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<SecretRef>,
    /// The longest wait for one answer, as a duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Whether recant only says what it would do: no branch, no pull request; statuses are still set.
    #[serde(default)]
    pub report_only: bool,
    /// The oldest failure that a revert is still proposed for, as a duration.
    #[serde(default = "max_age")]
    pub max_age: String,
    /// What to do when the lines to be reverted are shared with other workloads.
    #[serde(default)]
    pub shared_reverts: SharedReverts,
    /// How pull requests look.
    #[serde(default)]
    pub pull_requests: PullRequests,
    /// How commits look.
    #[serde(default)]
    pub commits: Commits,
    /// Whether commit statuses are set.
    #[serde(default = "yes")]
    pub commit_statuses: bool,
    /// How much recant may do there.
    #[serde(default)]
    pub caps: Caps,
}

/// A Secret in the Forge's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRef {
    /// Its name.
    pub name: String,
}

/// The policy for lines that other workloads share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SharedReverts {
    /// Restore only this workload, by a pin in its own overlay; propose nothing where that cannot be done.
    #[default]
    Pin,
    /// Revert the shared lines, and name everything else that changes with them.
    Propose,
    /// Propose nothing.
    Refuse,
}

/// How much recant may do on one Forge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Caps {
    /// The most of its pull requests that are open at one time; 0 for no bound.
    pub open_pull_requests: u32,
    /// The most pull requests that it opens in 24 hours; 0 for no bound.
    pub per_day: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            open_pull_requests: 10,
            per_day: 20,
        }
    }
}

const fn yes() -> bool {
    true
}

fn max_age() -> String {
    "168h".to_owned()
}

impl ForgeSpec {
    /// What a Forge of this type at this address says when it says nothing more.
    pub fn new(r#type: ForgeType, url: &str) -> Self {
        Self {
            r#type,
            url: url.to_owned(),
            repositories: Vec::new(),
            secret_ref: None,
            cert_secret_ref: None,
            proxy_secret_ref: None,
            timeout: None,
            report_only: false,
            max_age: max_age(),
            shared_reverts: SharedReverts::default(),
            pull_requests: PullRequests::default(),
            commits: Commits::default(),
            commit_statuses: true,
            caps: Caps::default(),
        }
    }

    /// The oldest failure that a revert is still proposed for, in seconds.
    pub fn max_age_s(&self) -> i64 {
        seconds(&self.max_age).unwrap_or(i64::MAX)
    }

    /// The longest wait for one answer, in seconds.
    pub fn timeout_s(&self) -> Option<i64> {
        self.timeout.as_deref().and_then(seconds)
    }
}

fn seconds(text: &str) -> Option<i64> {
    duration::parse(text).map(|duration| duration.as_secs())
}

#[cfg(test)]
mod tests;
