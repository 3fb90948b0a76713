//! How objects live: their generation, their owners, and the small kinds that controllers use among themselves.

use super::Client;
use super::apply_as;
use super::ask;
use super::config;
use super::deployment;
use super::done;
use super::namespace;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;
use std::time::Instant;

/// How long a real server's controllers may take.
const LONGEST: Duration = Duration::from_secs(20);

/// Waits until an object is gone.
fn gone(client: &dyn Client, path: &str) {
    let end = Instant::now() + LONGEST;
    while ask(client, "GET", path, Value::Null).status != 404 {
        assert!(Instant::now() < end, "{path} is still there");
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub(crate) fn generation(client: &dyn Client) {
    namespace(client, "generation");
    let all = "/apis/apps/v1/namespaces/generation/deployments";
    done(client, "POST", all, deployment("a"));
    let one = format!("{all}/a");
    let now = |patch: Value| done(client, "PATCH", &one, patch)["metadata"]["generation"].clone();
    assert_eq!(
        now(json!({ "metadata": { "labels": { "x": "1" } } })),
        1,
        "labels are not the spec"
    );
    assert_eq!(now(json!({ "spec": { "replicas": 1 } })), 1, "the same again");
    assert_eq!(now(json!({ "spec": { "replicas": 2 } })), 2);
    assert_eq!(
        now(json!({ "metadata": { "generation": 9 }, "spec": { "paused": true } })),
        3
    );
}

pub(crate) fn owners(client: &dyn Client) {
    let maps = namespace(client, "owners") + "/configmaps";
    let owner = |name: &str| {
        let made = done(client, "POST", &maps, config(name, "1"));
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": made["metadata"]["uid"] })
    };
    let (first, second) = (owner("first"), owner("second"));
    let owned = |name: &str, owners: Value| {
        let mut map = config(name, "1");
        map["metadata"]["ownerReferences"] = owners;
        done(client, "POST", &maps, map);
    };
    owned("of-one", json!([first]));
    owned("of-both", json!([first, second]));
    owned("of-nobody", json!([]));
    let orphan = json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "first", "uid": "00000000-0000-0000-0000-000000000000" });
    owned("of-a-stranger", json!([orphan]));
    gone(client, &format!("{maps}/of-a-stranger"));
    done(client, "DELETE", &format!("{maps}/first"), Value::Null);
    gone(client, &format!("{maps}/of-one"));
    let both = done(client, "GET", &format!("{maps}/of-both"), Value::Null);
    assert!(both["metadata"].get("deletionTimestamp").is_none());
    done(client, "DELETE", &format!("{maps}/second"), Value::Null);
    gone(client, &format!("{maps}/of-both"));
    done(client, "GET", &format!("{maps}/of-nobody"), Value::Null);
}

pub(crate) fn foreground(client: &dyn Client) {
    let maps = namespace(client, "foreground") + "/configmaps";
    let owner = done(client, "POST", &maps, config("owner", "1"));
    let mut dependent = config("dependent", "1");
    dependent["metadata"]["finalizers"] = json!(["recant.dev/check"]);
    dependent["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"], "blockOwnerDeletion": true,
    }]);
    done(client, "POST", &maps, dependent);
    let how = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground" });
    done(client, "DELETE", &format!("{maps}/owner"), how);
    let held = done(client, "GET", &format!("{maps}/owner"), Value::Null);
    assert_eq!(held["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    let free = json!({ "metadata": { "finalizers": null } });
    let end = Instant::now() + LONGEST;
    while done(client, "GET", &format!("{maps}/dependent"), Value::Null)["metadata"]
        .get("deletionTimestamp")
        .is_none()
    {
        assert!(Instant::now() < end, "the dependent is not being deleted");
        std::thread::sleep(Duration::from_millis(100));
    }
    done(client, "PATCH", &format!("{maps}/dependent"), free);
    gone(client, &format!("{maps}/dependent"));
    gone(client, &format!("{maps}/owner"));
}

pub(crate) fn leases(client: &dyn Client) {
    namespace(client, "leases");
    let all = "/apis/coordination.k8s.io/v1/namespaces/leases/leases";
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "recant" },
        "spec": {
            "holderIdentity": "one", "leaseDurationSeconds": 15, "leaseTransitions": 0,
            "acquireTime": "2026-01-01T00:00:00.123456Z", "renewTime": "2026-01-01T00:00:00.123456Z",
        },
    });
    let made = done(client, "POST", all, lease);
    assert_eq!(made["spec"]["renewTime"], "2026-01-01T00:00:00.123456Z");
    let one = format!("{all}/recant");
    let mut taken = made.clone();
    taken["spec"]["holderIdentity"] = "two".into();
    let mut late = made;
    done(client, "PUT", &one, taken);
    late["spec"]["holderIdentity"] = "three".into();
    assert_eq!(ask(client, "PUT", &one, late).status, 409, "one of two takes it");
    let wrong = json!({ "spec": { "leaseDurationSeconds": 0 } });
    assert_eq!(ask(client, "PATCH", &one, wrong).status, 422);
}

pub(crate) fn events(client: &dyn Client) {
    let events = namespace(client, "events") + "/events";
    let about =
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "events" });
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": { "generateName": "web." }, "involvedObject": about,
        "type": "Normal", "reason": "Synced", "message": "hello", "count": 1, "source": { "component": "recant" },
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z",
    });
    let made = done(client, "POST", &events, event.clone());
    let name = made["metadata"]["name"].as_str().unwrap();
    let counted = done(
        client,
        "PATCH",
        &format!("{events}/{name}"),
        json!({ "count": 2 }),
    );
    assert_eq!(
        (&counted["count"], &counted["message"]),
        (&2.into(), &"hello".into())
    );
    let found = done(
        client,
        "GET",
        &format!("{events}?fieldSelector=involvedObject.name%3Dweb%2Ctype%3DNormal"),
        Value::Null,
    );
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
    let none = done(
        client,
        "GET",
        &format!("{events}?fieldSelector=involvedObject.name%3Dother"),
        Value::Null,
    );
    assert_eq!(none["items"].as_array().map(Vec::len), Some(0));
    let mut elsewhere = event;
    elsewhere["involvedObject"]["namespace"] = "kube-system".into();
    assert_eq!(ask(client, "POST", &events, elsewhere).status, 422);
}

pub(crate) fn status_apply(client: &dyn Client) {
    namespace(client, "stated");
    let one = "/apis/apps/v1/namespaces/stated/deployments/a";
    assert_eq!(apply_as(client, one, "flux", "", &deployment("a")).status, 201);
    let status = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a" },
        "status": { "conditions": [{ "type": "Checked", "status": "True", "reason": "Check" }] },
    });
    let path = format!("{one}/status");
    let answer = apply_as(client, &path, "recant", "&force=true", &status);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let entries = answer.body["metadata"]["managedFields"].as_array().unwrap();
    let mine = entries.iter().find(|e| e["manager"] == "recant").unwrap();
    assert_eq!(
        (&mine["operation"], &mine["subresource"]),
        (&"Apply".into(), &"status".into())
    );
    assert!(
        mine["fieldsV1"].to_string().contains("f:status") && !mine["fieldsV1"].to_string().contains("f:spec")
    );
}

/// What Flux does each time: apply, with somebody else scaling in between.
pub(crate) fn shared(client: &dyn Client) {
    namespace(client, "shared");
    let one = "/apis/apps/v1/namespaces/shared/deployments/a";
    assert_eq!(apply_as(client, one, "flux", "", &deployment("a")).status, 201);
    let scaled = json!({ "spec": { "replicas": 0 } });
    let answer = client.send(
        "PATCH",
        &format!("{one}?fieldManager=recant"),
        &[super::MERGE],
        &scaled.to_string(),
    );
    assert_eq!(answer.status, 200);
    let again = || apply_as(client, one, "flux", "&force=true", &deployment("a")).body;
    let (version, generation) = ("/metadata/resourceVersion", "/metadata/generation");
    assert_eq!(
        again()["spec"]["replicas"],
        0,
        "who does not name a field does not own it"
    );
    assert_eq!(again().pointer(generation), answer.body.pointer(generation));
    // Where there are controllers, they write the status meanwhile.
    let is_same = |_| again().pointer(version) == again().pointer(version);
    assert!((0..50).any(is_same), "applied again, it was written again");
    let mut named = deployment("a");
    named["spec"]["replicas"] = 3.into();
    assert_eq!(apply_as(client, one, "flux", "", &named).status, 409);
    assert_eq!(
        apply_as(client, one, "flux", "&force=true", &named).body["spec"]["replicas"],
        3
    );
    assert_eq!(
        apply_as(client, one, "flux", "", &deployment("a")).body["spec"]["replicas"],
        1,
        "the last owner let go"
    );
}
