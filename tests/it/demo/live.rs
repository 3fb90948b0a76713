//! A demo that runs: being interrupted, and `recant run` beside it.

use crate::demo::api::Api;
use crate::demo::program::Program;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(60);

/// Up to the open pull request; then it stays as it is.
const STORY: &str = "image ghcr.io/stefanprodan/podinfo:6.8.0 success 71 latency 40\n\
    expect canary test/podinfo phase Initialized\n\
    commit \"podinfo 6.8.0\"\n  \
      replace apps/my-cluster/kustomization.yaml \"newTag: 6.7.0\" \"newTag: 6.8.0\"\n\
    expect pull open within 10m\n\
    wait 5h\n";

fn is_recants(line: &Value, reason: &str) -> bool {
    line["source"] == "recant" && line["why"]["reason"] == reason
}

#[test]
fn ctrl_c_ends_a_demo_at_once_and_leaves_nothing() {
    let mut running = Program::new(&["demo", "--yes", "--json"]).start();
    running.wait_for(LONGEST, |line| is_recants(line, "Initialized"));
    running.interrupt();
    let ran = running.end(Duration::from_secs(10));
    assert_eq!(ran.code, Some(130), "{}", ran.tail());
    ran.left_nothing();
}

#[test]
fn a_cluster_that_does_not_answer_is_one_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("kubeconfig");
    std::fs::write(
        &config,
        "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters:\n- name: x\n  cluster:\n    \
         server: http://127.0.0.1:1\ncontexts:\n- name: x\n  context:\n    cluster: x\n    user: x\nusers:\n- name: x\n  \
         user: {}\n",
    )
    .unwrap();
    let config = config.display().to_string();
    let ran = Program::new(&["run", "--kubeconfig", &config, "--listen", "127.0.0.1:0"]).run(LONGEST);
    assert_eq!(ran.code, Some(1), "{}", ran.tail());
    let errors: Vec<_> = ran.stderr.lines().filter(|line| line.contains('✗')).collect();
    assert_eq!(errors.len(), 1, "{}", ran.stderr);
    assert!(
        errors[0].contains("cluster") && errors[0].contains("127.0.0.1:1"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_dry_run_says_what_it_would_do_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let story = dir.path().join("story.txt");
    std::fs::write(&story, STORY).unwrap();
    let story = story.display().to_string();
    let mut demo = Program::new(&["demo", "--yes", "--json", "--speed", "20", "--play", &story]).start();
    let places = demo.wait_for(LONGEST, |line| line["kubeconfig"].is_string());
    demo.wait_for(LONGEST, |line| is_recants(line, "Proposed"));

    let api = Api::of(places["kubeconfig"].as_str().unwrap());
    let before = api.settled();
    let cache = dir.path().join("cache").display().to_string();
    let mut dry = Program::new(&[
        "run",
        "--dry-run",
        "--kubeconfig",
        places["kubeconfig"].as_str().unwrap(),
        "--metrics-server",
        places["metrics"].as_str().unwrap(),
        "--cache-dir",
        &cache,
        "--listen",
        "127.0.0.1:0",
    ])
    .start();
    // Its name for the cluster is another one: it would add its evidence to the pull request.
    dry.wait_for_error(LONGEST, "would comment on pull request");
    assert_eq!(api.versions(), before);
    recants_token_is_told_to_nobody(&api, &places);
    dry.stop();
    demo.stop();
}

/// Neither pull requests nor commit statuses hold recant's credential for the forge.
fn recants_token_is_told_to_nobody(api: &Api, places: &Value) {
    use base64::Engine as _;
    let secrets = api.list("api/v1/namespaces/recant-system/secrets");
    let encoded = secrets[0]["data"]["token"].as_str().unwrap();
    let token = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    let token = String::from_utf8(token).unwrap();
    assert!(token.len() >= 20);
    let pages = places["pages"].as_str().unwrap();
    let forge = pages.trim_end_matches("/demo/fleet/pulls");
    let repo = format!("{forge}/api/v1/repos/demo/fleet");
    let pulls = api.text(&format!("{repo}/pulls"));
    let statuses = api.text(&format!("{repo}/commits/main/statuses"));
    for told in [pulls, statuses, api.text(pages)] {
        assert!(told.contains("podinfo"), "{told}");
        assert!(!told.contains(&token), "{told}");
    }
}

/// What recant writes to.
const WRITTEN: [&str; 6] = [
    "apis/flagger.app/v1beta1/canaries",
    "apis/recant.dev/v1alpha1/baselines",
    "apis/recant.dev/v1alpha1/reverts",
    "apis/apps/v1/deployments",
    "apis/split.smi-spec.io/v1alpha1/trafficsplits",
    "api/v1/services",
];

impl Api {
    /// The resourceVersion of everything recant writes to.
    fn versions(&self) -> BTreeMap<String, String> {
        let objects = WRITTEN.iter().flat_map(|path| {
            let of = |object: Value| {
                let meta = &object["metadata"];
                let name = format!("{path} {} {}", meta["namespace"], meta["name"]);
                (name, meta["resourceVersion"].to_string())
            };
            self.list(path).into_iter().map(of).collect::<Vec<_>>()
        });
        objects.collect()
    }

    /// The same, once the demo's own recant has nothing to write any more.
    fn settled(&self) -> BTreeMap<String, String> {
        let mut before = self.versions();
        for _ in 0..20 {
            std::thread::sleep(Duration::from_secs(1));
            let now = self.versions();
            if now == before {
                return now;
            }
            before = now;
        }
        panic!("the demo's own recant does not come to rest")
    }
}
