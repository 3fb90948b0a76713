//! What any Kubernetes API server does, checked over nothing but requests and answers, so that the same checks can run
//! against a real one. Each works in a namespace of its own.

use serde_json::Value;
use serde_json::json;

/// What a server answered.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The body; null when it is no single JSON document.
    pub(super) body: Value,
    /// The body's lines that are JSON documents: the events of a watch.
    pub(super) lines: Vec<Value>,
}

/// Somebody who can ask a server.
pub(super) trait Client {
    /// Sends a request and reads the answer to its end.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer;
}

type Check = (&'static str, fn(&dyn Client));

/// All checks, by name.
pub(super) const ALL: &[Check] = &[
    ("create, read, replace, delete", crud),
    ("refusals have the server's reasons", refusals),
    ("a stale replace is a conflict", conflict),
    ("merge, JSON and strategic merge patches", patches),
    ("server-side apply", apply),
    ("apply conflicts name manager and field", apply_conflict),
    ("custom kinds are served, checked and pruned", custom),
    ("the status subresource is apart", status),
    ("the scale subresource", scale),
    ("lists come in pages", pages),
    ("label and field selectors", selectors),
    ("a watch tells what happened since", watch),
    ("a watch can begin with the list", streamed_list),
    ("tables", table),
    ("a dry run changes nothing", dry_run),
    ("names are generated", generated_name),
    ("finalizers hold a deletion back", finalizers),
    ("discovery in both forms", discovery),
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

fn scale(client: &dyn Client) {
    namespace(client, "scale");
    let all = "/apis/apps/v1/namespaces/scale/deployments";
    done(client, "POST", all, deployment("a"));
    let mut scale = done(client, "GET", &format!("{all}/a/scale"), Value::Null);
    assert_eq!(
        (&scale["kind"], &scale["spec"]["replicas"]),
        (&"Scale".into(), &1.into())
    );
    assert_eq!(scale["status"]["selector"], "app=a");
    scale["spec"]["replicas"] = 4.into();
    done(client, "PUT", &format!("{all}/a/scale"), scale.clone());
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

fn names(list: &Value) -> Vec<String> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

fn pages(client: &dyn Client) {
    let secrets = namespace(client, "pages") + "/secrets";
    for n in 0..5 {
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": format!("s{n}") } });
        done(client, "POST", &secrets, secret);
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = done(
            client,
            "GET",
            &format!("{secrets}?limit=2&continue={next}"),
            Value::Null,
        );
        seen.extend(names(&page));
        next = page["metadata"]["continue"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if next.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["s0", "s1", "s2", "s3", "s4"]);
    assert_eq!(
        ask(
            client,
            "GET",
            &format!("{secrets}?limit=2&continue=nonsense"),
            Value::Null
        )
        .status,
        400
    );
}

fn selectors(client: &dyn Client) {
    let secrets = namespace(client, "selectors") + "/secrets";
    for (name, tier) in [("a", "web"), ("b", "db"), ("c", "")] {
        let labels = if tier.is_empty() {
            json!({})
        } else {
            json!({ "tier": tier })
        };
        let secret =
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "labels": labels } });
        done(client, "POST", &secrets, secret);
    }
    let listed = |query: &str| names(&done(client, "GET", &format!("{secrets}?{query}"), Value::Null));
    assert_eq!(listed("labelSelector=tier%3Dweb"), ["a"]);
    assert_eq!(listed("labelSelector=tier%20in%20(web%2Cdb)"), ["a", "b"]);
    assert_eq!(listed("labelSelector=!tier"), ["c"]);
    assert_eq!(listed("labelSelector=tier!%3Dweb"), ["b", "c"]);
    assert_eq!(listed("fieldSelector=metadata.name%3Db"), ["b"]);
    assert_eq!(
        ask(
            client,
            "GET",
            &format!("{secrets}?labelSelector=%3D%3D"),
            Value::Null
        )
        .status,
        400
    );
}

fn told(answer: &Answer) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    answer
        .lines
        .iter()
        .map(|e| (text(&e["type"]), text(&e["object"]["metadata"]["name"])))
        .collect()
}

fn pair(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

fn watch(client: &dyn Client) {
    let secrets = namespace(client, "watch") + "/secrets";
    let secret = |name: &str| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "labels": { "n": name } } });
    done(client, "POST", &secrets, secret("before"));
    let list = done(client, "GET", &secrets, Value::Null);
    let from = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    done(client, "POST", &secrets, secret("a"));
    done(
        client,
        "PATCH",
        &format!("{secrets}/a"),
        json!({ "metadata": { "labels": { "n": "b" } } }),
    );
    done(client, "DELETE", &format!("{secrets}/a"), Value::Null);
    let since = |query: &str| {
        let path = format!("{secrets}?watch=true&timeoutSeconds=1&resourceVersion={from}{query}");
        told(&ask(client, "GET", &path, Value::Null))
    };
    assert_eq!(
        since(""),
        [pair("ADDED", "a"), pair("MODIFIED", "a"), pair("DELETED", "a")]
    );
    assert_eq!(
        since("&labelSelector=n%3Da"),
        [pair("ADDED", "a"), pair("DELETED", "a")],
        "no longer selected is gone"
    );
    assert_eq!(
        since("&labelSelector=n%3Db"),
        [pair("ADDED", "a"), pair("DELETED", "a")]
    );
}

fn streamed_list(client: &dyn Client) {
    let secrets = namespace(client, "streamed") + "/secrets";
    done(
        client,
        "POST",
        &secrets,
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" } }),
    );
    let query = "watch=true&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let answer = ask(client, "GET", &format!("{secrets}?{query}"), Value::Null);
    assert_eq!(told(&answer)[..2], [pair("ADDED", "a"), pair("BOOKMARK", "")]);
    let mark = &answer.lines[1]["object"]["metadata"];
    assert_eq!(mark["annotations"]["k8s.io/initial-events-end"], "true");
    assert!(mark["resourceVersion"].is_string());
}

fn table(client: &dyn Client) {
    let all = define(client, "tables", "Tabled");
    done(client, "POST", &all, thing("Tabled", "a", json!({ "size": 1 })));
    done(
        client,
        "PATCH",
        &format!("{all}/a/status"),
        json!({ "status": { "phase": "Ready" } }),
    );
    let accept = (
        "Accept",
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    );
    let table = client.send("GET", &all, &[accept], "").body;
    assert_eq!(table["kind"], "Table");
    let columns: Vec<(&str, i64)> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["name"].as_str().unwrap(), c["priority"].as_i64().unwrap()))
        .collect();
    assert_eq!(columns, [("Name", 0), ("Phase", 0), ("Mode", 1)]);
    assert_eq!(table["rows"][0]["cells"], json!(["a", "Ready", "slow"]));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

fn dry_run(client: &dyn Client) {
    let secrets = namespace(client, "dry") + "/secrets";
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" } });
    let made = done(client, "POST", &format!("{secrets}?dryRun=All"), secret.clone());
    assert_eq!(made["type"], "Opaque");
    assert_eq!(
        ask(client, "GET", &format!("{secrets}/a"), Value::Null).status,
        404
    );
    let made = done(client, "POST", &secrets, secret);
    let patch = json!({ "data": { "key": "YQ==" } });
    let patched = done(client, "PATCH", &format!("{secrets}/a?dryRun=All"), patch);
    assert_eq!(patched["data"]["key"], "YQ==");
    done(client, "DELETE", &format!("{secrets}/a?dryRun=All"), Value::Null);
    assert_eq!(done(client, "GET", &format!("{secrets}/a"), Value::Null), made);
}

fn generated_name(client: &dyn Client) {
    let secrets = namespace(client, "generated") + "/secrets";
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "generateName": "s-" } });
    let mut made = [(); 2].map(|()| {
        let made = done(client, "POST", &secrets, secret.clone());
        made["metadata"]["name"].as_str().unwrap().to_owned()
    });
    made.sort();
    assert_ne!(made[0], made[1]);
    assert!(
        made.iter().all(|name| name.starts_with("s-") && name.len() == 7),
        "{made:?}"
    );
}

fn finalizers(client: &dyn Client) {
    let secrets = namespace(client, "finalizers") + "/secrets";
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a", "finalizers": ["recant.dev/check"] },
    });
    done(client, "POST", &secrets, secret);
    let waiting = done(client, "DELETE", &format!("{secrets}/a"), Value::Null);
    assert_eq!(waiting["kind"], "Secret");
    let held = done(client, "GET", &format!("{secrets}/a"), Value::Null);
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    let more = json!({ "metadata": { "finalizers": ["recant.dev/check", "recant.dev/more"] } });
    assert_eq!(ask(client, "PATCH", &format!("{secrets}/a"), more).status, 422);
    done(
        client,
        "PATCH",
        &format!("{secrets}/a"),
        json!({ "metadata": { "finalizers": null } }),
    );
    assert_eq!(
        ask(client, "GET", &format!("{secrets}/a"), Value::Null).status,
        404
    );
}

fn discovery(client: &dyn Client) {
    let groups = done(client, "GET", "/apis", Value::Null);
    let apps = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|g| g["name"] == "apps")
        .unwrap();
    assert_eq!(apps["preferredVersion"]["groupVersion"], "apps/v1");
    let resources = done(client, "GET", "/apis/apps/v1", Value::Null);
    let list = resources["resources"].as_array().unwrap();
    let named = |name: &str| list.iter().find(|r| r["name"] == name).unwrap_or(&Value::Null);
    assert_eq!(named("deployments")["shortNames"], json!(["deploy"]));
    assert_eq!(named("deployments/scale")["kind"], "Scale");
    let accept = (
        "Accept",
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
    );
    let core = client.send("GET", "/api", &[accept], "").body;
    assert_eq!(core["kind"], "APIGroupDiscoveryList");
    let pods = core["items"][0]["versions"][0]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["resource"] == "pods");
    assert_eq!(pods.unwrap()["scope"], "Namespaced");
    assert_eq!(client.send("GET", "/readyz", &[], "").status, 200);
}
