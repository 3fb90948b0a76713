//! The Services as they are made, kept and given back.

use super::*;
use crate::effect::Write;

fn canary(service: &Value) -> (Object, Spec) {
    let mut spec = json!({
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
        "service": {"port": 9898},
        "analysis": {"stepWeight": 10},
    });
    if let (Some(Value::Object(into)), Value::Object(more)) = (spec.get_mut("service"), service) {
        into.extend(more.clone());
    }
    let canary = Object(json!({"apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": "podinfo", "namespace": "test", "uid": "c"}, "spec": spec}));
    let spec = Spec::of(&canary).expect("a spec");
    (canary, spec)
}

fn target() -> Object {
    Object(json!({"apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "podinfo", "namespace": "test"},
    "spec": {"template": {"spec": {"containers": [
        {"name": "podinfod", "ports": [
            {"name": "http", "containerPort": 9898}, {"name": "grpc", "containerPort": 9999},
            {"containerPort": 9797}]},
        {"name": "istio-proxy", "ports": [{"name": "envoy", "containerPort": 15090}]},
    ]}}}}))
}

/// The Services after one look; what there was goes in and what is held comes out.
fn held(service: &Value, seen: [Option<&Object>; 3]) -> Vec<Object> {
    let ((canary, spec), target) = (canary(service), target());
    let scene = Scene {
        canary: &canary,
        spec: &spec,
        target: &target,
        label: &("app".to_owned(), "podinfo".to_owned()),
    };
    let effects = hold(&scene, seen, true).into_iter();
    let written = effects.map(|effect| match effect {
        Effect::Write(Write::Create(object) | Write::Update(object)) => object,
        other => panic!("a Service is not {other:?}"),
    });
    written.collect()
}

fn apex(service: &Value) -> Object {
    held(service, [None; 3]).swap_remove(0)
}

#[test]
fn a_service_says_what_the_canary_says() {
    let service = json!({"portName": "web", "targetPort": "http", "appProtocol": "http", "headless": true,
        "trafficDistribution": "PreferClose", "apex": {"labels": {"team": "web"}, "annotations": {"a": "b"}}});
    let made = apex(&service);
    assert_eq!(made.str("/spec/clusterIP"), "None");
    assert_eq!(made.str("/spec/trafficDistribution"), "PreferClose");
    let port = json!([{"name": "web", "port": 9898, "protocol": "TCP", "targetPort": "http", "appProtocol": "http"}]);
    assert_eq!(made.at("/spec/ports"), Some(&port));
    assert_eq!(
        (made.label("team"), made.label("app")),
        (Some("web"), Some("podinfo"))
    );
    assert_eq!(made.annotation("a"), Some("b"));
    assert_eq!(made.annotation(OPT_OUTS[0].0), Some("disabled"));
}

#[test]
fn discovered_ports_are_the_targets_but_for_its_own_and_the_meshes() {
    let made = apex(&json!({"portDiscovery": true}));
    let ports = made.at("/spec/ports").and_then(Value::as_array).expect("ports");
    let names: Vec<_> = ports.iter().filter_map(|port| port["name"].as_str()).collect();
    assert_eq!(names, ["http", "grpc", "tcp-podinfod-2"]);
}

#[test]
fn what_is_held_is_not_written_again() {
    let made = held(&json!({"portDiscovery": true}), [None; 3]);
    let seen = [made.first(), made.get(1), made.get(2)];
    assert_eq!(held(&json!({"portDiscovery": true}), seen), Vec::new());
}

#[test]
fn a_service_of_the_canarys_own_has_no_other_metadata_but_the_unmanaged() {
    let mut seen = apex(&json!({}));
    seen.set("/metadata/annotations/cloud", json!("neg"));
    seen.set("/metadata/annotations/stray", json!("x"));
    seen.set("/metadata/labels/kept", json!("y"));
    let service = json!({"unmanagedMetadata": {"annotations": ["cloud"], "labels": ["kept"]}});
    let held = held(&service, [Some(&seen), None, None]).swap_remove(0);
    assert_eq!(
        (held.annotation("cloud"), held.annotation("stray")),
        (Some("neg"), None)
    );
    assert_eq!(held.label("kept"), Some("y"));
}

#[test]
fn a_service_that_was_there_before_keeps_its_metadata_and_node_port_and_gets_its_selector_back() {
    let applied = json!({"spec": {"selector": {"app": "podinfo", "tier": "web"}}}).to_string();
    let seen = Object(json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "podinfo", "namespace": "test", "annotations": {"theirs": "1"}},
        "spec": {"selector": {"app": "podinfo"}, "ports": [{"name": "http", "port": 80, "nodePort": 30080}]}}));
    let held = held(&json!({}), [Some(&seen), None, None]).swap_remove(0);
    assert_eq!(held.str("/spec/selector/app"), "podinfo-primary");
    assert_eq!(held.int("/spec/ports/0/nodePort"), Some(30080));
    assert_eq!(held.annotation("theirs"), Some("1"));

    let ((canary, spec), target) = (canary(&json!({})), target());
    let scene = Scene {
        canary: &canary,
        spec: &spec,
        target: &target,
        label: &("app".to_owned(), "podinfo".to_owned()),
    };
    let back = |service: &Object| match restore(&scene, Some(service)) {
        Some(Effect::Write(Write::Update(object))) => Some(object),
        _ => None,
    };
    let restored = back(&held).expect("an update");
    assert_eq!(restored.at("/spec/selector"), Some(&json!({"app": "podinfo"})));
    assert_eq!(restored.annotation(OPT_OUTS[0].0), None);
    let mut by_kubectl = held;
    by_kubectl.set(
        &format!("/metadata/annotations/{}", template::escaped(APPLIED)),
        json!(applied),
    );
    let restored = back(&by_kubectl).expect("an update");
    assert_eq!(
        restored.at("/spec/selector"),
        Some(&json!({"app": "podinfo", "tier": "web"}))
    );
    assert_eq!(back(&apex(&json!({}))), None, "its own goes with the Canary");
}
