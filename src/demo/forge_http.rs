//! The forge over HTTP: Gitea's REST API for programs, pages for people.
//!
//! Never here: what a pull request is or when it may be merged (that is `recant_sim::forge`).

use super::pages;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use recant_sim::forge::Body;
use recant_sim::forge::Forge;
use recant_sim::forge::Repos;
use recant_sim::forge::Request;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whoever owns the forge and its repositories, and knows the time there.
pub trait Hosted: Send + Sync + 'static {
    /// Runs a job on them, alone. It may block for as long as another job runs.
    fn with(&self, job: &mut dyn FnMut(&mut Forge, &mut Repos, Timestamp));
}

/// What is served.
#[derive(Clone)]
pub struct Site {
    hosted: Arc<dyn Hosted>,
    users: Users,
    person: String,
    csrf: String,
}

impl Site {
    /// A site whose buttons do what this person does. Its forms carry a token that other sites cannot know.
    pub fn new(hosted: Arc<dyn Hosted>, users: Users, person: &str) -> Self {
        let mut secret = [0; 16];
        let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
        random.fill(&mut secret).expect("the system has randomness");
        Self {
            hosted,
            users,
            person: person.to_owned(),
            csrf: secret.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// Whom the buttons act as.
    pub fn person(&self) -> &str {
        &self.person
    }

    /// What every form must carry.
    pub(super) fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Runs a job on the forge, off the threads that serve.
    pub(super) async fn with<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Forge, &mut Repos, Timestamp) -> R + Send + 'static,
    ) -> Result<R, Broken> {
        let hosted = self.hosted.clone();
        let run = move || {
            let mut job = Some(job);
            let mut result = None;
            hosted.with(&mut |forge, repos, now| {
                result = job.take().map(|job| job(forge, repos, now));
            });
            result
        };
        tokio::task::spawn_blocking(run)
            .await
            .ok()
            .flatten()
            .ok_or(Broken)
    }
}

/// A job on the forge did not come to its end.
#[derive(Debug)]
pub(super) struct Broken;

impl IntoResponse for Broken {
    fn into_response(self) -> Response {
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "the world is broken; see the log\n",
        )
            .into_response()
    }
}

/// The users by their tokens.
#[derive(Clone, Default)]
pub struct Users(BTreeMap<String, String>);

/// A token nobody has.
#[derive(Debug)]
pub(super) struct UnknownToken;

impl Users {
    /// Gives a user a token.
    #[must_use]
    pub fn with(mut self, token: &str, login: &str) -> Self {
        self.0.insert(token.to_owned(), login.to_owned());
        self
    }

    /// Who sends these headers: `token X`, `Bearer X`, or Basic with the token as password (or alone as user name).
    pub(super) fn of(&self, headers: &HeaderMap) -> Result<Option<String>, UnknownToken> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Ok(None);
        };
        let value = value.to_str().map_err(|_| UnknownToken)?;
        let (scheme, rest) = value.split_once(' ').ok_or(UnknownToken)?;
        let token = match scheme.to_ascii_lowercase().as_str() {
            "token" | "bearer" => rest.trim().to_owned(),
            "basic" => basic(rest.trim()).ok_or(UnknownToken)?,
            _ => return Err(UnknownToken),
        };
        self.0.get(&token).cloned().map(Some).ok_or(UnknownToken)
    }
}

fn basic(text: &str) -> Option<String> {
    let pair = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    let token = if matches!(password, "" | "x-oauth-basic") {
        user
    } else {
        password
    };
    Some(token.to_owned())
}

/// The routes: the API below `/api/v1/`, and the pages.
pub fn router(site: Site) -> Router {
    Router::new()
        .route("/api/v1/{*rest}", any(api))
        .merge(pages::routes())
        .with_state(Arc::new(site))
}

async fn api(
    State(site): State<Arc<Site>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Broken> {
    let Ok(user) = site.users.of(&headers) else {
        let words = serde_json::json!({ "message": "invalid username, password or token" });
        return Ok((StatusCode::UNAUTHORIZED, axum::Json(words)).into_response());
    };
    let request = Request {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        user,
        body: body.to_vec(),
    };
    let response = site
        .with(move |forge, repos, now| forge.handle(repos, now, &request))
        .await?;
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = match response.body {
        Body::Empty => status.into_response(),
        Body::Json(json) => (status, axum::Json(json)).into_response(),
        Body::Text(text) => (status, text).into_response(),
    };
    for (name, value) in response.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            answer.headers_mut().insert(name, value);
        }
    }
    Ok(answer)
}
