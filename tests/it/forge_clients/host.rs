//! A Git host with one repository, in the words of both APIs.

use super::bound::SHA;
use super::bound::TOKEN;
use crate::serve::Fake;
use crate::serve::Seen;
use crate::serve::json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use serde_json::Value;
use serde_json::json as j;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

/// A host with one repository, in the words of both APIs.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) pulls: Vec<Value>,
    pub(crate) comments: Vec<Value>,
    pub(crate) labels: Vec<Value>,
    pub(crate) statuses: Vec<Value>,
    /// What goes wrong with the next requests whose `METHOD path-ending` fits.
    pub(crate) faults: Vec<(&'static str, Fault)>,
}

#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// Refused, and nothing done.
    Before(u16),
    /// Done, but the answer is lost.
    After(u16),
}

pub(crate) struct Host {
    pub(crate) fake: Fake,
    pub(crate) world: Arc<Mutex<World>>,
}

impl Host {
    pub(crate) async fn start(kind: &'static str) -> Self {
        let world: Arc<Mutex<World>> = Arc::default();
        let inner = Arc::clone(&world);
        let fake = Fake::start(move |seen| answer(kind, &mut inner.lock().unwrap(), seen)).await;
        Self { fake, world }
    }

    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut World) -> T) -> T {
        f(&mut self.world.lock().unwrap())
    }

    pub(crate) fn count(&self, call: &str) -> usize {
        self.fake
            .calls()
            .iter()
            .filter(|c| c.ends_with(call) && c.starts_with(call.split(' ').next().unwrap()))
            .count()
    }

    pub(crate) fn posts(&self, path: &str) -> usize {
        self.fake
            .seen()
            .iter()
            .filter(|s| s.method == "POST" && s.path().ends_with(path))
            .count()
    }
}

pub(crate) fn pull(number: u64, state: &str, head: &str, repo: &str) -> Value {
    j!({
        "number": number, "state": state, "title": "t", "body": "b", "merged_at": null, "merge_commit_sha": null,
        "html_url": format!("https://host/acme/fleet/pulls/{number}"),
        "head": { "ref": head, "sha": SHA, "repo": { "full_name": repo } },
        "base": { "ref": "main", "sha": SHA, "repo": { "full_name": "acme/fleet" } },
    })
}

pub(crate) fn answer(kind: &str, world: &mut World, seen: &Seen) -> Response {
    let (root, auth) = match kind {
        "github" => ("/api/v3", format!("Bearer {TOKEN}")),
        _ => ("/api/v1", format!("token {TOKEN}")),
    };
    if seen.headers.get("authorization") != Some(&auth) {
        return json(401, j!({ "message": format!("bad credentials {TOKEN}") }));
    }
    assert!(
        seen.headers.contains_key("user-agent"),
        "GitHub refuses requests without one"
    );
    if seen.method != "GET" {
        assert_eq!(seen.headers["content-type"], "application/json");
    }
    let Some(path) = seen.path().strip_prefix(&format!("{root}/repos/acme/fleet/")) else {
        return json(404, j!({ "message": "Not Found" }));
    };
    let call = format!("{} {path}", seen.method);
    let fault = world
        .faults
        .iter()
        .position(|(on, _)| *on == call)
        .map(|at| world.faults.remove(at).1);
    if let Some(Fault::Before(code)) = fault {
        return json(code, j!({ "message": "not now" }));
    }
    let done = route(kind, world, seen, path);
    match fault {
        Some(Fault::After(code)) => json(code, j!({ "message": "gateway" })),
        _ => done,
    }
}

pub(crate) fn route(kind: &str, world: &mut World, seen: &Seen, path: &str) -> Response {
    let parts: Vec<&str> = path.split('/').collect();
    match (seen.method.as_str(), parts.as_slice()) {
        ("GET", ["pulls"]) => {
            let state = seen.query("state").unwrap();
            let head = seen.query("head");
            let fits = |p: &&Value| {
                let labelled = format!("acme:{}", p["head"]["ref"].as_str().unwrap());
                (state == "all" || p["state"] == state.as_str())
                    && (kind != "github" || head.is_none() || head.as_deref() == Some(&labelled))
            };
            page(seen, world.pulls.iter().rev().filter(fits).cloned().collect())
        }
        ("POST", ["pulls"]) => {
            let body = seen.json();
            let head = body["head"].as_str().unwrap().to_owned();
            let taken = world.pulls.iter().any(|p| {
                p["state"] == "open"
                    && p["head"]["ref"] == head.as_str()
                    && p["head"]["repo"]["full_name"] == "acme/fleet"
            });
            if taken && kind == "github" {
                return json(
                    422,
                    j!({ "message": "Validation Failed", "errors": [{ "message": "A pull request already exists for acme:x." }] }),
                );
            }
            if taken {
                return json(
                    409,
                    j!({ "message": "pull request already exists for these targets" }),
                );
            }
            let mut new = pull(world.pulls.len() as u64 + 1, "open", &head, "acme/fleet");
            new["title"] = body["title"].clone();
            new["body"] = body["body"].clone();
            world.pulls.push(new.clone());
            json(201, new)
        }
        ("GET", ["pulls", number]) => json(200, world.pulls[index(number)].clone()),
        ("PATCH", ["pulls", number]) => {
            let pull = &mut world.pulls[index(number)];
            for (key, value) in seen.json().as_object().unwrap() {
                pull[key] = value.clone();
            }
            json(if kind == "github" { 200 } else { 201 }, pull.clone())
        }
        // Gitea gives all of them at once.
        ("GET", ["issues", _, "comments"]) if seen.query("page").is_none() => {
            json(200, Value::from(world.comments.clone()))
        }
        ("GET", ["issues", _, "comments"]) => page(seen, world.comments.clone()),
        ("POST", ["issues", _, "comments"]) => {
            world.comments.push(seen.json());
            json(201, seen.json())
        }
        ("GET", ["labels"]) => page(seen, world.labels.clone()),
        ("POST", ["labels"]) => {
            let label = j!({ "id": world.labels.len() + 10, "name": seen.json()["name"] });
            world.labels.push(label.clone());
            json(201, label)
        }
        ("POST", ["issues", _, "labels"]) => json(200, j!([])),
        ("GET", ["commits", SHA, "statuses"]) => page(seen, world.statuses.iter().rev().cloned().collect()),
        ("POST", ["statuses", SHA]) => {
            let mut status = seen.json();
            status["id"] = j!(world.statuses.len() + 1);
            if kind != "github" {
                status["status"] = status["state"].take();
                status.as_object_mut().unwrap().remove("state");
            }
            world.statuses.push(status.clone());
            json(201, status)
        }
        _ => json(404, j!({ "message": "Not Found" })),
    }
}

pub(crate) fn index(number: &str) -> usize {
    number.parse::<usize>().unwrap() - 1
}

pub(crate) fn page(seen: &Seen, all: Vec<Value>) -> Response {
    let size: usize = seen
        .query("limit")
        .or(seen.query("per_page"))
        .unwrap()
        .parse()
        .unwrap();
    let page: usize = seen.query("page").unwrap().parse().unwrap();
    let items: Vec<Value> = all.iter().skip((page - 1) * size).take(size).cloned().collect();
    let mut response = json(200, Value::from(items));
    if all.len() > page * size {
        let link = format!("<https://host{}&page={}>; rel=\"next\"", seen.path(), page + 1);
        response.headers_mut().insert("link", link.parse().unwrap());
    }
    response
}

pub(crate) const KINDS: [&str; 3] = ["gitea", "forgejo", "github"];

/// Passes everything on; the answer to the first request of that method is held back for longer than anyone waits.
pub(crate) async fn slow_proxy(target: String, method: &'static str) -> String {
    use axum::extract::Request;
    let held = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let router = axum::Router::new().fallback(move |request: Request| {
        let (target, held) = (target.clone(), Arc::clone(&held));
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let url = format!("{target}{}", parts.uri.path_and_query().unwrap());
            let mut headers = parts.headers;
            headers.remove("host");
            let sent = reqwest::Client::new()
                .request(parts.method.clone(), url)
                .headers(headers)
                .body(body)
                .send()
                .await;
            let answer = sent.unwrap();
            if parts.method == method && !held.swap(true, std::sync::atomic::Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
            (status, answer.bytes().await.unwrap()).into_response()
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}
