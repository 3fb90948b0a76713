//! kube's client against the in-memory cluster.

use super::serve;
use ::kube::Api;
use ::kube::Client;
use ::kube::Config;
use ::kube::ResourceExt;
use ::kube::api::DeleteParams;
use ::kube::api::ListParams;
use ::kube::api::Patch;
use ::kube::api::PatchParams;
use ::kube::api::PostParams;
use ::kube::runtime::watcher;
use futures::StreamExt;
use futures::TryStreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

fn client(url: &str) -> Client {
    // Two crypto providers may be compiled in; one must be chosen. Chosen already is as good.
    let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::try_from(Config::new(url.parse().unwrap())).unwrap()
}

fn typed<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn map(name: &str, value: &str) -> ConfigMap {
    typed(json!({ "metadata": { "name": name }, "data": { "key": value } }))
}

fn deployment(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": {
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "app", "image": image }] },
            },
        },
    })
}

#[tokio::test]
async fn objects_are_made_read_changed_and_deleted() {
    let server = serve().await;
    let maps: Api<ConfigMap> = Api::namespaced(client(&server.url()), "default");
    let made = maps.create(&PostParams::default(), &map("a", "1")).await.unwrap();
    assert!(made.uid().is_some());
    let again = maps
        .create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap_err();
    assert!(matches!(again, ::kube::Error::Api(status) if status.is_already_exists()));
    let mut changed = made.clone();
    changed.data = map("a", "2").data;
    maps.replace("a", &PostParams::default(), &changed).await.unwrap();
    let stale = maps
        .replace("a", &PostParams::default(), &changed)
        .await
        .unwrap_err();
    assert!(matches!(stale, ::kube::Error::Api(status) if status.is_conflict()));
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 1);
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(maps.get_opt("a").await.unwrap().is_none());
}

#[tokio::test]
async fn a_lease_goes_to_one_of_two() {
    let server = serve().await;
    let leases: Api<Lease> = Api::namespaced(client(&server.url()), "default");
    let lease = |holder: &str| -> Lease {
        typed(
            json!({ "metadata": { "name": "recant" }, "spec": { "holderIdentity": holder, "leaseDurationSeconds": 15 } }),
        )
    };
    let made = leases
        .create(&PostParams::default(), &lease("nobody"))
        .await
        .unwrap();
    let mut ours = lease("ours");
    let mut theirs = lease("theirs");
    ours.metadata.resource_version = made.resource_version();
    theirs.metadata.resource_version = made.resource_version();
    leases
        .replace("recant", &PostParams::default(), &ours)
        .await
        .unwrap();
    let late = leases
        .replace("recant", &PostParams::default(), &theirs)
        .await
        .unwrap_err();
    assert!(matches!(late, ::kube::Error::Api(status) if status.is_conflict()));
    let held = leases.get("recant").await.unwrap().spec.unwrap().holder_identity;
    assert_eq!(held.as_deref(), Some("ours"));
}

#[tokio::test]
async fn server_side_apply_and_status_patches_keep_to_their_parts() {
    let server = serve().await;
    let deployments: Api<Deployment> = Api::namespaced(client(&server.url()), "default");
    let flux = PatchParams::apply("flux");
    deployments
        .patch("web", &flux, &Patch::Apply(deployment("web:1")))
        .await
        .unwrap();
    let scaled = json!({ "spec": { "replicas": 0 } });
    deployments
        .patch("web", &PatchParams::default(), &Patch::Merge(&scaled))
        .await
        .unwrap();
    let applied = deployments
        .patch("web", &flux, &Patch::Apply(deployment("web:2")))
        .await
        .unwrap();
    assert_eq!(
        (applied.metadata.generation, applied.spec.unwrap().replicas),
        (Some(3), Some(0))
    );
    let mut status = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "status": { "replicas": 2, "observedGeneration": 3 } });
    status["metadata"] = json!({ "name": "web" });
    let recant = PatchParams::apply("recant").force();
    let stated = deployments
        .patch_status("web", &recant, &Patch::Apply(&status))
        .await
        .unwrap();
    assert_eq!(
        (stated.metadata.generation, stated.status.unwrap().replicas),
        (Some(3), Some(2))
    );
    let mut taken = deployment("web:2");
    taken["spec"]["replicas"] = 5.into();
    let conflict = deployments
        .patch("web", &flux, &Patch::Apply(&taken))
        .await
        .unwrap_err();
    assert!(matches!(conflict, ::kube::Error::Api(status) if status.is_conflict()));
}

/// The names a watcher tells of, from an existing object to a new one and a deletion.
async fn followed(url: &str, config: watcher::Config) -> Vec<String> {
    let maps: Api<ConfigMap> = Api::namespaced(client(url), "default");
    maps.create(&PostParams::default(), &map("first", "1"))
        .await
        .unwrap();
    let mut events = std::pin::pin!(watcher(maps.clone(), config));
    let mut told = Vec::new();
    let mut acted = false;
    while told.len() < 5 {
        let event = tokio::time::timeout(Duration::from_secs(10), events.try_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        told.push(match event {
            watcher::Event::Init => "init".to_owned(),
            watcher::Event::InitApply(object) => format!("has {}", object.name_any()),
            watcher::Event::InitDone => "done".to_owned(),
            watcher::Event::Apply(object) => format!("set {}", object.name_any()),
            watcher::Event::Delete(object) => format!("gone {}", object.name_any()),
        });
        if !acted && told.last().is_some_and(|last| last == "done") {
            acted = true;
            maps.create(&PostParams::default(), &map("second", "1"))
                .await
                .unwrap();
            maps.delete("first", &DeleteParams::default()).await.unwrap();
        }
    }
    told
}

const TOLD: [&str; 5] = ["init", "has first", "done", "set second", "gone first"];

#[tokio::test]
async fn a_watcher_lists_and_then_watches() {
    let server = serve().await;
    assert_eq!(followed(&server.url(), watcher::Config::default()).await, TOLD);
}

#[tokio::test]
async fn a_watcher_streams_the_list() {
    let server = serve().await;
    assert_eq!(
        followed(&server.url(), watcher::Config::default().streaming_lists()).await,
        TOLD
    );
}

#[tokio::test]
async fn a_watch_from_a_forgotten_version_is_told_so() {
    let server = serve().await;
    let maps: Api<ConfigMap> = Api::namespaced(client(&server.url()), "default");
    maps.create(&PostParams::default(), &map("a", "0")).await.unwrap();
    // More changes than the server remembers.
    for n in 1..4_200 {
        let patch = json!({ "data": { "key": n.to_string() } });
        maps.patch("a", &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
    }
    let mut events = std::pin::pin!(
        maps.watch(&::kube::api::WatchParams::default(), "2")
            .await
            .unwrap()
    );
    let event = events.next().await.unwrap().unwrap();
    assert!(
        matches!(&event, ::kube::api::WatchEvent::Error(status) if status.code == 410),
        "{event:?}"
    );
    assert!(events.next().await.is_none(), "and the stream ends");
}
