//! A commit that GitHub makes and signs.
//!
//! `createCommitOnBranch` only adds to a branch that is there, and recant's own branch must never be seen half made. So
//! the commit is made on a branch beside it, whose name is derived from the push; then one request moves recant's
//! branch to it, if it is still where it was seen, and deletes the one beside. Stopped anywhere, the next attempt finds
//! what is there.

use super::GitHub;
use crate::forge::host;
use crate::forge::hub::Hub;
use crate::forge::hub::WireRepo;
use crate::forge::rest::Call;
use crate::forge::slug::Slug;
use crate::port::PortError;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use recant_core::effect::Push;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

/// What a branch that is not there is at.
const NOWHERE: &str = "0000000000000000000000000000000000000000";

const CREATE: &str = "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) \
                      { commit { oid } } }";
const MOVE: &str = "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }";

#[derive(Deserialize)]
struct Ref {
    object: RefObject,
}

#[derive(Deserialize)]
struct RefObject {
    sha: String,
}

impl Hub<GitHub> {
    /// Lets GitHub make a commit, and moves recant's branch to it.
    pub(super) async fn sign(&self, repo: &Slug, push: &Push) -> Result<String, PortError> {
        if self.own.app.is_none() {
            let text = "spec.commits.signByForge: GitHub signs only what an App commits";
            return Err(PortError::Denied(text.to_owned()));
        }
        let beside = beside(push);
        let commit = match self.head(repo, &beside).await? {
            Some(head) if head != push.base => head,
            found => {
                if found.is_none() {
                    self.branch(repo, &beside, &push.base).await?;
                }
                self.create_commit(repo, &beside, push).await?
            }
        };
        self.shift(repo, push, &beside, &commit).await?;
        Ok(commit)
    }

    async fn head(&self, repo: &Slug, branch: &str) -> Result<Option<String>, PortError> {
        let call = Call::get(format!("/repos/{repo}/git/ref/heads/{branch}"));
        let found = host::if_there(self.rest.json::<Ref>(call).await)?;
        Ok(found.map(|found| found.object.sha))
    }

    async fn branch(&self, repo: &Slug, branch: &str, at: &str) -> Result<(), PortError> {
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": at });
        self.rest
            .done(Call::post(format!("/repos/{repo}/git/refs"), body).guarded())
            .await
    }

    async fn create_commit(&self, repo: &Slug, beside: &str, push: &Push) -> Result<String, PortError> {
        let (headline, body) = push.message.split_once('\n').unwrap_or((&push.message, ""));
        let written = push.files.iter().filter_map(|(path, content)| {
            let contents = BASE64_STANDARD.encode(content.as_ref()?);
            Some(json!({ "path": path, "contents": contents }))
        });
        let deleted = push.files.iter().filter(|(_, content)| content.is_none());
        let deleted = deleted.map(|(path, _)| json!({ "path": path }));
        let input = json!({
            "branch": { "repositoryNameWithOwner": repo.to_string(), "branchName": beside },
            "expectedHeadOid": push.base,
            "message": { "headline": headline, "body": body.trim() },
            "fileChanges": {
                "additions": written.collect::<Vec<_>>(),
                "deletions": deleted.collect::<Vec<_>>(),
            },
        });
        let data = self.graphql(CREATE, json!({ "input": input })).await?;
        let oid = data
            .pointer("/createCommitOnBranch/commit/oid")
            .and_then(Value::as_str);
        oid.map(str::to_owned)
            .ok_or_else(|| PortError::Invalid("GitHub made a commit and does not say which".to_owned()))
    }

    /// Moves recant's branch and deletes the one beside, both or none, each only from where it was seen.
    async fn shift(&self, repo: &Slug, push: &Push, beside: &str, commit: &str) -> Result<(), PortError> {
        let found: WireRepo = self.rest.json(Call::get(format!("/repos/{repo}"))).await?;
        let expect = push.expect.as_deref().unwrap_or(NOWHERE);
        let input = json!({
            "repositoryId": found.node_id,
            "refUpdates": [
                {
                    "name": format!("refs/heads/{}", push.branch.name), "force": true,
                    "beforeOid": expect, "afterOid": commit,
                },
                { "name": format!("refs/heads/{beside}"), "beforeOid": commit, "afterOid": NOWHERE },
            ],
        });
        match self.graphql(MOVE, json!({ "input": input })).await {
            Ok(_) => Ok(()),
            // The answer of the attempt before may have been lost.
            Err(_) if self.head(repo, &push.branch.name).await?.as_deref() == Some(commit) => Ok(()),
            Err(PortError::Invalid(why)) => Err(PortError::Stale(why)),
            Err(error) => Err(error),
        }
    }
}

/// The branch on which the commit is made: another push has another one.
fn beside(push: &Push) -> String {
    let mut hash = Sha256::new();
    for part in [&push.branch.name, &push.base, &push.message] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    for (path, content) in &push.files {
        hash.update(path.as_bytes());
        hash.update([0, u8::from(content.is_some())]);
        hash.update(content.as_deref().unwrap_or_default());
    }
    let digest: String = hash
        .finalize()
        .iter()
        .take(6)
        .map(|b| format!("{b:02x}"))
        .collect();
    format!("{}-commit-{digest}", push.branch.name)
}
