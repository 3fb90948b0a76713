#![expect(clippy::unwrap_used, reason = "tests")]

mod routers;

use super::topology::Listed;
use super::*;
use crate::gauge::Value;
use crate::workload::behaviour::Behaviour;
use crate::workload::behaviour::Latency;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::json;

const SUCCESS: &str = r#"sum(rate(response_total{namespace="test",deployment=~"DEPLOY",classification!="failure",direction="inbound"}[1m]))
    / sum(rate(response_total{namespace="test",deployment=~"DEPLOY",direction="inbound"}[1m])) * 100"#;
const DURATION: &str = r#"histogram_quantile(0.99, sum(rate(response_latency_ms_bucket{namespace="test",deployment=~"DEPLOY",direction="inbound"}[1m])) by (le))"#;
const HTTP_SUCCESS: &str = r#"sum(rate(http_request_duration_seconds_count{kubernetes_namespace="test",kubernetes_pod_name=~"DEPLOY-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)",status!~"5.*"}[1m]))
    / sum(rate(http_request_duration_seconds_count{kubernetes_namespace="test",kubernetes_pod_name=~"DEPLOY-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[1m])) * 100"#;
const HTTP_DURATION: &str = r#"histogram_quantile(0.99, sum(rate(http_request_duration_seconds_bucket{kubernetes_namespace="test",kubernetes_pod_name=~"DEPLOY-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[1m])) by (le))"#;

fn service(name: &str, app: &str) -> Object {
    Object(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "test"},
        "spec": {"selector": {"app": app}},
    }))
}

fn pod(deployment: &str, n: u8, image: &str) -> Object {
    Object(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{deployment}-5b7c-{n}"), "namespace": "test",
            "labels": {"app": deployment, "pod-template-hash": "5b7c"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": format!("{deployment}-5b7c")}],
        },
        "spec": {"containers": [{"image": image}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }))
}

fn podinfo() -> Listed {
    Listed {
        services: vec![
            service("podinfo", "podinfo-primary"),
            service("podinfo-primary", "podinfo-primary"),
            service("podinfo-canary", "podinfo"),
        ],
        pods: vec![
            pod("podinfo", 1, "bad"),
            pod("podinfo-primary", 1, "good"),
            pod("podinfo-primary", 2, "good"),
        ],
        ..Listed::default()
    }
}

fn route(parent: &serde_json::Value, primary: i64, canary: i64) -> Object {
    Object(json!({
        "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "HTTPRoute",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {"parentRefs": [parent], "rules": [{"backendRefs": [
            {"name": "podinfo-primary", "port": 9898, "weight": primary},
            {"name": "podinfo-canary", "port": 9898, "weight": canary},
        ]}]},
    }))
}

fn split(primary: &serde_json::Value, canary: &serde_json::Value) -> Object {
    Object(json!({
        "apiVersion": "split.smi-spec.io/v1alpha1", "kind": "TrafficSplit",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {"service": "podinfo", "backends": [
            {"service": "podinfo-canary", "weight": canary},
            {"service": "podinfo-primary", "weight": primary},
        ]},
    }))
}

fn behaviours() -> Behaviours {
    let mut behaviours = Behaviours::default();
    let bad = Behaviour {
        success_pct: 60.0,
        latency: Latency {
            median_ms: 150.0,
            p99_ms: 900.0,
        },
        ..Behaviour::default()
    };
    behaviours.set("bad", bad);
    behaviours.set("good", Behaviour::default());
    behaviours
}

/// Runs some seconds of traffic, scraping.
fn run(listed: &Listed, seconds: i64) -> (Traffic, Gauge) {
    let behaviours = behaviours();
    let topology = Topology::read(listed, |images| behaviours.answering(images).to_owned());
    let mut traffic = Traffic::new(1);
    let mut gauge = Gauge::default();
    for second in 0..=seconds {
        traffic.step(1.0, &topology, &behaviours, &mut gauge);
        gauge.scrape(Timestamp::from_second(second).unwrap());
    }
    gauge.scrape(Timestamp::from_second(seconds + 1).unwrap());
    (traffic, gauge)
}

fn number(gauge: &Gauge, query: &str, at_s: i64) -> Option<f64> {
    match gauge.query(query, Timestamp::from_second(at_s).unwrap()).unwrap() {
        Value::Vector(points) => Some(points.last()?.value),
        Value::Scalar(number) => Some(number),
        other => panic!("{other:?}"),
    }
}

fn requests(gauge: &Gauge, deployment: &str) -> f64 {
    let query = format!("sum(request_total{{deployment=\"{deployment}\"}}) or vector(0)");
    number(gauge, &query, 100).unwrap()
}

#[test]
fn weights_of_every_kind_of_route_split_the_requests_exactly() {
    let linkerd = json!({"group": "core", "kind": "Service", "name": "podinfo", "port": 9898});
    let gateway = json!({"name": "public", "namespace": "gateways"});
    let cases = [
        (vec![route(&linkerd, 90, 10)], vec![], 1800.0, 200.0),
        (vec![route(&gateway, 90, 10)], vec![], 1800.0, 200.0),
        (vec![], vec![split(&json!("90"), &json!("10"))], 1800.0, 200.0),
        (vec![], vec![split(&json!("900m"), &json!("100m"))], 1800.0, 200.0),
        (vec![], vec![split(&json!(75), &json!(25))], 1500.0, 500.0),
        (vec![route(&linkerd, 100, 0)], vec![], 2000.0, 0.0),
        (vec![route(&linkerd, 0, 100)], vec![], 0.0, 2000.0),
        // The route wins over the split; without either the Service's own pods get all.
        (
            vec![route(&linkerd, 90, 10)],
            vec![split(&json!("0"), &json!("100"))],
            1800.0,
            200.0,
        ),
        (vec![], vec![], 2000.0, 0.0),
    ];
    for (i, (routes, splits, primary, canary)) in cases.into_iter().enumerate() {
        let listed = Listed {
            routes,
            splits,
            ..podinfo()
        };
        let (_, gauge) = run(&listed, 99);
        assert_eq!(requests(&gauge, "podinfo-primary"), primary, "case {i}");
        assert_eq!(requests(&gauge, "podinfo"), canary, "case {i}");
    }
}

#[test]
fn flaggers_own_queries_give_the_images_numbers() {
    let listed = Listed {
        splits: vec![split(&json!("50"), &json!("50"))],
        ..podinfo()
    };
    let (_, gauge) = run(&listed, 100);
    // (query, deployment, expected, tolerance): the 99th percentile is linear within a bucket.
    let table = [
        (SUCCESS, "podinfo", 60.0, 5.0),
        (SUCCESS, "podinfo-primary", 100.0, 0.0),
        (DURATION, "podinfo", 900.0, 300.0),
        (DURATION, "podinfo-primary", 80.0, 20.0),
        (HTTP_SUCCESS, "podinfo", 60.0, 5.0),
        (HTTP_SUCCESS, "podinfo-primary", 100.0, 0.0),
        (HTTP_DURATION, "podinfo", 0.9, 0.4),
        (HTTP_DURATION, "podinfo-primary", 0.08, 0.02),
    ];
    for (query, deployment, expected, tolerance) in table {
        let query = query.replace("DEPLOY", deployment);
        let value = number(&gauge, &query, 100).unwrap();
        assert!(
            (value - expected).abs() <= tolerance,
            "{deployment}: {value}, not {expected} ± {tolerance}: {query}"
        );
    }
}

#[test]
fn there_is_no_data_for_a_canary_without_traffic() {
    let (_, gauge) = run(&podinfo(), 100);
    assert_eq!(number(&gauge, &SUCCESS.replace("DEPLOY", "podinfo"), 100), None);
}

#[test]
fn linkerd_calls_a_404_a_success_and_its_status_code_tells() {
    let mut behaviours = Behaviours::default();
    let answers_404 = Behaviour {
        success_pct: 0.0,
        error_status: 404,
        ..Behaviour::default()
    };
    behaviours.set("testapp:3.0", answers_404);
    let listed = Listed {
        services: vec![service("testapi", "testapi")],
        pods: vec![pod("testapi", 1, "testapp:3.0")],
        ..Listed::default()
    };
    let topology = Topology::read(&listed, |images| behaviours.answering(images).to_owned());
    let (mut traffic, mut gauge) = (Traffic::new(1), Gauge::default());
    for second in 0..=60 {
        traffic.step(1.0, &topology, &behaviours, &mut gauge);
        gauge.scrape(Timestamp::from_second(second).unwrap());
    }
    assert_eq!(
        number(&gauge, &SUCCESS.replace("DEPLOY", "testapi"), 60),
        Some(100.0)
    );
    let by_code =
        "sum(rate(response_total{status_code=~\"[45]..\"}[1m])) / sum(rate(response_total[1m])) * 100";
    assert_eq!(number(&gauge, by_code, 60), Some(100.0));
    assert_eq!(traffic.tally("test", "testapi").bad, 61 * 20);
}

#[test]
fn requests_without_a_ready_pod_are_lost_and_leave_no_metrics() {
    let mut listed = podinfo();
    listed.pods.clear();
    let (traffic, gauge) = run(&listed, 99);
    let expected = Tally {
        lost: 2000,
        ..Tally::default()
    };
    assert_eq!(traffic.tally("test", "podinfo"), expected);
    assert_eq!(requests(&gauge, "podinfo-primary"), 0.0);
}

#[test]
fn plain_requests_do_not_follow_a_rule_for_a_header() {
    let mut by_header = route(&json!({"kind": "Service", "name": "podinfo"}), 0, 100);
    let plain = json!({"backendRefs": [{"name": "podinfo-primary"}]});
    let rules = json!([
        {"matches": [{"headers": [{"name": "x-user", "value": "tester"}]}], "backendRefs": [{"name": "podinfo-canary"}]},
        plain,
    ]);
    by_header.set("/spec/rules", rules);
    let listed = Listed {
        routes: vec![by_header],
        ..podinfo()
    };
    let (_, gauge) = run(&listed, 99);
    assert_eq!(requests(&gauge, "podinfo"), 0.0);
    assert_eq!(requests(&gauge, "podinfo-primary"), 2000.0);
}

#[test]
fn a_rate_of_its_own_may_be_a_fraction_and_may_be_zero() {
    let behaviours = behaviours();
    let topology = Topology::read(&podinfo(), |images| behaviours.answering(images).to_owned());
    for (per_s, expected) in [(0.5, 50), (0.0, 0), (3.0, 300)] {
        let (mut traffic, mut gauge) = (Traffic::new(1), Gauge::default());
        traffic.set_rate("test", "podinfo", per_s);
        for _ in 0..100 {
            traffic.step(1.0, &topology, &behaviours, &mut gauge);
        }
        assert_eq!(traffic.tally("test", "podinfo").good, expected);
    }
}
