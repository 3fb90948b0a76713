//! The cluster adapter against small servers: what is sent, and what each refusal comes to.

use crate::serve::Fake;
use crate::serve::Seen;
use crate::serve::json;
use crate::serve::nobody;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::response::Response;
use futures::StreamExt;
use recant::cluster::Access;
use recant::cluster::Kube;
use recant::port::Cluster;
use recant::port::PortError;
use recant_core::effect::Event;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use serde_json::Value;
use serde_json::json as j;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

async fn kube(url: &str) -> Kube {
    let kube = Kube::connect(&Access::Url(url.to_owned()), "recant")
        .await
        .unwrap();
    kube.with_poll(Duration::from_millis(50))
}

/// Discovery for one namespaced kind of `apps/v1` and one cluster-scoped of `v1`.
fn discovery(seen: &Seen) -> Option<Response> {
    let resource = |name: &str, kind: &str, namespaced: bool| {
        j!({ "name": name, "singularName": "", "kind": kind, "namespaced": namespaced,
             "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"] })
    };
    let list = |gv: &str, resources: Value| j!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": gv, "resources": resources });
    match seen.path() {
        "/apis/apps/v1" => Some(json(
            200,
            list("apps/v1", j!([resource("deployments", "Deployment", true)])),
        )),
        "/api/v1" => Some(json(
            200,
            list("v1", j!([resource("namespaces", "Namespace", false)])),
        )),
        _ => None,
    }
}

/// A `Status` as the API server words it.
fn status(code: u16, reason: &str, name: &str) -> Response {
    let details = if name.is_empty() {
        j!({})
    } else {
        j!({ "name": name, "kind": "deployments" })
    };
    json(
        code,
        j!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
             "message": format!("the server says {reason}"), "details": details }),
    )
}

/// The answer of a server to a path it does not serve.
fn no_path() -> Response {
    (axum::http::StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

fn web() -> ObjectRef {
    ObjectRef::new("apps/v1", "Deployment", "shop", "web")
}

fn at_version(version: &str) -> Object {
    let mut object = Object::named(&web());
    object.set("/metadata/resourceVersion", Value::from(version));
    object.set("/spec/replicas", Value::from(2));
    object.set("/spec/unknownToUs", j!({ "kept": true }));
    object
}

const WEB: &str = "/apis/apps/v1/namespaces/shop/deployments/web";

#[tokio::test]
async fn an_object_is_read_whole_and_a_missing_one_or_an_unknown_kind_is_none() {
    let fake = Fake::start(|seen| {
        discovery(seen).unwrap_or_else(|| match seen.path() {
            WEB => json(200, at_version("7").0),
            "/api/v1/namespaces/shop" => json(
                200,
                j!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }),
            ),
            "/apis/apps/v1/namespaces/shop/deployments/none" => status(404, "NotFound", "none"),
            _ => no_path(),
        })
    })
    .await;
    let kube = kube(&fake.url()).await;
    assert_eq!(Cluster::get(&kube, &web()).await.unwrap(), Some(at_version("7")));
    let none = ObjectRef {
        name: "none".to_owned(),
        ..web()
    };
    assert_eq!(Cluster::get(&kube, &none).await.unwrap(), None);
    let namespace = ObjectRef::new("v1", "Namespace", "", "shop");
    assert_eq!(
        Cluster::get(&kube, &namespace).await.unwrap().unwrap().name(),
        "shop"
    );
    for unknown in [("apps/v1", "Gadget"), ("nowhere.dev/v1", "Canary")] {
        let name = ObjectRef::new(unknown.0, unknown.1, "shop", "web");
        assert_eq!(Cluster::get(&kube, &name).await.unwrap(), None, "{unknown:?}");
        assert!(
            Cluster::list(&kube, unknown.0, unknown.1, "")
                .await
                .unwrap()
                .is_empty(),
            "{unknown:?}"
        );
    }
    let discoveries = fake.calls().iter().filter(|c| *c == "GET /apis/apps/v1").count();
    assert_eq!(
        discoveries, 3,
        "once for Deployment, and each time for what is not installed"
    );
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_comes_in_order() {
    let item = |namespace: &str, name: &str| j!({ "metadata": { "namespace": namespace, "name": name } });
    let fake = Fake::start(move |seen| {
        discovery(seen).unwrap_or_else(|| match (seen.path(), seen.query("continue").as_deref()) {
            ("/apis/apps/v1/deployments", None) => json(
                200,
                j!({ "metadata": { "continue": "more" }, "items": [item("b", "x"), item("a", "z")] }),
            ),
            ("/apis/apps/v1/deployments", Some("more")) => {
                json(200, j!({ "metadata": {}, "items": [item("a", "y")] }))
            }
            _ => no_path(),
        })
    })
    .await;
    let all = Cluster::list(&kube(&fake.url()).await, "apps/v1", "Deployment", "")
        .await
        .unwrap();
    let names: Vec<String> = all.iter().map(|o| o.reference().to_string()).collect();
    assert_eq!(names, ["Deployment/a/y", "Deployment/a/z", "Deployment/b/x"]);
}

#[tokio::test]
async fn every_write_carries_its_precondition_and_the_field_manager() {
    let fake = Fake::start(|seen| discovery(seen).unwrap_or_else(|| json(200, at_version("8").0))).await;
    let kube = kube(&fake.url()).await;
    let patch = |version: &str| Write::Patch {
        name: web(),
        resource_version: version.to_owned(),
        patch: j!({ "spec": { "replicas": 0 } }),
    };
    let writes = [
        (
            Write::Create(Object::named(&web())),
            "POST",
            "/apis/apps/v1/namespaces/shop/deployments",
            Object::named(&web()).0,
        ),
        (Write::Update(at_version("7")), "PUT", WEB, at_version("7").0),
        (
            Write::UpdateStatus(at_version("7")),
            "PUT",
            &format!("{WEB}/status"),
            at_version("7").0,
        ),
        (
            patch("7"),
            "PATCH",
            WEB,
            j!({ "metadata": { "resourceVersion": "7" }, "spec": { "replicas": 0 } }),
        ),
        (patch(""), "PATCH", WEB, j!({ "spec": { "replicas": 0 } })),
    ];
    for (write, method, path, body) in writes {
        assert_eq!(Cluster::write(&kube, &write).await.unwrap(), at_version("8"));
        let seen = fake.seen().pop().unwrap();
        assert_eq!((seen.method.as_str(), seen.path()), (method, path));
        assert_eq!(
            seen.query("fieldManager").as_deref(),
            Some("recant"),
            "{method} {path}"
        );
        assert_eq!(seen.json(), body, "{method} {path}");
        if method == "PATCH" {
            assert_eq!(seen.headers["content-type"], "application/merge-patch+json");
        }
    }
    let delete = Write::Delete {
        name: web(),
        uid: "u-1".to_owned(),
    };
    Cluster::write(&kube, &delete).await.unwrap();
    let seen = fake.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.path()), ("DELETE", WEB));
    assert_eq!(seen.json()["preconditions"], j!({ "uid": "u-1" }));
    assert_eq!(seen.json()["propagationPolicy"], "Background");
}

#[tokio::test]
async fn a_refusal_says_whether_to_look_again_to_ask_a_person_or_to_wait() {
    let update = || Write::Update(at_version("7"));
    let delete = || Write::Delete {
        name: web(),
        uid: "u-1".to_owned(),
    };
    for (code, reason, write, expected) in [
        (409, "Conflict", update(), "stale"),
        (
            409,
            "AlreadyExists",
            Write::Create(Object::named(&web())),
            "stale",
        ),
        (404, "NotFound", update(), "stale"),
        (409, "Conflict", delete(), "stale"),
        (404, "NotFound", delete(), "done"),
        (401, "Unauthorized", update(), "denied"),
        (403, "Forbidden", update(), "denied"),
        (422, "Invalid", update(), "invalid"),
        (400, "BadRequest", update(), "invalid"),
        (500, "InternalError", update(), "unreachable"),
    ] {
        let fake =
            Fake::start(move |seen| discovery(seen).unwrap_or_else(|| status(code, reason, "web"))).await;
        let got = match Cluster::write(&kube(&fake.url()).await, &write).await {
            Ok(_) => "done".to_owned(),
            Err(error) => {
                let text = error.to_string();
                assert!(
                    text.contains("Deployment/shop/web") && text.contains(reason),
                    "{text}"
                );
                text.split(':').next().unwrap().to_owned()
            }
        };
        assert_eq!(got, expected, "{code} {reason} {write:?}");
    }
    let away = Cluster::get(&kube(&nobody().await).await, &web()).await;
    assert!(matches!(away, Err(PortError::Unreachable(_))), "{away:?}");
}

#[tokio::test]
async fn a_write_that_could_overwrite_blindly_or_names_an_unknown_kind_is_invalid() {
    let fake = Fake::start(|seen| discovery(seen).unwrap_or_else(no_path)).await;
    let kube = kube(&fake.url()).await;
    let blind = Cluster::write(&kube, &Write::Update(Object::named(&web()))).await;
    assert!(
        matches!(&blind, Err(PortError::Invalid(m)) if m.contains("resourceVersion")),
        "{blind:?}"
    );
    let canary = ObjectRef::new("flagger.app/v1beta1", "Canary", "shop", "web");
    let unknown = Cluster::write(&kube, &Write::Create(Object::named(&canary))).await;
    assert!(
        matches!(&unknown, Err(PortError::Invalid(m)) if m.contains("CustomResourceDefinition")),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn an_event_that_repeats_is_counted_and_one_that_expired_begins_anew() {
    let expired = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&expired);
    let fake = Fake::start(move |seen| match seen.method.as_str() {
        "PATCH" if flag.load(Ordering::SeqCst) => status(404, "NotFound", "web.1"),
        _ => json(201, j!({})),
    })
    .await;
    let kube = kube(&fake.url()).await;
    let event = |message: &str| Event {
        about: web(),
        uid: "u-1".to_owned(),
        warning: true,
        message: message.to_owned(),
    };
    for message in ["Halt web advancement", "Halt web advancement", "Rolling back web"] {
        Cluster::event(&kube, &event(message)).await.unwrap();
    }
    expired.store(true, Ordering::SeqCst);
    Cluster::event(&kube, &event("Rolling back web")).await.unwrap();
    let seen = fake.seen();
    let methods: Vec<&str> = seen.iter().map(|s| s.method.as_str()).collect();
    assert_eq!(methods, ["POST", "PATCH", "POST", "PATCH", "POST"]);
    let first = seen[0].json();
    assert_eq!(seen[0].path(), "/api/v1/namespaces/shop/events");
    assert_eq!(
        (
            &first["reason"],
            &first["type"],
            &first["source"]["component"],
            &first["count"]
        ),
        (&j!("Synced"), &j!("Warning"), &j!("recant"), &j!(1))
    );
    assert_eq!(first["involvedObject"]["uid"], "u-1");
    assert_eq!(
        first["firstTimestamp"].as_str().unwrap().len(),
        "2026-11-21T04:00:00Z".len()
    );
    assert_eq!(seen[1].json()["count"], 2);
    assert!(
        seen[1]
            .path()
            .ends_with(first["metadata"]["name"].as_str().unwrap())
    );
}

#[tokio::test]
async fn changes_wait_for_a_kind_to_be_installed_and_report_its_objects_deleted_when_it_is_removed() {
    let installed = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&installed);
    let fake = Fake::start(move |seen| {
        if !flag.load(Ordering::SeqCst) {
            return no_path();
        }
        discovery(seen).unwrap_or_else(|| match seen.query("watch").as_deref() {
            Some(_) => Body::from(format!("{}\n", j!({ "type": "MODIFIED", "object": at_version("8").0 }))).into_response(),
            None => json(200, j!({ "apiVersion": "apps/v1", "kind": "DeploymentList", "metadata": { "resourceVersion": "7" }, "items": [at_version("7").0] })),
        })
    })
    .await;
    let mut changes = kube(&fake.url()).await.changes(&[("apps/v1", "Deployment")]);
    let early = tokio::time::timeout(Duration::from_millis(120), changes.next()).await;
    assert!(early.is_err(), "nothing is there yet: {early:?}");
    installed.store(true, Ordering::SeqCst);
    let mut next = async || {
        tokio::time::timeout(Duration::from_secs(10), changes.next())
            .await
            .unwrap()
            .unwrap()
    };
    let first = next().await;
    assert_eq!((first.object, first.deleted), (at_version("7"), false));
    assert_eq!(next().await.object, at_version("8"));
    installed.store(false, Ordering::SeqCst);
    let last = loop {
        let change = next().await;
        if change.deleted {
            break change;
        }
    };
    assert_eq!(last.object, at_version("8"));
}
