//! A forge over HTTP: the table of its API, its words over one world, a token, and what goes wrong.

use super::api::Api;
use super::api::Asked;
use super::words;
use super::words::Kind;
use super::world::Said;
use super::world::World;
use axum::body::Body;
use axum::body::Bytes;
use axum::extract::Request;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

/// How one call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is done, and the connection breaks.
    Before,
    /// It is done, and the connection breaks.
    After,
    /// Nothing is done, and no answer comes.
    Silent,
    /// It is done, after the client has given up waiting.
    Slow,
    /// It is done twice, as by a proxy that repeats requests.
    Twice,
    /// Nothing is done, and this is the answer.
    Code(u16),
    /// It is done, and this is the answer.
    DoneBut(u16),
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) etag: bool,
    pub(crate) status: u16,
}

/// What is behind the server.
pub(crate) struct Inner {
    pub(crate) kind: Kind,
    api: Api,
    pub(crate) world: World,
    /// The operation that goes wrong, how, and how often still.
    pub(crate) faults: Vec<(String, Fault, usize)>,
    pub(crate) came: Vec<Came>,
    /// Requests that the API's description does not allow.
    pub(crate) wrong: Vec<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// A forge.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) inner: Arc<Mutex<Inner>>,
    task: tokio::task::JoinHandle<()>,
}

/// Longer than any client here waits.
pub(crate) const LONG: Duration = Duration::from_millis(900);
/// How long a client here waits.
pub(crate) const PATIENCE: Duration = Duration::from_millis(600);

impl Server {
    pub(crate) async fn start(kind: Kind) -> Self {
        let world = World {
            takes_twins: kind == Kind::Bitbucket,
            branches: BTreeMap::from([("main".to_owned(), super::world::BASE.to_owned())]),
            ..World::default()
        };
        let inner = Arc::new(Mutex::new(Inner {
            kind,
            api: Api::read(kind.table()),
            world,
            faults: Vec::new(),
            came: Vec::new(),
            wrong: Vec::new(),
            headers: Vec::new(),
        }));
        let router = axum::Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner, task }
    }

    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn handle(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let (path, query) = (
        parts.uri.path().to_owned(),
        parts.uri.query().unwrap_or_default().to_owned(),
    );
    let method = parts.method.to_string();
    let header = |name: &str| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let etag = header("if-none-match");
    let (asked, fault, at) = {
        let mut inner = inner.lock().unwrap();
        let kind = inner.kind;
        let checked = words::admit(kind, &path, &header, !body.is_empty())
            .and_then(|path| inner.api.check(&method, path, &query, &body));
        let asked = match checked {
            Ok(asked) => asked,
            Err((code, why)) => {
                inner.wrong.push(format!("{method} {path}?{query}: {code} {why}"));
                return answer((code, serde_json::json!({ "message": why })), &[], "");
            }
        };
        let at = inner.faults.iter().position(|(name, ..)| *name == asked.name);
        let fault = at.map(|at| {
            inner.faults[at].2 -= 1;
            let fault = inner.faults[at].1;
            inner.faults.retain(|(.., left)| *left > 0);
            fault
        });
        inner.came.push(Came {
            name: asked.name.clone(),
            method: method.clone(),
            etag: !etag.is_empty(),
            status: 0,
        });
        (asked, fault, inner.came.len() - 1)
    };
    let response = fail(&inner, &asked, fault, (&etag, &header("authorization"))).await;
    inner.lock().unwrap().came[at].status = response.status().as_u16();
    response
}

async fn fail(
    inner: &Mutex<Inner>,
    asked: &Asked,
    fault: Option<Fault>,
    (etag, auth): (&str, &str),
) -> Response {
    let done = || {
        let inner = &mut *inner.lock().unwrap();
        let said = words::answer(inner.kind, &mut inner.world, asked);
        let told = inner.api.answers(&asked.name, said.0, &said.1);
        let told = told.and_then(|()| mutation(&inner.api, asked, &said.1));
        inner.wrong.extend(
            told.err()
                .map(|why| format!("the answer to {}: {why}", asked.name)),
        );
        (said, inner.headers.clone())
    };
    match fault {
        None => {
            let (said, headers) = done();
            answer(said, &headers, etag)
        }
        Some(Fault::Twice) => {
            done();
            let (said, headers) = done();
            answer(said, &headers, etag)
        }
        Some(Fault::Before) => broken(),
        Some(Fault::After) => {
            done();
            broken()
        }
        Some(Fault::Silent) => {
            tokio::time::sleep(LONG * 4).await;
            broken()
        }
        Some(Fault::Slow) => {
            tokio::time::sleep(LONG).await;
            let (said, headers) = done();
            answer(said, &headers, etag)
        }
        Some(Fault::Code(code)) => refused(auth, code),
        Some(Fault::DoneBut(code)) => {
            done();
            refused(auth, code)
        }
    }
}

/// Whether a GraphQL request is a mutation of the schema, asked for and answered as that has it.
fn mutation(api: &Api, asked: &Asked, said: &Value) -> Result<(), String> {
    let Some(query) = asked.text("query") else {
        return Ok(());
    };
    let name = query
        .split('{')
        .nth(1)
        .and_then(|rest| rest.split('(').next())
        .unwrap_or_default()
        .trim();
    let input = asked.body["variables"]["input"].to_string();
    let known = api
        .check("MUTATION", name, "", input.as_bytes())
        .map_err(|(_, why)| format!("{name}: {why}"))?;
    match &said["data"] {
        Value::Null => Ok(()),
        data => api.answers(&known.name, known.status, &data[name]),
    }
}

/// A connection that breaks in the middle of an answer.
fn broken() -> Response {
    let body = futures::stream::iter([
        Ok(Bytes::from_static(b"{\"numb")),
        Err(std::io::Error::other("broken")),
    ]);
    Response::new(Body::from_stream(body))
}

/// A refusal that says back what it was given, as hosts should not, so that it must be struck out.
fn refused(auth: &str, code: u16) -> Response {
    let headers = match code {
        429 => vec![("retry-after", "0".to_owned())],
        _ => Vec::new(),
    };
    let secret = match auth {
        auth if auth.starts_with("Basic ") => format!("{auth} {}", words::TOKEN),
        auth => auth.to_owned(),
    };
    let said = format!("fault {code} for {secret}");
    answer((code, serde_json::json!({ "message": said })), &headers, "")
}

fn answer((status, body): Said, headers: &[(&'static str, String)], etag: &str) -> Response {
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let tag: String = Sha256::digest(text.as_bytes())
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect();
    let tag = format!("\"{tag}\"");
    let mut builder = Response::builder().header("etag", &tag);
    for (name, value) in headers {
        builder = builder.header(*name, value);
    }
    if status == 200 && etag == tag {
        return builder.status(304).body(Body::empty()).unwrap();
    }
    let builder = builder.status(status).header("content-type", "application/json");
    builder.body(Body::from(text)).unwrap()
}
