//! Stories of ConfigMaps and Secrets that the pods read.

use super::GOOD;
use super::NEWER;
use super::world::World;
use crate::baseline::Baseline;
use crate::canary::status::Phase;
use crate::config;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::reason::Reason;
use serde_json::Value;
use serde_json::json;

/// A world whose pods read a ConfigMap and a Secret.
fn world() -> World {
    let mut world = World::new();
    world.edit_target(
        "/spec/template/spec/containers/0/envFrom",
        json!([{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "token"}}]),
    );
    put(&mut world, "ConfigMap", "settings", "1");
    put(&mut world, "Secret", "token", "MQ==");
    world
}

fn put(world: &mut World, kind: &str, name: &str, value: &str) {
    let owned = json!({"kustomize.toolkit.fluxcd.io/name": "apps",
                       "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    let mut object = Object(json!({"apiVersion": "v1", "kind": kind,
        "metadata": {"name": name, "namespace": "test", "labels": owned}, "data": {"k": value}}));
    if kind == "Secret" {
        object.set("/type", json!("Opaque"));
    }
    world.put(object);
}

fn change(world: &mut World, kind: &str, name: &str, value: &str) {
    put(world, kind, name, value);
    world.apply_commit();
}

fn value(world: &World, kind: &str, name: &str) -> String {
    world.get("v1", kind, name).str("/data/k").to_owned()
}

fn initialized() -> World {
    let mut world = world();
    world.run_until(Phase::Initialized);
    world.settle_down();
    world.weights.clear();
    world
}

fn primary_names(world: &World) -> [String; 2] {
    let primary = world.get("apps/v1", "Deployment", "podinfo-primary");
    let env_from = "/spec/template/spec/containers/0/envFrom";
    ["/0/configMapRef/name", "/1/secretRef/name"].map(|at| primary.str(&format!("{env_from}{at}")).to_owned())
}

#[test]
fn a_primary_reads_copies_and_the_status_has_flaggers_checksums() {
    let world = initialized();
    assert_eq!(primary_names(&world), ["settings-primary", "token-primary"]);
    assert_eq!(value(&world, "ConfigMap", "settings-primary"), "1");
    let secret = world.get("v1", "Secret", "token-primary");
    assert_eq!((secret.str("/data/k"), secret.str("/type")), ("MQ==", "Opaque"));
    assert_eq!(secret.str("/metadata/ownerReferences/0/kind"), "Canary");
    assert_eq!(
        secret.strings("/metadata/labels"),
        [].into(),
        "Flux's labels stay behind"
    );
    let sum = |kind: &str, name: &str| config::flagger_checksum(&world.get("v1", kind, name));
    let wanted = [
        ("configmap/settings".to_owned(), sum("ConfigMap", "settings")),
        ("secret/token".to_owned(), sum("Secret", "token")),
    ];
    assert_eq!(world.status().tracked_configs, Some(wanted.into()));
}

#[test]
fn a_changed_config_is_a_new_revision_and_reaches_the_primary_when_it_is_promoted() {
    for (kind, name, new) in [("ConfigMap", "settings", "2"), ("Secret", "token", "Mg==")] {
        let mut world = initialized();
        let id = |world: &World| {
            let primary = world.get("apps/v1", "Deployment", "podinfo-primary");
            primary
                .str("/spec/template/metadata/annotations/flagger-id")
                .to_owned()
        };
        let (copy, before) = (format!("{name}-primary"), id(&world));
        let old = value(&world, kind, &copy);
        change(&mut world, kind, name, new);
        world.run_until_weight(50);
        assert_eq!(value(&world, kind, &copy), old, "the primary's is untouched");
        world.run_until(Phase::Succeeded);
        assert_eq!(value(&world, kind, &copy), new);
        assert_ne!(id(&world), before, "the primary's pods start anew to read it");
        let weights = world.weights.len();
        world.settle_down();
        assert_eq!(world.weights.len(), weights, "nothing is analysed twice");
    }
}

/// A Canary that failed on a ConfigMap.
fn failed_on_its_settings() -> World {
    let mut world = initialized();
    world.bad_when = Some(|world| value(world, "ConfigMap", "settings") == "bad");
    change(&mut world, "ConfigMap", "settings", "bad");
    world.run_until(Phase::Failed);
    world.settle_down();
    world
}

#[test]
fn a_config_that_is_taken_back_after_the_failure_settles_without_an_analysis() {
    let mut world = failed_on_its_settings();
    assert_eq!(value(&world, "ConfigMap", "settings-primary"), "1");
    let weights = world.weights.len();
    change(&mut world, "ConfigMap", "settings", "1");
    world.settle_down();
    assert!(world.status().is("Reverted") && world.status().is("Ready"));
    assert_eq!(world.weights.len(), weights, "no traffic moved");
}

#[test]
fn a_config_that_failed_is_what_the_revert_restores() {
    let world = failed_on_its_settings();
    let reverts = world.all("Revert");
    assert_eq!(reverts.len(), 1, "{:?}", world.because);
    let targets = reverts[0]
        .at("/spec/targets")
        .and_then(Value::as_array)
        .expect("targets");
    let names: Vec<_> = targets
        .iter()
        .map(|target| format!("{}/{}", target["object"]["kind"], target["object"]["name"]))
        .collect();
    assert_eq!(names, [r#""ConfigMap"/"settings""#]);
}

#[test]
fn what_another_kustomization_applies_is_not_taken_back_with_the_target() {
    for applier in ["other", ""] {
        let mut world = initialized();
        put(&mut world, "ConfigMap", "settings", "2");
        let mut settings = world.get("v1", "ConfigMap", "settings");
        settings.set(
            "/metadata/labels/kustomize.toolkit.fluxcd.io~1name",
            json!(applier),
        );
        world.put(settings);
        world.bad_when = Some(|world| value(world, "ConfigMap", "settings") == "2");
        world.apply_commit();
        world.run_until(Phase::Failed);
        world.settle_down();
        world.check_that_nobody_is_blamed();
        assert!(world.says().contains("is not applied by"), "{}", world.says());
    }
}

#[test]
fn a_template_and_a_config_that_failed_together_are_both_restored() {
    let mut world = initialized();
    put(&mut world, "ConfigMap", "settings", "2");
    world.set_image(super::BAD);
    world.run_until(Phase::Failed);
    world.settle_down();
    let reverts = world.all("Revert");
    assert_eq!(reverts.len(), 1, "{:?}", world.because);
    let targets = reverts[0]
        .at("/spec/targets")
        .and_then(Value::as_array)
        .map(Vec::len);
    assert_eq!(targets, Some(2));
}

#[test]
fn a_config_that_changes_in_the_middle_of_a_run_begins_it_again_with_new_pods() {
    let mut world = initialized();
    change(&mut world, "ConfigMap", "settings", "2");
    world.run_until_weight(50);
    world.written.clear();
    change(&mut world, "ConfigMap", "settings", "3");
    world.turn();
    assert_eq!(
        (world.weight(), world.replicas("podinfo")),
        (0, 0),
        "old pods have read what was there"
    );
    world.run_until_weight(50);
    assert_eq!(world.replicas("podinfo"), 1);
    world.run_until(Phase::Succeeded);
    assert_eq!(value(&world, "ConfigMap", "settings-primary"), "3");
}

#[test]
fn what_was_analysed_is_promoted_whatever_the_config_has_become() {
    let mut world = initialized();
    change(&mut world, "ConfigMap", "settings", "2");
    world.run_until(Phase::Promoting);
    world.freeze("podinfo-primary");
    change(&mut world, "ConfigMap", "settings", "3");
    world.turn();
    assert_eq!(value(&world, "ConfigMap", "settings-primary"), "2");
    assert_eq!(world.weight(), 0, "what was not analysed gets no traffic");
    world.frozen.clear();
    world.run_until(Phase::Finalising);
    assert_eq!(value(&world, "ConfigMap", "settings-primary"), "2");
    world.run_while(|world| value(world, "ConfigMap", "settings-primary") != "3");
}

#[test]
fn a_promotion_that_is_taken_back_gives_the_primary_its_old_configs_too() {
    let mut world = initialized();
    put(&mut world, "Secret", "token", "Mg==");
    change(&mut world, "ConfigMap", "settings", "2");
    world.run_until(Phase::Promoting);
    world.freeze("podinfo-primary");
    assert_eq!(value(&world, "ConfigMap", "settings-primary-previous"), "1");
    // What is asked for by then is of no use for going back.
    world.run_while(|world| !matches!(world.because, Some(Reason::TakingBack { .. })));
    world.frozen.clear();
    world.run_until(Phase::Failed);
    assert_eq!(value(&world, "ConfigMap", "settings-primary"), "1");
    assert_eq!(value(&world, "Secret", "token-primary"), "MQ==");
    assert_eq!(world.image("podinfo-primary"), GOOD);
}

#[test]
fn the_record_never_holds_what_a_secret_holds() {
    let mut world = initialized();
    change(&mut world, "Secret", "token", "c2VjcmV0LXdvcmQ=");
    world.run_until(Phase::Succeeded);
    let record = world
        .objects
        .get(&Baseline::name(&world.canary()))
        .expect("a record");
    assert!(!record.0.to_string().contains("c2VjcmV0LXdvcmQ="));
    assert!(!world.canary().0.to_string().contains("c2VjcmV0LXdvcmQ="));
}

#[test]
fn what_is_opted_out_is_shared() {
    let mut world = world();
    let mut settings = world.get("v1", "ConfigMap", "settings");
    settings.set(
        "/metadata/annotations/flagger.app~1config-tracking",
        json!("disabled"),
    );
    world.put(settings.clone());
    world.run_until(Phase::Initialized);
    assert_eq!(primary_names(&world), ["settings", "token-primary"]);
    settings.set("/data/k", json!("2"));
    world.put(settings);
    world.settle_down();
    assert_eq!(world.status().phase, Phase::Initialized);
}

#[test]
fn without_tracking_nothing_is_copied_and_nothing_is_asked_for() {
    let mut world = world();
    world.settings.config_tracking = false;
    world.run_until(Phase::Initialized);
    assert_eq!(primary_names(&world), ["settings", "token"]);
    assert_eq!(world.status().tracked_configs, None);
}

#[test]
fn a_first_primary_waits_for_what_its_pods_cannot_start_without() {
    let mut world = world();
    let token = ObjectRef::new("v1", "Secret", "test", "token");
    let secret = world.objects.remove(&token).expect("the Secret");
    world.settle_down();
    let because = world.says();
    assert!(because.contains("Secret/test/token"), "{because}");
    assert!(world.woken, "Secrets are not watched");
    world.put(secret);
    world.run_until(Phase::Initialized);
    assert_eq!(primary_names(&world), ["settings-primary", "token-primary"]);
}

#[test]
fn what_is_optional_and_not_there_holds_up_nothing() {
    let mut world = world();
    world.edit_target(
        "/spec/template/spec/containers/0/envFrom",
        json!([{"configMapRef": {"name": "maybe", "optional": true}}, {"secretRef": {"name": "token"}}]),
    );
    world.run_until(Phase::Initialized);
    world.settle_down();
    assert_eq!(primary_names(&world), ["maybe", "token-primary"]);
    change(&mut world, "ConfigMap", "maybe", "1");
    world.run_until(Phase::Succeeded);
    assert_eq!(primary_names(&world), ["maybe-primary", "token-primary"]);
}

#[test]
fn binary_data_is_copied_and_counts_and_the_copy_of_an_immutable_config_can_be_written() {
    let mut world = world();
    let mut settings = world.get("v1", "ConfigMap", "settings");
    settings.set("/binaryData/b", json!("AAAA"));
    settings.set("/immutable", json!(true));
    world.put(settings.clone());
    world.run_until(Phase::Initialized);
    world.settle_down();
    let copy = world.get("v1", "ConfigMap", "settings-primary");
    assert_eq!((copy.str("/binaryData/b"), copy.at("/immutable")), ("AAAA", None));
    // Somebody deletes it and makes it anew.
    settings.set("/binaryData/b", json!("AAAB"));
    world.put(settings);
    world.apply_commit();
    world.run_until(Phase::Succeeded);
    assert_eq!(
        world
            .get("v1", "ConfigMap", "settings-primary")
            .str("/binaryData/b"),
        "AAAB"
    );
}

#[test]
fn what_a_config_does_not_have_any_more_goes_from_the_copy_with_the_next_promotion() {
    let mut world = world();
    let mut settings = world.get("v1", "ConfigMap", "settings");
    settings.set("/binaryData/b", json!("AAAA"));
    world.put(settings);
    world.run_until(Phase::Initialized);
    world.settle_down();
    change(&mut world, "ConfigMap", "settings", "2");
    world.run_until(Phase::Succeeded);
    world.settle_down();
    let copy = world.get("v1", "ConfigMap", "settings-primary");
    assert_eq!((copy.str("/data/k"), copy.at("/binaryData")), ("2", None));
}

#[test]
fn a_copy_that_somebody_deleted_or_changed_is_made_again() {
    for gone in [true, false] {
        let mut world = initialized();
        let mut copy = world.get("v1", "ConfigMap", "settings-primary");
        if gone {
            world.objects.remove(&copy.reference());
        } else {
            copy.set("/data/k", json!("theirs"));
            world.put(copy);
        }
        world.settle_down();
        assert_eq!(value(&world, "ConfigMap", "settings-primary"), "1");
    }
}

#[test]
fn a_copy_that_two_canaries_read_is_only_written_by_promotions() {
    let mut world = initialized();
    let mut copy = world.get("v1", "ConfigMap", "settings-primary");
    copy.push(
        "/metadata/ownerReferences",
        json!({"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "other", "uid": "o"}),
    );
    copy.set("/data/k", json!("promoted by the other"));
    world.put(copy);
    world.settle_down();
    assert_eq!(
        value(&world, "ConfigMap", "settings-primary"),
        "promoted by the other"
    );
    change(&mut world, "ConfigMap", "settings", "2");
    world.run_until(Phase::Succeeded);
    let copy = world.get("v1", "ConfigMap", "settings-primary");
    assert_eq!(copy.str("/data/k"), "2");
    let owners = copy
        .at("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .map(Vec::len);
    assert_eq!(owners, Some(2));
}

#[test]
fn stopping_anywhere_in_a_promotion_of_configs_and_beginning_again_changes_no_end() {
    for crash in 0..30 {
        let mut world = initialized();
        change(&mut world, "ConfigMap", "settings", "2");
        world.set_image(NEWER);
        world.crash_at = Some(world.effects + crash);
        world.run_until_promoted(NEWER);
        world.settle_down();
        assert_eq!(
            value(&world, "ConfigMap", "settings-primary"),
            "2",
            "crash at effect {crash}"
        );
    }
}
