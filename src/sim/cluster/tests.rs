#![expect(clippy::unwrap_used, reason = "tests")]

mod protocol;

use super::ApiError;
use super::Cluster;
use jiff::Timestamp;
use recant_core::effect::Event;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use serde_json::Value;
use serde_json::json;

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn create(cluster: &mut Cluster, object: Value) -> Result<Object, ApiError> {
    cluster.write(now(), "test", &Write::Create(Object(object)))
}

fn config(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "default" },
        "data": { "key": value },
    })
}

fn deployment(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": "default" },
        "spec": {
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "app", "image": image, "ports": [{ "containerPort": 9898 }] }] },
            },
        },
    })
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "boats.sea.dev" },
        "spec": {
            "group": "sea.dev", "scope": "Namespaced",
            "names": { "plural": "boats", "kind": "Boat", "shortNames": ["bt"] },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": { "type": "object", "required": ["sails"], "properties": {
                        "sails": { "type": "integer", "minimum": 1 },
                        "colour": { "type": "string", "enum": ["red", "white"], "default": "white" },
                        "crew": {
                            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                            "items": { "type": "object", "required": ["name"], "properties": {
                                "name": { "type": "string" }, "age": { "type": "integer" },
                            } },
                        },
                    } },
                    "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                } } },
            }],
        },
    })
}

fn boat(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "sea.dev/v1", "kind": "Boat", "metadata": { "name": name, "namespace": "default" }, "spec": spec })
}

#[test]
fn a_stale_update_is_refused_and_names_the_object() {
    let mut cluster = Cluster::new();
    let first = create(&mut cluster, config("a", "1")).unwrap();
    let mut second = first.clone();
    second.set("/data/key", "2".into());
    let second = cluster.write(now(), "test", &Write::Update(second)).unwrap();
    assert_ne!(first.resource_version(), second.resource_version());
    let mut stale = first;
    stale.set("/data/key", "3".into());
    let error = cluster.write(now(), "test", &Write::Update(stale)).unwrap_err();
    assert_eq!(error.status()["reason"], "Conflict");
    assert_eq!(
        error.to_string(),
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes \
         to the latest version and try again"
    );
}

#[test]
fn writing_what_is_there_already_changes_no_version() {
    let mut cluster = Cluster::new();
    let object = create(&mut cluster, deployment("web", "web:1")).unwrap();
    let same = cluster
        .write(now(), "test", &Write::Update(Object(deployment("web", "web:1"))))
        .unwrap();
    assert_eq!(object, same);
}

#[test]
fn generation_follows_the_spec_and_not_labels_or_status() {
    let mut cluster = Cluster::new();
    let mut object = create(&mut cluster, deployment("web", "web:1")).unwrap();
    assert_eq!(object.generation(), 1);
    object.set("/metadata/labels", json!({ "a": "b" }));
    object = cluster.write(now(), "test", &Write::Update(object)).unwrap();
    object.set("/status", json!({ "replicas": 1 }));
    object.set("/spec/replicas", 7.into());
    object = cluster
        .write(now(), "test", &Write::UpdateStatus(object))
        .unwrap();
    assert_eq!(
        (
            object.generation(),
            object.int("/spec/replicas"),
            object.int("/status/replicas")
        ),
        (1, Some(1), Some(1))
    );
    object.set("/spec/replicas", 3.into());
    object.set("/status", json!({ "replicas": 9 }));
    object = cluster.write(now(), "test", &Write::Update(object)).unwrap();
    assert_eq!(
        (object.generation(), object.int("/status/replicas")),
        (2, Some(1))
    );
}

#[test]
fn a_deployment_reads_back_with_the_servers_defaults() {
    let mut cluster = Cluster::new();
    let object = create(&mut cluster, deployment("web", "ghcr.io/web:1")).unwrap();
    assert_eq!(
        object.at("/spec").unwrap(),
        &json!({
            "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "selector": { "matchLabels": { "app": "web" } },
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": {
                    "containers": [{
                        "name": "app", "image": "ghcr.io/web:1", "imagePullPolicy": "IfNotPresent", "resources": {},
                        "ports": [{ "containerPort": 9898, "protocol": "TCP" }],
                        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                    }],
                    "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                    "securityContext": {}, "terminationGracePeriodSeconds": 30,
                },
            },
        })
    );
}

#[test]
fn custom_objects_are_checked_defaulted_and_conditional() {
    let mut cluster = Cluster::new();
    assert_eq!(
        create(&mut cluster, boat("a", json!({ "sails": 1 })))
            .unwrap_err()
            .code,
        404
    );
    create(&mut cluster, definition()).unwrap();
    let refused = create(&mut cluster, boat("a", json!({ "sails": 0, "colour": "blue" }))).unwrap_err();
    assert_eq!(refused.code, 422);
    assert_eq!(
        refused.to_string(),
        "Boat.sea.dev \"a\" is invalid: [spec.colour: Unsupported value: \"blue\": supported values: \"red\", \
         \"white\", spec.sails: Invalid value: 0: spec.sails in body should be greater than or equal to 1]"
    );
    let unknown = create(&mut cluster, boat("a", json!({ "sails": 1, "oars": 2 }))).unwrap_err();
    assert!(
        unknown
            .to_string()
            .ends_with("strict decoding error: unknown field \"spec.oars\""),
        "{unknown}"
    );
    let object = create(&mut cluster, boat("a", json!({ "sails": 1 }))).unwrap();
    assert_eq!(object.str("/spec/colour"), "white");
    let unconditional = cluster.write(
        now(),
        "test",
        &Write::Update(Object(boat("a", json!({ "sails": 2 })))),
    );
    assert_eq!(unconditional.unwrap_err().code, 422);
}

#[test]
fn apply_owns_fields_refuses_others_and_removes_what_it_no_longer_applies() {
    let mut cluster = Cluster::new();
    create(&mut cluster, definition()).unwrap();
    let mut apply = |manager: &str, force: bool, spec: Value| {
        cluster.apply(now(), manager, force, &Object(boat("a", spec)))
    };
    let crew = json!([{ "name": "ann", "age": 30 }, { "name": "bob" }]);
    apply("one", false, json!({ "sails": 1, "crew": crew })).unwrap();
    apply(
        "two",
        false,
        json!({ "crew": [{ "name": "cleo" }], "colour": "red" }),
    )
    .unwrap();
    let conflict = apply("two", false, json!({ "sails": 2 })).unwrap_err();
    assert_eq!(
        conflict.to_string(),
        "Apply failed with 1 conflict: conflict with \"one\": .spec.sails"
    );
    assert_eq!(
        conflict.status()["details"]["causes"][0]["reason"],
        "FieldManagerConflict"
    );
    let object = apply("two", true, json!({ "sails": 2, "crew": [{ "name": "cleo" }] })).unwrap();
    assert_eq!(
        object.str("/spec/colour"),
        "white",
        "no longer applied, so the default is back"
    );
    let object = apply("one", false, json!({ "crew": [{ "name": "ann" }] })).unwrap();
    assert_eq!(
        object.at("/spec/crew").unwrap(),
        &json!([{ "name": "ann" }, { "name": "cleo" }])
    );
    assert_eq!(object.int("/spec/sails"), Some(2));
}

#[test]
fn an_update_takes_the_changed_fields_from_the_applier() {
    let mut cluster = Cluster::new();
    cluster
        .apply(now(), "flux", false, &Object(deployment("web", "web:1")))
        .unwrap();
    let name = ObjectRef::new("apps/v1", "Deployment", "default", "web");
    let patch = Write::Patch {
        name,
        resource_version: String::new(),
        patch: json!({ "spec": { "replicas": 0 } }),
    };
    cluster.write(now(), "recant", &patch).unwrap();
    let object = cluster
        .apply(now(), "flux", false, &Object(deployment("web", "web:2")))
        .unwrap();
    assert_eq!(object.int("/spec/replicas"), Some(0));
    assert_eq!(object.str("/spec/template/spec/containers/0/image"), "web:2");
    let mut wanted = deployment("web", "web:2");
    wanted["spec"]["replicas"] = 2.into();
    let conflict = cluster.apply(now(), "flux", false, &Object(wanted)).unwrap_err();
    assert_eq!(
        conflict.to_string(),
        "Apply failed with 1 conflict: conflict with \"recant\" using apps/v1: .spec.replicas"
    );
}

#[test]
fn what_its_owner_leaves_behind_is_collected_and_finalizers_hold() {
    let mut cluster = Cluster::new();
    let owner = create(&mut cluster, config("owner", "1")).unwrap();
    let mut child = config("child", "1");
    child["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid() }]);
    child["metadata"]["finalizers"] = json!(["recant.dev/hold"]);
    let child = create(&mut cluster, child).unwrap();
    let delete = |object: &Object| Write::Delete {
        name: object.reference(),
        uid: object.uid().to_owned(),
    };
    cluster.collect(now());
    assert!(cluster.get(&child.reference()).is_some());
    cluster.write(now(), "test", &delete(&owner)).unwrap();
    cluster.collect(now());
    let mut held = cluster.get(&child.reference()).unwrap();
    assert!(held.is_deleting());
    held.set("/metadata/finalizers", json!([]));
    cluster.write(now(), "test", &Write::Update(held)).unwrap();
    assert_eq!(cluster.get(&child.reference()), None);
}

#[test]
fn a_deleted_namespace_takes_its_contents_with_it() {
    let mut cluster = Cluster::new();
    let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "test" } });
    let space = create(&mut cluster, space).unwrap();
    let mut inside = config("a", "1");
    inside["metadata"]["namespace"] = "test".into();
    create(&mut cluster, inside.clone()).unwrap();
    cluster
        .write(
            now(),
            "test",
            &Write::Delete {
                name: space.reference(),
                uid: String::new(),
            },
        )
        .unwrap();
    inside["metadata"]["name"] = "b".into();
    let refused = create(&mut cluster, inside).unwrap_err();
    assert_eq!(refused.code, 403);
    cluster.collect(now());
    assert_eq!(cluster.get(&space.reference()), None);
    assert_eq!(cluster.list("v1", "ConfigMap", "test"), []);
}

#[test]
fn a_definition_goes_with_its_instances() {
    let mut cluster = Cluster::new();
    let definition = create(&mut cluster, definition()).unwrap();
    create(&mut cluster, boat("a", json!({ "sails": 1 }))).unwrap();
    cluster
        .write(
            now(),
            "test",
            &Write::Delete {
                name: definition.reference(),
                uid: String::new(),
            },
        )
        .unwrap();
    cluster.collect(now());
    assert!(cluster.kind("sea.dev/v1", "Boat").is_none());
    create(&mut cluster, self::definition()).unwrap();
    assert_eq!(cluster.list("sea.dev/v1", "Boat", ""), []);
}

#[test]
fn the_same_event_is_counted_and_both_groups_show_it() {
    let mut cluster = Cluster::new();
    let about = create(&mut cluster, config("a", "1")).unwrap();
    let event = |message: &str| Event {
        about: about.reference(),
        uid: about.uid().to_owned(),
        warning: true,
        message: message.to_owned(),
    };
    for message in ["halt", "halt", "go"] {
        cluster.event(now(), "recant", &event(message));
    }
    let mut seen: Vec<_> = cluster
        .list("v1", "Event", "default")
        .iter()
        .map(|e| (e.str("/message").to_owned(), e.int("/count")))
        .collect();
    seen.sort();
    assert_eq!(seen, [("go".to_owned(), Some(1)), ("halt".to_owned(), Some(2))]);
    let new = cluster.list("events.k8s.io/v1", "Event", "default");
    assert_eq!(new[0].str("/regarding/name"), "a");
}
