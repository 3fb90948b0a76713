//! Flagger beside recant: the same Canary, each on a control plane of its own, and what stands there after each phase,
//! field by field. What differs must be listed, with its reason, in `flagger.txt`; what is listed must differ.

mod handed;

use crate::conformance::kube::Client as _;
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
use tempfile::TempDir;

/// How long each phase may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(240);

const CANARY: &str = "/apis/flagger.app/v1beta1/namespaces/test/canaries/podinfo";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |check: &str, run: fn(&Parts)| Trial {
        suite: "flagger",
        check: check.to_owned(),
        on: On::Real,
        parts: &["kubelite", "flagger", "prometheus", "crds"],
        long: true,
        run: Box::new(run),
    };
    vec![
        trial("what differs after each phase is what flagger.txt lists", compare),
        trial(
            "recant takes over from Flagger and hands back, without a restart",
            handed::to_and_fro,
        ),
    ]
}

/// A running Flagger.
struct Flagger {
    _process: Process,
    _room: TempDir,
}

impl Flagger {
    fn start(parts: &Parts, cluster: &Cluster) -> Self {
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
        Self {
            _process: process,
            _room: room,
        }
    }
}

/// recant, without a forge.
fn recant_on(cluster: &Cluster) -> Recant {
    Recant::start(cluster, "http://127.0.0.1:1", "none", &[])
}

fn compare(parts: &Parts) {
    let theirs = phases(parts, |cluster| Flagger::start(parts, cluster));
    let ours = phases(parts, recant_on);
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
    let listed: Vec<&str> = lines
        .map(|line| {
            line.split_once(" | ")
                .expect("a difference has its reason")
                .0
                .trim()
        })
        .collect();
    let matches = |listed: &str, key: &str| matches(listed.trim_start_matches("? "), key);
    let is_listed = |key: &String| listed.iter().any(|pattern| matches(pattern, key));
    let unlisted: Vec<_> = found.iter().filter(|key| !is_listed(key)).collect();
    let is_gone =
        |pattern: &&&str| !pattern.starts_with("? ") && !found.iter().any(|key| matches(pattern, key));
    let gone: Vec<_> = listed.iter().filter(is_gone).collect();
    assert!(
        unlisted.is_empty() && gone.is_empty(),
        "not listed: {unlisted:#?}\nlisted, but the same: {gone:#?}"
    );
}

/// Whether a text is as the pattern says, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|after| {
            let ends = after.char_indices().map(|(at, _)| at).chain([after.len()]);
            ends.into_iter().any(|at| matches(rest, &after[at..]))
        }),
    }
}

/// The fields of all objects after each phase, by `phase object path`.
fn phases<R>(parts: &Parts, run: impl FnOnce(&Cluster) -> R) -> BTreeMap<String, Value> {
    let (cluster, _prometheus) = stage(parts);
    let _running = run(&cluster);
    let mut fields = BTreeMap::new();
    let mut after = |phase: &str, pointer: &str, value: Value| {
        wait(&cluster, pointer, &value);
        note(&cluster, phase, &mut fields);
    };
    after("Initialized", "/status/phase", json!("Initialized"));
    release(&cluster, "example/podinfo:2");
    after("Progressing", "/status/canaryWeight", json!(25));
    after("Succeeded", "/status/phase", json!("Succeeded"));
    let bad = json!({ "spec": { "query": "vector(0)" } });
    let template = "/apis/flagger.app/v1beta1/namespaces/test/metrictemplates/ok";
    cluster.http.must("PATCH", template, &bad);
    release(&cluster, "example/podinfo:3");
    after("Failed", "/status/phase", json!("Failed"));
    for event in cluster.http.list("/api/v1/namespaces/test/events") {
        if event["involvedObject"]["kind"] == "Canary" {
            let words = event["message"].as_str().unwrap_or_default();
            fields.insert(format!("event {words}"), event["type"].clone());
        }
    }
    fields
}

/// A control plane with the Canary, and a Prometheus, which must end first.
fn stage(parts: &Parts) -> (Cluster, Prometheus) {
    let cluster = Cluster::start(parts);
    recant::install(&cluster);
    for file in ["tests/real/trafficsplit.yaml", "tests/real/canary.yaml"] {
        let text = fs::read_to_string(files::root().join(file)).unwrap();
        files::documents(&text)
            .iter()
            .for_each(|object| cluster.http.apply(object));
    }
    definitions(parts, &cluster, "gateway-api");
    let prometheus = Prometheus::start(parts, cluster.client());
    (cluster, prometheus)
}

fn release(cluster: &Cluster, image: &str) {
    let container = json!({ "name": "podinfo", "image": image });
    let patch = json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
    let path = "/apis/apps/v1/namespaces/test/deployments/podinfo";
    let headers = [("Content-Type", "application/strategic-merge-patch+json")];
    let answer = cluster.http.send("PATCH", path, &headers, &patch.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Waits until the Canary says so.
fn wait(cluster: &Cluster, pointer: &str, value: &Value) {
    let until = Instant::now() + LONGEST;
    loop {
        let canary = cluster.http.get(CANARY).unwrap_or_default();
        if canary.pointer(pointer) == Some(value) {
            // What follows it is written after it.
            return std::thread::sleep(Duration::from_secs(3));
        }
        assert!(
            Instant::now() < until,
            "{pointer} never {value}: {}",
            canary["status"]
        );
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
