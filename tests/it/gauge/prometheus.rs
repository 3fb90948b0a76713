//! Prometheus: its answers, and how it is asked.

use super::ask;
use super::gauges;
use super::provider;
use super::query;
use crate::serve::Fake;
use crate::serve::json;
use crate::serve::nobody;
use axum::response::IntoResponse;
use axum::response::Response;
use recant::port::Gauge;
use recant::port::PortError;
use recant_core::provider::ProviderKind;
use recant_core::query::MetricQuery;
use serde_json::Value;
use serde_json::json as j;
use std::collections::BTreeMap;
use std::time::Duration;

/// Providers without a Secret.
fn plain(metrics_server: &str) -> recant::gauge::Gauges {
    gauges(&[], metrics_server, Duration::from_secs(5))
}

fn ok(kind: &str, result: Value) -> Response {
    json(
        200,
        j!({ "status": "success", "data": { "resultType": kind, "result": result } }),
    )
}

fn series(value: &str) -> Value {
    j!({ "metric": {}, "value": [1_700_000_000.123, value] })
}

async fn answer(response: impl Fn() -> Response + Send + Sync + 'static) -> Result<Option<f64>, PortError> {
    let fake = Fake::start(move |_| response()).await;
    plain(&fake.url()).query(&MetricQuery::prometheus("", "up")).await
}

#[tokio::test]
async fn a_number_is_the_last_series_value() {
    for (kind, result, expected) in [
        ("vector", j!([series("99.5")]), Some(99.5)),
        ("vector", j!([series("1"), series("2")]), Some(2.0)),
        ("vector", j!([]), None),
        ("vector", j!([series("NaN")]), None),
        ("vector", j!([series("+Inf")]), Some(f64::INFINITY)),
        ("scalar", j!([1_700_000_000, "7"]), Some(7.0)),
    ] {
        let sent = result.clone();
        let got = answer(move || ok(kind, sent.clone())).await.unwrap();
        assert_eq!(got, expected, "{kind} {result}");
    }
}

#[tokio::test]
async fn no_data_is_apart_from_a_server_that_is_away_and_a_query_it_refuses() {
    let invalid = answer(|| {
        json(
            400,
            j!({ "status": "error", "errorType": "bad_data", "error": "parse error: x" }),
        )
    })
    .await;
    assert!(
        matches!(&invalid, Err(PortError::Invalid(m)) if m.contains("parse error: x")),
        "{invalid:?}"
    );
    let matrix = answer(|| ok("matrix", j!([]))).await;
    assert!(
        matches!(&matrix, Err(PortError::Invalid(m)) if m.contains("matrix")),
        "{matrix:?}"
    );
    let page = answer(|| "<html>".into_response()).await;
    assert!(matches!(&page, Err(PortError::Invalid(_))), "{page:?}");
    let failed = answer(|| json(200, j!({ "status": "error", "error": "no" }))).await;
    assert!(matches!(&failed, Err(PortError::Invalid(_))), "{failed:?}");
    let denied = answer(|| json(401, j!({}))).await;
    assert!(matches!(&denied, Err(PortError::Denied(_))), "{denied:?}");
    let busy = answer(|| {
        json(
            503,
            j!({ "status": "error", "errorType": "timeout", "error": "query timed out" }),
        )
    })
    .await;
    assert!(
        matches!(&busy, Err(PortError::Unreachable(m)) if m.contains("query timed out")),
        "{busy:?}"
    );
    let gauge = plain("");
    let away = gauge.query(&MetricQuery::prometheus(&nobody().await, "up")).await;
    assert!(matches!(&away, Err(PortError::Unreachable(_))), "{away:?}");
    let unset = gauge.query(&MetricQuery::prometheus("", "up")).await;
    assert!(matches!(&unset, Err(PortError::Invalid(_))), "{unset:?}");
}

#[tokio::test]
async fn a_query_goes_out_in_one_line_below_the_servers_own_path() {
    let fake = Fake::start(|_| ok("vector", j!([]))).await;
    let gauge = plain("http://127.0.0.1:1");
    let address = format!("{}/select/0/prometheus/", fake.url());
    gauge
        .query(&MetricQuery::prometheus(
            &address,
            "  sum(\n    rate(x[1m])\n  )\n",
        ))
        .await
        .unwrap();
    let long = format!("sum(x{{a=~\"{}\"}})", "y".repeat(3000));
    gauge
        .query(&MetricQuery::prometheus(&address, &long))
        .await
        .unwrap();
    let seen = fake.seen();
    assert_eq!(
        (seen[0].method.as_str(), seen[0].path()),
        ("GET", "/select/0/prometheus/api/v1/query")
    );
    assert_eq!(seen[0].query("query").as_deref(), Some("sum( rate(x[1m]) )"));
    assert_eq!(
        (seen[1].method.as_str(), seen[1].path()),
        ("POST", "/select/0/prometheus/api/v1/query")
    );
    assert_eq!(
        seen[1].headers["content-type"],
        "application/x-www-form-urlencoded"
    );
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&seen[1].body).into_owned().collect();
    assert_eq!(form, [("query".to_owned(), long)]);
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_errors_hold_no_password() {
    let fake = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://user:s3cret@{}", fake.local_addr().unwrap());
    let gauge = gauges(&[], "", Duration::from_millis(100));
    let hung = gauge.query(&MetricQuery::prometheus(&address, "up")).await;
    assert!(
        matches!(&hung, Err(PortError::Unreachable(m)) if !m.contains("s3cret")),
        "{hung:?}"
    );
}

#[tokio::test]
async fn a_secret_is_a_bearer_token_or_a_user_with_a_password_and_goes_before_the_address() {
    let fake = Fake::start(|_| ok("vector", j!([series("1")]))).await;
    let with_user = fake.url().replace("http://", "http://in:address@");
    for (secret, expected) in [
        (&[("token", "t0k3n\n")][..], "Bearer t0k3n"),
        (&[("username", "u"), ("password", "p")], "Basic dTpw"),
    ] {
        let asked = query(provider(ProviderKind::Prometheus, &with_user), "up");
        assert_eq!(ask(secret, asked).await.unwrap(), Some(1.0));
        assert_eq!(fake.seen().last().unwrap().headers["authorization"], expected);
    }
    let half = ask(
        &[("username", "u")],
        query(provider(ProviderKind::Prometheus, &fake.url()), "up"),
    );
    let half = half.await;
    assert!(
        matches!(&half, Err(PortError::Denied(why)) if why.contains("Secret/ops/creds: there is no key password")),
        "{half:?}"
    );
}

#[tokio::test]
async fn headers_of_the_template_are_sent() {
    let fake = Fake::start(|_| ok("vector", j!([series("1")]))).await;
    let mut asked = MetricQuery::prometheus(&fake.url(), "up");
    asked.provider.headers = BTreeMap::from([("X-Scope-OrgID".to_owned(), vec!["tenant".to_owned()])]);
    ask(&[], asked.clone()).await.unwrap();
    assert_eq!(fake.seen()[0].headers["x-scope-orgid"], "tenant");
    asked.provider.headers = BTreeMap::from([("X".to_owned(), vec!["a\nb".to_owned()])]);
    let bad = ask(&[], asked).await;
    assert!(
        matches!(&bad, Err(PortError::Invalid(why)) if why.contains("X cannot be sent")),
        "{bad:?}"
    );
}
