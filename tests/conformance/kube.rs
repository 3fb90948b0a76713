//! What any Kubernetes API server does, checked over nothing but requests and answers, so that the same checks can run
//! against a real one. Each works in a namespace of its own.

mod life;
mod reading;
mod schemas;

use serde_json::Value;
use serde_json::json;

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The body; null when it is no single JSON document.
    pub(crate) body: Value,
    /// The body's lines that are JSON documents: the events of a watch.
    pub(crate) lines: Vec<Value>,
}

/// Somebody who can ask a server.
pub(crate) trait Client {
    /// Sends a request and reads the answer to its end.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer;
}

type Check = (&'static str, fn(&dyn Client));

/// All checks, by name.
pub(crate) const ALL: &[Check] = &[
    ("create, read, replace, delete", crud),
    ("refusals have the server's reasons", refusals),
    ("a stale replace is a conflict", conflict),
    ("merge, JSON and strategic merge patches", patches),
    ("server-side apply", apply),
    ("apply conflicts name manager and field", apply_conflict),
    ("custom kinds are served, checked and pruned", custom),
    ("the status subresource is apart", status),
    ("the scale subresource", scale),
    ("lists come in pages", reading::pages),
    ("label and field selectors", reading::selectors),
    ("a watch tells what happened since", reading::watch),
    ("a watch can begin with the list", reading::streamed_list),
    ("tables", reading::table),
    ("a dry run changes nothing", reading::dry_run),
    ("names are generated", reading::generated_name),
    ("finalizers hold a deletion back", reading::finalizers),
    ("discovery in both forms", reading::discovery),
    ("the generation counts changes of the spec", life::generation),
    ("what has lost its last owner is collected", life::owners),
    ("a foreground deletion waits for dependents", life::foreground),
    ("a lease goes to one of two", life::leases),
    ("events are counted and found", life::events),
    ("an applied status is owned apart", life::status_apply),
    ("fields belong to who applies them", life::shared),
    (
        "recant's kinds: what is let in, and its defaults",
        schemas::accepted,
    ),
    ("recant's kinds: unknown fields", schemas::unknown),
    ("recant's kinds: what is refused", schemas::rejected),
    ("rules about changes, and about items", schemas::transitions),
];

const JSON: (&str, &str) = ("Content-Type", "application/json");
const MERGE: (&str, &str) = ("Content-Type", "application/merge-patch+json");
const APPLY: (&str, &str) = ("Content-Type", "application/apply-patch+yaml");

fn ask(client: &dyn Client, method: &str, path: &str, body: Value) -> Answer {
    let media = match method {
        "PATCH" => MERGE,
        _ => JSON,
    };
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    client.send(method, path, &[media], &body)
}

/// A request that must succeed.
fn done(client: &dyn Client, method: &str, path: &str, body: Value) -> Value {
    let answer = ask(client, method, path, body);
    assert!(
        (200..300).contains(&answer.status),
        "{method} {path}: {} {}",
        answer.status,
        answer.body
    );
    answer.body
}

fn namespace(client: &dyn Client, name: &str) -> String {
    done(
        client,
        "POST",
        "/api/v1/namespaces",
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }),
    );
    format!("/api/v1/namespaces/{name}")
}

fn config(name: &str, value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "key": value } })
}

fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": {
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "app", "image": "app:1", "env": [{ "name": "A", "value": "a" }] }] },
            },
        },
    })
}

fn crud(client: &dyn Client) {
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

fn refusals(client: &dyn Client) {
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

fn conflict(client: &dyn Client) {
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

fn patches(client: &dyn Client) {
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

fn apply_as(client: &dyn Client, path: &str, manager: &str, query: &str, body: &Value) -> Answer {
    client.send(
        "PATCH",
        &format!("{path}?fieldManager={manager}{query}"),
        &[APPLY],
        &body.to_string(),
    )
}

fn apply(client: &dyn Client) {
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

fn apply_conflict(client: &dyn Client) {
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

fn define(client: &dyn Client, plural: &str, kind: &str) -> String {
    let group = "checks.recant.dev";
    let schema = json!({ "type": "object", "properties": {
        "spec": { "type": "object", "required": ["size"], "properties": {
            "size": { "type": "integer", "minimum": 1 },
            "mode": { "type": "string", "enum": ["fast", "slow"], "default": "slow" },
        } },
        "status": { "type": "object", "properties": { "phase": { "type": "string" } } },
    } });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced", "names": { "plural": plural, "kind": kind },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": schema },
                "additionalPrinterColumns": [
                    { "name": "Phase", "type": "string", "jsonPath": ".status.phase" },
                    { "name": "Mode", "type": "string", "jsonPath": ".spec.mode", "priority": 1 },
                ],
            }],
        },
    });
    done(
        client,
        "POST",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        definition,
    );
    let path = format!("/apis/{group}/v1/namespaces/{plural}/{plural}");
    namespace(client, plural);
    // A real server needs a moment to serve a new kind.
    for _ in 0..100 {
        if ask(client, "GET", &path, Value::Null).status == 200 {
            return path;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{plural} is not served");
}

fn thing(kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "checks.recant.dev/v1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

fn custom(client: &dyn Client) {
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

fn status(client: &dyn Client) {
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

fn scale(client: &dyn Client) {
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
