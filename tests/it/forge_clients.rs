//! The Git host clients against small servers that answer as Gitea's and GitHub's published APIs do.

use crate::serve::Fake;
use crate::serve::Seen;
use crate::serve::json;
use crate::serve::nobody;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use base64::Engine;
use futures::StreamExt;
use futures::stream::BoxStream;
use recant::credential::Credentials;
use recant::forge::Bindings;
use recant::forge::Hosts;
use recant::forge::Pace;
use recant::port::Answered;
use recant::port::Change;
use recant::port::Cluster;
use recant::port::Forge;
use recant::port::PortError;
use recant_core::effect::CommitStatus;
use recant_core::effect::Event;
use recant_core::effect::PullText;
use recant_core::effect::StatusState;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_core::query::Branch;
use recant_core::query::PullState;
use recant_core::query::RepoUrl;
use serde_json::Value;
use serde_json::json as j;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

const TOKEN: &str = "t0ken-s3cret";
const HEAD: &str = "recant/revert/web-1";
const SHA: &str = "0123456789012345678901234567890123456789";

/// A cluster that holds a few objects and takes nothing.
#[derive(Default)]
struct Objects(Mutex<Vec<Object>>);

impl Objects {
    fn put(&self, object: Value) {
        let object = Object(object);
        let mut all = self.0.lock().unwrap();
        all.retain(|known| known.reference() != object.reference());
        all.push(object);
    }
}

impl Cluster for Objects {
    fn get<'a>(&'a self, name: &'a ObjectRef) -> Answered<'a, Option<Object>> {
        let found = self
            .0
            .lock()
            .unwrap()
            .iter()
            .find(|o| o.reference() == *name)
            .cloned();
        Box::pin(async { Ok(found) })
    }

    /// Does not look at the namespace: who reads it must.
    fn list<'a>(
        &'a self,
        api_version: &'a str,
        kind: &'a str,
        _namespace: &'a str,
    ) -> Answered<'a, Vec<Object>> {
        let fits = |o: &&Object| o.str("/apiVersion") == api_version && o.str("/kind") == kind;
        let found = self.0.lock().unwrap().iter().filter(fits).cloned().collect();
        Box::pin(async { Ok(found) })
    }

    fn write<'a>(&'a self, _write: &'a Write) -> Answered<'a, Object> {
        Box::pin(async { Err(PortError::Denied("read only".to_owned())) })
    }

    fn event<'a>(&'a self, _event: &'a Event) -> Answered<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn changes(&self, _kinds: &[(&str, &str)]) -> BoxStream<'static, Change> {
        futures::stream::pending().boxed()
    }
}

fn forge(namespace: &str, name: &str, kind: &str, url: &str) -> Value {
    j!({
        "apiVersion": "recant.dev/v1alpha1", "kind": "Forge",
        "metadata": { "namespace": namespace, "name": name },
        "spec": { "type": kind, "url": url, "secretRef": { "name": "token" } },
    })
}

fn secret(namespace: &str, token: &str) -> Value {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    j!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "namespace": namespace, "name": "token" },
        "data": { "token": encode(&format!("{token}\n")) },
    })
}

fn cluster(kind: &str, url: &str) -> Arc<Objects> {
    let cluster = Objects::default();
    cluster.put(forge("recant-system", "host", kind, url));
    cluster.put(secret("recant-system", TOKEN));
    Arc::new(cluster)
}

fn hosts(cluster: Arc<Objects>) -> Hosts {
    let pace = Pace {
        attempts: 2,
        pause: Duration::from_millis(5),
        max_wait: Duration::from_secs(2),
        timeout: Duration::from_millis(300),
    };
    Hosts::new(Arc::new(Bindings::new(cluster, "recant-system"))).with_pace(pace)
}

fn branch(url: &str) -> Branch {
    Branch {
        repo: RepoUrl(format!("{url}/acme/fleet.git")),
        name: HEAD.to_owned(),
    }
}

fn text(url: &str) -> PullText {
    PullText {
        branch: branch(url),
        base: "main".to_owned(),
        title: "Revert podinfo to 6.5.0".to_owned(),
        body: "It failed.".to_owned(),
        labels: vec!["recant".to_owned(), "revert".to_owned()],
    }
}

/// A host with one repository, in the words of both APIs.
#[derive(Default)]
struct World {
    pulls: Vec<Value>,
    comments: Vec<Value>,
    labels: Vec<Value>,
    statuses: Vec<Value>,
    /// What goes wrong with the next requests whose `METHOD path-ending` fits.
    faults: Vec<(&'static str, Fault)>,
}

#[derive(Clone, Copy)]
enum Fault {
    /// Refused, and nothing done.
    Before(u16),
    /// Done, but the answer is lost.
    After(u16),
}

struct Host {
    fake: Fake,
    world: Arc<Mutex<World>>,
}

impl Host {
    async fn start(kind: &'static str) -> Self {
        let world: Arc<Mutex<World>> = Arc::default();
        let inner = Arc::clone(&world);
        let fake = Fake::start(move |seen| answer(kind, &mut inner.lock().unwrap(), seen)).await;
        Self { fake, world }
    }

    fn with<T>(&self, f: impl FnOnce(&mut World) -> T) -> T {
        f(&mut self.world.lock().unwrap())
    }

    fn count(&self, call: &str) -> usize {
        self.fake
            .calls()
            .iter()
            .filter(|c| c.ends_with(call) && c.starts_with(call.split(' ').next().unwrap()))
            .count()
    }

    fn posts(&self, path: &str) -> usize {
        self.fake
            .seen()
            .iter()
            .filter(|s| s.method == "POST" && s.path().ends_with(path))
            .count()
    }
}

fn pull(number: u64, state: &str, head: &str, repo: &str) -> Value {
    j!({
        "number": number, "state": state, "title": "t", "body": "b", "merged_at": null, "merge_commit_sha": null,
        "html_url": format!("https://host/acme/fleet/pulls/{number}"),
        "head": { "ref": head, "sha": SHA, "repo": { "full_name": repo } },
        "base": { "ref": "main", "sha": SHA, "repo": { "full_name": "acme/fleet" } },
    })
}

fn answer(kind: &str, world: &mut World, seen: &Seen) -> Response {
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

fn route(kind: &str, world: &mut World, seen: &Seen, path: &str) -> Response {
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

fn index(number: &str) -> usize {
    number.parse::<usize>().unwrap() - 1
}

fn page(seen: &Seen, all: Vec<Value>) -> Response {
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

const KINDS: [&str; 3] = ["gitea", "forgejo", "github"];

#[tokio::test]
async fn a_pull_request_lives_its_life_once() {
    for kind in KINDS {
        let host = Host::start(kind).await;
        let url = host.fake.url();
        let forge = hosts(cluster(kind, &url));
        assert_eq!(forge.pulls(&branch(&url)).await.unwrap(), []);
        let opened = forge.open(&text(&url)).await.unwrap();
        assert_eq!(
            (opened.number, &opened.state, opened.base.as_str()),
            (1, &PullState::Open, "main"),
            "{kind}"
        );
        assert_eq!(
            (opened.head.as_str(), opened.title.as_str()),
            (SHA, "Revert podinfo to 6.5.0")
        );
        assert_eq!(
            forge.open(&text(&url)).await.unwrap(),
            opened,
            "{kind}: the one that is open"
        );
        assert_eq!(host.posts("/pulls"), 1, "{kind}");

        let new = PullText {
            body: "It failed, and the branch moved.".to_owned(),
            ..text(&url)
        };
        forge.update(1, &new).await.unwrap();
        forge.update(1, &new).await.unwrap();
        assert_eq!(
            host.count("PATCH /api/v1/repos/acme/fleet/pulls/1")
                + host.count("PATCH /api/v3/repos/acme/fleet/pulls/1"),
            1,
            "{kind}: an equal text is not written again"
        );
        assert_eq!(forge.pulls(&branch(&url)).await.unwrap()[0].body, new.body);

        forge.close(&branch(&url), 1, "Superseded.").await.unwrap();
        forge.close(&branch(&url), 1, "Superseded.").await.unwrap();
        assert_eq!(host.with(|w| w.comments.len()), 1, "{kind}");
        let next = forge.open(&text(&url)).await.unwrap();
        assert_eq!(next.number, 2, "{kind}: a closed one is not taken for open");
        host.with(|w| {
            w.pulls[1]["state"] = j!("closed");
            w.pulls[1]["merged_at"] = j!("2026-11-21T04:00:00Z");
            w.pulls[1]["merge_commit_sha"] = j!("abc");
        });
        let all = forge.pulls(&branch(&url)).await.unwrap();
        let states: Vec<_> = all.iter().map(|p| (p.number, p.state.clone())).collect();
        assert_eq!(
            states,
            [(2, PullState::Merged("abc".to_owned())), (1, PullState::Closed)],
            "{kind}"
        );
    }
}

#[tokio::test]
async fn an_unclear_answer_never_makes_a_second_pull_request() {
    for kind in KINDS {
        for fault in [
            Fault::After(502),
            Fault::After(500),
            Fault::Before(503),
            Fault::Before(409),
            Fault::Before(429),
        ] {
            let host = Host::start(kind).await;
            let url = host.fake.url();
            host.with(|w| w.faults.push(("POST pulls", fault)));
            let opened = hosts(cluster(kind, &url)).open(&text(&url)).await.unwrap();
            assert_eq!(opened.number, 1);
            assert_eq!(host.with(|w| w.pulls.len()), 1, "{kind}");
        }
        let host = Host::start(kind).await;
        let url = host.fake.url();
        host.with(|w| w.faults.extend([("POST pulls", Fault::Before(502)); 9]));
        let failed = hosts(cluster(kind, &url)).open(&text(&url)).await;
        assert!(matches!(failed, Err(PortError::Unreachable(_))), "{failed:?}");
        assert_eq!(host.posts("/pulls"), 3, "{kind}: it gives up");
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_looked_up_too() {
    for kind in ["gitea", "github"] {
        // The first POST is done and then hangs: the fake drops it in a sleeping task behind a raw listener.
        let host = Host::start(kind).await;
        let slow = slow_proxy(host.fake.url(), "POST").await;
        let forge = hosts(cluster(kind, &slow));
        let opened = forge.open(&text(&slow)).await.unwrap();
        assert_eq!(opened.number, 1, "{kind}");
        assert_eq!(host.posts("/pulls"), 1, "{kind}");
    }
}

/// Passes everything on; the answer to the first request of that method is held back for longer than anyone waits.
async fn slow_proxy(target: String, method: &'static str) -> String {
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

#[tokio::test]
async fn only_the_repositorys_own_branch_counts_on_however_many_pages() {
    for kind in KINDS {
        let host = Host::start(kind).await;
        let url = host.fake.url();
        host.with(|w| {
            w.pulls.push(pull(1, "closed", HEAD, "acme/fleet"));
            w.pulls
                .extend((2..=230).map(|n| pull(n, "open", "feature", "acme/fleet")));
            w.pulls.push(pull(231, "open", HEAD, "mallory/fleet"));
            let mut orphan = pull(232, "open", HEAD, "gone/fleet");
            orphan["head"]["repo"] = Value::Null;
            w.pulls.push(orphan);
        });
        let forge = hosts(cluster(kind, &url));
        let numbers: Vec<u64> = forge
            .pulls(&branch(&url))
            .await
            .unwrap()
            .iter()
            .map(|p| p.number)
            .collect();
        assert_eq!(numbers, [1], "{kind}");
        for number in [2, 230] {
            let edited = forge.update(number, &text(&url)).await;
            assert!(
                matches!(edited, Err(PortError::Invalid(_))),
                "{kind}: somebody else's: {edited:?}"
            );
            let closed = forge.close(&branch(&url), number, "x").await;
            assert!(
                matches!(closed, Err(PortError::Invalid(_))),
                "{kind}: somebody else's: {closed:?}"
            );
        }
    }
}

#[tokio::test]
async fn labels_are_made_where_the_host_does_not_make_them_itself() {
    let host = Host::start("gitea").await;
    let url = host.fake.url();
    host.with(|w| w.labels.push(j!({ "id": 7, "name": "revert" })));
    hosts(cluster("gitea", &url)).open(&text(&url)).await.unwrap();
    let last = host.fake.seen().pop().unwrap();
    assert!(last.path().ends_with("/issues/1/labels"));
    assert_eq!(last.json(), j!({ "labels": [11, 7] }));
    let github = Host::start("github").await;
    let url = github.fake.url();
    hosts(cluster("github", &url)).open(&text(&url)).await.unwrap();
    assert_eq!(
        github.fake.seen().pop().unwrap().json(),
        j!({ "labels": ["recant", "revert"] })
    );
    github.with(|w| w.faults.push(("POST issues/1/labels", Fault::Before(403))));
    assert!(
        hosts(cluster("github", &url)).open(&text(&url)).await.is_ok(),
        "unlabelled is better than none"
    );
}

#[tokio::test]
async fn a_status_that_stands_is_not_posted_again() {
    for kind in KINDS {
        let host = Host::start(kind).await;
        let url = host.fake.url();
        let forge = hosts(cluster(kind, &url));
        let status = |state, context: &str| CommitStatus {
            repo: branch(&url).repo,
            commit: SHA.to_owned(),
            context: context.to_owned(),
            state,
            description: "1/5 checks failed".to_owned(),
        };
        for (state, context, posts) in [
            (StatusState::Pending, "recant/a", 1),
            (StatusState::Pending, "recant/a", 1),
            (StatusState::Pending, "recant/b", 2),
            (StatusState::Failure, "recant/a", 3),
            (StatusState::Failure, "recant/a", 3),
            (StatusState::Pending, "recant/a", 4),
        ] {
            forge.status(&status(state, context)).await.unwrap();
            assert_eq!(
                host.with(|w| w.statuses.len()),
                posts,
                "{kind} {state:?} {context}"
            );
        }
        let odd = CommitStatus {
            commit: "../../user".to_owned(),
            ..status(StatusState::Error, "x")
        };
        assert!(matches!(forge.status(&odd).await, Err(PortError::Invalid(_))));
    }
}

#[tokio::test]
async fn a_refusal_is_told_apart_and_holds_no_token() {
    for kind in ["gitea", "github"] {
        for (code, tries, expected) in [
            (401, 1, "denied"),
            (403, 1, "denied"),
            (404, 1, "invalid"),
            (422, 1, "invalid"),
            (301, 1, "invalid"),
            (500, 3, "unreachable"),
            (502, 3, "unreachable"),
        ] {
            let fake = Fake::start(move |_| json(code, j!({ "message": format!("no {TOKEN}") }))).await;
            let answer = hosts(cluster(kind, &fake.url()))
                .pulls(&branch(&fake.url()))
                .await;
            let error = answer.unwrap_err().to_string();
            assert!(error.starts_with(expected), "{kind} {code}: {error}");
            assert!(!error.contains(TOKEN), "{error}");
            assert_eq!(fake.seen().len(), tries, "{kind} {code}");
        }
        let away = nobody().await;
        let answer = hosts(cluster(kind, &away)).pulls(&branch(&away)).await;
        assert!(
            matches!(answer, Err(PortError::Unreachable(_))),
            "{kind}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_host_that_asks_to_wait_is_obeyed_within_bounds() {
    for (status, kind) in [(429, "gitea"), (429, "github"), (403, "github"), (503, "gitea")] {
        for (after, expected) in [("1", "ok"), ("3600", "unreachable")] {
            let first = Mutex::new(true);
            let fake = Fake::start(move |_| {
                if !std::mem::take(&mut *first.lock().unwrap()) {
                    return json(200, j!([]));
                }
                let mut response = json(status, j!({ "message": "slow down" }));
                response
                    .headers_mut()
                    .insert("retry-after", after.parse().unwrap());
                response
            })
            .await;
            let begun = Instant::now();
            let answer = hosts(cluster(kind, &fake.url()))
                .pulls(&branch(&fake.url()))
                .await;
            match expected {
                "ok" => {
                    assert!(answer.is_ok(), "{status} {kind}: {answer:?}");
                    assert!(begun.elapsed() >= Duration::from_secs(1), "{status} {kind}");
                }
                _ => {
                    let error = answer.unwrap_err().to_string();
                    assert!(
                        error.starts_with("unreachable") && error.contains("3600"),
                        "{status} {kind}: {error}"
                    );
                    assert!(begun.elapsed() < Duration::from_secs(1), "{status} {kind}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_was_replaced_is_read_anew_after_a_refusal() {
    let host = Host::start("gitea").await;
    let url = host.fake.url();
    let cluster = cluster("gitea", &url);
    cluster.put(secret("recant-system", "old"));
    let forge = hosts(Arc::clone(&cluster));
    assert!(matches!(
        forge.pulls(&branch(&url)).await,
        Err(PortError::Denied(_))
    ));
    cluster.put(secret("recant-system", TOKEN));
    assert!(forge.pulls(&branch(&url)).await.is_ok());
}

#[tokio::test]
async fn a_credential_goes_to_no_url_it_is_not_bound_to() {
    let thief = Fake::start(|_| json(200, j!([]))).await;
    let evil = thief.url();
    let bare = evil.trim_start_matches("http://").to_owned();
    let objects = cluster("gitea", "https://git.example.com/forge");
    // What a tenant could put into a namespace of his own.
    objects.put(forge("tenant", "mine", "gitea", &evil));
    objects.put(secret("tenant", "tenant-token"));
    let bindings = Arc::new(Bindings::new(objects, "recant-system"));
    let forge = Hosts::new(Arc::clone(&bindings));
    let bound = bindings
        .for_url("https://GIT.example.com:443/forge/acme/fleet.git")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (bound.username.as_str(), bound.token.secret()),
        ("x-access-token", TOKEN)
    );
    for url in [
        format!("{evil}/acme/fleet"),
        format!("{evil}/forge/acme/fleet"),
        format!("http://git.example.com@{bare}/forge/acme/fleet"),
        format!("http://git.example.com:443@{bare}/forge/acme/fleet"),
        "http://git.example.com/forge/acme/fleet".to_owned(),
        "https://git.example.com:444/forge/acme/fleet".to_owned(),
        "https://git.example.com.evil/forge/acme/fleet".to_owned(),
        "https://evil/git.example.com/forge/acme/fleet".to_owned(),
        "https://git.example.com/acme/fleet".to_owned(),
        "https://git.example.com/forge-2/acme/fleet".to_owned(),
        "https://git.example.com/forge/acme".to_owned(),
        "https://git.example.com/forge/acme/fleet/extra".to_owned(),
        "https://git.example.com/other/../forge/acme/fleet".to_owned(),
        "https://git.example.com/forge/%2e%2e/acme/fleet".to_owned(),
        "https://git.example.com/forge/acme/fleet?ref=x".to_owned(),
        "https://git.ex\u{0430}mple.com/forge/acme/fleet".to_owned(),
        "ssh://git@git.example.com/acme/fleet".to_owned(),
        "file:///forge/acme/fleet".to_owned(),
        "not a url".to_owned(),
    ] {
        let branch = Branch {
            repo: RepoUrl(url.clone()),
            name: HEAD.to_owned(),
        };
        let answer = forge.pulls(&branch).await;
        assert!(
            matches!(answer, Err(PortError::Denied(_) | PortError::Invalid(_))),
            "{url}: {answer:?}"
        );
        let credential = bindings.for_url(&url).await;
        assert!(!matches!(credential, Ok(Some(_))), "{url}");
    }
    assert_eq!(thief.calls(), Vec::<String>::new());
    let unbound = forge.pulls(&branch(&evil)).await.unwrap_err().to_string();
    assert!(
        unbound.contains("create a Forge") && unbound.contains(&evil) && unbound.contains("recant-system"),
        "{unbound}"
    );
}

#[tokio::test]
async fn the_closest_forge_binds_and_its_list_of_repositories_holds() {
    let objects = cluster("gitea", "https://git.example.com");
    let mut close = forge("recant-system", "close", "gitea", "https://git.example.com");
    close["spec"]["repositories"] = j!(["acme/*"]);
    close["spec"]["secretRef"]["name"] = j!("missing");
    objects.put(close);
    objects.put(forge(
        "recant-system",
        "odd",
        "bitbucket",
        "https://git.example.com",
    ));
    objects.put(forge("recant-system", "wrong", "gitea", "git.example.com/../x"));
    let bindings = Bindings::new(objects, "recant-system");
    let missing = bindings.for_url("https://git.example.com/acme/fleet").await;
    assert!(
        matches!(&missing, Err(PortError::Denied(m)) if m.contains("Secret missing") && m.contains("Forge close")),
        "{missing:?}"
    );
    assert!(
        bindings
            .for_url("git@git.example.com:other/fleet.git")
            .await
            .unwrap()
            .is_some()
    );
}
