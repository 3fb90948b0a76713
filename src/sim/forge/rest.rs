//! Gitea's REST API, version 1: the part a reconciler, its tests and a curious person use.
//!
//! Paths, fields, status codes and words are Gitea's. What is not here answers 404, as an unknown path does there.

mod changes;
mod issues;
mod paging;
mod pulls;
mod repos;
mod show;
mod statuses;
mod url;

pub use url::decode;
pub use url::encode;
pub use url::pairs;

use super::By;
use super::Forge;
use super::Refusal;
use super::Repos;
use super::Role;
use crate::git::Git;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// A request to the API.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The path as sent, percent-encoded: `/api/v1/repos/demo/fleet`.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: String,
    /// Whom the token belongs to; none for an anonymous request.
    pub user: Option<String>,
    /// The body as sent.
    pub body: Vec<u8>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// Headers beside the content type.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
}

/// What an answer holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// A JSON document.
    Json(Value),
    /// Plain text.
    Text(String),
}

impl Response {
    fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Json(body),
        }
    }

    fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Empty,
        }
    }
}

type Answer = Result<Response, Refusal>;

/// One request on its way through the handlers.
struct Asked<'a> {
    forge: &'a mut Forge,
    repos: &'a mut Repos,
    now: Timestamp,
    request: &'a Request,
    query: BTreeMap<String, String>,
    /// `owner/name` of the repository it is about.
    repo: String,
}

impl Forge {
    /// Answers a request.
    pub fn handle(&mut self, repos: &mut Repos, now: Timestamp, request: &Request) -> Response {
        let swagger = format!("{}/api/swagger", self.base_url);
        self.refresh(repos, now);
        self.route(repos, now, request)
            .unwrap_or_else(|Refusal { status, message }| {
                Response::json(status, json!({ "message": message, "url": swagger }))
            })
    }

    fn route(&mut self, repos: &mut Repos, now: Timestamp, request: &Request) -> Answer {
        let path = request
            .path
            .strip_prefix("/api/v1/")
            .ok_or_else(Refusal::not_found)?;
        let parts: Vec<String> = path.split('/').map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["version"]) => Ok(Response::json(200, json!({ "version": "1.26.0" }))),
            ("GET", ["user"]) => {
                let user = request.user.as_deref().ok_or_else(token_required)?;
                Ok(Response::json(200, self.show_user(user)))
            }
            (_, ["repos", owner, name, rest @ ..]) => {
                let repo = format!("{owner}/{name}");
                if !repos.contains_key(&repo) {
                    return Err(Refusal::not_found());
                }
                let asked = Asked {
                    query: pairs(&request.query),
                    forge: self,
                    repos,
                    now,
                    request,
                    repo,
                };
                asked.route(rest)
            }
            _ => Err(Refusal::not_found()),
        }
    }
}

impl<'a> Asked<'a> {
    fn route(mut self, parts: &[&str]) -> Answer {
        match parts {
            ["pulls", rest @ ..] => self.pulls(rest),
            ["issues", rest @ ..] => self.issues(rest),
            ["labels"] => self.labels(),
            ["statuses", _] | ["commits", _, .., "status" | "statuses"] => self.statuses(parts),
            _ => self.repository(parts),
        }
    }

    fn method(&self) -> &str {
        &self.request.method
    }

    fn git(&self) -> Result<&dyn Git, Refusal> {
        let git = self.repos.get(&self.repo).ok_or_else(Refusal::not_found)?;
        Ok(git.as_ref())
    }

    /// Who asks; anonymous requests are refused.
    fn by(&self) -> Result<By<'a>, Refusal> {
        let user = self.request.user.as_deref().ok_or_else(token_required)?;
        Ok(By { user, now: self.now })
    }

    /// Who asks, if they may write.
    fn writer(&self) -> Result<By<'a>, Refusal> {
        let by = self.by()?;
        if self.forge.role(by.user) < Role::Writer {
            return Err(Refusal::new(
                403,
                "user should have a permission to write to a repo",
            ));
        }
        Ok(by)
    }

    /// The body, as JSON. An empty body is an empty object.
    fn form<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let body: &[u8] = match self.request.body.as_slice() {
            b"" => b"{}",
            body => body,
        };
        serde_json::from_slice(body).map_err(|why| Refusal::new(422, format!("[]: {why}")))
    }
}

fn token_required() -> Refusal {
    Refusal::new(401, "token is required")
}
