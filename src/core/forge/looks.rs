//! How pull requests and commits look on a Forge, and the templates of their texts.

use super::ForgeSpec;
use super::SecretRef;
use serde::Deserialize;
use serde::Serialize;
use std::collections::BTreeMap;

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

/// The words that a title's template may hold.
pub const TITLE_WORDS: [&str; 5] = ["title", "canary", "namespace", "cluster", "commit"];
/// The words that a body's template may hold.
pub const BODY_WORDS: [&str; 6] = ["body", "title", "canary", "namespace", "cluster", "commit"];

impl ForgeSpec {
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
}

/// Whether the last paragraph of a message is nothing but trailers.
fn ends_in_trailers(message: &str) -> bool {
    let Some((_, last)) = message.rsplit_once("\n\n") else {
        return false;
    };
    last.lines().all(|line| {
        let key = line.split_once(": ").map(|(key, _)| key);
        key.is_some_and(is_trailer_key)
    })
}

/// A word like `Reviewed-by`.
pub(super) fn is_trailer_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
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
