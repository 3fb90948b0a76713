#![expect(clippy::unwrap_used, reason = "tests")]

use super::behaviour::Behaviour;
use super::behaviour::Fate;
use super::*;
use crate::clock;
use crate::condition;
use crate::traffic::topology::is_ready;

struct Bench {
    now: Timestamp,
    cluster: Cluster,
    workloads: Workloads,
    behaviours: Behaviours,
    trace: Vec<Happening>,
}

impl Bench {
    fn new() -> Self {
        let mut behaviours = Behaviours::default();
        for (image, fate) in [
            ("app:missing", Fate::NoImage),
            ("app:crashing", Fate::Crashes),
            ("app:unready", Fate::NeverReady),
        ] {
            let behaviour = Behaviour {
                fate,
                ..Behaviour::default()
            };
            behaviours.set(image, behaviour);
        }
        Self {
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            cluster: Cluster::new(),
            workloads: Workloads::new(1),
            behaviours,
            trace: Vec::new(),
        }
    }

    fn apply(&mut self, object: Value) {
        self.cluster
            .apply(self.now, "test", true, &Object(object))
            .unwrap();
    }

    fn run(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.now = clock::after(self.now, 1.0);
            self.workloads
                .step(self.now, &mut self.cluster, &self.behaviours, &mut self.trace);
            self.cluster.collect(self.now);
        }
    }

    fn get(&self, api_version: &str, kind: &str, name: &str) -> Object {
        self.cluster
            .get(&ObjectRef::new(api_version, kind, "default", name))
            .unwrap()
    }

    fn app(&self) -> Object {
        self.get("apps/v1", "Deployment", "app")
    }

    fn pods(&self) -> Vec<Object> {
        self.cluster.list("v1", "Pod", "default")
    }

    fn reason(&self, kind: &str) -> String {
        let app = self.app();
        let condition = condition::find(&app, kind).unwrap();
        format!(
            "{} {}",
            condition["status"].as_str().unwrap(),
            condition["reason"].as_str().unwrap()
        )
    }
}

fn deployment(image: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "app", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": "app"}},
            "template": {
                "metadata": {"labels": {"app": "app"}},
                "spec": {"containers": [{
                    "name": "app", "image": image, "ports": [{"name": "http", "containerPort": 9898}],
                }]},
            },
        },
    })
}

fn counts_of(app: &Object) -> [i64; 5] {
    [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
    ]
    .map(|field| app.int(&format!("/status/{field}")).unwrap_or(0))
}

#[test]
fn a_new_deployment_becomes_available_and_says_so() {
    let mut bench = Bench::new();
    bench.apply(deployment("app:1", 2));
    bench.run(1);
    assert_eq!(counts_of(&bench.app()), [2, 2, 0, 0, 2]);
    assert_eq!(bench.reason("Available"), "False MinimumReplicasUnavailable");
    assert!(
        bench
            .pods()
            .iter()
            .all(|pod| pod.str("/status/phase") == "Pending")
    );
    bench.run(5);
    let app = bench.app();
    assert_eq!(counts_of(&app), [2, 2, 2, 2, 0]);
    assert_eq!(app.int("/status/observedGeneration"), Some(app.generation()));
    assert_eq!(bench.reason("Available"), "True MinimumReplicasAvailable");
    assert_eq!(bench.reason("Progressing"), "True NewReplicaSetAvailable");
    assert_eq!(app.annotation("deployment.kubernetes.io/revision"), Some("1"));
    let sets = bench.cluster.list("apps/v1", "ReplicaSet", "default");
    let hash = sets[0].label("pod-template-hash").unwrap().to_owned();
    assert_eq!(sets[0].name(), format!("app-{hash}"));
    for pod in bench.pods() {
        assert!(pod.name().starts_with(&format!("app-{hash}-")), "{}", pod.name());
        assert_eq!(pod.label("pod-template-hash"), Some(hash.as_str()));
        assert_eq!(pod.str("/status/phase"), "Running");
        assert!(pod.str("/status/podIP").starts_with("10.244."));
        assert_eq!(pod.at("/status/containerStatuses/0/ready"), Some(&json!(true)));
        assert!(is_ready(&pod));
    }
    assert_eq!(bench.trace.len(), 1);
    assert_eq!(
        bench.trace[0].what.to_string(),
        "Deployment default/app runs app:1"
    );
}

#[test]
fn a_new_image_rolls_over_without_losing_availability_and_going_back_reuses_the_replica_set() {
    let mut bench = Bench::new();
    bench.apply(deployment("app:1", 4));
    bench.run(6);
    bench.apply(deployment("app:2", 4));
    for _ in 0..30 {
        bench.run(1);
        let [replicas, _, _, available, _] = counts_of(&bench.app());
        assert!(
            (3..=5).contains(&available) && replicas <= 5,
            "{replicas} {available}"
        );
    }
    assert_eq!(counts_of(&bench.app()), [4, 4, 4, 4, 0]);
    assert!(
        bench
            .pods()
            .iter()
            .all(|pod| pod.str("/spec/containers/0/image") == "app:2")
    );
    let app = bench.app();
    assert_eq!(app.annotation("deployment.kubernetes.io/revision"), Some("2"));
    bench.apply(deployment("app:1", 4));
    bench.run(30);
    assert_eq!(bench.cluster.list("apps/v1", "ReplicaSet", "default").len(), 2);
    let app = bench.app();
    assert_eq!(app.annotation("deployment.kubernetes.io/revision"), Some("3"));
    assert_eq!(bench.reason("Progressing"), "True NewReplicaSetAvailable");
    assert_eq!(bench.trace.len(), 3);
}

#[test]
fn images_that_do_not_come_up_exceed_the_deadline_while_the_old_pods_stay() {
    for (image, waits_for) in [
        ("app:missing", "ImagePullBackOff"),
        ("app:crashing", "CrashLoopBackOff"),
        ("app:unready", ""),
    ] {
        let mut bench = Bench::new();
        bench.apply(deployment("app:1", 1));
        bench.run(6);
        bench.apply(deployment(image, 1));
        bench.run(30);
        assert_eq!(bench.reason("Progressing"), "True ReplicaSetUpdated", "{image}");
        assert_eq!(counts_of(&bench.app()), [2, 1, 1, 1, 1], "{image}");
        bench.run(40);
        assert_eq!(
            bench.reason("Progressing"),
            "False ProgressDeadlineExceeded",
            "{image}"
        );
        assert_eq!(bench.reason("Available"), "True MinimumReplicasAvailable");
        let pods = bench.pods();
        let bad = pods
            .iter()
            .find(|pod| pod.str("/spec/containers/0/image") == image)
            .unwrap();
        let reason = bad.str("/status/containerStatuses/0/state/waiting/reason");
        assert_eq!(reason, waits_for);
        let told = bench
            .trace
            .iter()
            .filter(|h| h.what.to_string().contains("does not become"));
        assert_eq!(told.count(), 1, "{image}");
        bench.apply(deployment("app:1", 1));
        bench.run(5);
        assert_eq!(
            bench.reason("Progressing"),
            "True NewReplicaSetAvailable",
            "{image}"
        );
        assert_eq!(counts_of(&bench.app()), [1, 1, 1, 1, 0], "{image}");
    }
}

#[test]
fn a_crashing_container_is_restarted_ever_more_rarely() {
    let mut bench = Bench::new();
    bench.apply(deployment("app:crashing", 1));
    let restarts = |bench: &Bench| {
        bench.pods()[0]
            .int("/status/containerStatuses/0/restartCount")
            .unwrap()
    };
    bench.run(12);
    assert_eq!(restarts(&bench), 1);
    bench.run(20);
    assert_eq!(restarts(&bench), 2);
    bench.run(60);
    assert_eq!(restarts(&bench), 3);
}

#[test]
fn scaling_to_zero_and_back_keeps_the_replica_set() {
    let mut bench = Bench::new();
    bench.apply(deployment("app:1", 2));
    bench.run(6);
    bench.apply(deployment("app:1", 0));
    bench.run(2);
    assert!(bench.pods().is_empty());
    assert_eq!(counts_of(&bench.app()), [0, 0, 0, 0, 0]);
    bench.apply(deployment("app:1", 1));
    bench.run(5);
    assert_eq!(counts_of(&bench.app()), [1, 1, 1, 1, 0]);
    assert_eq!(bench.cluster.list("apps/v1", "ReplicaSet", "default").len(), 1);
}

#[test]
fn deleting_a_deployment_takes_its_replica_sets_and_pods_along() {
    let mut bench = Bench::new();
    bench.apply(deployment("app:1", 2));
    bench.run(6);
    let app = bench.app();
    let delete = Write::Delete {
        name: app.reference(),
        uid: app.uid().to_owned(),
    };
    bench.cluster.write(bench.now, "test", &delete).unwrap();
    bench.run(3);
    assert!(bench.cluster.list("apps/v1", "ReplicaSet", "default").is_empty());
    assert!(bench.pods().is_empty());
}

#[test]
fn a_pod_waits_for_a_config_map_that_is_not_there() {
    let mut bench = Bench::new();
    let mut wanted = deployment("app:1", 1);
    wanted["spec"]["template"]["spec"]["containers"][0]["envFrom"] =
        json!([{"configMapRef": {"name": "settings"}}]);
    bench.apply(wanted);
    bench.run(5);
    let pod = bench.pods().remove(0);
    let waiting = "/status/containerStatuses/0/state/waiting";
    assert_eq!(
        pod.str(&format!("{waiting}/reason")),
        "CreateContainerConfigError"
    );
    assert_eq!(
        pod.str(&format!("{waiting}/message")),
        "configmap \"settings\" not found"
    );
    bench.apply(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"},
    }));
    bench.run(2);
    assert!(is_ready(&bench.pods()[0]));
}

#[test]
fn services_get_slices_of_the_pods_behind_them() {
    let mut bench = Bench::new();
    bench.apply(deployment("app:1", 2));
    bench.apply(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "app", "namespace": "default"},
        "spec": {"selector": {"app": "app"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }));
    bench.run(6);
    let slices = bench
        .cluster
        .list("discovery.k8s.io/v1", "EndpointSlice", "default");
    assert_eq!(slices.len(), 1);
    assert_eq!(slices[0].label("kubernetes.io/service-name"), Some("app"));
    assert_eq!(slices[0].int("/ports/0/port"), Some(9898));
    let endpoints = slices[0].at("/endpoints").and_then(Value::as_array).unwrap();
    assert_eq!(endpoints.len(), 2);
    assert!(
        endpoints
            .iter()
            .all(|endpoint| endpoint["conditions"]["ready"] == true)
    );
    let version = bench.cluster.resource_version();
    bench.run(5);
    assert_eq!(
        bench.cluster.resource_version(),
        version,
        "a settled cluster is written to no more"
    );
}

#[test]
fn what_the_api_server_refuses_is_told_once() {
    let mut bench = Bench::new();
    let mut wanted = deployment("app:1", 1);
    // With the template's hash behind it, the ReplicaSet's name is too long.
    wanted["metadata"]["name"] = json!("a".repeat(250));
    bench.apply(wanted);
    bench.run(5);
    let told: Vec<String> = bench.trace.iter().map(|h| h.what.to_string()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("kube-controller-manager may not write ReplicaSet/"),
        "{told:?}"
    );
}

#[test]
fn a_daemon_set_runs_one_pod_and_an_odd_node_selector_keeps_it_away() {
    let mut bench = Bench::new();
    let set = |selector: Value| {
        json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"name": "agent", "namespace": "default"},
            "spec": {
                "selector": {"matchLabels": {"app": "agent"}},
                "template": {
                    "metadata": {"labels": {"app": "agent"}},
                    "spec": {"nodeSelector": selector, "containers": [{"name": "agent", "image": "agent:1"}]},
                },
            },
        })
    };
    bench.apply(set(json!({})));
    bench.run(5);
    let agent = bench.get("apps/v1", "DaemonSet", "agent");
    assert_eq!(agent.int("/status/desiredNumberScheduled"), Some(1));
    assert_eq!(agent.int("/status/numberReady"), Some(1));
    bench.apply(set(json!({"flagger.app/scale-to-zero": "true"})));
    bench.run(5);
    assert!(bench.pods().is_empty());
    let agent = bench.get("apps/v1", "DaemonSet", "agent");
    assert_eq!(agent.int("/status/desiredNumberScheduled"), Some(0));
}

#[test]
fn an_hpa_holds_what_runs_between_its_bounds_and_a_scaled_object_what_it_is_told() {
    let mut bench = Bench::new();
    bench.apply(deployment("app:1", 1));
    let hpa = |least: i64| {
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
               "metadata": {"name": "app", "namespace": "default"},
               "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
                        "minReplicas": least, "maxReplicas": 5}})
    };
    bench.apply(hpa(3));
    bench.run(5);
    assert_eq!(bench.app().int("/spec/replicas"), Some(3));
    let name = bench.app().reference();
    let patch = json!({"spec": {"replicas": 0}});
    let write = Write::Patch {
        name,
        resource_version: String::new(),
        patch,
    };
    bench.cluster.write(bench.now, "test", &write).unwrap();
    bench.run(5);
    assert_eq!(bench.app().int("/spec/replicas"), Some(0), "at zero it is idle");
}

#[test]
fn a_pod_behaves_by_the_config_it_read_when_it_started() {
    let mut bench = Bench::new();
    let slow = Behaviour {
        success_pct: 50.0,
        ..Behaviour::default()
    };
    bench.behaviours.set_config("mode: new", slow);
    let config = |mode: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"},
               "data": {"k": format!("mode: {mode}")}})
    };
    bench.apply(config("new"));
    let mut app = deployment("app:1", 1);
    app["spec"]["template"]["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "c"}}]);
    bench.apply(app);
    bench.run(5);
    bench.apply(config("old"));
    bench.run(5);
    let word = |bench: &Bench| bench.pods()[0].annotation(CONFIG).unwrap_or_default().to_owned();
    assert_eq!(word(&bench), "mode: new", "what it read at its start");
    let image = Behaviours::configured("app:1", &word(&bench));
    assert_eq!(bench.behaviours.of(&image).success_pct, 50.0);
    assert_eq!(bench.behaviours.of("app:1").success_pct, 100.0);
}
