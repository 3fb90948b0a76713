//! Alerts and event webhooks: what chats are posted, when they refuse, and that nobody waits for them.

use crate::forge_clients::bound::Objects;
use crate::serve::Fake;
use crate::serve::Seen;
use crate::serve::json;
use crate::serve::nobody;
use axum::response::IntoResponse;
use recant::credential::Token;
use recant::notifier::Courier;
use recant::notifier::Destination;
use recant::notifier::Kind;
use recant::notifier::Look;
use recant::notifier::Outcomes;
use recant::notifier::Settings;
use recant::port::Notifier;
use recant::post::Poster;
use recant_core::alert::Alert;
use recant_core::alert::Severity;
use recant_core::effect::EventHook;
use recant_core::object::ObjectRef;
use serde_json::Value;
use serde_json::json as j;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

fn canary() -> ObjectRef {
    ObjectRef::new("flagger.app/v1beta1", "Canary", "test", "podinfo")
}

fn alert(severity: Severity) -> Alert {
    Alert {
        about: canary(),
        provider: Some(ObjectRef::new(
            "flagger.app/v1beta1",
            "AlertProvider",
            "ops",
            "chat",
        )),
        severity,
        message: "Failed checks threshold reached 5".to_owned(),
        fields: vec![
            ("Failed metric".to_owned(), "request-success-rate".to_owned()),
            ("Value".to_owned(), "69.17% < 99%".to_owned()),
        ],
    }
}

/// A courier for an AlertProvider `ops/chat` of this spec, and a Secret `ops/creds`.
fn courier(spec: Value, secret: &[(&str, &str)], settings: Settings) -> (Courier, Arc<Outcomes>) {
    let cluster = Objects::default();
    cluster.put(j!({
        "apiVersion": "flagger.app/v1beta1", "kind": "AlertProvider",
        "metadata": {"namespace": "ops", "name": "chat"}, "spec": spec,
    }));
    cluster.put_secret("ops", "creds", secret);
    let outcomes = Arc::clone(&settings.outcomes);
    let poster = Arc::new(Poster::with_backoff(Duration::from_millis(5)));
    (Courier::new(Arc::new(cluster), settings, poster), outcomes)
}

fn counts(outcomes: &Outcomes) -> (u64, u64) {
    (
        outcomes.sent.load(Ordering::Relaxed),
        outcomes.failed.load(Ordering::Relaxed),
    )
}

/// Sends one alert; what the server was asked, and how many were sent and given up.
async fn sent(
    fake: &Fake,
    spec: Value,
    secret: &[(&str, &str)],
    severity: Severity,
) -> (Vec<Seen>, (u64, u64)) {
    let (courier, outcomes) = courier(spec, secret, Settings::default());
    courier.alert(&alert(severity)).await.unwrap();
    outcomes.drained(Duration::from_secs(10)).await;
    (fake.seen(), counts(&outcomes))
}

#[tokio::test]
async fn slack_discord_and_rocket_get_slacks_payload_in_their_own_colours() {
    for (kind, path, good, bad, value) in [
        ("slack", "/hook", "good", "danger", "69.17% &lt; 99%"),
        ("discord", "/hook/slack", "good", "danger", "69.17% < 99%"),
        ("rocket", "/hook", "#0076D7", "#FF0000", "69.17% < 99%"),
    ] {
        for (severity, color) in [
            (Severity::Info, good),
            (Severity::Warn, good),
            (Severity::Error, bad),
        ] {
            let fake = Fake::start(|_| "ok".into_response()).await;
            let address = format!("{}/hook", fake.url());
            let spec = j!({"type": kind, "address": address, "channel": "deploys"});
            let (seen, counts) = sent(&fake, spec, &[], severity).await;
            assert_eq!(counts, (1, 0));
            let field = |title: &str, value: &str| j!({"title": title, "value": value, "short": false});
            let expected = j!({
                "channel": "deploys", "username": "flagger", "icon_url": "", "icon_emoji": ":rocket:",
                "attachments": [{
                    "color": color, "author_name": "podinfo.test", "text": "Failed checks threshold reached 5",
                    "mrkdwn_in": ["text"],
                    "fields": [field("Failed metric", "request-success-rate"), field("Value", value)],
                }],
            });
            assert_eq!(seen[0].json(), expected, "{kind}");
            assert_eq!((seen[0].method.as_str(), seen[0].path()), ("POST", path));
            assert_eq!(seen[0].headers["content-type"], "application/json");
            assert!(!seen[0].headers.contains_key("authorization"));
        }
    }
}

#[tokio::test]
async fn teams_gets_a_message_card_and_google_chat_a_card() {
    let fake = Fake::start(|_| "1".into_response()).await;
    let spec = j!({"type": "msteams", "address": fake.url()});
    let (seen, _) = sent(&fake, spec, &[], Severity::Error).await;
    let facts = j!([{"name": "Failed metric", "value": "request-success-rate"}, {"name": "Value", "value": "69.17% < 99%"}]);
    let expected = j!({
        "@type": "MessageCard", "@context": "http://schema.org/extensions", "themeColor": "FF0000",
        "summary": "podinfo.test",
        "sections": [{"activityTitle": "Failed checks threshold reached 5", "activitySubtitle": "podinfo.test", "facts": facts}],
    });
    assert_eq!(seen[0].json(), expected);
    let fake = Fake::start(|_| json(200, j!({}))).await;
    let spec = j!({"type": "gchat", "address": fake.url()});
    let (seen, _) = sent(&fake, spec, &[], Severity::Info).await;
    let card = &seen[0].json()["cards"][0];
    assert_eq!(card["header"]["subtitle"], "podinfo.test");
    let text = |i: usize| card["sections"][i]["widgets"][0]["textParagraph"]["text"].clone();
    assert_eq!(
        text(0),
        "<font color=#848484><strong>Failed checks threshold reached 5</strong></font>"
    );
    assert_eq!(
        text(2),
        "Value<br><font color=#848484><strong>69.17% &lt; 99%</strong></font>"
    );
}

#[tokio::test]
async fn a_secret_holds_address_and_token_and_only_slack_gets_the_token() {
    for (kind, token) in [("slack", Some("Bearer xoxb-1")), ("msteams", None)] {
        let fake = Fake::start(|_| json(200, j!({"ok": true}))).await;
        let spec = j!({"type": kind, "secretRef": {"name": "creds"}, "username": "bot"});
        let secret = [("address", fake.url()), ("token", "xoxb-1".to_owned())];
        let secret = secret.each_ref().map(|(key, value)| (*key, value.as_str()));
        let (seen, counts) = sent(&fake, spec, &secret, Severity::Info).await;
        assert_eq!(counts, (1, 0));
        assert_eq!(seen[0].headers.get("authorization").map(String::as_str), token);
    }
}

#[tokio::test]
async fn what_is_away_for_a_moment_is_tried_again_and_what_is_refused_is_not() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&tries);
    let fake = Fake::start(move |_| match counter.fetch_add(1, Ordering::Relaxed) {
        0 => json(503, j!({})),
        1 => json(429, j!({})),
        _ => json(200, j!({})),
    })
    .await;
    let (seen, counts) = sent(
        &fake,
        j!({"type": "rocket", "address": fake.url()}),
        &[],
        Severity::Info,
    )
    .await;
    assert_eq!((seen.len(), counts), (3, (1, 0)));
    for (status, said, tries) in [
        (404, j!({}), 1),
        (403, j!({}), 1),
        (302, j!({}), 1),
        (500, j!({}), 4),
        (200, j!({"ok": false, "error": "channel_not_found"}), 1),
    ] {
        let fake = Fake::start(move |_| json(status, said.clone())).await;
        let (seen, counts) = sent(
            &fake,
            j!({"type": "slack", "address": fake.url()}),
            &[],
            Severity::Info,
        )
        .await;
        assert_eq!((seen.len(), counts), (tries, (0, 1)), "{status}");
    }
}

#[tokio::test]
async fn nobody_waits_for_a_chat_that_hangs_or_is_not_there() {
    let hung = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (spec, secret) in [
        (
            j!({"type": "slack", "address": format!("http://{}", hung.local_addr().unwrap())}),
            vec![],
        ),
        (j!({"type": "slack", "address": nobody().await}), vec![]),
        (
            j!({"type": "slack", "secretRef": {"name": "creds"}}),
            vec![("token", "no address")],
        ),
        (j!({"type": "slack", "secretRef": {"name": "nowhere"}}), vec![]),
        (j!({"type": "pager", "address": "http://127.0.0.1:1"}), vec![]),
        (j!({"type": "slack", "address": "not a URL"}), vec![]),
    ] {
        let (courier, _) = courier(spec, &secret, Settings::default());
        let since = Instant::now();
        courier.alert(&alert(Severity::Error)).await.unwrap();
        assert!(since.elapsed() < Duration::from_millis(500));
    }
}

#[tokio::test]
async fn alerts_of_one_provider_arrive_in_order() {
    let fake = Fake::start(|_| "ok".into_response()).await;
    let spec = j!({"type": "rocket", "address": fake.url()});
    let (courier, outcomes) = courier(spec, &[], Settings::default());
    for n in 0..20 {
        let mut alert = alert(Severity::Info);
        alert.message = n.to_string();
        courier.alert(&alert).await.unwrap();
    }
    outcomes.drained(Duration::from_secs(10)).await;
    let texts: Vec<Value> = fake
        .seen()
        .iter()
        .map(|seen| seen.json()["attachments"][0]["text"].clone())
        .collect();
    let expected: Vec<Value> = (0..20).map(|n| Value::from(n.to_string())).collect();
    assert_eq!(texts, expected);
    assert_eq!(counts(&outcomes), (20, 0));
}

#[tokio::test]
async fn recants_own_provider_and_webhook_are_used_where_none_is_named() {
    let fake = Fake::start(|_| "ok".into_response()).await;
    let own = Settings {
        alerts: Some(Destination {
            look: Look {
                kind: Kind::Slack,
                channel: "all".to_owned(),
                username: "recant".to_owned(),
            },
            url: Token::new(format!("{}/own", fake.url())),
            token: None,
            proxy: None,
        }),
        event_webhook: Some(Token::new(format!("{}/events", fake.url()))),
        ..Settings::default()
    };
    let (courier, outcomes) = courier(j!({}), &[], own);
    let mut unnamed = alert(Severity::Info);
    unnamed.provider = None;
    courier.alert(&unnamed).await.unwrap();
    courier.event(&event(None)).await.unwrap();
    outcomes.drained(Duration::from_secs(10)).await;
    let mut calls = fake.calls();
    calls.sort();
    assert_eq!(calls, ["POST /events", "POST /own"]);
    assert_eq!(counts(&outcomes), (2, 0));
}

fn event(url: Option<String>) -> EventHook {
    EventHook {
        about: canary(),
        name: "events".to_owned(),
        url,
        timeout_ms: 2000,
        retries: 1,
        insecure_skip_verify: false,
        payload: j!({"name": "podinfo", "metadata": {"eventMessage": "Advance podinfo.test canary weight 10"}}),
    }
}

#[tokio::test]
async fn an_event_is_posted_as_it_is_and_a_status_above_202_is_a_failure() {
    for (status, expected) in [(200, (1, 0)), (202, (1, 0)), (204, (0, 1)), (404, (0, 1))] {
        let fake = Fake::start(move |_| json(status, j!({}))).await;
        let (courier, outcomes) = courier(j!({}), &[], Settings::default());
        let hook = event(Some(fake.url()));
        courier.event(&hook).await.unwrap();
        outcomes.drained(Duration::from_secs(10)).await;
        assert_eq!(counts(&outcomes), expected, "{status}");
        assert_eq!(fake.seen()[0].json(), hook.payload);
    }
}

#[test]
fn neither_address_nor_token_shows_itself() {
    let hook = event(Some("http://user:hunter2@host/hunter2".to_owned()));
    let destination = Destination {
        look: Look {
            kind: Kind::Slack,
            channel: String::new(),
            username: String::new(),
        },
        url: Token::new("https://hooks.slack.com/hunter2"),
        token: Some(Token::new("hunter2")),
        proxy: None,
    };
    let settings = Settings {
        event_webhook: Some(Token::new("http://host/hunter2")),
        alerts: Some(destination),
        ..Settings::default()
    };
    assert!(!format!("{hook:?} {settings:?}").contains("hunter2"));
}

#[tokio::test]
async fn metrics_are_served_as_openmetrics() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let shown = recant::web::Shown {
        board: Arc::default(),
        meter: Arc::new(recant::meter::Meter::new("istio", Arc::default())),
    };
    let pages = tokio::spawn(recant::web::serve(listener, shown, stop.clone()));
    let answer = reqwest::get(format!("http://{address}/metrics")).await.unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = answer.text().await.unwrap();
    assert!(
        text.contains("flagger_info{") && text.ends_with("# EOF\n"),
        "{text}"
    );
    stop.cancel();
    pages.await.unwrap().unwrap();
}
