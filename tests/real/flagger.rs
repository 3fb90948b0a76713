//! Flagger beside recant: the same Canary, each on a control plane of its own, and what stands there after each phase,
//! field by field. What differs must be listed, with its reason, in `flagger.txt`; what is listed must differ.

use crate::files;
use crate::namespace::Parts;
use crate::process::Process;
use crate::report::On;
use crate::report::Trial;
use crate::stage::cluster::Cluster;
use crate::stage::flux::definitions;
use crate::stage::prometheus::Prometheus;
use crate::stage::recant;
use crate::stage::recant::Recant;
use crate::stage::room;
use crate::stage::within;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

/// How long each phase may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(240);

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial {
        suite: "flagger",
        check: "what differs after each phase is what flagger.txt lists".to_owned(),
        on: On::Real,
        parts: &["kubelite", "flagger", "prometheus", "crds"],
        long: true,
        run: Box::new(compare),
    }]
}

fn compare(parts: &Parts) {
    let theirs = phases(parts, |cluster| {
        let room = room();
        let mut command = Command::new(parts.file("flagger", "flagger"));
        command.arg("-kubeconfig").arg(cluster.kubeconfig());
        command.args([
            "-mesh-provider",
            "linkerd",
            "-metrics-server",
            "http://127.0.0.1:9090",
        ]);
        command.args(["-port", "28080", "-namespace", "test", "-log-level", "info"]);
        let process = Process::start("flagger", &mut command, within(&room, "flagger.log"));
        (process, room)
    });
    let ours = phases(parts, |cluster| {
        Recant::start(cluster, "http://127.0.0.1:1", "none")
    });
    let keys: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let mut found = BTreeSet::new();
    for key in keys {
        let (their, our) = (theirs.get(key), ours.get(key));
        if their != our {
            let show = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            println!("  {key}: {} with Flagger, {} with recant", show(their), show(our));
            found.insert(key.clone());
        }
    }
    let text = fs::read_to_string(files::root().join("tests/real/flagger.txt")).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let listed: BTreeSet<String> = lines
        .map(|line| line.split(" | ").next().unwrap().trim().to_owned())
        .collect();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(
        unlisted.is_empty() && gone.is_empty(),
        "not listed: {unlisted:#?}\nlisted, but the same: {gone:#?}"
    );
}

/// The fields of all objects after each phase, by `phase object path`.
fn phases<R>(parts: &Parts, run: impl FnOnce(&Cluster) -> R) -> BTreeMap<String, Value> {
    let cluster = Cluster::start(parts);
    recant::install(&cluster);
    for file in ["tests/real/trafficsplit.yaml", "tests/real/canary.yaml"] {
        let text = fs::read_to_string(files::root().join(file)).unwrap();
        files::documents(&text)
            .iter()
            .for_each(|object| cluster.http.apply(object));
    }
    definitions(parts, &cluster, "gateway-api");
    let _prometheus = Prometheus::start(parts, cluster.client());
    let _running = run(&cluster);
    let mut fields = BTreeMap::new();
    wait(&cluster, "Initialized");
    note(&cluster, "Initialized", &mut fields);
    let patch = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "podinfo", "image": "example/podinfo:2" }] } } } });
    let path = "/apis/apps/v1/namespaces/test/deployments/podinfo";
    let headers = [("Content-Type", "application/strategic-merge-patch+json")];
    use crate::conformance::kube::Client as _;
    assert_eq!(
        cluster
            .http
            .send("PATCH", path, &headers, &patch.to_string())
            .status,
        200
    );
    wait(&cluster, "Succeeded");
    note(&cluster, "Succeeded", &mut fields);
    fields
}

fn wait(cluster: &Cluster, phase: &str) {
    let path = "/apis/flagger.app/v1beta1/namespaces/test/canaries/podinfo";
    let until = Instant::now() + LONGEST;
    loop {
        let canary = cluster.http.get(path).unwrap_or_default();
        if canary["status"]["phase"] == phase {
            // What follows the phase is written after it.
            return std::thread::sleep(Duration::from_secs(3));
        }
        assert!(Instant::now() < until, "never {phase}: {}", canary["status"]);
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn note(cluster: &Cluster, phase: &str, fields: &mut BTreeMap<String, Value>) {
    for all in [
        "/apis/apps/v1/namespaces/test/deployments",
        "/api/v1/namespaces/test/services",
        "/apis/split.smi-spec.io/v1alpha2/namespaces/test/trafficsplits",
        "/apis/flagger.app/v1beta1/namespaces/test/canaries",
    ] {
        let kind = all.rsplit('/').next().unwrap();
        for mut item in cluster.http.list(all) {
            let name = item["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            // Of workloads the status is their controller's.
            if kind == "deployments" {
                item["status"] = Value::Null;
            }
            flatten(&item, &format!("{phase} {kind}/{name} "), fields);
        }
    }
}

/// What another run of the same would have otherwise.
const CHANGING: &[&str] = &[
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "clusterIP",
    "clusterIPs",
    "lastTransitionTime",
    "lastUpdateTime",
    "lastAppliedSpec",
    "lastPromotedSpec",
    "observedGeneration",
    "deployment.kubernetes.io/revision",
];

fn flatten(value: &Value, at: &str, fields: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !CHANGING.contains(&key.as_str())) {
                flatten(value, &format!("{at}.{key}"), fields);
            }
        }
        Value::Array(list) => {
            for (i, value) in list.iter().enumerate() {
                flatten(value, &format!("{at}[{i}]"), fields);
            }
        }
        Value::Null => {}
        other => drop(fields.insert(at.to_owned(), other.clone())),
    }
}
