//! What each router writes, as recorded in `tests/routers` (the simulator lets traffic flow through the same files), and
//! what it leaves alone.
//!
//! A router that writes something else than its record prints the record as it would be now: read the difference, and
//! put it there if it is meant.

mod bench;

use super::Router;
use super::Traffic;
use crate::canary::spec::Spec;
use crate::object::Object;
use crate::reason::Reason;
use crate::settings::Settings;
use bench::Bench;
use bench::ROUTERS;
use bench::canary;
use serde_json::Value;
use serde_json::json;

const MIRRORED: Traffic = Traffic {
    canary_pct: 0,
    mirrored: true,
};

/// What each router wrote when somebody last looked.
const RECORDS: [(&str, &str); 11] = [
    (
        "gatewayapi:v1",
        include_str!("../../../../tests/routers/gatewayapi-v1.yaml"),
    ),
    (
        "gatewayapi:v1beta1",
        include_str!("../../../../tests/routers/gatewayapi-v1beta1.yaml"),
    ),
    ("linkerd", include_str!("../../../../tests/routers/linkerd.yaml")),
    (
        "smi:v1alpha2",
        include_str!("../../../../tests/routers/smi-v1alpha2.yaml"),
    ),
    (
        "smi:v1alpha3",
        include_str!("../../../../tests/routers/smi-v1alpha3.yaml"),
    ),
    ("nginx", include_str!("../../../../tests/routers/nginx.yaml")),
    (
        "kubernetes",
        include_str!("../../../../tests/routers/kubernetes.yaml"),
    ),
    ("istio", include_str!("../../../../tests/routers/istio.yaml")),
    ("traefik", include_str!("../../../../tests/routers/traefik.yaml")),
    ("contour", include_str!("../../../../tests/routers/contour.yaml")),
    ("gloo", include_str!("../../../../tests/routers/gloo.yaml")),
];

/// A case: its name, what its Canary says beside the router's own, and what the router is held to, one after another.
type Case = (&'static str, Value, Vec<Traffic>);

fn cases(provider: &str) -> Vec<Case> {
    let to = |weights: &[i64]| {
        weights
            .iter()
            .map(|weight| Traffic::weight(*weight))
            .collect::<Vec<_>>()
    };
    let by_cookie = match provider {
        "nginx" => json!({"exact": "canary"}),
        "contour" => json!({"prefix": "canary=always"}),
        _ => json!({"regex": "^(.*?;)?(canary=always)(;.*)?$"}),
    };
    let ab = json!({"analysis": {"iterations": 10, "match": [
        {"headers": {"x-canary": {"exact": "insider"}}},
        {"headers": {"cookie": by_cookie}},
    ]}});
    let affinity = json!({"analysis": {"sessionAffinity": {"cookieName": "flagger-cookie", "maxAge": 21600,
        "primaryCookieName": "primary-cookie", "path": "/", "secure": true}}});
    let mut cases = vec![
        ("initial", json!({}), to(&[0])),
        ("weight-30", json!({}), to(&[0, 30])),
        ("promoted", json!({}), to(&[0, 30, 100, 0])),
        ("full", full(), to(&[0, 30])),
    ];
    let settings = Settings::default();
    let (_, spec) = canary(provider, &json!({}));
    let router = Router::of(&spec, &settings).expect("a router");
    if router.mirrors() {
        cases.push((
            "mirrored",
            json!({"analysis": {"mirror": true}}),
            vec![Traffic::weight(0), MIRRORED],
        ));
    }
    if router.matches() && router != Router::Services {
        cases.push(("ab", ab.clone(), to(&[0, 100])));
        cases.push(("ab-over", ab, to(&[0, 100, 0])));
    }
    if matches!(router, Router::HttpRoute(_) | Router::VirtualService) {
        cases.push(("affinity", affinity.clone(), to(&[0, 30])));
        cases.push(("affinity-over", affinity, to(&[0, 30, 0])));
    }
    cases
}

/// Everything that `spec.service` can say of a route.
fn full() -> Value {
    json!({"service": {
        "hosts": ["app.example.com"], "gateways": ["public-gateway.istio-system"],
        "match": [{"uri": {"prefix": "/podinfo"}}],
        "rewrite": {"uri": "/", "authority": "podinfo.internal", "type": "ReplacePrefixMatch"},
        "timeout": "15s", "backendTimeout": "5s",
        "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "gateway-error,connect-failure"},
        "headers": {"request": {"add": {"x-b": "2", "x-a": "1"}, "remove": ["x-c"]},
                    "response": {"set": {"x-d": "4"}}},
        "mirror": [{"backendRef": {"name": "audit", "port": 80}}],
        "corsPolicy": {"allowOrigin": ["https://example.com"], "allowMethods": ["GET"], "allowCredentials": true,
                       "maxAge": "24h"},
        "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}},
        "apex": {"labels": {"team": "web"}, "annotations": {"note": "by hand"}},
    }})
}

#[test]
fn every_router_writes_what_is_recorded_and_then_nothing_more() {
    assert_eq!(RECORDS.map(|(provider, _)| provider), ROUTERS);
    let mut wrong = Vec::new();
    for (provider, recorded) in RECORDS {
        let made: Vec<Value> = cases(provider)
            .iter()
            .map(|case| written(provider, case))
            .collect();
        let recorded: Vec<Value> = recorded
            .split("---\n")
            .map(|one| serde_yaml::from_str(one).expect("YAML"))
            .collect();
        if made != recorded {
            let texts = made.iter().map(|one| serde_yaml::to_string(one).expect("YAML"));
            let differs = made
                .iter()
                .zip(&recorded)
                .find(|(made, recorded)| made != recorded);
            let first = differs.map_or("how many there are", |(made, _)| {
                made["case"].as_str().unwrap_or_default()
            });
            wrong.push(format!(
                "{provider}, first {first}; the record would be\n{}",
                texts.collect::<Vec<_>>().join("---\n")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a router writes in a case, once: held to the same again, it writes nothing.
fn written(provider: &str, (case, patch, steps): &Case) -> Value {
    let mut bench = Bench::new(provider, patch);
    for traffic in steps {
        bench
            .hold(*traffic)
            .unwrap_or_else(|because| panic!("{provider} {case}: {because}"));
        assert_eq!(bench.hold(*traffic), Ok(0), "{provider} {case}: it writes again");
    }
    json!({"case": case, "objects": bench.made()})
}

#[test]
fn what_the_router_made_is_the_canarys_and_keeps_flux_away() {
    for provider in ROUTERS {
        let mut bench = Bench::new(provider, &json!({}));
        bench.hold(Traffic::weight(0)).expect("effects");
        for object in bench.made() {
            let name = Object(object.clone()).reference();
            assert_eq!(
                object["metadata"]["ownerReferences"][0]["name"], "podinfo",
                "{name}"
            );
            assert_eq!(
                object["metadata"]["ownerReferences"][0]["controller"], true,
                "{name}"
            );
        }
    }
}

#[test]
fn a_route_that_was_there_before_keeps_what_is_not_recants_and_gets_its_own_back() {
    for (provider, kind, before, kept) in bench::taken_over() {
        let mut bench = Bench::new(provider, &json!({"service": {"timeout": "15s"}}));
        bench.put(kind, &before);
        for traffic in [Traffic::weight(0), Traffic::weight(30), Traffic::weight(0)] {
            bench
                .hold(traffic)
                .unwrap_or_else(|because| panic!("{provider}: {because}"));
            let now = bench.get(kind);
            for (pointer, value) in &kept {
                assert_eq!(now.at(pointer), Some(value), "{provider} {pointer}: {}", now.0);
            }
        }
        bench.restore();
        let now = bench.get(kind);
        assert_eq!(now.at("/spec"), before.get("spec"), "{provider}");
        let annotations = now.strings("/metadata/annotations");
        assert_eq!(annotations.len(), 0, "{provider}: {annotations:?}");
    }
}

#[test]
fn what_the_canary_does_not_ask_for_any_more_goes_and_a_persons_stays() {
    for provider in ["gatewayapi:v1", "istio"] {
        let mut bench = Bench::new(provider, &full());
        bench.hold(Traffic::weight(0)).expect("effects");
        let kind = if provider == "istio" {
            "VirtualService"
        } else {
            "HTTPRoute"
        };
        let mut route = bench.get(kind);
        let (rules, field) = if provider == "istio" {
            ("http", "fault")
        } else {
            ("rules", "sessionPersistence")
        };
        route.0["spec"][rules][0][field] = json!({"by": "a person"});
        bench.put(kind, &route.0);
        bench.say(provider, &json!({}));
        bench.hold(Traffic::weight(30)).expect("effects");
        let rule = bench.get(kind).0["spec"][rules][0].clone();
        assert_eq!(rule[field], json!({"by": "a person"}), "{rule}");
        for gone in [
            "timeouts",
            "filters",
            "timeout",
            "retries",
            "rewrite",
            "headers",
            "corsPolicy",
        ] {
            assert!(rule.get(gone).is_none(), "{provider} {gone}: {rule}");
        }
        assert!(!rule.to_string().contains("/podinfo\""), "{rule}");
    }
}

#[test]
fn a_persons_edit_of_the_weights_is_taken_back() {
    for provider in ROUTERS.into_iter().filter(|provider| *provider != "kubernetes") {
        let mut bench = Bench::new(provider, &json!({}));
        bench.hold(Traffic::weight(30)).expect("effects");
        let before = bench.made();
        for mut object in before.clone() {
            let text = object
                .to_string()
                .replace(":30", ":90")
                .replace("\"30\"", "\"90\"");
            object = serde_json::from_str(&text).expect("JSON");
            let kind = object["kind"].as_str().expect("a kind").to_owned();
            if kind != "DestinationRule" && kind != "Upstream" {
                bench.put(&kind, &object);
            }
        }
        assert!(
            bench.hold(Traffic::weight(30)).expect("effects") > 0,
            "{provider}"
        );
        assert_eq!(bench.made(), before, "{provider}");
    }
}

#[test]
fn no_shape_of_an_object_ends_in_a_panic_and_a_list_that_is_none_is_said() {
    for provider in ROUTERS {
        for (case, patch, steps) in cases(provider) {
            let mut bench = Bench::new(provider, &patch);
            for traffic in &steps {
                bench.hold(*traffic).expect("effects");
            }
            for object in bench.all() {
                for (pointer, value) in bench::places(&object.0["spec"], "/spec") {
                    for hostile in [
                        json!("x"),
                        json!(7),
                        Value::Null,
                        json!([]),
                        json!({}),
                        json!([null, 3, {}]),
                    ] {
                        let mut spoiled = bench.clone();
                        let mut object = object.clone();
                        object.set_at(&pointer, hostile.clone());
                        spoiled.put(object.str("/kind").to_owned().as_str(), &object.0);
                        for traffic in [Traffic::weight(30), Traffic::default(), MIRRORED] {
                            let held = spoiled.hold(traffic);
                            if let Err(because) = held {
                                let said = because.to_string();
                                assert!(
                                    matches!(because, Reason::InvalidRoute { .. }),
                                    "{provider} {case}: {said}"
                                );
                            }
                        }
                        let is_own_list = value.is_array() && pointer.matches('/').count() == 2;
                        let named = ["rules", "http", "backends", "routes"];
                        if is_own_list && hostile == json!("x") && named.iter().any(|n| pointer.ends_with(n))
                        {
                            let held = bench_with(&bench, &object).hold(Traffic::weight(20));
                            assert!(
                                held.is_err() || provider == "nginx",
                                "{provider} {case} {pointer} was taken: {held:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}

fn bench_with(bench: &Bench, object: &Object) -> Bench {
    let mut bench = bench.clone();
    bench.put(object.str("/kind"), &object.0);
    bench
}

#[test]
fn where_conditions_decide_no_cookie_is_set() {
    let ab =
        json!({"analysis": {"iterations": 3, "match": [{"headers": {"x-canary": {"exact": "insider"}}}]}});
    let mut both = ab.clone();
    both["analysis"]["sessionAffinity"] = json!({"cookieName": "c"});
    for provider in ["gatewayapi:v1", "gatewayapi:v1beta1", "istio"] {
        let made = [&ab, &both].map(|patch| {
            let mut bench = Bench::new(provider, patch);
            for traffic in [Traffic::weight(0), Traffic::weight(100)] {
                bench.hold(traffic).expect("effects");
            }
            bench.made()
        });
        assert_eq!(made[0], made[1], "{provider}");
    }
}

#[test]
fn what_a_router_cannot_do_is_said_and_nothing_is_done_in_its_place() {
    let ab = json!({"analysis": {"match": [{"headers": {"x-canary": {"exact": "insider"}}}]}});
    let affinity = json!({"analysis": {"sessionAffinity": {"cookieName": "a"}}});
    let one = |condition: Value| json!({"analysis": {"match": [condition]}});
    let table = [
        ("osm", json!({}), "Flagger mode"),
        ("appmesh:v1beta2", json!({}), "Flagger mode"),
        ("skipper", json!({}), "Flagger mode"),
        ("knative", json!({}), "Flagger mode"),
        ("kuma", json!({}), "Flagger mode"),
        ("apisix", json!({}), "Flagger mode"),
        ("isto", json!({}), "\"isto\" is no provider"),
        ("smi:v1alpha4", json!({}), "is no provider"),
        ("smi:v1alpha10", json!({}), "is no provider"),
        ("gatewayapi:v2", json!({}), "is no provider"),
        ("linkerd", ab.clone(), "spec.analysis.match"),
        ("smi:v1alpha3", ab.clone(), "spec.analysis.match"),
        ("traefik", ab, "spec.analysis.match"),
        ("nginx", affinity.clone(), "spec.analysis.sessionAffinity"),
        ("linkerd", affinity, "spec.analysis.sessionAffinity"),
        (
            "istio",
            json!({"analysis": {"sessionAffinity": {"cookieName": "a", "primaryCookieName": "a"}}}),
            "must not be the same",
        ),
        (
            "gatewayapi:v1",
            json!({"service": {"gatewayRefs": []}}),
            "spec.service.gatewayRefs",
        ),
        ("nginx", json!({"ingressRef": {"name": ""}}), "spec.ingressRef"),
        (
            "istio",
            json!({"service": {"delegation": true, "hosts": ["a"]}}),
            "spec.service.delegation",
        ),
        (
            "gatewayapi:v1",
            one(json!({"headers": {"x": {"prefix": "a"}}})),
            "spec.analysis.match[0].headers.x: must be exact or regex",
        ),
        (
            "gatewayapi:v1beta1",
            one(json!({"sourceLabels": {"app": "x"}})),
            "spec.analysis.match[0].sourceLabels",
        ),
        ("gatewayapi:v1", one(json!({})), "must name a header"),
        (
            "gatewayapi:v1",
            json!({"service": {"match": [{"uri": {"suffix": "/x"}}]}}),
            "spec.service.match[0].uri",
        ),
        (
            "contour",
            one(json!({"headers": {"x": {"regex": "a.*"}}})),
            "must be exact, prefix or suffix",
        ),
        (
            "nginx",
            one(json!({"headers": {"x": {"exact": "1"}, "y": {"exact": "1"}}})),
            "nginx knows one header",
        ),
        (
            "nginx",
            one(json!({"queryParams": {"x": {"exact": "1"}}})),
            "nginx knows headers alone",
        ),
    ];
    for (provider, patch, said) in table {
        let (_, spec) = canary(provider, &patch);
        let refused = Router::of(&spec, &Settings::default())
            .expect_err(provider)
            .to_string();
        assert!(refused.contains(said), "{provider}: {refused}");
    }
}

#[test]
fn a_provider_of_the_operators_that_is_unknown_is_said_to_be_his() {
    let (_, mut spec) = canary("istio", &json!({}));
    spec.provider = None;
    let settings = Settings {
        mesh_provider: "osm".to_owned(),
        ..Settings::default()
    };
    let refused = Router::of(&spec, &settings).expect_err("no router").to_string();
    assert!(refused.contains("--mesh-provider"), "{refused}");
}

#[test]
fn without_the_owners_ingress_nothing_rises_and_a_rollback_still_falls() {
    let mut bench = Bench::new("nginx", &json!({}));
    bench.hold(Traffic::weight(30)).expect("effects");
    bench.remove("edge");
    let refused = bench
        .hold(Traffic::weight(40))
        .expect_err("no source")
        .to_string();
    assert!(refused.contains("Ingress/test/edge: not found"), "{refused}");
    assert_eq!(bench.hold(Traffic::weight(0)), Ok(1));
    let canary = bench.named("edge-canary");
    assert_eq!(
        canary.annotation("nginx.ingress.kubernetes.io/canary-weight"),
        Some("0")
    );
}

#[test]
fn an_ingress_without_the_apex_is_said() {
    let mut bench = Bench::new("nginx", &json!({"service": {"name": "other"}}));
    let refused = bench
        .hold(Traffic::weight(0))
        .expect_err("no backend")
        .to_string();
    assert!(refused.contains("no path has the backend other"), "{refused}");
}

#[test]
fn an_ingress_follows_the_owners_and_another_prefix() {
    let mut bench = Bench::new("nginx", &json!({}));
    bench.settings.ingress_annotations_prefix = "custom.ingress".to_owned();
    bench.hold(Traffic::weight(30)).expect("effects");
    let mut owners = bench.named("edge");
    owners.set("/metadata/annotations/limits", json!("5"));
    owners.set("/spec/ingressClassName", json!("internal"));
    bench.put("Ingress", &owners.0);
    bench.hold(Traffic::weight(30)).expect("effects");
    let canary = bench.named("edge-canary");
    assert_eq!(canary.annotation("custom.ingress/canary-weight"), Some("30"));
    assert_eq!(canary.annotation("limits"), Some("5"));
    assert_eq!(canary.str("/spec/ingressClassName"), "internal");
    assert_eq!(bench.named("edge"), owners, "the owner's is only read");
}

#[test]
fn a_route_is_waited_for_until_its_parents_have_taken_it() {
    let mut bench = Bench::new("gatewayapi:v1", &json!({}));
    bench.hold(Traffic::weight(30)).expect("effects");
    let parent = |status: &str, generation: i64| {
        json!({"parents": [{"parentRef": {"name": "public"}, "conditions": [
            {"type": "Accepted", "status": status, "observedGeneration": generation, "message": "no listener"}]}]})
    };
    let table = [
        (json!({}), true, ""),
        (parent("True", 2), true, ""),
        (parent("True", 1), false, "has not looked at it"),
        (parent("False", 2), false, "no listener"),
    ];
    for (status, accepted, said) in table {
        let mut route = bench.get("HTTPRoute");
        route.set("/metadata/generation", json!(2));
        route.set("/status", status);
        bench.put("HTTPRoute", &route.0);
        let found = bench.accepted();
        assert_eq!(found.is_ok(), accepted, "{found:?}");
        assert!(
            found
                .err()
                .map(|r| r.to_string())
                .unwrap_or_default()
                .contains(said)
        );
    }
}

#[test]
fn a_crash_between_route_and_status_changes_no_cookie() {
    let patch = json!({"analysis": {"sessionAffinity": {"cookieName": "c"}}});
    let mut bench = Bench::new("istio", &patch);
    bench.hold(Traffic::weight(30)).expect("effects");
    let cookie = std::mem::take(&mut bench.status.session_affinity_cookie);
    assert!(cookie.starts_with("c=") && cookie.len() == 12, "{cookie}");
    assert_eq!(bench.hold(Traffic::weight(30)), Ok(0), "the route has it already");
    assert_eq!(bench.status.session_affinity_cookie, cookie);
    bench.hold(Traffic::weight(0)).expect("effects");
    assert_eq!(bench.status.previous_session_affinity_cookie, cookie);
    bench.status.analysis.as_mut().expect("a run").template_hash = "another".to_owned();
    bench.hold(Traffic::weight(30)).expect("effects");
    assert_ne!(
        bench.status.session_affinity_cookie, cookie,
        "another run, another cookie"
    );
}

#[test]
fn a_tcp_service_has_a_tcp_route_and_discovered_ports_are_named_behind_a_gateway() {
    let patch = json!({"service": {"appProtocol": "TCP", "match": [{"port": 9898}], "gateways": ["edge"],
                                   "portDiscovery": true}});
    let mut bench = Bench::new("istio", &patch);
    bench.hold(Traffic::weight(30)).expect("effects");
    let spec = bench.get("VirtualService").0["spec"].clone();
    assert_eq!(spec.get("http"), None);
    assert_eq!(spec["tcp"][0]["match"], json!([{"port": 9898}]));
    let canary = json!({"destination": {"host": "podinfo-canary", "port": {"number": 9898}}, "weight": 30});
    assert_eq!(spec["tcp"][0]["route"][1], canary);
}

#[test]
fn a_virtual_service_that_others_delegate_to_has_no_hosts() {
    let mut bench = Bench::new("istio", &json!({"service": {"delegation": true}}));
    bench.hold(Traffic::weight(0)).expect("effects");
    let spec = bench.get("VirtualService").0["spec"].clone();
    assert_eq!((&spec["hosts"], spec.get("gateways")), (&json!([]), None));
}

#[test]
fn a_condition_is_asked_beside_what_the_route_asks_already() {
    let patch = json!({"service": {"match": [{"uri": {"prefix": "/"}, "headers": {"x-tenant": {"exact": "a"}}}]},
        "analysis": {"match": [{"headers": {"x-canary": {"exact": "insider"}}}]}});
    for (provider, kind) in [("istio", "VirtualService"), ("gatewayapi:v1", "HTTPRoute")] {
        let mut bench = Bench::new(provider, &patch);
        bench.hold(Traffic::weight(100)).expect("effects");
        let route = bench.get(kind);
        let first = route
            .at("/spec/http/0/match/0")
            .or_else(|| route.at("/spec/rules/0/matches/0"));
        let first = first.expect("a match").to_string();
        assert!(
            first.contains("x-tenant") && first.contains("x-canary"),
            "{provider}: {first}"
        );
    }
}

#[test]
fn gloos_upstreams_are_made_after_the_one_that_is_named() {
    let patch = json!({"upstreamRef": {"name": "config", "namespace": "gloo"}});
    let mut bench = Bench::new("gloo", &patch);
    let refused = bench
        .hold(Traffic::weight(0))
        .expect_err("it is missing")
        .to_string();
    assert!(refused.contains("Upstream/gloo/config: not found"), "{refused}");
    let upstream = json!({"apiVersion": "gloo.solo.io/v1", "kind": "Upstream",
        "metadata": {"name": "config", "namespace": "gloo"},
        "spec": {"useHttp2": true, "loadBalancerConfig": {"roundRobin": {}}, "kube": {"serviceName": "x"}}});
    bench.put("Upstream", &upstream);
    bench.hold(Traffic::weight(0)).expect("effects");
    let spec = bench.named("test-podinfo-canaryupstream-9898").0["spec"].clone();
    assert_eq!(spec["useHttp2"], true);
    assert_eq!(spec["kube"]["serviceName"], "podinfo-canary");
}

#[test]
fn a_spec_without_a_provider_takes_the_operators() {
    let mut canary = canary("istio", &json!({})).0;
    canary.set("/spec/provider", json!(""));
    let spec = Spec::of(&canary).expect("a spec");
    assert_eq!(
        Router::of(&spec, &Settings::default()).ok(),
        Some(Router::TrafficSplit("split.smi-spec.io/v1alpha1"))
    );
}
