//! Flagger's load tester, as released, with recant: its gates hold and let go of a run and of a promotion, its tasks
//! run, what fails there fails the run, and its rollback gate rolls back. It serves one namespace only, which it reads
//! from what recant posts.

use crate::conformance::kube::Client as _;
use crate::files;
use crate::namespace::Parts;
use crate::process::Process;
use crate::report::On;
use crate::report::Trial;
use crate::stage::cluster::Cluster;
use crate::stage::recant;
use crate::stage::recant::Recant;
use crate::stage::room;
use crate::stage::within;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;
use std::fs;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

/// The load tester's port.
const PORT: u16 = 18099;
/// How long each phase may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(240);

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial {
        suite: "loadtester",
        check: "gates, tasks and the way back are heard".to_owned(),
        on: On::Real,
        parts: &["kubelite", "flagger"],
        long: true,
        run: Box::new(hear),
    }]
}

fn hear(parts: &Parts) {
    let room = room();
    let mut command = Command::new(parts.file("flagger", "loadtester"));
    command.args(["-port", &PORT.to_string(), "-log-level", "info"]);
    command.args(["-namespace-regexp", "^test$"]);
    let log = within(&room, "loadtester.log");
    let mut tester = Process::start("loadtester", &mut command, log.clone());
    tester.wait_for_port(PORT);
    let cluster = Cluster::start(parts);
    recant::install(&cluster);
    let text = fs::read_to_string(files::root().join("tests/real/loadtester.yaml")).unwrap();
    let text = text.replace("FOLDER", &room.path().display().to_string());
    files::documents(&text)
        .iter()
        .for_each(|object| cluster.http.apply(object));
    let _recant = Recant::start(&cluster, "http://127.0.0.1:1", "none", &[]);
    let released = |image: &str, phase: &str| {
        let before = revision(&canary(&cluster));
        release(&cluster, image);
        wait(&cluster, phase, |canary| revision(canary) != before)
    };
    wait(&cluster, "Initialized", |_| true);

    // Nothing goes on while the gate is shut: neither the run, nor at its end the promotion.
    released("example/podinfo:2", "Waiting");
    assert!(!within(&room, "accepted").exists());
    turn("/gate/open");
    wait(&cluster, "Progressing", |_| true);
    turn("/gate/close");
    wait(&cluster, "WaitingPromotion", |_| true);
    assert!(within(&room, "accepted").exists(), "{}", tester.tail());
    assert!(within(&room, "loaded").exists(), "{}", tester.tail());
    assert_eq!(image(&cluster, "podinfo-primary"), "example/podinfo:1");
    turn("/gate/open");
    wait(&cluster, "Succeeded", |_| true);
    assert_eq!(image(&cluster, "podinfo-primary"), "example/podinfo:2");

    // A task that fails is a failed check, with its name.
    fs::write(within(&room, "broken"), "").unwrap();
    let failed = released("example/podinfo:3", "Failed");
    assert!(failed.to_string().contains("acceptance test"), "{failed}");
    fs::remove_file(within(&room, "broken")).unwrap();

    // A person turns a run back.
    turn("/rollback/open");
    let failed = released("example/podinfo:4", "Failed");
    assert!(failed.to_string().contains("way back"), "{failed}");
    turn("/rollback/close");

    turn("/gate/close");
    released("example/podinfo:5", "Waiting");
    assert_eq!(image(&cluster, "podinfo-primary"), "example/podinfo:2");

    // What the load tester read from the payloads: whose gate it is, whose task, and what to do.
    let log = fs::read_to_string(log).unwrap();
    for line in [
        "podinfo.test gate check: approved false",
        "podinfo.test gate check: approved true",
        "rollback.podinfo.test rollback check: approved false",
        "rollback.podinfo.test rollback check: approved true",
        "bash command test ! -e",
        "somebody loads",
        r#""canary":"podinfo.test""#,
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
}

/// What a Deployment runs.
fn image(cluster: &Cluster, name: &str) -> String {
    let path = format!("/apis/apps/v1/namespaces/test/deployments/{name}");
    let deployment = Object(cluster.http.get(&path).unwrap_or_default());
    deployment
        .str("/spec/template/spec/containers/0/image")
        .to_owned()
}

fn release(cluster: &Cluster, image: &str) {
    let containers = json!([{ "name": "podinfo", "image": image }]);
    let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
    let path = "/apis/apps/v1/namespaces/test/deployments/podinfo";
    let headers = [("Content-Type", "application/strategic-merge-patch+json")];
    let answer = cluster.http.send("PATCH", path, &headers, &patch.to_string());
    assert_eq!(answer.status, 200);
}

/// Waits for this phase of the revision that is meant; the status then.
fn wait(cluster: &Cluster, phase: &str, is_meant: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + LONGEST;
    loop {
        let canary = canary(cluster);
        if canary["status"]["phase"] == phase && is_meant(&canary) {
            return canary["status"].clone();
        }
        assert!(Instant::now() < until, "never {phase}: {}", canary["status"]);
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn canary(cluster: &Cluster) -> Value {
    let path = "/apis/flagger.app/v1beta1/namespaces/test/canaries/podinfo";
    cluster.http.get(path).unwrap_or_default()
}

/// What tells one revision from another.
fn revision(canary: &Value) -> String {
    canary["status"]["analysis"]["templateHash"].to_string()
}

/// What a person does with curl.
fn turn(path: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let body = json!({ "name": "podinfo", "namespace": "test" });
    let request = reqwest::Client::new()
        .post(format!("http://127.0.0.1:{PORT}{path}"))
        .json(&body);
    let answer = runtime.block_on(request.send()).unwrap();
    assert_eq!(answer.status(), 202, "{path}");
}
