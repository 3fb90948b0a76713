//! From an HTTP request to the cluster's: who may ask, what the path, query and body say.

use axum::extract::Request as HttpRequest;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use recant_sim::cluster::Request;
use serde_json::Value;
use serde_json::json;
use url::form_urlencoded;

/// The largest body read: etcd's own limit on requests, doubled.
const MAX_BODY: usize = 3 * 1024 * 1024;

/// Why a request does not reach the cluster.
pub(super) struct Refused {
    status: StatusCode,
    reason: &'static str,
    message: String,
}

impl Refused {
    fn new(status: StatusCode, reason: &'static str, message: &str) -> Self {
        Self {
            status,
            reason,
            message: message.to_owned(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.status.as_u16(),
        });
        (self.status, axum::Json(status)).into_response()
    }
}

/// Reads a request. With a token, it must be there as a bearer token or as the path's first segment.
pub(super) async fn read(request: HttpRequest, token: Option<&str>) -> Result<Request, Refused> {
    let (parts, body) = request.into_parts();
    if !is_local(text(&parts.headers, header::HOST)) {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "this server answers to loopback names only",
        ));
    }
    let path = decode(parts.uri.path());
    let path = admit(&parts.headers, &path, token)?;
    let body = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| {
        Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "the request's body is too large",
        )
    })?;
    let content_type = text(&parts.headers, header::CONTENT_TYPE).to_owned();
    let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    Ok(Request {
        method: parts.method.as_str().to_owned(),
        path: path.to_owned(),
        query: query.into_owned().collect(),
        body: as_json(&content_type, &body)?,
        content_type,
        accept: text(&parts.headers, header::ACCEPT).to_owned(),
        user_agent: text(&parts.headers, header::USER_AGENT).to_owned(),
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Whether the name asked for is loopback's: pages of other sites cannot reach us by a name of theirs.
fn is_local(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "" | "127.0.0.1" | "localhost" | "[::1]")
}

/// The path without the token, if the request may pass.
fn admit<'a>(headers: &HeaderMap, path: &'a str, token: Option<&str>) -> Result<&'a str, Refused> {
    let Some(token) = token else { return Ok(path) };
    let in_path = path
        .strip_prefix('/')
        .and_then(|p| p.strip_prefix(token))
        .filter(|p| p.starts_with('/'));
    let bearer = text(headers, header::AUTHORIZATION).strip_prefix("Bearer ");
    match in_path {
        Some(rest) => Ok(rest),
        None if bearer == Some(token) => Ok(path),
        None => Err(Refused::new(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "Unauthorized",
        )),
    }
}

/// Undoes percent-encoding.
fn decode(path: &str) -> String {
    // A form would read `+` as a space; a path does not. And `&` or `=` would part it.
    let shielded = path.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(shielded.as_bytes())
        .next()
        .map_or_else(String::new, |(path, _)| path.into_owned())
}

/// The body as JSON; YAML is read as that.
fn as_json(content_type: &str, body: &[u8]) -> Result<Vec<u8>, Refused> {
    let is_yaml =
        content_type.contains("yaml") && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err();
    if !is_yaml || body.is_empty() {
        return Ok(body.to_vec());
    }
    let document: Value = serde_yaml::from_slice(body).map_err(|e| {
        let message = format!("the object provided is unrecognized: {e}");
        Refused::new(StatusCode::BAD_REQUEST, "BadRequest", &message)
    })?;
    Ok(document.to_string().into_bytes())
}
