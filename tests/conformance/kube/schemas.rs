//! recant's own kinds, as `deploy/crds` defines them: what they let in, refuse and fill in.

use super::Client;
use super::ask;
use super::done;
use crate::conformance::table;
use crate::conformance::table::Case;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Puts the definitions and the table's namespaces there, unless they are.
fn install(client: &dyn Client) {
    for name in ["test", "faces", "recant-system"] {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        let status = ask(client, "POST", "/api/v1/namespaces", namespace).status;
        assert!(matches!(status, 201 | 409), "{name}: {status}");
    }
    for crd in recant::manifests::crds() {
        let answer = ask(client, "POST", DEFINITIONS, crd.clone());
        assert!(matches!(answer.status, 201 | 409), "{}", answer.body);
        let spec = &crd["spec"];
        for version in spec["versions"].as_array().unwrap() {
            let (group, version) = (spec["group"].as_str().unwrap(), version["name"].as_str().unwrap());
            let plural = spec["names"]["plural"].as_str().unwrap();
            served(client, &format!("/apis/{group}/{version}/{plural}"));
        }
    }
}

/// A real server needs a moment to serve a new kind.
fn served(client: &dyn Client, path: &str) {
    for _ in 0..100 {
        if ask(client, "GET", path, Value::Null).status == 200 {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{path} is not served");
}

/// Where objects of that kind are.
fn place(object: &Value) -> String {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let definitions = recant::manifests::crds();
    let kind = |crd: &&Value| crd["spec"]["names"]["kind"] == object["kind"];
    let plural = definitions.iter().find(kind).unwrap()["spec"]["names"]["plural"].clone();
    let (version, namespace) = (text("/apiVersion"), text("/metadata/namespace"));
    format!(
        "/apis/{version}/namespaces/{namespace}/{}",
        plural.as_str().unwrap()
    )
}

fn cases(client: &dyn Client, meant: impl Fn(&Case) -> bool) -> Vec<Case> {
    install(client);
    table::cases().into_iter().filter(meant).collect()
}

pub(crate) fn accepted(client: &dyn Client) {
    for case in cases(client, |case| case.accept && case.dropped.is_empty()) {
        let answer = ask(
            client,
            "POST",
            &format!("{}?fieldValidation=Strict", place(&case.object)),
            case.object,
        );
        assert_eq!(answer.status, 201, "{}: {}", case.why, answer.body);
        for (pointer, expected) in &case.stored {
            assert_eq!(
                answer.body.pointer(pointer),
                Some(expected),
                "{}: {pointer}",
                case.why
            );
        }
    }
}

pub(crate) fn unknown(client: &dyn Client) {
    for case in cases(client, |case| !case.dropped.is_empty()) {
        let path = place(&case.object);
        let strict = ask(
            client,
            "POST",
            &format!("{path}?fieldValidation=Strict"),
            case.object.clone(),
        );
        assert_eq!(strict.status, 400, "{}: {}", case.why, strict.body);
        let message = strict.body["message"].as_str().unwrap().to_owned();
        let kept = ask(
            client,
            "POST",
            &format!("{path}?fieldValidation=Warn"),
            case.object,
        );
        assert_eq!(kept.status, 201, "{}: {}", case.why, kept.body);
        for pointer in case.dropped {
            let field = pointer.rsplit('/').next().unwrap();
            assert!(message.contains(&format!("{field}\"")), "{field}: {message}");
            assert_eq!(kept.body.pointer(&pointer), None, "{}: {pointer}", case.why);
        }
    }
}

pub(crate) fn rejected(client: &dyn Client) {
    for case in cases(client, |case| !case.accept) {
        let answer = ask(client, "POST", &place(&case.object), case.object);
        assert_eq!(answer.status, 422, "{}: {}", case.why, answer.body);
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.contains(&case.at.unwrap()), "{}: {message}", case.why);
    }
}

/// A definition with rules of every kind: about a change, a field whose name CEL keeps for itself, a map, an item.
pub(crate) fn transitions(client: &dyn Client) {
    done(client, "POST", DEFINITIONS, boxes("self >= oldSelf"));
    let all = "/apis/rules.example.com/v1/boxes";
    served(client, all);
    let spec = json!({ "size": 2, "namespace": "a", "labels": { "a-b": "x" }, "ports": [{ "name": "web", "port": 80 }] });
    let object = json!({ "apiVersion": "rules.example.com/v1", "kind": "Box", "metadata": { "name": "one" }, "spec": spec });
    done(client, "POST", all, object);
    let one = format!("{all}/one");
    for (field, value, refusal) in changes() {
        let mut changed = done(client, "GET", &one, Value::Null);
        changed["spec"][field] = value;
        let answer = ask(client, "PUT", &one, changed);
        let message = answer.body["message"].as_str().unwrap_or_default().to_lowercase();
        let expected = if refusal.is_empty() { 200 } else { 422 };
        assert_eq!(answer.status, expected, "{field}: {message}");
        assert!(message.contains(&refusal.to_lowercase()), "{refusal}: {message}");
    }
}

/// A field, what becomes of it, and how that is refused, if it is.
fn changes() -> [(&'static str, Value, &'static str); 8] {
    [
        ("size", json!(3), ""),
        ("size", json!(1), "spec.size: Invalid value: 1: it only grows"),
        (
            "namespace",
            json!("kube-system"),
            "spec.namespace: Invalid value: not there",
        ),
        (
            "labels",
            json!({ "a-b": "y" }),
            "spec.labels: Invalid value: failed rule: !('a-b' in self) || self['a-b'] == 'x'",
        ),
        ("labels", json!({ "a_b": "y" }), ""),
        ("ports", json!([{ "name": "any", "port": 0 }]), ""),
        (
            "ports",
            json!([{ "name": "web", "port": 0 }]),
            "spec.ports[0]: Invalid value: the port of web is not open",
        ),
        (
            "ports",
            json!([{ "name": "web" }]),
            "spec.ports[0]: Invalid value: \"object\": no such key: port evaluating rule: self.name == 'any' || self.port > 0",
        ),
    ]
}

/// Where the rule stands, either server names in its own way.
pub(crate) fn not_understood(client: &dyn Client) {
    let refused = ask(client, "POST", DEFINITIONS, boxes("self >= "));
    assert_eq!(refused.status, 422, "{}", refused.body);
    let message = refused.body["message"].as_str().unwrap();
    let at = "openAPIV3Schema.properties[spec].properties[size].x-kubernetes-validations[0].rule";
    assert!(message.contains(at), "{message}");
    assert!(message.contains("compilation failed"), "{message}");
}

fn boxes(of_size: &str) -> Value {
    let port = json!({ "type": "object", "required": ["name"],
        "properties": { "name": { "type": "string", "maxLength": 20 }, "port": { "type": "integer" } },
        "x-kubernetes-validations": [{ "rule": "self.name == 'any' || self.port > 0",
                                       "messageExpression": "'the port of ' + self.name + ' is not open'" }] });
    let labels = json!({ "type": "object", "maxProperties": 4,
        "additionalProperties": { "type": "string", "maxLength": 20 },
        "x-kubernetes-validations": [{ "rule": "!('a-b' in self) || self['a-b'] == 'x'" }] });
    let size = json!({ "type": "integer",
        "x-kubernetes-validations": [{ "rule": of_size, "message": "it only grows" }] });
    let spec = json!({ "type": "object",
        "properties": { "size": size, "namespace": { "type": "string", "maxLength": 20 }, "labels": labels,
                        "ports": { "type": "array", "maxItems": 4, "items": port } },
        "x-kubernetes-validations": [{ "rule": "self.__namespace__ != 'kube-system'", "message": "not there",
                                       "fieldPath": ".namespace" }] });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "boxes.rules.example.com" },
        "spec": {
            "group": "rules.example.com", "scope": "Cluster", "names": { "plural": "boxes", "kind": "Box" },
            "versions": [{ "name": "v1", "served": true, "storage": true,
                           "schema": { "openAPIV3Schema": { "type": "object", "properties": { "spec": spec } } } }],
        },
    })
}
