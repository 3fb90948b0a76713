//! The Prometheus client against small servers that answer as the published API does.

use crate::serve::Fake;
use crate::serve::json;
use crate::serve::nobody;
use axum::response::IntoResponse;
use axum::response::Response;
use recant::gauge::Prometheus;
use recant::port::Gauge;
use recant::port::PortError;
use recant_core::query::MetricQuery;
use serde_json::Value;
use serde_json::json as j;
use std::time::Duration;

fn query(address: &str, promql: &str) -> MetricQuery {
    MetricQuery::prometheus(address, promql)
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
    Prometheus::new(fake.url()).unwrap().query(&query("", "up")).await
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
    let gauge = Prometheus::new("").unwrap();
    let away = gauge.query(&query(&nobody().await, "up")).await;
    assert!(matches!(&away, Err(PortError::Unreachable(_))), "{away:?}");
    let unset = gauge.query(&query("", "up")).await;
    assert!(matches!(&unset, Err(PortError::Invalid(_))), "{unset:?}");
}

#[tokio::test]
async fn a_query_goes_out_in_one_line_below_the_servers_own_path() {
    let fake = Fake::start(|_| ok("vector", j!([]))).await;
    let gauge = Prometheus::new("http://127.0.0.1:1").unwrap();
    let address = format!("{}/select/0/prometheus/", fake.url());
    gauge
        .query(&query(&address, "  sum(\n    rate(x[1m])\n  )\n"))
        .await
        .unwrap();
    let long = format!("sum(x{{a=~\"{}\"}})", "y".repeat(3000));
    gauge.query(&query(&address, &long)).await.unwrap();
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
    let gauge = Prometheus::with_timeout("", Duration::from_millis(100)).unwrap();
    let hung = gauge.query(&query(&address, "up")).await;
    assert!(
        matches!(&hung, Err(PortError::Unreachable(m)) if !m.contains("s3cret")),
        "{hung:?}"
    );
}
