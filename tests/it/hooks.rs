//! Webhooks over HTTP: called once for each occasion, tried again, told apart; and the load tester of the demo's world.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use recant::demo::hook_http;
use recant::hook::Webhooks;
use recant::port::Hooks;
use recant::post::Poster;
use recant_core::hook::HookAnswer;
use recant_core::hook::HookCall;
use recant_core::object::ObjectRef;
use recant_sim::world::World;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use tokio::net::TcpListener;

/// A receiver: what it was told so far, and what it answers, the last answer for ever.
#[derive(Clone)]
struct Receiver {
    keys: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<u16>>>,
    takes: Duration,
}

impl Receiver {
    fn called(&self) -> Vec<String> {
        self.keys.lock().unwrap().clone()
    }
}

/// Serves on a port of this machine until the test ends; returns the URL.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn receiver(answers: &[u16], takes: Duration) -> (Receiver, String) {
    let receiver = Receiver {
        keys: Arc::default(),
        answers: Arc::new(Mutex::new(answers.to_vec())),
        takes,
    };
    let answer = |State(receiver): State<Receiver>, headers: HeaderMap| async move {
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        receiver.keys.lock().unwrap().push(key);
        tokio::time::sleep(receiver.takes).await;
        let mut answers = receiver.answers.lock().unwrap();
        let status = if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0]
        };
        (StatusCode::from_u16(status).unwrap(), "said")
    };
    let router = Router::new().fallback(answer).with_state(receiver.clone());
    let url = serve(router).await;
    (receiver, url)
}

fn call(url: &str, occasion: &str, retries: u32) -> HookCall {
    HookCall {
        canary: ObjectRef::new("flagger.app/v1beta1", "Canary", "test", "podinfo"),
        hook: "0/gate".to_owned(),
        occasion: occasion.to_owned(),
        url: url.to_owned(),
        body: r#"{"name":"podinfo","namespace":"test"}"#.to_owned(),
        timeout_ms: 5_000,
        retries,
        disable_tls: false,
    }
}

fn hooks() -> Webhooks {
    Webhooks::new(Arc::new(Poster::with_backoff(Duration::from_millis(5))))
}

fn answered(status: u16, body: &str) -> HookAnswer {
    let body = body.to_owned();
    HookAnswer::Answered { status, body }
}

#[tokio::test]
async fn who_asks_again_gets_the_same_answer_and_another_occasion_another_call() {
    let (receiver, url) = receiver(&[403, 200], Duration::ZERO).await;
    let hooks = hooks();
    for _ in 0..3 {
        assert_eq!(
            hooks.ask(&call(&url, "first", 0)).await.unwrap(),
            answered(403, "said")
        );
    }
    assert_eq!(
        hooks.ask(&call(&url, "second", 0)).await.unwrap(),
        answered(200, "said")
    );
    assert_eq!(
        receiver.called(),
        ["test/podinfo/0/gate/first", "test/podinfo/0/gate/second"]
    );
}

#[tokio::test]
async fn a_slow_answer_is_pending_and_then_there() {
    let (receiver, url) = receiver(&[200], Duration::from_millis(1_500)).await;
    let hooks = hooks();
    assert_eq!(
        hooks.ask(&call(&url, "slow", 0)).await.unwrap(),
        HookAnswer::Pending
    );
    assert_eq!(
        hooks.ask(&call(&url, "slow", 0)).await.unwrap(),
        answered(200, "said")
    );
    assert_eq!(receiver.called().len(), 1);
}

#[tokio::test]
async fn a_5xx_is_tried_again_as_often_as_the_hook_says_and_a_no_is_not() {
    for (answers, retries, status, calls) in [
        (vec![503, 500, 200], 2, 200, 3),
        (vec![503, 500, 200], 1, 500, 2),
        (vec![503, 200], 0, 503, 1),
        (vec![501, 200], 3, 501, 1),
        (vec![403, 200], 3, 403, 1),
    ] {
        let (receiver, url) = receiver(&answers, Duration::ZERO).await;
        let got = hooks().ask(&call(&url, "x", retries)).await.unwrap();
        assert_eq!(got, answered(status, "said"), "{answers:?}, {retries} retries");
        assert_eq!(receiver.called().len(), calls, "{answers:?}, {retries} retries");
    }
}

#[tokio::test]
async fn nobody_there_is_an_error_without_what_the_url_holds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://user:hunter2@{}/hunter2", listener.local_addr().unwrap());
    drop(listener);
    let error = hooks().ask(&call(&url, "x", 1)).await.unwrap_err().to_string();
    assert!(
        error.starts_with("unreachable") && !error.contains("hunter2"),
        "{error}"
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer_that_is_not_followed() {
    let (elsewhere, url) = receiver(&[200], Duration::ZERO).await;
    let location = format!("{url}/elsewhere");
    let redirect = move || async move { (StatusCode::TEMPORARY_REDIRECT, [("location", location)], "moved") };
    let url = serve(Router::new().fallback(redirect)).await;
    let got = hooks().ask(&call(&url, "x", 0)).await.unwrap();
    assert_eq!(got, answered(307, "moved"));
    assert!(elsewhere.called().is_empty());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_unless_the_hook_says_otherwise() {
    let url = crate::forges::tls::start(false).await;
    let mut call = call(&url, "x", 0);
    let error = hooks().ask(&call).await.unwrap_err().to_string();
    assert!(error.starts_with("unreachable"), "{error}");
    call.disable_tls = true;
    assert_eq!(hooks().ask(&call).await.unwrap(), answered(200, "[]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_load_tester_of_the_demos_world_is_reached_by_its_name_in_the_cluster() {
    let world = World::new(1, "2026-01-01T00:00:00Z".parse().unwrap());
    let proxy = serve(hook_http::router(Arc::new(Mutex::new(world)))).await;
    let hooks = Webhooks::new(Arc::new(Poster::through(&proxy)));
    for (occasion, path, status, body) in [
        ("1", "/gate/check", 403, "Forbidden"),
        ("2", "/gate/open", 202, ""),
        ("3", "/gate/check", 200, "Approved"),
        ("4", "/rollback/check", 403, "Forbidden"),
    ] {
        let url = format!("http://flagger-loadtester.test{path}");
        let got = hooks.ask(&call(&url, occasion, 0)).await.unwrap();
        assert_eq!(got, answered(status, body), "{path}");
    }
    let nobody = hooks.ask(&call("http://nobody.test/", "5", 0)).await.unwrap();
    assert_eq!(nobody, answered(502, "connection refused"));
}

/// The clock is turned, nobody waits: a receiver that takes every call and answers none.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_tried_again_and_again_ends_at_the_overall_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    for (timeout_ms, ends_s) in [(5_000, 600), (900_000, 900)] {
        let mut call = call(&url, &timeout_ms.to_string(), u32::MAX);
        call.timeout_ms = timeout_ms;
        let (hooks, began) = (hooks(), tokio::time::Instant::now());
        let mut answer = Ok(HookAnswer::Pending);
        while matches!(answer, Ok(HookAnswer::Pending)) && began.elapsed().as_secs() < 2 * ends_s {
            answer = hooks.ask(&call).await;
        }
        let error = answer.unwrap_err().to_string();
        assert!(
            error.ends_with(&format!("no answer within {ends_s} s")),
            "{error}"
        );
        let took_s = began.elapsed().as_secs();
        assert!((ends_s..ends_s + 2).contains(&took_s), "{took_s} s");
    }
}
