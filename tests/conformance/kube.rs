//! What any Kubernetes API server does, checked over nothing but requests and answers, so that the same checks can run
//! against a real one. Each works in a namespace of its own.

mod kinds;
mod life;
mod reading;
mod schemas;
mod writing;

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
    ("create, read, replace, delete", writing::crud),
    ("refusals have the server's reasons", writing::refusals),
    ("a stale replace is a conflict", writing::conflict),
    ("merge, JSON and strategic merge patches", writing::patches),
    ("server-side apply", writing::apply),
    ("apply conflicts name manager and field", writing::apply_conflict),
    ("custom kinds are served, checked and pruned", kinds::custom),
    ("the status subresource is apart", kinds::status),
    ("the scale subresource", kinds::scale),
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
    ("a rule that is not understood", schemas::not_understood),
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

fn apply_as(client: &dyn Client, path: &str, manager: &str, query: &str, body: &Value) -> Answer {
    client.send(
        "PATCH",
        &format!("{path}?fieldManager={manager}{query}"),
        &[APPLY],
        &body.to_string(),
    )
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
