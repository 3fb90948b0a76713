//! Bitbucket Cloud, by REST 2.0.
//!
//! It shows commits by their first 12 digits; whoever compares heads needs all of them, so they are asked for.

use super::binding::Bound;
use super::host;
use super::host::Comment;
use super::host::Host;
use super::host::HostPull;
use super::host::Standing;
use super::rest::Call;
use super::rest::Pace;
use super::rest::Rest;
use super::slug::Slug;
use crate::port::Answered;
use crate::port::PortError;
use http::Method;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::StatusState;
use recant_core::query::Access;
use recant_core::query::Pull;
use recant_core::query::PullState;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

/// The largest page of pull requests.
const PAGE: &str = "50";
/// The most characters of a build status' key.
const KEY_MAX: usize = 40;

/// Bitbucket Cloud.
pub(super) struct Bitbucket {
    rest: Rest,
    base: String,
}

#[derive(Deserialize)]
struct Wire {
    id: u64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: Option<String>,
    state: String,
    #[serde(default)]
    draft: bool,
    source: End,
    destination: End,
    #[serde(default)]
    merge_commit: Option<Commit>,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize)]
struct End {
    branch: Name,
    #[serde(default)]
    commit: Option<Commit>,
    /// None when a fork was deleted.
    #[serde(default)]
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Commit {
    hash: String,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Default, Deserialize)]
struct Links {
    #[serde(default)]
    html: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: String,
}

#[derive(Deserialize)]
struct Said {
    id: u64,
    content: Content,
    #[serde(default)]
    deleted: bool,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    raw: String,
}

#[derive(Deserialize)]
struct Build {
    state: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    url: String,
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

    async fn list<T: serde::de::DeserializeOwned>(&self, call: Call) -> Result<Vec<T>, PortError> {
        let next = |page: &Value, _| {
            // Only the page's number is taken from the link: where the next request goes is not the answer's to say.
            let next = page.get("next")?.as_str()?;
            let link = url::Url::parse(next).ok()?;
            let number = link.query_pairs().find(|(key, _)| key == "page")?.1.into_owned();
            Some(("page", number))
        };
        self.rest.walk(call.query("pagelen", PAGE), "values", next).await
    }

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

    async fn status(&self, repo: &Slug, commit: &str, context: &str) -> Result<Option<Standing>, PortError> {
        let path = format!(
            "/repositories/{repo}/commit/{commit}/statuses/build/{}",
            key(context)
        );
        match self.rest.json::<Build>(Call::get(path)).await {
            Ok(build) => Ok(Some(Standing {
                state: build.state,
                text: build.description.unwrap_or_default(),
                url: build.url,
            })),
            Err(PortError::Invalid(text)) if text.contains("HTTP 404") => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn build(&self, status: &CommitStatus) -> Standing {
        Standing {
            state: word(status.state).to_owned(),
            text: status.description.clone(),
            // Bitbucket wants a page.
            url: if status.url.is_empty() {
                self.base.clone()
            } else {
                status.url.clone()
            },
        }
    }

    async fn access(&self, repos: &[Slug]) -> Result<Access, PortError> {
        let mut access = Access::default();
        match self.rest.json::<Value>(Call::get("/user".to_owned())).await {
            Ok(user) => {
                let name = user.get("display_name").and_then(Value::as_str);
                access.login = name.unwrap_or_default().to_owned();
            }
            Err(PortError::Denied(why)) if repos.is_empty() => return Err(PortError::Denied(why)),
            Err(PortError::Denied(_)) => {
                access.login = "x-token-auth".to_owned();
                access
                    .notes
                    .push("the token does not say who it is (scope account)".to_owned());
            }
            Err(error) => return Err(error),
        }
        for repo in repos {
            let reply = match self.rest.reply(&Call::get(format!("/repositories/{repo}"))).await {
                Ok(reply) => reply,
                Err(PortError::Denied(why) | PortError::Invalid(why)) => {
                    access.missing.push(format!("sight of {repo} ({why})"));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Some(scopes) = reply.header("x-oauth-scopes") else {
                continue;
            };
            let scopes: Vec<&str> = scopes.split(',').map(str::trim).collect();
            let has = |wanted: &[&str]| wanted.iter().any(|scope| scopes.contains(scope));
            if !has(&["pullrequest:write", "write:pullrequest:bitbucket"]) {
                let lacking = "scope pullrequest:write (to open pull requests)".to_owned();
                access.missing.push(lacking);
            }
            if !has(&["repository:write", "write:repository:bitbucket"]) {
                access
                    .missing
                    .push("scope repository:write (to push recant's branch)".to_owned());
            }
        }
        access.missing.sort();
        access.missing.dedup();
        Ok(access)
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

const fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "INPROGRESS",
        StatusState::Success => "SUCCESSFUL",
        StatusState::Failure => "FAILED",
        StatusState::Error => "STOPPED",
    }
}

impl Wire {
    fn is_from(&self, branch: &str) -> bool {
        let name = |end: &End| {
            end.repository
                .as_ref()
                .map(|repo| repo.full_name.to_ascii_lowercase())
        };
        let source = name(&self.source);
        self.source.branch.name == branch && source.is_some() && source == name(&self.destination)
    }
}

impl From<Wire> for HostPull {
    fn from(wire: Wire) -> Self {
        let hash = |commit: Option<Commit>| commit.map(|commit| commit.hash).unwrap_or_default();
        let state = match wire.state.as_str() {
            "OPEN" => PullState::Open,
            "MERGED" => PullState::Merged(hash(wire.merge_commit)),
            _ => PullState::Closed,
        };
        let pull = Pull {
            number: wire.id,
            url: wire.links.html.map(|link| link.href).unwrap_or_default(),
            state,
            head: hash(wire.source.commit),
            base: wire.destination.branch.name,
            title: wire.title,
            body: wire.description.unwrap_or_default(),
        };
        Self {
            draft: wire.draft,
            ..Self::new(pull, wire.source.branch.name)
        }
    }
}

impl Host for Bitbucket {
    fn pulls<'a>(&'a self, repo: &'a Slug, head: &'a str, only_open: bool) -> Answered<'a, Vec<HostPull>> {
        Box::pin(self.pulls(repo, head, only_open))
    }

    fn one<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, HostPull> {
        Box::pin(async move {
            let call = Call::get(format!("/repositories/{repo}/pullrequests/{number}"));
            let wire: Wire = self.rest.json(call).await?;
            self.whole(repo, wire).await
        })
    }

    fn create<'a>(&'a self, repo: &'a Slug, text: &'a PullText) -> Answered<'a, Option<HostPull>> {
        Box::pin(self.create(repo, text))
    }

    fn wish<'a>(&'a self, _repo: &'a Slug, _pull: &'a HostPull, _text: &'a PullText) -> Answered<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn edit<'a>(
        &'a self,
        repo: &'a Slug,
        old: &'a HostPull,
        title: &'a str,
        body: &'a str,
    ) -> Answered<'a, ()> {
        let path = format!("/repositories/{repo}/pullrequests/{}", old.pull.number);
        let change = json!({ "title": title, "description": body });
        Box::pin(self.rest.done(Call::with(Method::PUT, path, change)))
    }

    fn close<'a>(&'a self, repo: &'a Slug, old: &'a HostPull) -> Answered<'a, ()> {
        let path = format!("/repositories/{repo}/pullrequests/{}/decline", old.pull.number);
        Box::pin(async move {
            match self.rest.done(Call::post(path, json!({})).guarded()).await {
                // An answer that was lost: it is declined already.
                Err(error @ PortError::Invalid(_)) => match self.one(repo, old.pull.number).await?.pull.state
                {
                    PullState::Open => Err(error),
                    _ => Ok(()),
                },
                done => done,
            }
        })
    }

    fn comments<'a>(&'a self, repo: &'a Slug, number: u64) -> Answered<'a, Vec<Comment>> {
        Box::pin(async move {
            let call = Call::get(format!("/repositories/{repo}/pullrequests/{number}/comments"));
            let mut all: Vec<Said> = self.list(call).await?;
            all.retain(|said| !said.deleted);
            all.sort_by_key(|said| said.id);
            let comment = |said: Said| Comment {
                id: said.id,
                version: 0,
                body: said.content.raw,
            };
            Ok(all.into_iter().map(comment).collect())
        })
    }

    fn comment<'a>(&'a self, repo: &'a Slug, number: u64, body: &'a str) -> Answered<'a, ()> {
        let path = format!("/repositories/{repo}/pullrequests/{number}/comments");
        let body = json!({ "content": { "raw": body } });
        Box::pin(self.rest.done(Call::post(path, body)))
    }

    fn edit_comment<'a>(
        &'a self,
        repo: &'a Slug,
        number: u64,
        old: &'a Comment,
        body: &'a str,
    ) -> Answered<'a, ()> {
        let path = format!("/repositories/{repo}/pullrequests/{number}/comments/{}", old.id);
        let body = json!({ "content": { "raw": body } });
        Box::pin(self.rest.done(Call::with(Method::PUT, path, body)))
    }

    fn status<'a>(
        &'a self,
        repo: &'a Slug,
        commit: &'a str,
        context: &'a str,
    ) -> Answered<'a, Option<Standing>> {
        Box::pin(self.status(repo, commit, context))
    }

    fn set_status<'a>(&'a self, repo: &'a Slug, status: &'a CommitStatus) -> Answered<'a, ()> {
        let path = format!("/repositories/{repo}/commit/{}/statuses/build", status.commit);
        let build = self.build(status);
        let body = json!({
            "key": key(&status.context), "name": status.context, "state": build.state,
            "description": build.text, "url": build.url,
        });
        // The key makes a second one of the same the first one.
        Box::pin(self.rest.done(Call::post(path, body).guarded()))
    }

    fn standing(&self, status: &CommitStatus) -> Standing {
        self.build(status)
    }

    fn body_max(&self) -> usize {
        32_000
    }

    fn access<'a>(&'a self, repos: &'a [Slug]) -> Answered<'a, Access> {
        Box::pin(self.access(repos))
    }
}
