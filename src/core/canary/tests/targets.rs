//! Stories of the kinds of targets, of autoscalers, and of what a primary has from its target.

use super::GOOD;
use super::NEWER;
use super::world::World;
use crate::canary::status::Phase;
use crate::object::Object;
use crate::object::ObjectRef;
use serde_json::Value;
use serde_json::json;

fn daemon_set() -> World {
    let mut world = World::new();
    let deployment = world.get("apps/v1", "Deployment", "podinfo");
    world.objects.remove(&deployment.reference());
    let mut set = deployment;
    set.set("/kind", json!("DaemonSet"));
    set.set("/spec/updateStrategy", json!({"type": "RollingUpdate"}));
    set.0["spec"].as_object_mut().expect("a spec").remove("replicas");
    world.put(set);
    world.edit_canary("/spec/targetRef/kind", json!("DaemonSet"));
    world
}

fn set_image(world: &mut World, image: &str) {
    let mut set = world.get("apps/v1", "DaemonSet", "podinfo");
    set.0["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
    set.set("/metadata/generation", json!(set.generation() + 1));
    world.put(set);
    world.apply_commit();
}

fn image_of(world: &World, name: &str) -> String {
    let set = world.get("apps/v1", "DaemonSet", name);
    set.str("/spec/template/spec/containers/0/image").to_owned()
}

fn selector(world: &World, name: &str) -> Value {
    let set = world.get("apps/v1", "DaemonSet", name);
    set.at("/spec/template/spec/nodeSelector")
        .cloned()
        .unwrap_or_default()
}

#[test]
fn a_daemon_set_is_scaled_down_by_flaggers_node_selector_and_promoted_without_it() {
    let mut world = daemon_set();
    world.run_until(Phase::Initialized);
    world.settle_down();
    assert_eq!(
        selector(&world, "podinfo"),
        json!({"flagger.app/scale-to-zero": "true"})
    );
    assert_eq!(image_of(&world, "podinfo-primary"), GOOD);
    set_image(&mut world, NEWER);
    world.run_until_weight(50);
    assert_eq!(selector(&world, "podinfo"), json!({}));
    world.run_until(Phase::Succeeded);
    world.settle_down();
    assert_eq!(image_of(&world, "podinfo-primary"), NEWER);
    assert_eq!(selector(&world, "podinfo-primary"), Value::Null);
    assert_eq!(
        selector(&world, "podinfo"),
        json!({"flagger.app/scale-to-zero": "true"})
    );
}

#[test]
fn a_daemon_set_that_does_not_get_ready_fails_at_the_deadline() {
    let mut world = daemon_set();
    world.run_until(Phase::Initialized);
    world.settle_down();
    world.weights.clear();
    world.freeze("podinfo");
    set_image(&mut world, NEWER);
    world.run_until(Phase::Failed);
    assert!(
        world.weights.iter().all(|weight| *weight == 0),
        "{:?}",
        world.weights
    );
    assert_eq!(image_of(&world, "podinfo-primary"), GOOD);
}

#[test]
fn a_daemon_set_that_is_updated_by_hand_cannot_be_promoted_and_is_refused() {
    let mut world = daemon_set();
    let mut set = world.get("apps/v1", "DaemonSet", "podinfo");
    set.set("/spec/updateStrategy/type", json!("OnDelete"));
    world.put(set);
    world.turn();
    let because = world.says();
    assert!(because.contains("must be RollingUpdate"), "{because}");
}

#[test]
fn a_service_is_told_apart_by_two_copies_and_is_left_as_it_is() {
    let mut world = World::new();
    let deployment = world.get("apps/v1", "Deployment", "podinfo");
    world.objects.remove(&deployment.reference());
    let service = |version: &str| {
        json!({"apiVersion": "v1", "kind": "Service",
               "metadata": {"name": "podinfo", "namespace": "test",
                            "labels": {"team": "a", "kustomize.toolkit.fluxcd.io/name": "apps",
                                       "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}},
               "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"],
                        "selector": {"app": "podinfo", "version": version},
                        "ports": [{"name": "http", "port": 9898}]}})
    };
    world.put(Object(service("1")));
    world.edit_canary(
        "/spec/targetRef",
        json!({"apiVersion": "v1", "kind": "Service", "name": "podinfo"}),
    );
    world.run_until(Phase::Initialized);
    world.settle_down();
    let primary = world.get("v1", "Service", "podinfo-primary");
    assert_eq!(primary.str("/spec/selector/version"), "1");
    assert_eq!(
        primary.at("/spec/clusterIP"),
        None,
        "it gets an address of its own"
    );
    assert_eq!(
        primary.strings("/metadata/labels"),
        [("team".to_owned(), "a".to_owned())].into()
    );
    world.written.clear();
    let mut next = Object(service("2"));
    next.set("/metadata/resourceVersion", json!("0"));
    world.put(next);
    world.apply_commit();
    world.run_until_weight(50);
    assert_eq!(
        world
            .get("v1", "Service", "podinfo-canary")
            .str("/spec/selector/version"),
        "2"
    );
    assert_eq!(
        world
            .get("v1", "Service", "podinfo-primary")
            .str("/spec/selector/version"),
        "1"
    );
    world.run_until(Phase::Succeeded);
    assert_eq!(
        world
            .get("v1", "Service", "podinfo-primary")
            .str("/spec/selector/version"),
        "2"
    );
    assert!(
        !world.written.contains(&"Service/test/podinfo".to_owned()),
        "{:?}",
        world.written
    );
}

#[test]
fn a_promotion_brings_replicas_strategy_and_included_metadata_and_keeps_what_others_wrote() {
    let mut world = World::new();
    world.settings.include_label_prefix = vec!["team.example/".to_owned()];
    world.run_until(Phase::Initialized);
    world.settle_down();
    let mut primary = world.get("apps/v1", "Deployment", "podinfo-primary");
    primary.set("/metadata/annotations/other", json!("theirs"));
    world.put(primary);
    let mut target = world.get("apps/v1", "Deployment", "podinfo");
    target.set("/spec/strategy", json!({"type": "Recreate"}));
    target.set("/spec/minReadySeconds", json!(5));
    target.set("/metadata/labels/team.example~1owner", json!("a"));
    target.set("/metadata/labels/unrelated", json!("b"));
    target.set("/metadata/annotations/team.example~1note", json!("c"));
    target.set(
        "/metadata/annotations/team.example~1x.toolkit.fluxcd.io",
        json!("d"),
    );
    world.put(target);
    world.set_image(NEWER);
    world.run_until_weight(50);
    let mut target = world.get("apps/v1", "Deployment", "podinfo");
    target.set("/spec/replicas", json!(4));
    world.put(target);
    world.run_until(Phase::Succeeded);
    let primary = world.get("apps/v1", "Deployment", "podinfo-primary");
    assert_eq!(primary.int("/spec/replicas"), Some(4));
    assert_eq!(primary.str("/spec/strategy/type"), "Recreate");
    assert_eq!(primary.int("/spec/minReadySeconds"), Some(5));
    let labels = primary.strings("/metadata/labels");
    let labels: Vec<_> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(labels, ["app=podinfo-primary", "team.example/owner=a"]);
    let annotations: Vec<_> = primary.strings("/metadata/annotations").into_keys().collect();
    assert_eq!(annotations, ["other", "team.example/note"]);
}

fn with_scaler(kind: &str, spec: &Value) -> World {
    let api_version = match kind {
        "ScaledObject" => "keda.sh/v1alpha1",
        _ => "autoscaling/v2",
    };
    let mut world = World::new();
    world.put(Object(json!({"apiVersion": api_version, "kind": kind,
        "metadata": {"name": "scaler", "namespace": "test",
                     "labels": {"team": "a", "helm.toolkit.fluxcd.io/name": "x"}},
        "spec": spec})));
    world.edit_canary(
        "/spec/autoscalerRef",
        json!({"apiVersion": "autoscaling/v2beta2", "kind": kind, "name": "scaler",
               "primaryScalerReplicas": {"minReplicas": 3}}),
    );
    world
}

fn scaler(world: &World, kind: &str, name: &str) -> Object {
    let all = world.all(kind);
    let found = all.into_iter().find(|object| object.name() == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

#[test]
fn an_hpa_gets_a_primary_with_bounds_of_its_own_that_changes_with_a_promotion_only() {
    let spec = json!({"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
                      "minReplicas": 2, "maxReplicas": 9, "metrics": [{"type": "Resource"}]});
    let kind = "HorizontalPodAutoscaler";
    let mut world = with_scaler(kind, &spec);
    world.run_until(Phase::Initialized);
    world.settle_down();
    let primary = scaler(&world, kind, "scaler-primary");
    assert_eq!(
        primary.at("/spec"),
        Some(
            &json!({"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo-primary"},
                     "minReplicas": 3, "maxReplicas": 9, "metrics": [{"type": "Resource"}]})
        )
    );
    assert_eq!(
        primary.strings("/metadata/labels"),
        [("team".to_owned(), "a".to_owned())].into()
    );
    let mut own = scaler(&world, kind, "scaler");
    own.set("/spec/maxReplicas", json!(12));
    world.put(own);
    world.settle_down();
    assert_eq!(
        scaler(&world, kind, "scaler-primary").int("/spec/maxReplicas"),
        Some(9)
    );
    let before = world.replicas("podinfo-primary");
    world.set_image(NEWER);
    world.run_until_weight(50);
    assert_eq!(
        world.replicas("podinfo"),
        2,
        "as many as the autoscaler keeps at the least"
    );
    world.run_until(Phase::Succeeded);
    assert_eq!(
        scaler(&world, kind, "scaler-primary").int("/spec/maxReplicas"),
        Some(12)
    );
    assert_eq!(
        world.replicas("podinfo-primary"),
        before,
        "its autoscaler's affair"
    );
}

#[test]
fn a_scaled_object_is_paused_while_its_target_is_down() {
    let spec = json!({"scaleTargetRef": {"name": "podinfo"}, "minReplicaCount": 1, "maxReplicaCount": 9,
                      "advanced": {"horizontalPodAutoscalerConfig": {"name": "own"}},
                      "triggers": [{"type": "prometheus", "name": "rate",
                                    "metadata": {"query": "rate(x{app=\"podinfo-canary\"}[1m])"}}]});
    let kind = "ScaledObject";
    let paused = |world: &World| {
        let own = scaler(world, kind, "scaler");
        own.annotation("autoscaling.keda.sh/paused-replicas")
            .map(str::to_owned)
    };
    let mut world = with_scaler(kind, &spec);
    world.run_until(Phase::Initialized);
    world.settle_down();
    let primary = scaler(&world, kind, "scaler-primary");
    assert_eq!(primary.str("/spec/scaleTargetRef/name"), "podinfo-primary");
    assert_eq!(primary.int("/spec/minReplicaCount"), Some(3));
    assert_eq!(
        primary.str("/spec/advanced/horizontalPodAutoscalerConfig/name"),
        "own-primary"
    );
    assert_eq!(
        primary.str("/spec/triggers/0/metadata/query"),
        "rate(x{app=\"podinfo-primary\"}[1m])"
    );
    assert_eq!(primary.annotation("autoscaling.keda.sh/paused-replicas"), None);
    assert_eq!(paused(&world).as_deref(), Some("0"));
    world.set_image(NEWER);
    world.run_until_weight(50);
    assert_eq!(paused(&world), None);
    world.run_until(Phase::Succeeded);
    world.settle_down();
    assert_eq!(paused(&world).as_deref(), Some("0"));
}

#[test]
fn an_autoscaler_that_may_go_to_zero_still_gives_a_new_revision_a_pod() {
    let spec = json!({"scaleTargetRef": {"name": "podinfo"}, "minReplicaCount": 0, "triggers": []});
    let mut world = with_scaler("ScaledObject", &spec);
    world.edit_canary("/spec/autoscalerRef/primaryScalerReplicas", json!({}));
    world.run_until(Phase::Initialized);
    world.settle_down();
    assert_eq!(world.replicas("podinfo"), 0);
    world.set_image(NEWER);
    world.run_until_weight(50);
    assert_eq!(world.replicas("podinfo"), 1);
}

#[test]
fn a_scaled_objects_queries_may_be_given() {
    let spec = json!({"scaleTargetRef": {"name": "podinfo"},
                      "triggers": [{"name": "a", "metadata": {"query": "podinfo"}},
                                   {"name": "b", "metadata": {"query": "podinfo"}}]});
    let mut world = with_scaler("ScaledObject", &spec);
    world.edit_canary("/spec/autoscalerRef/primaryScalerQueries", json!({"a": "mine"}));
    world.run_until(Phase::Initialized);
    let primary = scaler(&world, "ScaledObject", "scaler-primary");
    assert_eq!(primary.str("/spec/triggers/0/metadata/query"), "mine");
    assert_eq!(primary.str("/spec/triggers/1/metadata/query"), "podinfo");
}

#[test]
fn an_autoscaler_that_is_not_there_is_named_before_anything_is_scaled() {
    let mut world = with_scaler("HorizontalPodAutoscaler", &json!({}));
    world.objects.remove(&ObjectRef::new(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "test",
        "scaler",
    ));
    world.settle_down();
    let because = world.says();
    assert!(because.contains("HorizontalPodAutoscaler scaler"), "{because}");
    assert_eq!(world.replicas("podinfo"), 1);
}

#[test]
fn a_share_of_the_replicas_is_enough_where_the_canary_says_so() {
    use crate::canary::workload::Kind;
    use crate::canary::workload::Rollout;
    use crate::canary::workload::Terms;
    let table = [
        (3, 3, 100, true),
        (3, 2, 100, false),
        (3, 1, 50, true),
        (3, 0, 50, false),
        (4, 2, 50, true),
    ];
    for (updated, available, ready_pct, ready) in table {
        let deployment = Object(json!({"spec": {"replicas": updated},
            "status": {"replicas": updated, "updatedReplicas": updated, "availableReplicas": available}}));
        let set = Object(json!({"status": {"desiredNumberScheduled": updated,
            "updatedNumberScheduled": updated, "numberAvailable": available}}));
        let terms = Terms {
            ready_pct,
            deadline_s: 60,
            since: None,
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        for (kind, object) in [(Kind::Deployment, deployment), (Kind::DaemonSet, set)] {
            let is = kind.rollout(&object, terms) == Rollout::Ready;
            assert_eq!(is, ready, "{kind:?}: {available} of {updated} at {ready_pct}%");
        }
    }
}

#[test]
fn a_deployment_that_is_ready_enough_is_not_dead_for_being_unavailable() {
    let mut world = World::new();
    world.edit_canary("/spec/analysis/canaryReadyThreshold", json!(0));
    world.run_until(Phase::Initialized);
    world.settle_down();
    world.freeze("podinfo");
    world.set_image(NEWER);
    world.run_until_promoted(NEWER);
}

#[test]
fn without_analysis_a_revision_is_promoted_as_soon_as_it_is_ready_even_past_a_broken_primary() {
    let mut world = World::new();
    world.edit_canary("/spec/skipAnalysis", json!(true));
    world.run_until(Phase::Initialized);
    world.settle_down();
    world.weights.clear();
    world.freeze("podinfo-primary");
    // Nothing is measured: what the world checks is told so.
    world.analysed.push(NEWER.to_owned());
    world.set_image(NEWER);
    world.run_until(Phase::Promoting);
    assert_eq!(world.image("podinfo-primary"), NEWER);
    world.frozen.clear();
    world.run_until(Phase::Succeeded);
    assert!(
        world.weights.iter().all(|weight| *weight == 0),
        "{:?}",
        world.weights
    );
}

#[test]
fn a_suspended_canary_moves_nothing_in_the_middle_of_a_run() {
    let mut world = World::initialized();
    world.set_image(NEWER);
    world.run_until_weight(50);
    world.edit_canary("/spec/suspend", json!(true));
    world.written.clear();
    world.settle_down();
    world.set_image(GOOD);
    world.settle_down();
    assert_eq!(world.weight(), 50);
    assert!(
        world.written.iter().all(|name| name == "Canary/test/podinfo"),
        "{:?}",
        world.written
    );
    world.edit_canary("/spec/suspend", json!(false));
    world.settle_down();
    assert_eq!(world.weight(), 0);
}
