//! How objects are written: made, replaced, patched and applied, and how a server says no.

use super::APPLY;
use super::Answer;
use super::Client;
use super::JSON;
use super::apply_as;
use super::ask;
use super::config;
use super::deployment;
use super::done;
use super::namespace;
use serde_json::Value;
use serde_json::json;

pub(crate) fn crud(client: &dyn Client) {
    let maps = namespace(client, "crud") + "/configmaps";
    let made = ask(client, "POST", &maps, config("a", "1"));
    assert_eq!(made.status, 201);
    assert_eq!(made.body["metadata"]["namespace"], "crud");
    assert!(
        made.body["metadata"]["uid"].is_string() && made.body["metadata"]["creationTimestamp"].is_string()
    );
    let mut read = done(client, "GET", &format!("{maps}/a"), Value::Null);
    assert_eq!(read, made.body);
    read["data"]["key"] = "2".into();
    let replaced = done(client, "PUT", &format!("{maps}/a"), read.clone());
    assert_ne!(
        replaced["metadata"]["resourceVersion"],
        read["metadata"]["resourceVersion"]
    );
    let gone = done(client, "DELETE", &format!("{maps}/a"), Value::Null);
    assert_eq!(
        (&gone["kind"], &gone["status"]),
        (&"Status".into(), &"Success".into())
    );
    assert_eq!(ask(client, "GET", &format!("{maps}/a"), Value::Null).status, 404);
}

fn refused(answer: &Answer, status: u16, reason: &str, message: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.body["kind"], "Status");
    assert_eq!(answer.body["reason"], reason);
    assert_eq!(answer.body["code"], status);
    assert_eq!(answer.body["message"], message);
}

pub(crate) fn refusals(client: &dyn Client) {
    let base = namespace(client, "refusals");
    let maps = format!("{base}/configmaps");
    done(client, "POST", &maps, config("a", "1"));
    refused(
        &ask(client, "POST", &maps, config("a", "1")),
        409,
        "AlreadyExists",
        "configmaps \"a\" already exists",
    );
    refused(
        &ask(client, "GET", &format!("{maps}/b"), Value::Null),
        404,
        "NotFound",
        "configmaps \"b\" not found",
    );
    let deployments = "/apis/apps/v1/namespaces/refusals/deployments";
    let unknown = ask(client, "GET", &format!("{deployments}/b"), Value::Null);
    refused(&unknown, 404, "NotFound", "deployments.apps \"b\" not found");
    assert_eq!(
        unknown.body["details"],
        json!({ "name": "b", "group": "apps", "kind": "deployments" })
    );
    let nowhere = ask(
        client,
        "POST",
        "/api/v1/namespaces/nowhere/configmaps",
        config("a", "1"),
    );
    refused(&nowhere, 404, "NotFound", "namespaces \"nowhere\" not found");
    let mut mismatch = deployment("a");
    mismatch["spec"]["template"]["metadata"]["labels"]["app"] = "b".into();
    let mismatch = ask(client, "POST", deployments, mismatch);
    assert_eq!(
        (mismatch.status, &mismatch.body["reason"]),
        (422, &"Invalid".into())
    );
    assert_eq!(
        mismatch.body["details"]["causes"][0]["field"],
        "spec.template.metadata.labels"
    );
    let media = client.send(
        "PATCH",
        &format!("{maps}/a"),
        &[("Content-Type", "text/plain")],
        "{}",
    );
    assert_eq!(
        (media.status, &media.body["reason"]),
        (415, &"UnsupportedMediaType".into())
    );
    assert_eq!(
        ask(client, "GET", "/apis/none.example/v1/things", Value::Null).status,
        404
    );
    assert_eq!(client.send("POST", &maps, &[JSON], "{").status, 400);
}

pub(crate) fn conflict(client: &dyn Client) {
    let maps = namespace(client, "conflict") + "/configmaps";
    let stale = done(client, "POST", &maps, config("a", "1"));
    let mut new = stale.clone();
    new["data"]["key"] = "2".into();
    done(client, "PUT", &format!("{maps}/a"), new);
    let message = "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your \
                   changes to the latest version and try again";
    refused(
        &ask(client, "PUT", &format!("{maps}/a"), stale.clone()),
        409,
        "Conflict",
        message,
    );
    let patch = json!({ "metadata": { "resourceVersion": stale["metadata"]["resourceVersion"] }, "data": { "key": "3" } });
    refused(
        &ask(client, "PATCH", &format!("{maps}/a"), patch),
        409,
        "Conflict",
        message,
    );
}

pub(crate) fn patches(client: &dyn Client) {
    namespace(client, "patches");
    let all = "/apis/apps/v1/namespaces/patches/deployments";
    done(client, "POST", all, deployment("a"));
    let one = format!("{all}/a");
    let patch = |media: &str, patch: Value| {
        let answer = client.send("PATCH", &one, &[("Content-Type", media)], &patch.to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    let merged = patch(
        "application/merge-patch+json",
        json!({ "spec": { "replicas": 3, "minReadySeconds": 5 } }),
    );
    assert_eq!(
        (&merged["spec"]["replicas"], &merged["metadata"]["generation"]),
        (&3.into(), &2.into())
    );
    let dropped = patch(
        "application/json-patch+json",
        json!([
            { "op": "test", "path": "/spec/replicas", "value": 3 },
            { "op": "remove", "path": "/spec/minReadySeconds" },
        ]),
    );
    assert!(dropped["spec"].get("minReadySeconds").is_none());
    let container = json!({ "name": "app", "env": [{ "name": "B", "value": "b" }], "image": "app:2" });
    let strategic = patch(
        "application/strategic-merge-patch+json",
        json!({ "spec": { "template": { "spec": { "containers": [container] } } } }),
    );
    let container = &strategic["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "app:2");
    let names: Vec<&str> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"A") && names.contains(&"B"), "{names:?}");
    let failed = client.send(
        "PATCH",
        &one,
        &[("Content-Type", "application/json-patch+json")],
        r#"[{ "op": "test", "path": "/spec/replicas", "value": 9 }]"#,
    );
    assert_eq!(failed.status, 422);
}

pub(crate) fn apply(client: &dyn Client) {
    let one = namespace(client, "apply") + "/configmaps/a";
    let wanted = |data: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data });
    let made = apply_as(client, &one, "one", "", &wanted(json!({ "x": "1", "y": "1" })));
    assert_eq!(made.status, 201, "{}", made.body);
    let again = apply_as(client, &one, "one", "", &wanted(json!({ "x": "1", "y": "1" })));
    assert_eq!(
        (again.status, &again.body["metadata"]["resourceVersion"]),
        (200, &made.body["metadata"]["resourceVersion"])
    );
    assert_eq!(
        apply_as(client, &one, "two", "", &wanted(json!({ "y": "1", "z": "1" }))).status,
        200
    );
    let less = apply_as(client, &one, "one", "", &wanted(json!({})));
    assert_eq!(
        less.body["data"],
        json!({ "y": "1", "z": "1" }),
        "x had no other owner"
    );
    let nobody = client.send("PATCH", &one, &[APPLY], &wanted(json!({})).to_string());
    assert_eq!(nobody.status, 422, "an apply must name its manager");
}

pub(crate) fn apply_conflict(client: &dyn Client) {
    namespace(client, "applied");
    let one = "/apis/apps/v1/namespaces/applied/deployments/a";
    let mut wanted = deployment("a");
    assert_eq!(apply_as(client, one, "flux", "", &wanted).status, 201);
    let container = json!({ "name": "app", "image": "app:2" });
    let patch = json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
    let strategic = [("Content-Type", "application/strategic-merge-patch+json")];
    let patched = client.send(
        "PATCH",
        &format!("{one}?fieldManager=hand"),
        &strategic,
        &patch.to_string(),
    );
    assert_eq!(patched.status, 200, "{}", patched.body);
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "app:3".into();
    let answer = apply_as(client, one, "flux", "", &wanted);
    let field = ".spec.template.spec.containers[name=\"app\"].image";
    let message = format!("Apply failed with 1 conflict: conflict with \"hand\" using apps/v1: {field}");
    refused(&answer, 409, "Conflict", &message);
    assert_eq!(
        answer.body["details"]["causes"],
        json!([{ "reason": "FieldManagerConflict", "message": "conflict with \"hand\" using apps/v1", "field": field }])
    );
    let forced = apply_as(client, one, "flux", "&force=true", &wanted);
    assert_eq!(
        forced.body["spec"]["template"]["spec"]["containers"][0]["image"],
        "app:3"
    );
    let managers = forced.body["metadata"]["managedFields"].to_string();
    assert!(
        managers.contains("\"flux\"") && !managers.contains("\"hand\""),
        "{managers}"
    );
}
