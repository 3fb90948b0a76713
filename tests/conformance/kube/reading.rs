//! Lists, watches, tables, discovery; and what writes leave to be read.

use super::Answer;
use super::Client;
use super::ask;
use super::define;
use super::done;
use super::kinds::thing;
use super::namespace;
use serde_json::Value;
use serde_json::json;

fn names(list: &Value) -> Vec<String> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn pages(client: &dyn Client) {
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

pub(crate) fn selectors(client: &dyn Client) {
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

pub(crate) fn watch(client: &dyn Client) {
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

pub(crate) fn streamed_list(client: &dyn Client) {
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

pub(crate) fn table(client: &dyn Client) {
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

pub(crate) fn dry_run(client: &dyn Client) {
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

pub(crate) fn generated_name(client: &dyn Client) {
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

pub(crate) fn finalizers(client: &dyn Client) {
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

pub(crate) fn discovery(client: &dyn Client) {
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
