//! What recant writes for itself is what its definitions describe: nothing of it is refused, and nothing is dropped.

use jiff::Timestamp;
use recant::manifests;
use recant_core::baseline::Baseline;
use recant_core::baseline::Snapshot;
use recant_core::canary::status::set_condition;
use recant_core::chain::Link;
use recant_core::effect::Write;
use recant_core::forge;
use recant_core::forge::Forge;
use recant_core::forge::ForgeSpec;
use recant_core::forge::ForgeType;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_core::pull::Deed;
use recant_core::pull::Does;
use recant_core::pull::PlanRecord;
use recant_core::pull::PullRecord;
use recant_core::pull::RevertPhase;
use recant_core::pull::RevertSpec;
use recant_core::pull::RevertStatus;
use recant_core::pull::Target;
use recant_core::query::Access;
use recant_core::query::Answer;
use recant_core::query::Observation;
use recant_core::query::Observed;
use recant_core::query::Query;
use recant_sim::cluster::Cluster;
use serde_json::Value;
use serde_json::json;

#[test]
fn a_baseline_is_stored_whole() {
    let canary = Object(json!({"apiVersion": "flagger.app/v1beta1", "kind": "Canary",
                               "metadata": {"name": "podinfo", "namespace": "test", "uid": "u"}}));
    let template = json!({"metadata": {"labels": {"app": "podinfo"}}, "spec": {"anything": ["goes"]}});
    let configs = [("configmap/x".to_owned(), "0123456789abcdef".to_owned())];
    let promoted = Snapshot {
        primary_template: Some(template.clone()),
        ..Snapshot::new(now(), template, configs.into(), vec![link()])
    };
    let baseline = Baseline {
        canary: "podinfo".to_owned(),
        candidate: Some(promoted.clone()),
        handed_over: true,
        promoted,
    };
    stored_whole(&baseline.object(&canary, None));
}

#[test]
fn a_revert_is_stored_whole() {
    let spec = RevertSpec {
        url: "https://git.example/fleet.git".to_owned(),
        branch: "main".to_owned(),
        source: name("GitRepository"),
        bad: "b".repeat(40),
        change: "b".repeat(40),
        targets: vec![Target {
            canary: name("Canary"),
            object: name("Deployment"),
            kustomization: name("Kustomization"),
            good: "a".repeat(40),
            promoted: "p".to_owned(),
            failed: "f".to_owned(),
            failed_at: Some(now()),
        }],
    };
    let mut conditions = Vec::new();
    set_condition(&mut conditions, now(), "Ready", "Unknown", "Proposed", "a page");
    let status = RevertStatus {
        phase: RevertPhase::Proposed,
        summary: "Revert a".to_owned(),
        conditions,
        observed_generation: 1,
        branch: "recant/revert/x".to_owned(),
        base: "b".repeat(40),
        planned_at: Some(now()),
        plan: Some(PlanRecord {
            digest: "d".to_owned(),
            files: vec!["a.yaml".to_owned()],
            lines_added: 1,
            lines_removed: 1,
            proof: "restored".to_owned(),
            proved: true,
        }),
        commit: "c".repeat(40),
        pull_request: Some(PullRecord {
            number: 1,
            url: "https://git.example/1".to_owned(),
            seen_at: Some(now()),
            merged_as: "d".repeat(40),
        }),
        next: Some(Deed {
            does: Does::ClosePull,
            branch: "recant/revert/x".to_owned(),
            expect: "c".repeat(40),
            base: "b".repeat(40),
            digest: "d".to_owned(),
            number: Some(1),
            because: "a reason".to_owned(),
        }),
        said: "s".to_owned(),
        evidence: "e".to_owned(),
    };
    let mut revert = Object::named(&ObjectRef::new(
        "recant.dev/v1alpha1",
        "Revert",
        "flux-system",
        "x",
    ));
    revert.set("/spec", serde_json::to_value(spec).unwrap());
    let mut revert = stored_whole(&revert);
    revert.set("/status", serde_json::to_value(status).unwrap());
    let mut cluster = cluster_with(&revert);
    let stored = cluster
        .write(now(), "recant", &Write::UpdateStatus(revert.clone()))
        .unwrap();
    assert_eq!(stored.at("/status"), revert.at("/status"));
}

/// What the core reads of a Forge is what its definition keeps, defaults included.
#[test]
fn a_forge_is_stored_whole_and_read_with_the_definitions_defaults() {
    let spec = ForgeSpec::new(ForgeType::GitHub, "https://github.com");
    let mut forge = Object::named(&ObjectRef::new(
        "recant.dev/v1alpha1",
        "Forge",
        "flux-system",
        "x",
    ));
    forge.set("/spec", json!({ "type": "github", "url": "https://github.com" }));
    let stored = cluster()
        .write(now(), "recant", &Write::Create(forge.clone()))
        .unwrap();
    assert_eq!(
        Forge::of(&stored).unwrap().spec,
        spec,
        "the definition's defaults"
    );
    assert_eq!(Forge::of(&forge).unwrap().spec, spec, "the core's");
    let mut seen = Observation::default();
    let access = Access {
        login: "recant[bot]".to_owned(),
        expires: Some(now()),
        ..Access::default()
    };
    seen.note(
        Query::Access(stored.reference()),
        Observed::Known(Answer::Access(access)),
    );
    let said = forge::step(now(), &stored, &seen).status.unwrap();
    let mut cluster = cluster_with(&forge);
    let kept = cluster
        .write(now(), "recant", &Write::UpdateStatus(said.clone()))
        .unwrap();
    assert_eq!(kept.at("/status"), said.at("/status"));
}

/// Every phase must be one that the definition lists.
#[test]
fn every_phase_of_a_revert_is_known_to_its_definition() {
    use RevertPhase::*;
    let crds = manifests::crds();
    let crd = crds
        .iter()
        .find(|crd| crd["metadata"]["name"] == "reverts.recant.dev")
        .unwrap();
    let listed = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
        ["phase"];
    let all = [
        Planning, Planned, Pushed, Proposed, Merged, Reverted, Refused, Superseded, Blocked, Held, Reported,
        TakenOver,
    ];
    assert_eq!(listed["enum"], json!(all));
}

fn stored_whole(object: &Object) -> Object {
    let mut cluster = cluster();
    let stored = cluster
        .write(now(), "recant", &Write::Create(object.clone()))
        .unwrap();
    assert_eq!(stored.at("/spec"), object.at("/spec"));
    stored
}

fn cluster_with(object: &Object) -> Cluster {
    let mut cluster = cluster();
    let mut bare = object.clone();
    if let Value::Object(metadata) = &mut bare.0["metadata"] {
        metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace"));
    }
    cluster.write(now(), "recant", &Write::Create(bare)).unwrap();
    cluster
}

fn cluster() -> Cluster {
    let mut cluster = Cluster::new();
    for namespace in ["test", "flux-system"] {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        cluster
            .write(now(), "test", &Write::Create(Object(namespace)))
            .unwrap();
    }
    for crd in manifests::crds() {
        cluster.write(now(), "test", &Write::Create(Object(crd))).unwrap();
    }
    cluster
}

fn name(kind: &str) -> ObjectRef {
    ObjectRef::new("group.example/v1", kind, "ns", "name")
}

fn link() -> Link {
    Link {
        kustomization: name("Kustomization"),
        spec_hash: "h".to_owned(),
        source: name("GitRepository"),
        url: "https://git.example/fleet.git".to_owned(),
        branch: "main".to_owned(),
        revision: "main@sha1:abc".to_owned(),
        path: "./apps".to_owned(),
    }
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}
