//! Bitbucket Cloud, by REST 2.0.
//!
//! It shows commits by their first 12 digits; whoever compares heads needs all of them, so they are asked for.

mod access;
mod wire;

use super::binding::Bound;
use super::build;
use super::host;
use super::host::Comment;
use super::host::Host;
use super::host::HostPull;
use super::host::Standing;
use super::rest::Call;
use super::rest::Pace;
use super::rest::Rest;
use super::slug::Slug;
use crate::port::PortError;
use async_trait::async_trait;
use http::Method;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::query::Access;
use recant_core::query::PullState;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use wire::Commit;
use wire::Said;
use wire::Wire;

/// The largest page of pull requests.
const PAGE: &str = "50";
/// The most characters of a build status' key.
const KEY_MAX: usize = 40;

/// Bitbucket Cloud.
pub(super) struct Bitbucket {
    rest: Rest,
    base: String,
}

impl Bitbucket {
    pub(super) fn new(bound: &Bound, pace: Pace) -> Result<Self, PortError> {
        // Like GitHub's, Bitbucket's API has a host of its own.
        let root = match bound.base.host() {
            "bitbucket.org" => "https://api.bitbucket.org/2.0".to_owned(),
            _ => format!("{}/2.0", bound.base.url()),
        };
        Ok(Self {
            rest: host::rest(bound, root, "Bearer", true, pace)?,
            base: bound.base.url(),
        })
    }

    async fn list<T: DeserializeOwned>(&self, call: Call) -> Result<Vec<T>, PortError> {
        let next = |page: &Value, _| {
            // Only the page's number is taken from the link: where the next request goes is not the answer's to say.
            let next = page.get("next")?.as_str()?;
            let link = url::Url::parse(next).ok()?;
            let number = link.query_pairs().find(|(key, _)| key == "page")?.1.into_owned();
            Some(("page", number))
        };
        self.rest.walk(call.query("pagelen", PAGE), "values", next).await
    }

    /// The pull request with whole commit ids, where somebody compares them.
    async fn whole(&self, repo: &Slug, wire: Wire) -> Result<HostPull, PortError> {
        let mut pull = HostPull::from(wire);
        if pull.pull.state == PullState::Open {
            pull.pull.head = self.full(repo, &pull.pull.head).await?;
        } else if let PullState::Merged(commit) = &pull.pull.state {
            pull.pull.state = PullState::Merged(self.full(repo, commit).await?);
        }
        Ok(pull)
    }

    async fn full(&self, repo: &Slug, commit: &str) -> Result<String, PortError> {
        if commit.is_empty() || commit.len() >= 40 {
            return Ok(commit.to_owned());
        }
        let call = Call::get(format!("/repositories/{repo}/commit/{commit}"));
        let commit: Commit = self.rest.json(call).await?;
        Ok(commit.hash)
    }
}

/// A build status' key: the context, if it is short enough.
fn key(context: &str) -> String {
    if context.len() <= KEY_MAX && !context.contains('/') {
        return context.to_owned();
    }
    let digest = Sha256::digest(context.as_bytes());
    let digest: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("recant-{digest}")
}

#[async_trait]
impl Host for Bitbucket {
    async fn pulls(&self, repo: &Slug, head: &str, only_open: bool) -> Result<Vec<HostPull>, PortError> {
        let mut call = Call::get(format!("/repositories/{repo}/pullrequests"))
            .query("q", format!("source.branch.name=\"{head}\""));
        let states: &[&str] = if only_open {
            &["OPEN"]
        } else {
            &["OPEN", "MERGED", "DECLINED", "SUPERSEDED"]
        };
        for state in states {
            call = call.query("state", *state);
        }
        let all: Vec<Wire> = self.list(call).await?;
        let mut own = Vec::new();
        for wire in all.into_iter().filter(|wire| wire.is_from(head)) {
            own.push(self.whole(repo, wire).await?);
        }
        Ok(own)
    }

    async fn one(&self, repo: &Slug, number: u64) -> Result<HostPull, PortError> {
        let call = Call::get(format!("/repositories/{repo}/pullrequests/{number}"));
        let wire: Wire = self.rest.json(call).await?;
        self.whole(repo, wire).await
    }

    async fn create(&self, repo: &Slug, text: &PullText) -> Result<Option<HostPull>, PortError> {
        // Bitbucket has no labels, no assignees and no auto-merge for pull requests.
        let reviewers: Vec<Value> = text
            .wishes
            .reviewers
            .iter()
            .map(|who| match who.starts_with('{') {
                true => json!({ "uuid": who }),
                false => json!({ "account_id": who }),
            })
            .collect();
        let body = json!({
            "title": text.title, "description": text.body,
            "source": { "branch": { "name": text.branch.name } },
            "destination": { "branch": { "name": text.base } },
            "reviewers": reviewers, "draft": text.wishes.draft,
        });
        let call = Call::post(format!("/repositories/{repo}/pullrequests"), body);
        match self.rest.create::<Wire>(call).await? {
            Some(wire) => self.whole(repo, wire).await.map(Some),
            None => Ok(None),
        }
    }

    async fn wish(&self, _repo: &Slug, _pull: &HostPull, _text: &PullText) -> Result<(), PortError> {
        Ok(())
    }

    async fn edit(&self, repo: &Slug, old: &HostPull, title: &str, body: &str) -> Result<(), PortError> {
        let path = format!("/repositories/{repo}/pullrequests/{}", old.pull.number);
        let change = json!({ "title": title, "description": body });
        self.rest.done(Call::with(Method::PUT, path, change)).await
    }

    async fn close(&self, repo: &Slug, old: &HostPull) -> Result<(), PortError> {
        let path = format!("/repositories/{repo}/pullrequests/{}/decline", old.pull.number);
        let declined = self.rest.done(Call::post(path, json!({})).guarded()).await;
        host::closed(self, repo, old, declined).await
    }

    async fn comments(&self, repo: &Slug, number: u64) -> Result<Vec<Comment>, PortError> {
        let call = Call::get(format!("/repositories/{repo}/pullrequests/{number}/comments"));
        let mut all: Vec<Said> = self.list(call).await?;
        all.retain(|said| !said.deleted);
        all.sort_by_key(|said| said.id);
        Ok(all.into_iter().map(|said| said.under(number)).collect())
    }

    async fn comment(&self, repo: &Slug, number: u64, body: &str) -> Result<(), PortError> {
        let path = format!("/repositories/{repo}/pullrequests/{number}/comments");
        let body = json!({ "content": { "raw": body } });
        self.rest.done(Call::post(path, body)).await
    }

    async fn edit_comment(&self, repo: &Slug, old: &Comment, body: &str) -> Result<(), PortError> {
        let path = format!(
            "/repositories/{repo}/pullrequests/{}/comments/{}",
            old.pull, old.id
        );
        let body = json!({ "content": { "raw": body } });
        self.rest.done(Call::with(Method::PUT, path, body)).await
    }

    async fn status(&self, repo: &Slug, commit: &str, context: &str) -> Result<Option<Standing>, PortError> {
        let key = key(context);
        let path = format!("/repositories/{repo}/commit/{commit}/statuses/build/{key}");
        build::status(&self.rest, Call::get(path)).await
    }

    async fn set_status(&self, repo: &Slug, status: &CommitStatus) -> Result<(), PortError> {
        let path = format!("/repositories/{repo}/commit/{}/statuses/build", status.commit);
        let key = key(&status.context);
        build::set(&self.rest, path, &key, status, self.standing(status)).await
    }

    fn standing(&self, status: &CommitStatus) -> Standing {
        build::standing(status, "STOPPED", &self.base)
    }

    async fn access(&self, repos: &[Slug]) -> Result<Access, PortError> {
        access::may(&self.rest, repos).await
    }
}
