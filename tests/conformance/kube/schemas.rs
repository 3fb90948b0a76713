//! recant's own kinds, as `deploy/crds` defines them: what they let in, refuse and fill in.

use super::Client;
use super::ask;
use crate::conformance::table;
use crate::conformance::table::Case;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

/// Puts the definitions and the table's namespaces there, unless they are.
fn install(client: &dyn Client) {
    for name in ["test", "faces", "recant-system"] {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        let status = ask(client, "POST", "/api/v1/namespaces", namespace).status;
        assert!(matches!(status, 201 | 409), "{name}: {status}");
    }
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for crd in recant::manifests::crds() {
        let answer = ask(client, "POST", definitions, crd.clone());
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

fn refused(client: &dyn Client, cel: bool) {
    for case in cases(client, |case| !case.accept && case.cel == cel) {
        let answer = ask(client, "POST", &place(&case.object), case.object);
        assert_eq!(answer.status, 422, "{}: {}", case.why, answer.body);
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.contains(&case.at.unwrap()), "{}: {message}", case.why);
    }
}

pub(crate) fn rejected(client: &dyn Client) {
    refused(client, false);
}

/// The rules written in CEL, which the world does not evaluate.
pub(crate) fn rules(client: &dyn Client) {
    refused(client, true);
}
