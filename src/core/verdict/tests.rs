//! Verdicts over metrics: which query is asked, in which words, and what its answer comes to.

use super::*;
use crate::query::Answer;
use serde_json::Value;
use serde_json::json;

/// A Canary of a provider with these metrics.
fn canary(provider: &str, metrics: Value) -> (Object, Spec) {
    let canary = Object(json!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": "web", "namespace": "test"},
        "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
                 "provider": provider, "service": {"name": "front", "port": 80},
                 "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "edge"},
                 "analysis": {"metrics": metrics}},
    }));
    let spec = Spec::of(&canary).expect("a spec");
    (canary, spec)
}

fn settings(mesh_provider: &str) -> Settings {
    Settings {
        mesh_provider: mesh_provider.to_owned(),
        ..Settings::default()
    }
}

/// The only metric query that is asked.
fn asked(settings: &Settings, provider: &str, metric: Value, seen: &Observation) -> MetricQuery {
    let (canary, spec) = canary(provider, json!([metric]));
    match ask(settings, &canary, &spec, seen).as_slice() {
        [Query::Metric(query)] => query.clone(),
        other => panic!("{other:?}"),
    }
}

fn template(spec: Value) -> Observation {
    let object = Object(json!({
        "apiVersion": "flagger.app/v1beta1", "kind": "MetricTemplate",
        "metadata": {"name": "errors", "namespace": "ops"}, "spec": spec,
    }));
    let mut seen = Observation::default();
    let name = object.reference();
    seen.note(Query::Object(name), Observed::Known(Answer::Object(Some(object))));
    seen
}

/// The only check, when the only query is answered like this.
fn checked(provider: &str, metric: Value, answer: Observed<Option<f64>>) -> (Check, String) {
    let settings = settings("istio");
    let (canary, spec) = canary(provider, json!([metric]));
    let mut seen = template(json!({"provider": {"type": "prometheus", "address": "http://p"}, "query": "t"}));
    for query in ask(&settings, &canary, &spec, &seen) {
        let answer = match &answer {
            Observed::Known(value) => Observed::Known(Answer::Metric(*value)),
            Observed::Unknown(why) => Observed::Unknown(why.clone()),
        };
        seen.note(query, answer);
    }
    let check = checks(&settings, &canary, &spec, &seen).remove(0);
    let said = halted(&settings, &canary, &spec, &check);
    (check, said)
}

#[test]
fn every_provider_asks_flaggers_own_queries() {
    for (provider, success, duration) in TABLE {
        for (metric, expected) in [("request-success-rate", success), ("request-duration", duration)] {
            let metric = json!({"name": metric, "interval": "30s", "thresholdRange": {}});
            let query = asked(&settings("kubernetes"), provider, metric, &Observation::default());
            let packed = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(packed(&query.query), packed(expected), "{provider}");
            assert_eq!(query.provider, Provider::prometheus(""), "recant's own server");
            assert_eq!(query.interval_ms, 30_000);
        }
    }
}

#[test]
fn linkerd_as_the_controllers_provider_is_asked_whatever_the_canary_says() {
    let metric = json!({"name": "request-success-rate"});
    let query = asked(
        &settings("linkerd"),
        "nginx",
        metric.clone(),
        &Observation::default(),
    );
    assert!(query.query.contains("response_total"), "{}", query.query);
    // And nothing is taken for Istio.
    let (canary, spec) = canary("appmesh", json!([metric]));
    let check = checks(&settings("istio"), &canary, &spec, &Observation::default()).remove(0);
    assert!(
        matches!(&check.outcome, Outcome::Unknown(Why::Invalid(why)) if why.contains("appmesh")),
        "{check:?}"
    );
}

#[test]
fn an_inline_query_is_filled_in_and_asked_of_the_canarys_own_server_in_one_line() {
    let metric = json!({"name": "mine", "query": "x{\n  ns=\"{{ namespace }}\", i=\"{{ ingress }}\", \
                        r=\"{{ route }}\"}[{{ interval }}]\n"});
    let (mut canary, _) = canary("istio", json!([metric]));
    canary.set("/spec/metricsServer", json!("http://own:9090"));
    let spec = Spec::of(&canary).expect("a spec");
    let wanted = ask(&settings("istio"), &canary, &spec, &Observation::default());
    let expected = MetricQuery::prometheus(
        "http://own:9090",
        "x{ ns=\"test\", i=\"edge\", r=\"podinfo\"}[1m]",
    );
    assert_eq!(wanted, [Query::Metric(expected)]);
}

#[test]
fn a_template_is_asked_for_first_and_then_its_own_provider() {
    let metric = json!({"name": "mine", "interval": "2m", "templateRef": {"name": "errors", "namespace": "ops"},
                        "templateVariables": {"dc": "eu"}});
    let (canary, spec) = canary("istio", json!([metric]));
    let settings = settings("istio");
    let name = ObjectRef::new("flagger.app/v1beta1", "MetricTemplate", "ops", "errors");
    assert_eq!(templates(&settings, &canary, &spec), [Query::Object(name)]);
    assert_eq!(ask(&settings, &canary, &spec, &Observation::default()), []);
    let seen = template(json!({
        "provider": {"type": "influxdb", "address": "http://influx", "secretRef": {"name": "creds"}},
        "query": "from(bucket: \"{{ variables.dc }}\")\n  |> range(start: -{{ interval }})\n",
    }));
    let query = asked(&settings, "istio", metric, &seen);
    assert_eq!(query.provider.kind, ProviderKind::InfluxDb);
    assert_eq!(
        query.provider.secret,
        Some(ObjectRef::new("v1", "Secret", "ops", "creds"))
    );
    assert_eq!(query.interval_ms, 120_000);
    assert_eq!(
        query.query, "from(bucket: \"eu\")\n  |> range(start: -2m)",
        "line ends count in Flux"
    );
}

#[test]
fn references_to_other_namespaces_can_be_forbidden() {
    let metric = json!({"name": "mine", "templateRef": {"name": "errors", "namespace": "ops"}});
    let (canary, spec) = canary("istio", json!([metric]));
    let strict = Settings {
        no_cross_namespace_refs: true,
        ..settings("istio")
    };
    assert_eq!(templates(&strict, &canary, &spec), []);
    let check = checks(&strict, &canary, &spec, &Observation::default()).remove(0);
    assert!(
        matches!(&check.outcome, Outcome::Unknown(Why::Invalid(why)) if why.contains("--no-cross-namespace-refs")),
        "{check:?}"
    );
}

#[test]
fn a_template_of_a_provider_that_is_not_spoken_to_is_refused_by_name() {
    let metric = json!({"name": "mine", "templateRef": {"name": "errors", "namespace": "ops"}});
    let (canary, spec) = canary("istio", json!([metric]));
    let seen = template(json!({"provider": {"type": "keptn"}, "query": "analysis/x/y"}));
    let refused = unsupported(&settings("istio"), &canary, &spec, &seen).expect("a refusal");
    let said = refused.to_string();
    assert!(
        said.starts_with("MetricTemplate/ops/errors spec.provider.type keptn is not supported: "),
        "{said}"
    );
    let fine = template(json!({"provider": {"type": "datadog"}, "query": "q"}));
    assert_eq!(unsupported(&settings("istio"), &canary, &spec, &fine), None);
}

#[test]
fn values_are_judged_at_their_thresholds_both_ends_included() {
    let rate = |range: Value| json!({"name": "request-success-rate", "thresholdRange": range});
    let took = |range: Value| json!({"name": "request-duration", "thresholdRange": range});
    let own = |range: Value| json!({"name": "mine", "query": "q", "thresholdRange": range});
    for (provider, metric, value, passed, said) in [
        ("istio", rate(json!({"min": 99})), 99.0, true, ""),
        (
            "istio",
            rate(json!({"min": 99})),
            69.168,
            false,
            "success rate 69.17% < 99%",
        ),
        (
            "istio",
            rate(json!({"max": 50})),
            60.0,
            false,
            "success rate 60.00% > 50%",
        ),
        ("istio", took(json!({"max": 500})), 500.9, true, ""),
        (
            "istio",
            took(json!({"max": 500.9})),
            501.0,
            false,
            "request duration 501ms > 500ms",
        ),
        (
            "istio",
            took(json!({"min": 10})),
            9.0,
            false,
            "request duration 9ms < 10ms",
        ),
        (
            "kubernetes",
            took(json!({"max": 1500})),
            1.6,
            false,
            "request duration 1.6s > 1.5s",
        ),
        ("kubernetes", took(json!({"max": 1500})), 0.5, true, ""),
        (
            "istio",
            took(json!({"max": 1500})),
            f64::INFINITY,
            false,
            "request duration infms > 1.5s",
        ),
        ("istio", own(json!({"max": 0.5})), 0.51, false, "mine 0.51 > 0.5"),
        (
            "istio",
            own(json!({"min": -1, "max": 1})),
            -2.0,
            false,
            "mine -2.00 < -1",
        ),
        ("istio", own(json!({})), 1e9, true, ""),
        (
            "istio",
            json!({"name": "request-success-rate", "threshold": 99}),
            98.0,
            false,
            "success rate 98.00% < 99%",
        ),
        (
            "istio",
            json!({"name": "request-duration", "threshold": 500}),
            501.0,
            false,
            "request duration 501ms > 500ms",
        ),
        (
            "istio",
            json!({"name": "mine", "query": "q"}),
            0.1,
            false,
            "mine 0.10 > 0",
        ),
    ] {
        let (check, event) = checked(provider, metric.clone(), Observed::Known(Some(value)));
        assert_eq!(check.passed(), passed, "{metric} {value}");
        assert!(check.measured() && !check.query.is_empty());
        if !passed {
            assert_eq!(event, format!("Halt web.test advancement {said}"));
        }
    }
}

#[test]
fn no_data_and_no_answer_are_told_in_flaggers_words_and_measure_nothing() {
    let away = || Observed::Unknown(Why::Unreachable("http://p: refused".to_owned()));
    let rate = json!({"name": "request-success-rate"});
    let inline = json!({"name": "mine", "query": "q"});
    let templated = json!({"name": "mine", "templateRef": {"name": "errors", "namespace": "ops"}});
    let nothing = json!({"name": "mine"});
    for (metric, answer, event) in [
        (
            &rate,
            Observed::Known(None),
            "Halt advancement no values found for istio metric request-success-rate probably podinfo.test is not \
             receiving traffic",
        ),
        (
            &inline,
            Observed::Known(None),
            "Halt advancement no values found for metric: mine",
        ),
        (
            &inline,
            Observed::Known(Some(f64::NAN)),
            "Halt advancement no values found for metric: mine",
        ),
        (
            &templated,
            Observed::Known(None),
            "Halt advancement no values found for custom metric: mine: no values found",
        ),
        (
            &rate,
            away(),
            "Prometheus query failed: request-success-rate: unreachable: http://p: refused",
        ),
        (
            &inline,
            away(),
            "Prometheus query failed for mine: unreachable: http://p: refused",
        ),
        (
            &templated,
            away(),
            "Metric query failed for mine: unreachable: http://p: refused",
        ),
        (
            &nothing,
            away(),
            "Metric query failed for no usable metrics template and query were configured: invalid: metric mine is \
             neither built in (request-success-rate, request-duration) nor has it a query or a templateRef",
        ),
    ] {
        let (check, said) = checked("istio", metric.clone(), answer);
        assert_eq!(said, event);
        assert!(!check.passed() && !check.measured() && check.value().is_none());
    }
}

#[test]
fn a_failed_tick_is_put_down_to_what_was_measured_before_what_was_not_seen() {
    let check = |name: &str, outcome| Check {
        name: name.to_owned(),
        outcome,
        range: Range::default(),
        query: String::new(),
    };
    let dark = || check("dark", Outcome::NoData);
    let bad = || check("bad", Outcome::Fail(1.0));
    let good = || check("good", Outcome::Pass(1.0));
    let worst = |checks: &[Check]| worst(checks).map(|check| check.name.clone());
    assert_eq!(worst(&[dark(), bad(), good()]).as_deref(), Some("bad"));
    assert_eq!(worst(&[good(), dark()]).as_deref(), Some("dark"));
    assert_eq!(worst(&[good()]), None);
}

#[test]
fn a_check_survives_its_way_through_a_status_whatever_was_measured() {
    for outcome in [
        Outcome::Fail(f64::INFINITY),
        Outcome::Pass(f64::NEG_INFINITY),
        Outcome::Fail(0.25),
        Outcome::Pass(3.0),
        Outcome::NoData,
        Outcome::Unknown(Why::Denied("no".to_owned())),
    ] {
        let written = serde_json::to_value(&outcome).expect("JSON");
        let read: Outcome = serde_json::from_value(written.clone()).expect("the same");
        assert_eq!(read, outcome, "{written}");
    }
}

/// Provider, success rate, duration: for Canary `web` of Deployment `podinfo`, Service `front`, Ingress `edge` in
/// namespace `test`, over 30s.
const TABLE: [(&str, &str, &str); 12] = [
    ("linkerd", LINKERD.0, LINKERD.1),
    ("smi:v1alpha1", LINKERD.0, LINKERD.1),
    ("smi:v1alpha3", LINKERD.0, LINKERD.1),
    ("kubernetes", HTTP.0, HTTP.1),
    ("gatewayapi:v1", HTTP.0, HTTP.1),
    ("gatewayapi:v1beta1", HTTP.0, HTTP.1),
    (
        "nginx",
        r#"sum( rate( nginx_ingress_controller_requests{ namespace="test", ingress="edge", canary!="", status!~"5.*" }[30s] ) )
           / sum( rate( nginx_ingress_controller_requests{ namespace="test", ingress="edge", canary!="" }[30s] ) ) * 100"#,
        r#"sum( rate( nginx_ingress_controller_response_duration_seconds_sum{ namespace="test", ingress="edge", canary!="" }[30s] ) )
           / sum( rate( nginx_ingress_controller_response_duration_seconds_count{ namespace="test", ingress="edge", canary!="" }[30s] ) ) * 1000"#,
    ),
    (
        "istio",
        r#"sum( rate( istio_requests_total{ reporter="destination", destination_workload_namespace="test",
             destination_workload=~"podinfo", response_code!~"5.*" }[30s] ) )
           / sum( rate( istio_requests_total{ reporter="destination", destination_workload_namespace="test",
             destination_workload=~"podinfo" }[30s] ) ) * 100"#,
        r#"histogram_quantile( 0.99, sum( rate( istio_request_duration_milliseconds_bucket{ reporter="destination",
             destination_workload_namespace="test", destination_workload=~"podinfo" }[30s] ) ) by (le) )"#,
    ),
    (
        "traefik",
        r#"sum( rate( traefik_service_request_duration_seconds_bucket{
             service=~"test-podinfo-canary-[0-9a-zA-Z-]+@kubernetescrd", code!~"5..", le="+Inf" }[30s] ) )
           / sum( rate( traefik_service_request_duration_seconds_bucket{
             service=~"test-podinfo-canary-[0-9a-zA-Z-]+@kubernetescrd", le="+Inf" }[30s] ) ) * 100"#,
        r#"histogram_quantile( 0.99, sum( rate( traefik_service_request_duration_seconds_bucket{
             service=~"test-podinfo-canary-[0-9a-zA-Z-]+@kubernetescrd" }[30s] ) ) by (le) ) * 1000"#,
    ),
    (
        "contour",
        r#"sum( rate( envoy_cluster_upstream_rq{ envoy_cluster_name=~"test_front-canary_[0-9a-zA-Z-]+",
             envoy_response_code!~"5.*" }[30s] ) )
           / sum( rate( envoy_cluster_upstream_rq{ envoy_cluster_name=~"test_front-canary_[0-9a-zA-Z-]+", }[30s] ) ) * 100"#,
        r#"histogram_quantile( 0.99, sum( rate( envoy_cluster_upstream_rq_time_bucket{
             envoy_cluster_name=~"test_front-canary_[0-9a-zA-Z-]+", }[30s] ) ) by (le) )"#,
    ),
    ("gloo", GLOO.0, GLOO.1),
    ("gloo:v1", GLOO.0, GLOO.1),
];

const LINKERD: (&str, &str) = (
    r#"sum( rate( response_total{ namespace="test", deployment=~"podinfo", classification!="failure",
         direction="inbound" }[30s] ) )
       / sum( rate( response_total{ namespace="test", deployment=~"podinfo", direction="inbound" }[30s] ) ) * 100"#,
    r#"histogram_quantile( 0.99, sum( rate( response_latency_ms_bucket{ namespace="test", deployment=~"podinfo",
         direction="inbound" }[30s] ) ) by (le) )"#,
);

const HTTP: (&str, &str) = (
    r#"sum( rate( http_request_duration_seconds_count{ kubernetes_namespace="test",
         kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)", status!~"5.*" }[30s] ) )
       / sum( rate( http_request_duration_seconds_count{ kubernetes_namespace="test",
         kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)" }[30s] ) ) * 100"#,
    r#"histogram_quantile( 0.99, sum( rate( http_request_duration_seconds_bucket{ kubernetes_namespace="test",
         kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)" }[30s] ) ) by (le) )"#,
);

const GLOO: (&str, &str) = (
    r#"sum( rate( envoy_cluster_upstream_rq{
         envoy_cluster_name=~"test-podinfo-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+", envoy_response_code!~"5.*" }[30s] ) )
       / sum( rate( envoy_cluster_upstream_rq{
         envoy_cluster_name=~"test-podinfo-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+", }[30s] ) ) * 100"#,
    r#"histogram_quantile( 0.99, sum( rate( envoy_cluster_upstream_rq_time_bucket{
         envoy_cluster_name=~"test-podinfo-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+", }[30s] ) ) by (le) )"#,
);
