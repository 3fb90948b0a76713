//! Where credentials go, and what is told when something is wrong.

use super::ask;
use super::gauges;
use super::provider;
use super::query;
use crate::serve::Fake;
use crate::serve::json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use recant::port::Gauge;
use recant::port::PortError;
use recant_core::object::ObjectRef;
use recant_core::provider::ProviderKind;
use serde_json::json as j;
use std::time::Duration;

#[tokio::test]
async fn a_redirect_is_not_followed_with_a_credential_in_hand() {
    let thief = Fake::start(|_| json(200, j!({"series": []}))).await;
    let there = thief.url();
    let fake = Fake::start(move |_| {
        let location = [("location", format!("{there}/api/v1/query"))];
        (StatusCode::TEMPORARY_REDIRECT, location).into_response()
    })
    .await;
    let secret = [("datadog_api_key", "a"), ("datadog_application_key", "b")];
    let got = ask(&secret, query(provider(ProviderKind::Datadog, &fake.url()), "q")).await;
    let host = thief.url().replace("http://", "");
    assert!(
        matches!(&got, Err(PortError::Invalid(why)) if why.contains(&format!("redirects to {host}"))),
        "{got:?}"
    );
    assert!(thief.seen().is_empty(), "the other host heard nothing");
}

#[tokio::test]
async fn a_missing_secret_and_an_address_that_is_none_are_told_by_name() {
    let mut elsewhere = provider(ProviderKind::Dynatrace, "http://127.0.0.1:1");
    elsewhere.secret = Some(ObjectRef::new("v1", "Secret", "ops", "nowhere"));
    let got = ask(&[], query(elsewhere.clone(), "q"))
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(got, "denied: Secret/ops/nowhere is not there: create it");
    elsewhere.secret = None;
    let got = ask(&[], query(elsewhere, "q")).await.unwrap_err().to_string();
    assert_eq!(
        got,
        "denied: dynatrace needs a Secret with dynatrace_token: set spec.provider.secretRef"
    );
    for (address, words) in [
        ("", "graphite address: none is given: set spec.provider.address"),
        ("graphite", "graphite address: relative URL without a base"),
        (
            "file:///etc/passwd",
            "graphite address: scheme \"file\" is not http or https",
        ),
    ] {
        let mut asked = query(provider(ProviderKind::Graphite, address), "target=a");
        asked.provider.secret = None;
        let got = ask(&[], asked).await.unwrap_err().to_string();
        assert_eq!(got, format!("invalid: {words}"));
    }
}

#[tokio::test]
async fn a_provider_that_hangs_is_given_up_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let gauge = gauges(&[("dynatrace_token", "t")], "", Duration::from_millis(100));
    let hung = gauge
        .query(&query(provider(ProviderKind::Dynatrace, &address), "q"))
        .await;
    assert!(matches!(&hung, Err(PortError::Unreachable(_))), "{hung:?}");
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut() {
    let fake = Fake::start(|_| "x".repeat(5 << 20).into_response()).await;
    let mut asked = query(provider(ProviderKind::Graphite, &fake.url()), "target=a");
    asked.provider.secret = None;
    let got = ask(&[], asked).await;
    assert!(
        matches!(&got, Err(PortError::Invalid(why)) if why.contains("longer than 4 MiB")),
        "{got:?}"
    );
}
