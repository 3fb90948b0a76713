//! The traffic through what recant's routers write: the records in `tests/routers`, which a test of the core holds the
//! routers to.

use super::*;
use serde_json::Value as Json;

/// The records that traffic flows through, by router.
const RECORDS: [(&str, &str); 11] = [
    ("contour", include_str!("../../../../tests/routers/contour.yaml")),
    (
        "gatewayapi-v1",
        include_str!("../../../../tests/routers/gatewayapi-v1.yaml"),
    ),
    (
        "gatewayapi-v1beta1",
        include_str!("../../../../tests/routers/gatewayapi-v1beta1.yaml"),
    ),
    ("gloo", include_str!("../../../../tests/routers/gloo.yaml")),
    ("istio", include_str!("../../../../tests/routers/istio.yaml")),
    (
        "kubernetes",
        include_str!("../../../../tests/routers/kubernetes.yaml"),
    ),
    ("linkerd", include_str!("../../../../tests/routers/linkerd.yaml")),
    ("nginx", include_str!("../../../../tests/routers/nginx.yaml")),
    (
        "smi-v1alpha2",
        include_str!("../../../../tests/routers/smi-v1alpha2.yaml"),
    ),
    (
        "smi-v1alpha3",
        include_str!("../../../../tests/routers/smi-v1alpha3.yaml"),
    ),
    ("traefik", include_str!("../../../../tests/routers/traefik.yaml")),
];

/// The recorded objects: router, case, objects.
fn records() -> Vec<(String, String, Vec<Object>)> {
    let of = |(router, text): (&str, &str)| {
        let documents = text
            .split("---\n")
            .map(|text| serde_yaml::from_str::<Json>(text).unwrap());
        let cases = documents.map(|document| {
            let objects = document["objects"].as_array().unwrap().iter().cloned();
            let case = document["case"].as_str().unwrap().to_owned();
            (router.to_owned(), case, objects.map(Object).collect())
        });
        cases.collect::<Vec<_>>()
    };
    RECORDS.into_iter().flat_map(of).collect()
}

/// The objects, and what is around them.
fn around(objects: &[Object]) -> Listed {
    let mut listed = podinfo();
    let owners = Object(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "edge", "namespace": "test"},
        "spec": {"rules": [{"host": "app.example.com", "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "podinfo"}}}]}}]},
    }));
    if objects.iter().any(|object| object.str("/kind") == "Ingress") {
        listed.ingresses.push(owners);
    }
    for object in objects {
        let kind = match object.str("/kind") {
            "HTTPRoute" => &mut listed.routes,
            "TrafficSplit" => &mut listed.splits,
            "Ingress" => &mut listed.ingresses,
            "VirtualService" => &mut listed.virtual_services,
            "TraefikService" => &mut listed.traefik_services,
            "HTTPProxy" => &mut listed.http_proxies,
            "RouteTable" => &mut listed.route_tables,
            "Upstream" => &mut listed.upstreams,
            "DestinationRule" => continue,
            other => panic!("no list for {other}"),
        };
        kind.push(object.clone());
    }
    listed
}

fn topology(objects: &[Object]) -> Topology {
    let behaviours = behaviours();
    Topology::read(&around(objects), |images| behaviours.answering(images).to_owned())
}

/// 20 requests a second for 100 seconds: how many the primary and the canary answered, and the tally.
fn requests_of(objects: &[Object], load: &Load) -> (f64, f64, Tally) {
    let (topology, behaviours) = (topology(objects), behaviours());
    let (mut traffic, mut gauge) = (Traffic::new(1), Gauge::default());
    traffic.set_rate("test", "podinfo", 0.0);
    traffic.set_load("test", "podinfo", load.clone());
    for second in 0..100 {
        traffic.step(1.0, &topology, &behaviours, &mut gauge);
        gauge.scrape(Timestamp::from_second(second).unwrap());
    }
    gauge.scrape(Timestamp::from_second(100).unwrap());
    let (primary, canary) = (requests(&gauge, "podinfo-primary"), requests(&gauge, "podinfo"));
    (primary, canary, traffic.tally("test", "podinfo"))
}

fn with(header: &str, value: &str) -> Load {
    Load {
        per_s: 20.0,
        with: Some((header.to_owned(), value.to_owned())),
        users: 0,
    }
}

#[test]
fn traffic_follows_what_every_router_writes() {
    let plain = with(":path", "/podinfo/token");
    for (router, case, objects) in records() {
        let is_kubernetes = router == "kubernetes";
        // A TrafficSplit with a host is for that host alone: nobody here calls it.
        if case == "full" && objects.iter().any(|object| object.str("/kind") == "TrafficSplit") {
            continue;
        }
        let (primary, canary) = match case.as_str() {
            "weight-30" | "full" | "affinity" if !is_kubernetes => (1400.0, 600.0),
            "mirrored" => (2000.0, 2000.0),
            _ => (2000.0, 0.0),
        };
        let (by_primary, by_canary, tally) = requests_of(&objects, &plain);
        assert_eq!((by_primary, by_canary), (primary, canary), "{router} {case}");
        assert_eq!(tally.lost, 0, "{router} {case}");
        assert_eq!(
            tally.good + tally.bad,
            2000,
            "{router} {case}: copies are nobody's answers"
        );
        assert_eq!(
            tally.mirrored,
            if case == "mirrored" { 2000 } else { 0 },
            "{router} {case}"
        );
    }
}

#[test]
fn the_insiders_of_a_test_get_the_canary_and_nobody_else_does() {
    for (router, case, objects) in records() {
        let insiders = [with("x-canary", "insider"), with("cookie", "canary=always")];
        let others = [with("x-canary", "outsider"), with("cookie", "canary=never")];
        let runs = match case.as_str() {
            "ab" => 2000.0,
            "ab-over" => 0.0,
            _ => continue,
        };
        for load in insiders {
            let (_, canary, _) = requests_of(&objects, &load);
            assert_eq!(canary, runs, "{router} {case} {:?}", load.with);
        }
        for load in others {
            let (_, canary, _) = requests_of(&objects, &load);
            assert_eq!(canary, 0.0, "{router} {case} {:?}", load.with);
        }
    }
}

#[test]
fn users_stay_where_they_were_sent_and_give_the_cookie_back_after_the_run() {
    let records = records();
    for (router, case, objects) in records.iter().filter(|(_, case, _)| case == "affinity") {
        let over = records
            .iter()
            .find(|(of, case, _)| of == router && case == "affinity-over");
        let phases = [topology(objects), topology(&over.unwrap().2)];
        let behaviours = behaviours();
        let (mut traffic, mut gauge) = (Traffic::new(1), Gauge::default());
        let load = Load {
            per_s: 20.0,
            with: None,
            users: 10,
        };
        traffic.set_load("test", "podinfo", load);
        let mut by_canary = Vec::new();
        for topology in &phases {
            for _ in 0..45 {
                traffic.step(1.0, topology, &behaviours, &mut gauge);
            }
            gauge.scrape(Timestamp::from_second(100).unwrap());
            by_canary.push(requests(&gauge, "podinfo"));
            gauge = Gauge::default();
        }
        let tally = traffic.tally("test", "podinfo");
        assert_eq!(tally.strayed, 0, "{router} {case}");
        assert!(tally.kept > 500, "{router}: {} requests had a cookie", tally.kept);
        assert!(by_canary[0] >= 200.0, "{router}: 3 of 10 users: {by_canary:?}");
        assert_eq!(by_canary[1], 0.0, "{router}: after the run nobody is kept");
    }
}

#[test]
fn every_proxy_counts_for_the_built_in_queries() {
    // (router, counter, who the canary is, the label of the status)
    let table = [
        (
            "istio",
            "istio_requests_total",
            r#"reporter="destination",destination_workload_namespace="test",destination_workload=~"podinfo""#,
            "response_code",
        ),
        (
            "nginx",
            "nginx_ingress_controller_requests",
            r#"namespace="test",ingress="edge",canary!="""#,
            "status",
        ),
        (
            "contour",
            "envoy_cluster_upstream_rq",
            r#"envoy_cluster_name=~"test_podinfo-canary_[0-9a-zA-Z-]+""#,
            "envoy_response_code",
        ),
        (
            "gloo",
            "envoy_cluster_upstream_rq",
            r#"envoy_cluster_name=~"test-podinfo-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+""#,
            "envoy_response_code",
        ),
        (
            "traefik",
            "traefik_service_request_duration_seconds_bucket",
            r#"service=~"test-podinfo-canary-[0-9a-zA-Z-]+@kubernetescrd",le="+Inf""#,
            "code",
        ),
    ];
    let records = records();
    for (router, metric, canary, status) in table {
        let recorded = records
            .iter()
            .find(|(of, case, _)| of == router && case == "weight-30");
        let (_, gauge) = run(&around(&recorded.unwrap().2), 100);
        let rate = |more: &str| format!("sum(rate({metric}{{{canary}{more}}}[1m]))");
        let query = format!("{} / {} * 100", rate(&format!(",{status}!~\"5.*\"")), rate(""));
        let value = number(&gauge, &query, 100).unwrap_or_else(|| panic!("{router}: no data for {query}"));
        assert!((value - 60.0).abs() <= 8.0, "{router}: {value}, not about 60");
    }
}
