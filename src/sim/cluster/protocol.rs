//! Requests and responses of the API server, without the wire: what a method, a path and a body come to.

use super::Cluster;
use super::error::ApiError;
use super::protobuf;
use super::route;
use super::route::Route;
use super::route::Target;
use super::watch::Watch;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

/// A request as HTTP brings it, but for authentication, which is the wire's affair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// The path, decoded, without the query.
    pub path: String,
    /// The query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The header `Content-Type`; empty when there is none.
    pub content_type: String,
    /// The header `Accept`; empty when there is none.
    pub accept: String,
    /// The header `User-Agent`; its first word is the field manager where the query names none.
    pub user_agent: String,
    /// The body: JSON.
    pub body: Vec<u8>,
}

impl Request {
    /// A value of the query; empty when there is none.
    pub(crate) fn param(&self, key: &str) -> &str {
        self.query.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v)
    }

    pub(crate) fn is_set(&self, key: &str) -> bool {
        matches!(self.param(key), "true" | "1")
    }

    /// The body as JSON; null when empty.
    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body)
            .map_err(|e| ApiError::bad_request(format!("the object provided is unrecognized: {e}")))
    }

    /// Who is noted as manager of the fields written.
    pub(crate) fn manager(&self) -> &str {
        match self.param("fieldManager") {
            "" => self
                .user_agent
                .split('/')
                .next()
                .filter(|m| !m.is_empty())
                .unwrap_or("unknown"),
            given => given,
        }
    }

    /// The parameters of each media type accepted, best first: `application/json;as=Table;g=meta.k8s.io;v=v1`.
    pub(crate) fn accepted(&self) -> impl Iterator<Item = Vec<&str>> {
        self.accept
            .split(',')
            .map(|one| one.split(';').map(str::trim).collect())
    }
}

/// What the API server answers.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: String,
    /// Texts for `Warning` headers.
    pub warnings: Vec<String>,
    /// The body.
    pub body: Body,
}

/// The body of a response.
#[derive(Clone, Debug)]
pub enum Body {
    /// A JSON document.
    Json(Value),
    /// Plain text.
    Text(String),
    /// A stream of events, one JSON document a line: see [`Cluster::follow`].
    Watch(Box<Watch>),
}

impl Response {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            content_type: "application/json".to_owned(),
            warnings: Vec::new(),
            body: Body::Json(body),
        }
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        let content_type = "text/plain; charset=utf-8".to_owned();
        Self {
            status,
            content_type,
            warnings: Vec::new(),
            body: Body::Text(text.to_owned()),
        }
    }

    /// A refusal.
    pub fn error(error: &ApiError) -> Self {
        Self::json(error.code, error.status())
    }
}

impl Cluster {
    /// Answers a request.
    pub fn handle(&mut self, now: Timestamp, request: &Request) -> Response {
        self.boot(now);
        let Some(route) = route::parse(&request.path) else {
            return Response::text(404, "404 page not found\n");
        };
        self.dispatch(now, request, &route)
            .unwrap_or_else(|error| Response::error(&error))
    }

    fn dispatch(
        &mut self,
        now: Timestamp,
        request: &Request,
        route: &Route<'_>,
    ) -> Result<Response, ApiError> {
        if let Route::Resource(target) = route {
            return self.resource(now, request, target);
        }
        if request.method != "GET" {
            return Err(ApiError::method_not_allowed());
        }
        match route {
            Route::Health => Ok(Response::text(200, "ok")),
            Route::Version => Ok(Response::json(200, version())),
            Route::Core | Route::Groups => Ok(self.discover_groups(request, matches!(route, Route::Core))),
            Route::Group(group) => self.discover_group(group),
            Route::Version1(group, version) => self.discover_resources(group, version),
            Route::OpenApi(path) => self.openapi(request, path),
            Route::Resource(_) => Err(ApiError::no_such_resource()),
        }
    }

    fn resource(
        &mut self,
        now: Timestamp,
        request: &Request,
        target: &Target<'_>,
    ) -> Result<Response, ApiError> {
        if let Some(review) = review(request, target)? {
            return Ok(Response::json(201, review));
        }
        let kind = self
            .kinds
            .by_resource(target.group, target.version, target.resource);
        let kind = kind.ok_or_else(ApiError::no_such_resource)?;
        if !kind.namespaced && !target.namespace.is_empty() {
            return Err(ApiError::no_such_resource());
        }
        self.verb(now, request, target, &kind)
    }
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "33", "gitVersion": "v1.33.0+recant", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}

/// The answer to a review of access or identity: everything is allowed to everybody.
fn review(request: &Request, target: &Target<'_>) -> Result<Option<Value>, ApiError> {
    let (kind, status) = match (target.group, target.resource) {
        ("authorization.k8s.io", "selfsubjectaccessreviews") => ("SelfSubjectAccessReview", allowed()),
        ("authorization.k8s.io", "subjectaccessreviews") => ("SubjectAccessReview", allowed()),
        ("authorization.k8s.io", "selfsubjectrulesreviews") => (
            "SelfSubjectRulesReview",
            json!({
                "resourceRules": [{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }],
                "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }], "incomplete": false,
            }),
        ),
        ("authentication.k8s.io", "selfsubjectreviews") => (
            "SelfSubjectReview",
            json!({ "userInfo": { "username": "admin", "groups": ["system:masters", "system:authenticated"] } }),
        ),
        _ => return Ok(None),
    };
    if request.method != "POST" {
        return Err(ApiError::method_not_allowed());
    }
    // kubectl sends these as protobuf. Nothing in them matters to the answer.
    let mut review = match request.content_type.as_str() {
        protobuf::MEDIA_TYPE => json!({}),
        _ => request.json()?,
    };
    if !review.is_object() {
        return Err(ApiError::bad_request("a review must be an object"));
    }
    review["apiVersion"] = format!("{}/{}", target.group, target.version).into();
    review["kind"] = kind.into();
    review["status"] = status;
    Ok(Some(review))
}

fn allowed() -> Value {
    json!({ "allowed": true, "reason": "everything is allowed here" })
}
