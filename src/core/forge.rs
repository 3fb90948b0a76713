//! A Forge: a Git host, its credential, and how recant behaves there.
//!
//! Which repository a Forge serves is the shell's to find, because the credential hangs on it; what is wanted there is
//! read here, once, for everybody. [`ask`] and [`step`] keep a Forge's own `Ready` condition.

mod ready;

pub use ready::ask;
pub use ready::step;

use crate::duration;
use crate::object::Object;
use crate::object::ObjectRef;
use serde::Deserialize;
use serde::Serialize;
use std::collections::BTreeMap;

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

/// How pull requests look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PullRequests {
    /// What the names of recant's branches begin with.
    pub branch_prefix: String,
    /// Labels, made where the host lacks them.
    pub labels: Vec<String>,
    /// Logins of reviewers; `team/NAME` (GitHub) or `group/NAME` for a team.
    pub reviewers: Vec<String>,
    /// Whether the authors of the bad commits are assigned.
    pub assign_author: bool,
    /// Whether it is opened as a draft.
    pub draft: bool,
    /// Whether the host is asked to merge it as soon as its own rules allow.
    pub auto_merge: bool,
    /// The title, with `{{ … }}` for the words of [`TITLE_WORDS`]; recant's own when empty.
    pub title_template: String,
    /// The body, with `{{ body }}` for recant's own; that alone when empty.
    pub body_template: String,
}

impl Default for PullRequests {
    fn default() -> Self {
        Self {
            branch_prefix: "recant/".to_owned(),
            labels: vec!["recant".to_owned()],
            reviewers: Vec::new(),
            assign_author: false,
            draft: false,
            auto_merge: false,
            title_template: String::new(),
            body_template: String::new(),
        }
    }
}

/// The words that a title's template may hold.
pub const TITLE_WORDS: [&str; 5] = ["title", "canary", "namespace", "cluster", "commit"];
/// The words that a body's template may hold.
pub const BODY_WORDS: [&str; 6] = ["body", "title", "canary", "namespace", "cluster", "commit"];

/// How commits look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Commits {
    /// Author and committer; recant's own when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// Trailers that every message gets, beside recant's own.
    pub trailers: BTreeMap<String, String>,
    /// The key that commits are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<SigningKey>,
    /// Whether the host makes the commit and signs it: GitHub's `createCommitOnBranch`, with an App's credential.
    pub sign_by_forge: bool,
}

/// Who made a commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// A key to sign commits with: the layout of Flux image automation's `signingKey`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningKey {
    /// What key it is.
    pub r#type: SigningKeyType,
    /// The Secret: `identity` and perhaps `password`.
    pub secret_ref: SecretRef,
}

/// What a signing key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SigningKeyType {
    /// An OpenSSH private key.
    Ssh,
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

    /// A commit's message with this Forge's trailers, in one block with those it has.
    pub fn with_trailers(&self, message: &str) -> String {
        let message = message.trim_end();
        if self.commits.trailers.is_empty() {
            return format!("{message}\n");
        }
        let gap = if ends_in_trailers(message) { "\n" } else { "\n\n" };
        let trailers: Vec<String> = self
            .commits
            .trailers
            .iter()
            .map(|(key, value)| format!("{key}: {value}"))
            .collect();
        format!("{message}{gap}{}\n", trailers.join("\n"))
    }

    /// The rules that Rust's types do not hold; the CRD has the same.
    fn validate(&self) -> Result<(), String> {
        for (field, text) in [
            ("spec.maxAge", Some(&self.max_age)),
            ("spec.timeout", self.timeout.as_ref()),
        ] {
            if let Some(text) = text
                && seconds(text).is_none_or(|seconds| seconds <= 0)
            {
                return Err(format!("{field}: {text:?} is not a duration like 30s or 168h"));
            }
        }
        let prefix = &self.pull_requests.branch_prefix;
        if !is_prefix(prefix) {
            return Err(format!(
                "spec.pullRequests.branchPrefix: {prefix:?} must be letters, digits and -._ and end with a slash"
            ));
        }
        if self.commits.sign_by_forge && self.r#type != ForgeType::GitHub {
            return Err("spec.commits.signByForge: only GitHub makes commits itself".to_owned());
        }
        if self.commits.sign_by_forge && self.commits.signing_key.is_some() {
            return Err("spec.commits: signByForge and signingKey exclude each other".to_owned());
        }
        template(&self.pull_requests.title_template, &TITLE_WORDS)
            .map_err(|e| format!("spec.pullRequests.titleTemplate: {e}"))?;
        template(&self.pull_requests.body_template, &BODY_WORDS)
            .map_err(|e| format!("spec.pullRequests.bodyTemplate: {e}"))?;
        for (key, value) in &self.commits.trailers {
            let word = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if !word || value.chars().any(char::is_control) {
                return Err(format!(
                    "spec.commits.trailers: {key:?} must be a word like Reviewed-by, with one line behind it"
                ));
            }
        }
        Ok(())
    }
}

fn seconds(text: &str) -> Option<i64> {
    duration::parse(text).map(|duration| duration.as_secs())
}

/// A branch prefix is below a name of its own, so that no branch of a person's begins with it by chance.
fn is_prefix(prefix: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    prefix.strip_suffix('/').is_some_and(|stem| {
        stem.split('/')
            .all(|part| !part.is_empty() && !part.starts_with(['.', '-']) && part.chars().all(plain))
            && !stem.contains("..")
    })
}

/// Whether the last paragraph of a message is nothing but trailers.
fn ends_in_trailers(message: &str) -> bool {
    let Some((_, last)) = message.rsplit_once("\n\n") else {
        return false;
    };
    last.lines().all(|line| {
        line.split_once(": ").is_some_and(|(key, _)| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
    })
}

/// Which `{{ word }}`s a template holds: only these are known.
fn template(text: &str, words: &[&str]) -> Result<(), String> {
    fill(text, |word| words.contains(&word).then(String::new)).map(drop)
}

/// A template with its `{{ word }}`s filled in.
///
/// # Errors
/// A word that `value` does not know, or braces that are not closed.
pub fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (word, behind) = after.split_once("}}").ok_or("a {{ is not closed by a }}")?;
        let word = word.trim();
        out.push_str(before);
        out.push_str(&value(word).ok_or_else(|| format!("there is no word {word:?}"))?);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests;
