//! A person's verbs through the program, on a demo that runs; and what waits for a release with kubectl.

use crate::demo::api::Api;
use crate::demo::program::Program;
use crate::demo::program::Ran;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

const LONGEST: Duration = Duration::from_secs(90);

const STORY: &str = "expect canary test/podinfo phase Initialized within 3m\n\
    commit \"podinfo 6.7.1\"\n  \
      replace apps/my-cluster/kustomization.yaml \"newTag: 6.7.0\" \"newTag: 6.7.1\"\n\
    wait 5h\n";

/// The Canary of a demo, and a person with recant and kubectl.
struct Person {
    api: Api,
    kubeconfig: String,
}

impl Person {
    fn canary(&self) -> Value {
        self.api.named("apis/flagger.app/v1beta1/canaries", "podinfo")
    }

    /// Waits until the Canary is so.
    fn sees(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + LONGEST;
        loop {
            let status = self.canary()["status"].take();
            if is_so(&status) {
                return status;
            }
            assert!(Instant::now() < until, "{what} never came: {status}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn runs(&self, args: &[&str]) -> Ran {
        let access = ["--kubeconfig", &self.kubeconfig, "--by", "dana"];
        Program::new(&[args, &access].concat()).run(LONGEST)
    }

    fn asks(&self, verb: &str, reason: &str) {
        let ran = self.runs(&[verb, "test/podinfo", "--reason", reason]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let asked = format!("asked to {verb} test/podinfo: ");
        let why = format!(" by dana: {reason}\n");
        assert!(
            ran.stderr.contains(&asked) && ran.stderr.ends_with(&why),
            "{}",
            ran.stderr
        );
    }

    fn resumes(&self) {
        let ran = self.runs(&["resume", "test/podinfo"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }

    /// `kubectl wait --for=condition=…`, as people's pipelines do; not where there is no kubectl.
    fn waits_for(&self, condition: &str) {
        let wait = format!("--for=condition={condition}");
        let mut command = Command::new("kubectl");
        command.env("KUBECONFIG", &self.kubeconfig);
        command.args(["wait", "canary/podinfo", "-n", "test", &wait, "--timeout=60s"]);
        match command.output() {
            Err(error) => eprintln!("skipped: kubectl: {error}"),
            Ok(output) => assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }
}

fn weight(status: &Value) -> i64 {
    status["canaryWeight"].as_i64().unwrap_or_default()
}

/// What the condition `Ready` says.
fn says(status: &Value) -> &str {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
    ready
        .next()
        .and_then(|ready| ready["message"].as_str())
        .unwrap_or_default()
}

#[test]
fn a_person_pauses_aborts_retries_and_promotes_by_the_program_and_kubectl_hears_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let story = dir.path().join("story.txt");
    std::fs::write(&story, STORY).unwrap();
    let story = story.display().to_string();
    let mut demo = Program::new(&["demo", "--yes", "--json", "--speed", "10", "--play", &story]).start();
    let places = demo.wait_for(LONGEST, |line| line["kubeconfig"].is_string());
    let kubeconfig = places["kubeconfig"].as_str().unwrap().to_owned();
    let person = Person {
        api: Api::of(&kubeconfig),
        kubeconfig,
    };

    person.sees("a weight", |status| weight(status) > 0);
    person.asks("pause", "lunch");
    let held = person.sees("the pause", |status| says(status).contains("lunch"));
    person.resumes();
    person.sees("a greater weight", |status| weight(status) > weight(&held));

    person.asks("pause", "a look at the logs");
    person.sees("the second pause", |status| {
        says(status).contains("a look at the logs")
    });
    person.asks("abort", "the pager rang");
    let failed = person.sees("the end", |status| status["phase"] == "Failed");
    assert_eq!(weight(&failed), 0);
    assert!(
        failed["lastHandledVerbs"]["abort"]
            .as_str()
            .unwrap()
            .ends_with(" by dana: the pager rang")
    );
    person.waits_for("promoted=false");

    person.resumes();
    person.asks("retry", "it was the network");
    person.sees("the next run", |status| status["phase"] == "Progressing");
    person.asks("promote", "we are late");
    person.waits_for("promoted");
    let promoted = person.sees("the promotion", |status| status["phase"] == "Succeeded");
    assert!(
        promoted["lastHandledVerbs"]["promote"]
            .as_str()
            .unwrap()
            .ends_with(" by dana: we are late")
    );
    let primary = person.api.named("apis/apps/v1/deployments", "podinfo-primary");
    let image = primary.pointer("/spec/template/spec/containers/0/image").unwrap();
    assert_eq!(image, "ghcr.io/stefanprodan/podinfo:6.7.1");

    for (args, code, words) in [
        (["resume", "test/podinfo"], 1, "test/podinfo is not paused"),
        (["abort", "test/nobody"], 1, "there is no Canary test/nobody"),
        (["retry", "podinfo"], 2, "NAMESPACE/NAME"),
    ] {
        let ran = person.runs(&args);
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
    }
    demo.stop();
}
