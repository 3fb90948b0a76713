//! The rules for a Forge that Rust's types do not hold; the CRD has the same.

use super::ForgeSpec;
use super::ForgeType;
use super::looks::BODY_WORDS;
use super::looks::TITLE_WORDS;
use super::looks::fill;
use super::looks::is_trailer_key;
use super::seconds;

impl ForgeSpec {
    /// The rules that Rust's types do not hold; the CRD has the same.
    pub(super) fn validate(&self) -> Result<(), String> {
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
            if !is_trailer_key(key) || value.chars().any(char::is_control) {
                return Err(format!(
                    "spec.commits.trailers: {key:?} must be a word like Reviewed-by, with one line behind it"
                ));
            }
        }
        Ok(())
    }
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

/// Which `{{ word }}`s a template holds: only these are known.
fn template(text: &str, words: &[&str]) -> Result<(), String> {
    fill(text, |word| words.contains(&word).then(String::new)).map(drop)
}
