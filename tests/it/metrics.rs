//! The world's metrics, asked by recant's own client and by hand.

use crate::forge_clients::bound::Objects;
use crate::serve::Server;
use jiff::Timestamp;
use recant::demo::prometheus_http;
use recant::gauge::Gauges;
use recant::gauge::Settings;
use recant::port::Gauge;
use recant::port::PortError;
use recant_core::canary::spec::Spec;
use recant_core::object::Object;
use recant_core::query::MetricQuery;
use recant_core::query::Observation;
use recant_core::query::Query;
use recant_sim::gauge::Labels;
use recant_sim::world::World;
use serde_json::Value;
use std::sync::Arc;
use std::sync::Mutex;

/// A world in which one counter has grown by 2 a second for a minute.
fn world() -> Arc<Mutex<World>> {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut world = World::new(1, start);
    for second in 1..=60 {
        world
            .gauge
            .add(&Labels::new("requests_total", &[("app", "a")]), 2.0);
        world.advance(Timestamp::from_second(start.as_second() + second).unwrap());
    }
    Arc::new(Mutex::new(world))
}

async fn start() -> Server {
    Server::start(prometheus_http::router(world())).await
}

fn ask(query: &str) -> MetricQuery {
    MetricQuery::prometheus("", query)
}

#[tokio::test]
async fn recants_own_client_reads_numbers_no_data_and_errors() {
    let server = start().await;
    let client = Gauges::new(Arc::new(Objects::default()), Settings::new(server.url())).unwrap();
    let number = client
        .query(&ask("sum(rate(requests_total[30s]))"))
        .await
        .unwrap();
    assert!((number.unwrap() - 2.0).abs() < 0.05, "{number:?}");
    // Too long for a GET: it goes into the body of a POST.
    let long = format!("requests_total{{app=~\"a|{}\"}} * 0 + 7", "b".repeat(3000));
    assert_eq!(client.query(&ask(&long)).await.unwrap(), Some(7.0));
    assert_eq!(client.query(&ask("nothing_total")).await.unwrap(), None);
    let error = client.query(&ask("sum(")).await.unwrap_err();
    assert!(
        matches!(&error, PortError::Invalid(why) if why.contains("parse error")),
        "{error}"
    );
}

#[test]
fn every_built_in_query_is_promql() {
    let gauge = recant_sim::gauge::Gauge::default();
    let now = Timestamp::UNIX_EPOCH;
    for provider in [
        "linkerd",
        "smi:v1alpha2",
        "kubernetes",
        "gatewayapi:v1",
        "nginx",
        "istio",
        "traefik",
        "contour",
        "gloo",
    ] {
        let canary = Object(serde_json::json!({
            "metadata": {"name": "web", "namespace": "test"},
            "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
                     "provider": provider, "service": {"port": 80},
                     "analysis": {"metrics": [{"name": "request-success-rate"}, {"name": "request-duration"}]}},
        }));
        let spec = Spec::of(&canary).unwrap();
        let settings = recant_core::settings::Settings {
            mesh_provider: "istio".to_owned(),
            ..Default::default()
        };
        let asked = recant_core::verdict::ask(&settings, &canary, &spec, &Observation::default());
        assert_eq!(asked.len(), 2, "{provider}");
        for query in asked {
            let Query::Metric(query) = query else {
                panic!("{query:?}")
            };
            assert_eq!(
                gauge.number(&query.query, now),
                Ok(None),
                "{provider}: {}",
                query.query
            );
        }
    }
}

/// The samples of a page of metrics, as a Prometheus keeps them.
fn scraped(text: &str, at: Timestamp) -> recant_sim::gauge::Gauge {
    let mut gauge = recant_sim::gauge::Gauge::default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels: Vec<(&str, &str)> = labels
            .trim_end_matches('}')
            .split_terminator(',')
            .map(|label| label.split_once('=').unwrap())
            .map(|(key, value)| (key, value.trim_matches('"')))
            .collect();
        let sample = recant_sim::gauge::Sample::new(at.as_millisecond(), value.parse().unwrap());
        gauge.push(Labels::new(name, &labels), sample);
    }
    gauge
}

/// What dashboards and alerts ask that were made for Flagger.
#[test]
fn queries_made_for_flagger_are_answered() {
    let canary = |name: &str, phase: &str, weight: i64| {
        Object(serde_json::json!({
            "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"namespace": "test", "name": name},
            "spec": {"targetRef": {"kind": "Deployment", "name": name}, "service": {"port": 80},
                     "analysis": {"stepWeight": 5, "metrics": [{"name": "errors", "query": "q"}]}},
            "status": {"phase": phase, "canaryWeight": weight, "analysis": {"checks": [
                {"name": "errors", "outcome": {"pass": 0.25}, "range": {"max": 1.0}, "query": "q"}]}},
        }))
    };
    let meter = recant::meter::Meter::new("istio", Arc::default());
    let look = |before: &Object, after: &Object| {
        meter.note(&recant::controller::Sight::Looked {
            before,
            after,
            took: std::time::Duration::from_millis(30),
            done: true,
        });
    };
    look(
        &canary("podinfo", "Progressing", 10),
        &canary("podinfo", "Progressing", 15),
    );
    look(&canary("bad", "Progressing", 5), &canary("bad", "Failed", 0));
    let at = Timestamp::from_second(1_767_225_600).unwrap();
    let gauge = scraped(&meter.text(), at);
    for (query, expected) in [
        ("count(flagger_canary_status > 1)", 1.0),
        ("flagger_canary_status{name=\"bad\",namespace=\"test\"}", 2.0),
        (
            "flagger_canary_weight{workload=\"podinfo\",namespace=\"test\"}",
            15.0,
        ),
        (
            "flagger_canary_weight{workload=~\".*-primary\",namespace=\"test\"} < 100",
            85.0,
        ),
        ("sum(flagger_canary_total{namespace=\"test\"})", 2.0),
        (
            "max(flagger_canary_metric_analysis{name=\"podinfo\",metric=\"errors\"})",
            0.25,
        ),
        (
            "sum(flagger_canary_failures_total{deployment_strategy=\"canary\",analysis_status=\"completed\"}) by (name)",
            1.0,
        ),
        (
            "sum(flagger_canary_duration_seconds_sum) / sum(flagger_canary_duration_seconds_count)",
            0.03,
        ),
        (
            "histogram_quantile(1, sum(flagger_canary_duration_seconds_bucket) by (le))",
            0.05,
        ),
        ("count(flagger_info{mesh_provider=\"istio\"})", 1.0),
    ] {
        let got = gauge.number(query, at).unwrap();
        assert!(
            got.is_some_and(|got| (got - expected).abs() < 1e-9),
            "{query}: {got:?}"
        );
    }
}

async fn get(server: &Server, target: &str) -> (u16, String) {
    let response = reqwest::get(format!("{}{target}", server.url())).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn times_are_read_as_seconds_and_as_rfc_3339_and_the_default_is_the_worlds() {
    let server = start().await;
    let at = |body: &str| {
        let body: Value = serde_json::from_str(body).unwrap();
        body["data"]["result"][0].as_f64().unwrap()
    };
    let now = 1_767_225_660.0;
    for (target, expected) in [
        ("/api/v1/query?query=time()", now),
        ("/api/v1/query?query=time()&time=1767225600.5", 1_767_225_600.5),
        ("/api/v1/query?query=time()&time=2026-01-01T00:00:30Z", now - 30.0),
    ] {
        let (status, body) = get(&server, target).await;
        assert_eq!((status, at(&body)), (200, expected), "{target}");
    }
    let (status, body) = get(&server, "/api/v1/query?query=1&time=soon").await;
    assert_eq!(status, 400);
    assert!(body.contains("cannot parse \\\"soon\\\""), "{body}");
    let (status, body) = get(&server, "/api/v1/query").await;
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("bad_data"), "{body}");
}

#[tokio::test]
async fn a_probe_finds_it_ready_and_everything_else_is_not_found() {
    let server = start().await;
    assert_eq!(get(&server, "/-/ready").await.0, 200);
    let (status, body) = get(&server, "/api/v1/status/buildinfo").await;
    assert_eq!(status, 200);
    assert!(body.contains("recant demo"), "{body}");
    assert_eq!(get(&server, "/api/v1/query_range?query=1").await.0, 404);
}
