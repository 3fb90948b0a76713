//! The cluster adapter against the API server in memory, over HTTP: what is written, read and watched is what the
//! server's own rules say.

use crate::serve::Server;
use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::Request as HttpRequest;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use futures::StreamExt;
use jiff::Timestamp;
use recant::cluster::Access;
use recant::cluster::Kube;
use recant::port::Change;
use recant::port::Cluster as _;
use recant::port::PortError;
use recant_core::effect::Event;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_sim::cluster::Body;
use recant_sim::cluster::Cluster;
use recant_sim::cluster::Request;
use recant_sim::cluster::Watch;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

type Shared = Arc<Mutex<Cluster>>;

async fn serve(State(cluster): State<Shared>, request: HttpRequest) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .map_or("", |v| v.to_str().unwrap())
            .to_owned()
    };
    let query = parts.uri.query().unwrap_or_default();
    let request = Request {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        content_type: header("content-type"),
        accept: header("accept"),
        user_agent: header("user-agent"),
        body: axum::body::to_bytes(body, 1 << 22).await.unwrap().to_vec(),
    };
    let answer = cluster.lock().unwrap().handle(Timestamp::now(), &request);
    let status = StatusCode::from_u16(answer.status).unwrap();
    match answer.body {
        Body::Json(value) => (status, axum::Json(value)).into_response(),
        Body::Text(text) => (status, text).into_response(),
        Body::Watch(watch) => stream(cluster, *watch).into_response(),
    }
}

fn stream(cluster: Shared, watch: Watch) -> HttpBody {
    let lines = futures::stream::unfold((cluster, watch), |(cluster, mut watch)| async move {
        loop {
            if watch.is_ended() {
                return None;
            }
            let events = {
                let mut cluster = cluster.lock().unwrap();
                // The garbage collector, which deletes what a deleted CustomResourceDefinition leaves behind.
                cluster.collect(Timestamp::now());
                cluster.follow(Timestamp::now(), &mut watch)
            };
            if !events.is_empty() {
                let text: String = events.iter().map(|e| format!("{e}\n")).collect();
                return Some((Ok::<_, std::io::Error>(text), (cluster, watch)));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    HttpBody::from_stream(lines)
}

/// The server, what it serves, and recant's way to it.
async fn world() -> (Server, Shared, Kube) {
    let cluster: Shared = Arc::new(Mutex::new(Cluster::new()));
    let server = Server::start(Router::new().fallback(serve).with_state(Arc::clone(&cluster))).await;
    let kube = Kube::connect(&Access::Url(server.url()), "recant").await.unwrap();
    (server, cluster, kube.with_poll(Duration::from_millis(30)))
}

fn named(name: &str) -> ObjectRef {
    ObjectRef::new("v1", "ConfigMap", "default", name)
}

fn config(name: &str, value: &str) -> Object {
    let mut object = Object::named(&named(name));
    object.set("/data/key", Value::from(value));
    object
}

fn deployment() -> Object {
    Object(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": "default", "name": "web" },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "web", "image": "podinfo:6.5.0" }] },
            },
        },
    }))
}

fn crd() -> Object {
    Object(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "gadgets.example.dev" },
        "spec": {
            "group": "example.dev", "scope": "Namespaced",
            "names": { "plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList" },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    }))
}

#[tokio::test]
async fn an_object_is_created_once_and_changed_only_from_the_version_that_was_seen() {
    let (_server, _cluster, kube) = world().await;
    let made = kube.write(&Write::Create(deployment())).await.unwrap();
    let again = kube.write(&Write::Create(deployment())).await;
    assert!(matches!(again, Err(PortError::Stale(_))), "{again:?}");
    assert_eq!(kube.get(&made.reference()).await.unwrap().as_ref(), Some(&made));

    let mut scaled = made.clone();
    scaled.set("/spec/replicas", json!(0));
    let scaled = kube.write(&Write::Update(scaled)).await.unwrap();
    assert_eq!(
        (scaled.int("/spec/replicas"), scaled.generation()),
        (Some(0), made.generation() + 1)
    );
    let old = kube.write(&Write::Update(made.clone())).await;
    assert!(matches!(old, Err(PortError::Stale(_))), "{old:?}");

    let patch = |version: &str| Write::Patch {
        name: made.reference(),
        resource_version: version.to_owned(),
        patch: json!({ "metadata": { "annotations": { "recant.dev/x": "1" } } }),
    };
    let stale = kube.write(&patch(made.resource_version())).await;
    assert!(matches!(stale, Err(PortError::Stale(_))), "{stale:?}");
    let patched = kube.write(&patch(scaled.resource_version())).await.unwrap();
    assert_eq!(patched.annotation("recant.dev/x"), Some("1"));

    let mut status = patched.clone();
    status.set("/status/replicas", json!(3));
    status.set("/spec/replicas", json!(9));
    let status = kube.write(&Write::UpdateStatus(status)).await.unwrap();
    assert_eq!(
        (status.int("/status/replicas"), status.int("/spec/replicas")),
        (Some(3), Some(0))
    );
}

#[tokio::test]
async fn only_the_object_of_that_uid_is_deleted() {
    let (_server, _cluster, kube) = world().await;
    let made = kube.write(&Write::Create(config("a", "1"))).await.unwrap();
    let delete = |uid: &str| Write::Delete {
        name: named("a"),
        uid: uid.to_owned(),
    };
    let other = kube.write(&delete("00000000-0000-0000-0000-000000000000")).await;
    assert!(matches!(other, Err(PortError::Stale(_))), "{other:?}");
    kube.write(&delete(made.uid())).await.unwrap();
    assert_eq!(kube.get(&named("a")).await.unwrap(), None);
    kube.write(&delete(made.uid())).await.unwrap();
    let gone = kube.write(&Write::Update(made)).await;
    assert!(
        matches!(gone, Err(PortError::Stale(_) | PortError::Invalid(_))),
        "{gone:?}"
    );
}

#[tokio::test]
async fn an_object_the_server_does_not_admit_is_invalid() {
    let (_server, _cluster, kube) = world().await;
    let mut wrong = deployment();
    wrong.set("/spec/replicas", json!("two"));
    let refused = kube.write(&Write::Create(wrong)).await;
    assert!(
        matches!(&refused, Err(PortError::Invalid(m)) if m.contains("Deployment/default/web")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_kind_is_nothing_until_it_is_installed_and_then_like_any_other() {
    let (_server, _cluster, kube) = world().await;
    let name = ObjectRef::new("example.dev/v1", "Gadget", "default", "g");
    assert_eq!(kube.get(&name).await.unwrap(), None);
    assert_eq!(kube.list("example.dev/v1", "Gadget", "").await.unwrap(), []);
    let early = kube.write(&Write::Create(Object::named(&name))).await;
    assert!(matches!(early, Err(PortError::Invalid(_))), "{early:?}");
    let mut changes = kube.changes(&[("v1", "ConfigMap"), ("example.dev/v1", "Gadget")]);
    kube.write(&Write::Create(crd())).await.unwrap();
    kube.write(&Write::Create(Object::named(&name))).await.unwrap();
    assert_eq!(
        kube.list("example.dev/v1", "Gadget", "default")
            .await
            .unwrap()
            .len(),
        1
    );
    let seen = wait(&mut changes, |c| c.object.0["kind"] == "Gadget").await;
    assert_eq!((seen.object.reference(), seen.deleted), (name.clone(), false));

    let crd = kube.get(&crd().reference()).await.unwrap().unwrap();
    kube.write(&Write::Delete {
        name: crd.reference(),
        uid: crd.uid().to_owned(),
    })
    .await
    .unwrap();
    let gone = wait(&mut changes, |c| c.deleted && c.object.0["kind"] == "Gadget").await;
    assert_eq!(gone.object.reference(), name);
    assert_eq!(kube.list("example.dev/v1", "Gadget", "").await.unwrap(), []);
}

async fn wait(
    changes: &mut (impl futures::Stream<Item = Change> + Unpin),
    fits: impl Fn(&Change) -> bool,
) -> Change {
    let search = async {
        loop {
            let change = changes.next().await.unwrap();
            if fits(&change) {
                return change;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), search)
        .await
        .unwrap()
}

#[tokio::test]
async fn changes_begin_with_what_is_there_and_survive_a_forgotten_history() {
    let (_server, cluster, kube) = world().await;
    kube.write(&Write::Create(config("first", "1"))).await.unwrap();
    let mut changes = kube.changes(&[("v1", "ConfigMap")]);
    wait(&mut changes, |c| c.object.name() == "first").await;
    // While nobody follows the watch, more happens than the server remembers: 410 Gone, and a new list.
    cluster.lock().unwrap().limit_history(1);
    let first = kube.get(&named("first")).await.unwrap().unwrap();
    {
        let mut cluster = cluster.lock().unwrap();
        let now = Timestamp::now();
        let delete = Write::Delete {
            name: named("first"),
            uid: first.uid().to_owned(),
        };
        cluster.write(now, "someone", &delete).unwrap();
        for n in 0..5 {
            cluster
                .write(now, "someone", &Write::Create(config(&format!("later-{n}"), "1")))
                .unwrap();
        }
    }
    let mut left: Vec<String> = (0..5)
        .map(|n| format!("later-{n}"))
        .chain(["first".to_owned()])
        .collect();
    while !left.is_empty() {
        let change = wait(&mut changes, |c| left.contains(&c.object.name().to_owned())).await;
        assert_eq!(change.deleted, change.object.name() == "first");
        left.retain(|name| name != change.object.name());
    }
}

#[tokio::test]
async fn a_repeated_event_is_one_object_with_a_count() {
    let (_server, _cluster, kube) = world().await;
    let made = kube.write(&Write::Create(deployment())).await.unwrap();
    let event = |message: &str| Event {
        about: made.reference(),
        uid: made.uid().to_owned(),
        warning: false,
        message: message.to_owned(),
    };
    for message in ["Advance web", "Advance web", "Advance web", "Copying web"] {
        kube.event(&event(message)).await.unwrap();
    }
    let events = kube.list("v1", "Event", "default").await.unwrap();
    let mut told: Vec<(&str, Option<i64>)> = events
        .iter()
        .map(|e| (e.str("/message"), e.int("/count")))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("Advance web", Some(3)), ("Copying web", Some(1))]);
    assert!(
        events
            .iter()
            .all(|e| e.str("/reason") == "Synced" && e.str("/source/component") == "recant")
    );
}

#[tokio::test]
async fn a_kubeconfig_leads_to_the_cluster_of_its_context_and_a_wrong_one_says_which_file() {
    let (server, _cluster, _kube) = world().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "away",
        "clusters": [
            { "name": "here", "cluster": { "server": server.url() } },
            { "name": "away", "cluster": { "server": crate::serve::nobody().await } },
        ],
        "users": [{ "name": "me", "user": { "token": "t" } }],
        "contexts": [
            { "name": "here", "context": { "cluster": "here", "user": "me" } },
            { "name": "away", "context": { "cluster": "away", "user": "me" } },
        ],
    });
    std::fs::write(&path, text.to_string()).unwrap();
    let access = |context: Option<&str>| Access::Kubeconfig {
        path: path.clone(),
        context: context.map(str::to_owned),
    };
    let here = Kube::connect(&access(Some("here")), "recant").await.unwrap();
    assert_eq!(
        here.list("v1", "ConfigMap", "default")
            .await
            .map(drop)
            .err()
            .map(|e| e.to_string()),
        None
    );
    let away = Kube::connect(&access(None), "recant").await.unwrap();
    let silent = away.list("v1", "ConfigMap", "default").await;
    assert!(matches!(silent, Err(PortError::Unreachable(_))), "{silent:?}");
    for wrong in [
        access(Some("nowhere")),
        Access::Kubeconfig {
            path: dir.path().join("none"),
            context: None,
        },
        Access::Url("not a url".to_owned()),
    ] {
        let refused = Kube::connect(&wrong, "recant").await.err();
        assert!(
            matches!(refused, Some(PortError::Invalid(_))),
            "{wrong:?}: {refused:?}"
        );
    }
}
