#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::clock;
use crate::gauge::Value;
use crate::git::Content;
use crate::git::MemoryGit;
use crate::git::NewCommit;
use crate::traffic::Tally;
use crate::workload::behaviour::Behaviour;
use recant_core::effect::Write;
use recant_core::object::ObjectRef;
use recant_render::Tree;
use serde_json::Value as Json;

const FILES: &str = "//- /clusters/demo/kustomization.yaml
resources:
  - app.yaml
//- /clusters/demo/app.yaml
apiVersion: v1
kind: Namespace
metadata:
  name: test
---
apiVersion: v1
kind: Service
metadata:
  name: podinfo
  namespace: test
spec:
  selector:
    app: podinfo
  ports:
    - name: http
      port: 9898
      targetPort: http
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: podinfo
  namespace: test
spec:
  replicas: 2
  selector:
    matchLabels:
      app: podinfo
  template:
    metadata:
      labels:
        app: podinfo
    spec:
      containers:
        - name: podinfo
          image: podinfo:IMAGE
          ports:
            - name: http
              containerPort: 9898
";

fn commit(world: &mut World, message: &str, image: &str) -> String {
    let date_s = world.now().as_second();
    let git = world.repos.get_mut("acme/fleet").unwrap();
    let head = git.head("main");
    let new = NewCommit {
        parents: head.clone().into_iter().collect(),
        content: Content::Tree(Tree::fixture(&FILES.replace("IMAGE", image))),
        author: "Dev".to_owned(),
        email: "dev@example.com".to_owned(),
        message: message.to_owned(),
        date_s,
    };
    let id = git.commit(&new).unwrap();
    git.set_branch("main", head.as_deref(), Some(&id)).unwrap();
    id
}

fn world(seed: u64) -> World {
    let mut world = World::new(seed, "2026-01-01T00:00:00Z".parse().unwrap());
    world
        .repos
        .insert("acme/fleet".to_owned(), Box::new(MemoryGit::new("main")));
    commit(&mut world, "first", "1");
    let url = world.forge.url_of("acme/fleet").0;
    world.bootstrap(&url, "main", "./clusters/demo").unwrap();
    world
}

fn run(world: &mut World, seconds: u32) {
    let to = clock::after(world.now(), f64::from(seconds));
    world.advance(to);
}

fn success(world: &World) -> f64 {
    let query = "sum(rate(response_total{deployment=\"podinfo\",classification!=\"failure\"}[1m])) \
                 / sum(rate(response_total{deployment=\"podinfo\"}[1m])) * 100";
    match world.gauge.query(query, world.now()).unwrap() {
        Value::Vector(points) => points[0].value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_commit_becomes_pods_and_the_pods_become_numbers() {
    let mut world = world(1);
    let bad = Behaviour {
        success_pct: 20.0,
        ..Behaviour::default()
    };
    world.behaviours.set("podinfo:2", bad);
    run(&mut world, 90);
    assert_eq!(success(&world), 100.0);
    assert_eq!(world.traffic.tally("test", "podinfo").bad, 0);
    commit(&mut world, "second", "2");
    run(&mut world, 140);
    assert!((success(&world) - 20.0).abs() < 5.0, "{}", success(&world));
    let told: Vec<&str> = world
        .trace
        .iter()
        .map(|happening| match happening.what {
            crate::trace::What::Fetched { .. } => "fetched",
            crate::trace::What::Applied { .. } => "applied",
            crate::trace::What::RolledOut { .. } => "rolled out",
            _ => "else",
        })
        .collect();
    assert_eq!(
        told,
        [
            "fetched",
            "applied",
            "rolled out",
            "fetched",
            "applied",
            "rolled out"
        ]
    );
}

#[test]
fn a_rolling_update_loses_no_request() {
    let mut world = world(1);
    run(&mut world, 20);
    let lost = |world: &World| world.traffic.tally("test", "podinfo").lost;
    let before = lost(&world);
    assert!(before > 0, "nothing was ready at first");
    commit(&mut world, "second", "2");
    run(&mut world, 120);
    assert_eq!(lost(&world), before);
}

#[test]
fn the_same_seed_makes_the_same_world_however_time_is_cut() {
    let story = |seed: u64, steps: &[u32]| {
        let mut world = world(seed);
        for step in steps {
            run(&mut world, *step);
        }
        let pods: Vec<String> = world
            .cluster
            .list("v1", "Pod", "")
            .iter()
            .map(|pod| pod.name().to_owned())
            .collect();
        let (_, numbers) = world.gauge.handle("response_latency_ms_sum", world.now());
        (pods, numbers.to_string())
    };
    let whole = story(1, &[100]);
    assert_eq!(whole, story(1, &[1, 9, 30, 60]));
    assert_ne!(whole, story(2, &[100]));
}

#[test]
fn a_mirror_is_another_url_of_the_same_repository() {
    let mut world = world(1);
    let url = "ssh://git@github.com/acme/elsewhere";
    world.mirrors.insert(url.to_owned(), "acme/fleet".to_owned());
    world.bootstrap(url, "main", "./clusters/demo").unwrap();
    run(&mut world, 20);
    let podinfo = ObjectRef::new("apps/v1", "Deployment", "test", "podinfo");
    assert!(world.cluster.get(&podinfo).is_some());
}

#[test]
fn pods_that_are_gone_leave_the_metrics() {
    let mut world = world(1);
    run(&mut world, 60);
    let podinfo = ObjectRef::new("apps/v1", "Deployment", "test", "podinfo");
    let write = Write::Patch {
        name: podinfo,
        resource_version: String::new(),
        patch: json!({"spec": {"replicas": 0}}),
    };
    world.cluster.write(world.now(), "test", &write).unwrap();
    run(&mut world, 10);
    let up = world.gauge.query("count(request_total)", world.now()).unwrap();
    assert_eq!(up, Value::Vector(vec![]));
    assert_ne!(world.traffic.tally("test", "podinfo"), Tally::default());
}

#[test]
fn routes_and_splits_in_the_cluster_are_accepted_and_followed() {
    let halves = |world: &mut World| {
        for (name, app) in [("podinfo-primary", "podinfo"), ("podinfo-canary", "canary")] {
            let service = json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "test"},
                "spec": {"selector": {"app": app}, "ports": [{"port": 9898}]},
            });
            let mut canary = world
                .cluster
                .get(&ObjectRef::new("apps/v1", "Deployment", "test", "podinfo"))
                .unwrap();
            canary.0["metadata"] = json!({"name": app, "namespace": "test"});
            canary.set("/spec/selector/matchLabels/app", json!(app));
            canary.set("/spec/template/metadata/labels/app", json!(app));
            canary.0.as_object_mut().unwrap().remove("status");
            let now = world.now();
            for object in [Object(service), canary] {
                world.cluster.apply(now, "test", true, &object).unwrap();
            }
        }
    };
    let route = |version: &str, weights: [i64; 2]| {
        json!({
            "apiVersion": format!("gateway.networking.k8s.io/{version}"), "kind": "HTTPRoute",
            "metadata": {"name": "podinfo", "namespace": "test"},
            "spec": {
                "parentRefs": [{"group": "core", "kind": "Service", "name": "podinfo", "port": 9898}],
                "rules": [{"backendRefs": [
                    {"name": "podinfo-primary", "port": 9898, "weight": weights[0]},
                    {"name": "podinfo-canary", "port": 9898, "weight": weights[1]},
                ]}],
            },
        })
    };
    let split = |version: &str, weights: [Json; 2]| {
        json!({
            "apiVersion": format!("split.smi-spec.io/{version}"), "kind": "TrafficSplit",
            "metadata": {"name": "podinfo", "namespace": "test"},
            "spec": {"service": "podinfo", "backends": [
                {"service": "podinfo-primary", "weight": weights[0]},
                {"service": "podinfo-canary", "weight": weights[1]},
            ]},
        })
    };
    for object in [
        route("v1", [90, 10]),
        route("v1beta1", [90, 10]),
        split("v1alpha1", [json!("90"), json!("10")]),
        split("v1alpha2", [json!(90), json!(10)]),
    ] {
        let mut world = world(1);
        world.install_mesh().unwrap();
        run(&mut world, 10);
        halves(&mut world);
        let object = Object(object);
        let name = object.reference();
        world.cluster.apply(world.now(), "test", true, &object).unwrap();
        run(&mut world, 190);
        let share = "sum(increase(request_total{deployment=\"canary\"}[1m])) \
                     / sum(increase(request_total[1m])) * 100";
        let Value::Vector(points) = world.gauge.query(share, world.now()).unwrap() else {
            panic!("{share}");
        };
        assert!(
            (points[0].value - 10.0).abs() < 0.5,
            "{name}: {}",
            points[0].value
        );
        if name.kind == "HTTPRoute" {
            let route = world.cluster.get(&name).unwrap();
            let accepted = route.at("/status/parents/0/conditions/0").unwrap();
            assert_eq!(accepted["type"], "Accepted");
            assert_eq!(accepted["observedGeneration"], route.generation());
        }
    }
}
