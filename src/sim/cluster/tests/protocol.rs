//! Requests and answers without a wire.

use super::config;
use super::create;
use super::definition;
use super::deployment;
use super::now;
use crate::cluster::Body;
use crate::cluster::Cluster;
use crate::cluster::Request;
use crate::cluster::Watch;
use recant_core::effect::Write;
use recant_core::object::ObjectRef;
use serde_json::Value;
use serde_json::json;

fn request(method: &str, address: &str, media: &str, body: &Value) -> Request {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let pair = |pair: &str| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.split('&').filter_map(pair).collect(),
        content_type: media.to_owned(),
        user_agent: "test/1".to_owned(),
        body: if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        },
        ..Request::default()
    }
}

fn json_of(body: Body) -> Value {
    match body {
        Body::Json(value) => value,
        other => panic!("no JSON: {other:?}"),
    }
}

fn get(cluster: &mut Cluster, address: &str) -> (u16, Value) {
    let response = cluster.handle(now(), &request("GET", address, "", &Value::Null));
    (response.status, json_of(response.body))
}

fn watch(cluster: &mut Cluster, address: &str) -> Watch {
    match cluster
        .handle(now(), &request("GET", address, "", &Value::Null))
        .body
    {
        Body::Watch(watch) => *watch,
        other => panic!("no watch: {other:?}"),
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|e| e["type"].as_str().unwrap()).collect()
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn a_watch_whose_history_is_forgotten_ends_with_gone() {
    let mut cluster = Cluster::new();
    cluster.limit_history(3);
    create(&mut cluster, config("a", "1")).unwrap();
    let from = cluster.resource_version();
    let address = format!("{MAPS}?watch=1&resourceVersion={from}&allowWatchBookmarks=true");
    let mut fresh = watch(&mut cluster, &address);
    let mut slow = fresh.clone();
    for name in ["b", "c", "d"] {
        create(&mut cluster, config(name, "1")).unwrap();
    }
    assert_eq!(kinds(&cluster.follow(now(), &mut fresh)), ["ADDED"; 3]);
    create(&mut cluster, config("e", "1")).unwrap();
    let events = cluster.follow(now(), &mut slow);
    assert_eq!(kinds(&events), ["ERROR"]);
    assert_eq!(
        (&events[0]["object"]["code"], &events[0]["object"]["reason"]),
        (&410.into(), &"Expired".into())
    );
    assert!(slow.is_ended() && !fresh.is_ended());
    assert_eq!(kinds(&cluster.follow(now(), &mut fresh)), ["ADDED"]);
    let bookmark = cluster.bookmark(&fresh).unwrap();
    assert_eq!(
        bookmark["object"]["metadata"]["resourceVersion"],
        cluster.resource_version().to_string()
    );
}

#[test]
fn a_watch_ends_when_its_kind_is_no_longer_served() {
    let mut cluster = Cluster::new();
    let definition = create(&mut cluster, definition()).unwrap();
    let mut boats = watch(&mut cluster, "/apis/sea.dev/v1/boats?watch=1");
    assert_eq!(cluster.follow(now(), &mut boats), Vec::<Value>::new());
    let delete = Write::Delete {
        name: definition.reference(),
        uid: String::new(),
    };
    cluster.write(now(), "test", &delete).unwrap();
    cluster.collect(now());
    cluster.follow(now(), &mut boats);
    assert!(boats.is_ended());
}

#[test]
fn a_list_of_a_version_to_come_is_refused_in_the_servers_words() {
    let mut cluster = Cluster::new();
    let (status, body) = get(&mut cluster, &format!("{MAPS}?resourceVersion=999"));
    assert_eq!((status, &body["reason"]), (504, &"Timeout".into()));
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("Too large resource version: 999")
    );
}

#[test]
fn a_page_that_goes_on_after_the_history_was_cut_is_refused() {
    let mut cluster = Cluster::new();
    cluster.limit_history(1);
    for name in ["a", "b"] {
        create(&mut cluster, config(name, "1")).unwrap();
    }
    let (_, page) = get(&mut cluster, &format!("{MAPS}?limit=1"));
    let token = page["metadata"]["continue"].as_str().unwrap().to_owned();
    assert_eq!(page["metadata"]["remainingItemCount"], 1);
    assert_eq!(
        get(&mut cluster, &format!("{MAPS}?limit=1&continue={token}")).1["items"][0]["metadata"]["name"],
        "b"
    );
    for name in ["c", "d"] {
        create(&mut cluster, config(name, "1")).unwrap();
    }
    assert_eq!(
        get(&mut cluster, &format!("{MAPS}?limit=1&continue={token}")).0,
        410
    );
}

#[test]
fn strategic_patches_merge_by_key_delete_replace_and_reorder() {
    let mut cluster = Cluster::new();
    let name = create(&mut cluster, deployment("web", "web:1"))
        .unwrap()
        .reference();
    let mut patch = |patch: Value| {
        let address = "/apis/apps/v1/namespaces/default/deployments/web";
        let media = "application/strategic-merge-patch+json";
        let response = cluster.handle(now(), &request("PATCH", address, media, &patch));
        assert_eq!(response.status, 200, "{:?}", response.body);
        json_of(response.body)["spec"].clone()
    };
    let pod = |spec: Value| json!({ "spec": { "template": { "spec": spec } } });
    let containers = |spec: &Value| -> Vec<String> {
        let list = spec["template"]["spec"]["containers"].as_array().unwrap();
        list.iter()
            .map(|c| c["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let two = patch(pod(
        json!({ "containers": [{ "name": "side", "image": "side:1" }] }),
    ));
    assert_eq!(containers(&two), ["app", "side"]);
    let turned = patch(pod(
        json!({ "$setElementOrder/containers": [{ "name": "side" }, { "name": "app" }] }),
    ));
    assert_eq!(containers(&turned), ["side", "app"]);
    let one = patch(pod(
        json!({ "containers": [{ "name": "side", "$patch": "delete" }] }),
    ));
    assert_eq!(containers(&one), ["app"]);
    let strategy = json!({ "spec": { "strategy": { "$retainKeys": ["type"], "type": "Recreate" } } });
    assert_eq!(patch(strategy)["strategy"], json!({ "type": "Recreate" }));
    assert!(cluster.get(&name).is_some());
}

#[test]
fn a_table_has_a_heading_once_in_a_stream() {
    let mut cluster = Cluster::new();
    create(&mut cluster, deployment("web", "web:1")).unwrap();
    let mut asked = request("GET", "/apis/apps/v1/deployments?watch=1", "", &Value::Null);
    asked.accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json".to_owned();
    let Body::Watch(mut watch) = cluster.handle(now(), &asked).body else {
        panic!("no watch")
    };
    let first = cluster.follow(now(), &mut watch);
    assert_eq!(
        first[0]["object"]["rows"][0]["cells"],
        json!(["web", "0/1", 0, 0, "0s", "app", "web:1", "app=web"])
    );
    assert_eq!(
        first[0]["object"]["columnDefinitions"].as_array().unwrap().len(),
        8
    );
    let name = ObjectRef::new("apps/v1", "Deployment", "default", "web");
    let patch = json!({ "spec": { "replicas": 2 } });
    cluster
        .write(
            now(),
            "test",
            &Write::Patch {
                name,
                resource_version: String::new(),
                patch,
            },
        )
        .unwrap();
    let second = cluster.follow(now(), &mut watch);
    assert_eq!(second[0]["object"]["columnDefinitions"], json!([]));
    assert_eq!(second[0]["object"]["rows"][0]["cells"][1], "0/2");
}

#[test]
fn what_is_not_there_is_404_or_405_and_never_a_panic() {
    let mut cluster = Cluster::new();
    let cases = [
        ("GET", "/nonsense", 404),
        ("GET", "/apis/apps/v2/deployments", 404),
        ("GET", "/apis/apps/v1/namespaces/default/deployments/a/logs", 404),
        ("GET", "/api/v1/namespaces/default/nodes", 404),
        ("POST", "/api/v1/configmaps", 405),
        ("DELETE", "/api/v1/configmaps", 405),
        ("PUT", "/api/v1/namespaces/default/configmaps", 405),
        ("POST", "/version", 405),
        ("POST", "/api/v1/namespaces/default/configmaps", 400),
        ("PATCH", "/api/v1/namespaces/default/configmaps/a", 415),
    ];
    for (method, path, status) in cases {
        let bodies = [
            json!(null),
            json!([]),
            json!("x"),
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": 1 }),
        ];
        for body in bodies {
            let response = cluster.handle(now(), &request(method, path, "application/json", &body));
            assert_eq!(response.status, status, "{method} {path} {body}");
        }
    }
}

#[test]
fn objects_of_odd_shapes_are_refused_and_never_a_panic() {
    let mut cluster = Cluster::new();
    create(&mut cluster, deployment("web", "web:1")).unwrap();
    let odd = [
        json!(1),
        json!("x"),
        json!([1]),
        json!({ "x": [null] }),
        json!(null),
        json!([[]]),
    ];
    let fields = [
        "/spec",
        "/spec/template",
        "/spec/template/spec",
        "/spec/template/spec/containers",
        "/spec/selector",
        "/status",
    ];
    for value in &odd {
        for field in fields {
            let mut object = deployment("odd", "web:1");
            *object.pointer_mut(field).unwrap_or(&mut Value::Null) = value.clone();
            let at = "/apis/apps/v1/namespaces/default/deployments";
            let status = cluster
                .handle(
                    now(),
                    &request("POST", &format!("{at}?dryRun=All"), "application/json", &object),
                )
                .status;
            assert!(matches!(status, 201 | 400 | 422), "{field} {value}: {status}");
            for media in [
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
                "application/apply-patch+yaml",
            ] {
                let asked = request(
                    "PATCH",
                    &format!("{at}/web?dryRun=All&fieldManager=x&force=false"),
                    media,
                    &object,
                );
                let status = cluster.handle(now(), &asked).status;
                assert!(
                    matches!(status, 200 | 400 | 409 | 422),
                    "{media} {field} {value}: {status}"
                );
            }
        }
    }
}

#[test]
fn a_map_where_a_list_belongs_is_refused_and_not_replaced_by_a_default() {
    let mut cluster = Cluster::new();
    let mut object = deployment("web", "web:1");
    object["spec"]["strategy"] = "Recreate".into();
    let refused = create(&mut cluster, object).unwrap_err();
    assert_eq!(refused.code, 400);
    assert_eq!(
        refused.to_string(),
        "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal string into \
         spec.strategy, which is a map"
    );
    let mut object = deployment("web", "web:1");
    object["spec"]["template"]["spec"]["containers"][0]["env"] = json!({ "A": "b" });
    let refused = create(&mut cluster, object).unwrap_err();
    assert!(
        refused.to_string().contains("containers[0].env, which is a list"),
        "{refused}"
    );
}

#[test]
fn a_status_with_conditions_is_no_mistake() {
    let mut cluster = Cluster::new();
    let mut object = create(&mut cluster, deployment("web", "web:1")).unwrap();
    object.set(
        "/status/conditions",
        json!([{ "type": "Available", "status": "True" }]),
    );
    let stated = cluster
        .write(now(), "test", &Write::UpdateStatus(object))
        .unwrap();
    assert_eq!(stated.str("/status/conditions/0/status"), "True");
}
