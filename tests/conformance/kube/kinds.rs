//! Custom kinds, and the subresources of any kind.

use super::Client;
use super::ask;
use super::define;
use super::deployment;
use super::done;
use super::namespace;
use serde_json::Value;
use serde_json::json;

pub(super) fn thing(kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "checks.recant.dev/v1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

pub(crate) fn custom(client: &dyn Client) {
    let all = define(client, "customs", "Custom");
    let made = done(
        client,
        "POST",
        &all,
        thing("Custom", "a", json!({ "size": 1, "unknown": true })),
    );
    assert_eq!(
        made["spec"],
        json!({ "size": 1, "mode": "slow" }),
        "pruned and defaulted"
    );
    assert_eq!(made["metadata"]["generation"], 1);
    let strict = format!("{all}?fieldValidation=Strict");
    let answer = ask(
        client,
        "POST",
        &strict,
        thing("Custom", "b", json!({ "size": 1, "unknown": true })),
    );
    assert_eq!(
        (answer.status, &answer.body["reason"]),
        (400, &"BadRequest".into())
    );
    assert!(
        answer.body["message"]
            .as_str()
            .unwrap()
            .contains("unknown field \"spec.unknown\""),
        "{}",
        answer.body
    );
    let wrong = ask(
        client,
        "POST",
        &all,
        thing("Custom", "b", json!({ "size": 0, "mode": "x" })),
    );
    assert_eq!((wrong.status, &wrong.body["reason"]), (422, &"Invalid".into()));
    let fields: Vec<&str> = wrong.body["details"]["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["field"].as_str().unwrap())
        .collect();
    assert!(
        fields.contains(&"spec.size") && fields.contains(&"spec.mode"),
        "{fields:?}"
    );
    let missing = ask(client, "POST", &all, thing("Custom", "b", json!({})));
    assert_eq!(
        missing.body["message"],
        "Custom.checks.recant.dev \"b\" is invalid: spec.size: Required value"
    );
    let strategic = [("Content-Type", "application/strategic-merge-patch+json")];
    assert_eq!(
        client.send("PATCH", &format!("{all}/a"), &strategic, "{}").status,
        415
    );
    let unconditional = ask(
        client,
        "PUT",
        &format!("{all}/a"),
        thing("Custom", "a", json!({ "size": 2 })),
    );
    assert_eq!(unconditional.status, 422, "{}", unconditional.body);
}

pub(crate) fn status(client: &dyn Client) {
    let all = define(client, "statuses", "Stated");
    let mut made = thing("Stated", "a", json!({ "size": 1 }));
    made["status"] = json!({ "phase": "ignored" });
    let mut made = done(client, "POST", &all, made);
    assert!(made.get("status").is_none());
    made["status"] = json!({ "phase": "Ready" });
    made["spec"]["size"] = 9.into();
    let set = done(client, "PUT", &format!("{all}/a/status"), made);
    assert_eq!(
        (&set["status"]["phase"], &set["spec"]["size"]),
        (&"Ready".into(), &1.into())
    );
    assert_eq!(set["metadata"]["generation"], 1);
    let spec = done(
        client,
        "PATCH",
        &format!("{all}/a"),
        json!({ "spec": { "size": 2 }, "status": { "phase": "No" } }),
    );
    assert_eq!(
        (&spec["status"]["phase"], &spec["metadata"]["generation"]),
        (&"Ready".into(), &2.into())
    );
    let patched = done(
        client,
        "PATCH",
        &format!("{all}/a/status"),
        json!({ "status": { "phase": "Done" } }),
    );
    assert_eq!(patched["status"]["phase"], "Done");
}

/// Scales as kubectl does: a controller may write the object's status in between, so what is stale is read again. What
/// was sent in the end.
fn scaled(client: &dyn Client, path: &str, replicas: i64) -> Value {
    for _ in 0..20 {
        let mut scale = done(client, "GET", path, Value::Null);
        assert_eq!(scale["spec"]["replicas"], 1);
        scale["spec"]["replicas"] = replicas.into();
        match ask(client, "PUT", path, scale.clone()).status {
            409 => {}
            status => {
                assert_eq!(status, 200);
                return scale;
            }
        }
    }
    panic!("{path} is never still")
}

pub(crate) fn scale(client: &dyn Client) {
    namespace(client, "scale");
    let all = "/apis/apps/v1/namespaces/scale/deployments";
    done(client, "POST", all, deployment("a"));
    let scale = scaled(client, &format!("{all}/a/scale"), 4);
    assert_eq!(
        (&scale["kind"], &scale["status"]["selector"]),
        (&"Scale".into(), &"app=a".into())
    );
    let object = done(client, "GET", &format!("{all}/a"), Value::Null);
    assert_eq!(
        (&object["spec"]["replicas"], &object["metadata"]["generation"]),
        (&4.into(), &2.into())
    );
    assert_eq!(
        ask(client, "PUT", &format!("{all}/a/scale"), scale).status,
        409,
        "the version is old by now"
    );
    done(
        client,
        "PATCH",
        &format!("{all}/a/scale"),
        json!({ "spec": { "replicas": 0 } }),
    );
    assert_eq!(
        done(client, "GET", &format!("{all}/a"), Value::Null)["spec"]["replicas"],
        0
    );
}
