//! The user's own kubectl against the in-memory cluster.

use super::serve;
use recant::demo::kube_api::Alone;
use recant::demo::kube_api::KubeApi;
use recant::demo::kube_api::kubeconfig;
use recant_sim::cluster::Cluster;
use std::fs;
use std::io::Write;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use tempfile::TempDir;

/// A kubectl of our own configuration and home.
struct Kubectl {
    home: TempDir,
}

impl Kubectl {
    /// None, with a message, where there is no kubectl.
    fn new(url: &str, token: Option<&str>) -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("config"), kubeconfig(url, token)).unwrap();
        let kubectl = Self { home };
        let found = kubectl
            .command(&["version", "--client"])
            .output()
            .is_ok_and(|o| o.status.success());
        if !found {
            eprintln!("skipped: no kubectl");
        }
        found.then_some(kubectl)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command
            .args(args)
            .env("KUBECONFIG", self.home.path().join("config"))
            .env("HOME", self.home.path());
        command
    }

    /// Runs with that input; its output, errors last.
    fn run_with(&self, args: &[&str], input: &str) -> (bool, String) {
        let mut command = self.command(args);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    /// Runs what must succeed.
    fn run(&self, args: &[&str]) -> String {
        self.feed(args, "")
    }

    fn feed(&self, args: &[&str], input: &str) -> String {
        let (ok, text) = self.run_with(args, input);
        assert!(ok, "kubectl {}: {text}", args.join(" "));
        text
    }
}

/// Runs the story on a thread of its own, since kubectl blocks.
async fn with_kubectl(story: impl FnOnce(Kubectl) + Send + 'static) {
    let server = serve().await;
    let url = server.url();
    let told = tokio::task::spawn_blocking(move || {
        if let Some(kubectl) = Kubectl::new(&url, None) {
            story(kubectl);
        }
    });
    told.await.unwrap();
}

const WEB: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: test}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: test}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: app, image: 'web:1', ports: [{containerPort: 9898, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: test}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
";

/// The words of each line, so that the width of columns does not matter.
fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_creates_then_finds_nothing_to_do_then_changes() {
    with_kubectl(|kubectl| {
        let first = kubectl.feed(&["apply", "-f", "-"], WEB);
        assert_eq!(
            first,
            "namespace/test created\ndeployment.apps/web created\nservice/web created\n"
        );
        let second = kubectl.feed(&["apply", "-f", "-"], WEB);
        assert_eq!(
            second,
            "namespace/test unchanged\ndeployment.apps/web unchanged\nservice/web unchanged\n"
        );
        let changed = WEB.replace("web:1", "web:2");
        assert!(
            kubectl
                .feed(&["apply", "-f", "-"], &changed)
                .contains("deployment.apps/web configured")
        );
        let server_side = kubectl.feed(
            &["apply", "--server-side", "-f", "-"],
            &WEB.replace("web:1", "web:3"),
        );
        assert!(
            server_side.contains("deployment.apps/web serverside-applied"),
            "{server_side}"
        );
        let shown = kubectl.run(&[
            "get",
            "deploy",
            "web",
            "-n",
            "test",
            "-o",
            "jsonpath={.spec.template.spec.containers[0].image}",
        ]);
        assert_eq!(shown, "web:3");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_prints_the_columns_everybody_knows() {
    with_kubectl(|kubectl| {
        kubectl.feed(&["apply", "-f", "-"], WEB);
        let wide = kubectl.run(&["get", "deploy,svc", "-A", "-o", "wide"]);
        let lines = words(&wide);
        let heads = [
            "NAMESPACE",
            "NAME",
            "READY",
            "UP-TO-DATE",
            "AVAILABLE",
            "AGE",
            "CONTAINERS",
            "IMAGES",
            "SELECTOR",
        ];
        assert_eq!(lines[0], heads);
        assert_eq!(
            (lines[1][1], lines[1][2], lines[1][7], lines[1][8]),
            ("deployment.apps/web", "0/1", "web:1", "app=web")
        );
        assert!(wide.contains("CLUSTER-IP") && wide.contains("80/TCP"), "{wide}");
        let yaml = kubectl.run(&["get", "deploy", "web", "-n", "test", "-o", "yaml"]);
        assert!(
            yaml.contains("progressDeadlineSeconds: 600") && yaml.contains("kind: Deployment"),
            "{yaml}"
        );
        let described = kubectl.run(&["describe", "deploy", "web", "-n", "test"]);
        assert!(
            described.contains("Image:") && described.contains("web:1"),
            "{described}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scale_patch_label_and_replace_take_effect() {
    with_kubectl(|kubectl| {
        kubectl.feed(&["apply", "-f", "-"], WEB);
        let on = |verb: &str, rest: &[&str]| {
            let mut args = vec![verb, "-n", "test"];
            args.extend(rest);
            kubectl.run(&args)
        };
        assert_eq!(on("scale", &["deploy/web", "--replicas=3"]), "deployment.apps/web scaled\n");
        on("patch", &["deploy", "web", "-p", r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"X","value":"y"}]}]}}}}"#]);
        on("patch", &["deploy", "web", "--type=json", "-p", r#"[{"op":"replace","path":"/spec/revisionHistoryLimit","value":2}]"#]);
        assert_eq!(on("label", &["deploy", "web", "tier=front"]), "deployment.apps/web labeled\n");
        let yaml = on("get", &["deploy", "web", "-o", "yaml"]);
        for line in ["replicas: 3", "- name: X", "image: web:1", "revisionHistoryLimit: 2", "tier: front"] {
            assert!(yaml.contains(line), "{line} in {yaml}");
        }
        let edited = yaml.replace("replicas: 3", "replicas: 2");
        assert_eq!(kubectl.feed(&["replace", "-f", "-"], &edited), "deployment.apps/web replaced\n");
        let (ok, text) = kubectl.run_with(&["replace", "-f", "-"], &edited);
        assert!(!ok && text.contains("the object has been modified"), "{text}");
        assert_eq!(on("delete", &["svc", "web"]), "service \"web\" deleted\n");
        kubectl.run(&["delete", "namespace", "test"]);
        let (ok, text) = kubectl.run_with(&["get", "deploy", "web", "-n", "test"], "");
        assert!(!ok && text.contains("(NotFound)"), "{text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rollout_status_waits_for_the_status_of_the_deployment() {
    with_kubectl(|kubectl| {
        kubectl.feed(&["apply", "-f", "-"], WEB);
        let child = kubectl
            .command(&["rollout", "status", "deploy/web", "-n", "test", "--timeout=20s"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(500));
        let status = r#"{"status":{"observedGeneration":1,"replicas":1,"updatedReplicas":1,"readyReplicas":1,"availableReplicas":1}}"#;
        kubectl.run(&["patch", "deploy", "web", "-n", "test", "--subresource=status", "--type=merge", "-p", status]);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("successfully rolled out"), "{text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_prints_rows_as_they_change() {
    with_kubectl(|kubectl| {
        kubectl.feed(&["apply", "-f", "-"], WEB);
        let args = ["get", "deploy", "-A", "-w", "--request-timeout=3s"];
        let child = kubectl
            .command(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(700));
        kubectl.run(&["scale", "deploy/web", "-n", "test", "--replicas=7"]);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(words(&text)[0][..2], ["NAMESPACE", "NAME"]);
        assert!(text.contains("0/1") && text.contains("0/7"), "{text}");
        assert_eq!(text.matches("NAMESPACE").count(), 1, "one heading: {text}");
    })
    .await;
}

const EVENT: &str = "
apiVersion: v1
kind: Event
metadata: {name: web.1, namespace: test}
involvedObject: {apiVersion: apps/v1, kind: Deployment, name: web, namespace: test, uid: UID}
type: Warning
reason: Synced
message: Halt advancement
count: 2
firstTimestamp: '2026-01-01T00:00:00Z'
lastTimestamp: '2036-01-01T00:00:00Z'
source: {component: recant}
";

#[tokio::test(flavor = "multi_thread")]
async fn events_show_with_their_object() {
    with_kubectl(|kubectl| {
        kubectl.feed(&["apply", "-f", "-"], WEB);
        let uid = kubectl.run(&[
            "get",
            "deploy",
            "web",
            "-n",
            "test",
            "-o",
            "jsonpath={.metadata.uid}",
        ]);
        kubectl.feed(&["create", "-f", "-"], &EVENT.replace("UID", &uid));
        let listed = kubectl.run(&["get", "events", "-n", "test"]);
        assert!(
            listed.contains("deployment/web") && listed.contains("Halt advancement"),
            "{listed}"
        );
        let described = kubectl.run(&["describe", "deploy", "web", "-n", "test"]);
        assert!(described.contains("Halt advancement"), "{described}");
    })
    .await;
}

const BOATS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.sea.dev}
spec:
  group: sea.dev
  scope: Namespaced
  names: {plural: boats, kind: Boat, shortNames: [bt], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns:
    - {name: Sails, type: integer, jsonPath: .spec.sails}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              sails: {type: integer, description: How many sails there are.}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_kind_can_be_used_at_once() {
    with_kubectl(|kubectl| {
        kubectl.feed(&["apply", "-f", "-"], BOATS);
        kubectl.run(&[
            "wait",
            "--for=condition=Established",
            "crd/boats.sea.dev",
            "--timeout=5s",
        ]);
        let boat =
            "{apiVersion: sea.dev/v1, kind: Boat, metadata: {name: a, namespace: default}, spec: {sails: 2}}";
        kubectl.feed(&["apply", "-f", "-"], boat);
        assert_eq!(
            words(&kubectl.run(&["get", "bt"])),
            [vec!["NAME", "SAILS"], vec!["a", "2"]]
        );
        assert!(
            kubectl
                .run(&["explain", "boat.spec.sails"])
                .contains("How many sails there are.")
        );
        let (ok, text) = kubectl.run_with(
            &["apply", "-f", "-"],
            &boat.replace("sails: 2", "sails: 2, oars: 1"),
        );
        assert!(!ok && text.contains("unknown field \"spec.oars\""), "{text}");
        let (ok, text) = kubectl.run_with(&["apply", "-f", "-"], &boat.replace("Boat", "Ship"));
        assert!(!ok && text.contains("no matches for kind \"Ship\""), "{text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_can_be_made_by_command_line_alone() {
    with_kubectl(|kubectl| {
        kubectl.run(&["create", "namespace", "made"]);
        let make = |args: &[&str]| {
            let mut all = vec!["-n", "made", "create"];
            all.extend(args);
            kubectl.run(&all)
        };
        make(&["configmap", "c", "--from-literal=a=b"]);
        make(&["secret", "generic", "s", "--from-literal=a=b"]);
        make(&["deployment", "d", "--image=web:1", "--replicas=2", "--port=80"]);
        make(&["job", "j", "--image=web:1", "--", "sleep", "1"]);
        make(&["service", "clusterip", "v", "--tcp=80:http"]);
        make(&["serviceaccount", "u"]);
        make(&["role", "r", "--verb=get,list", "--resource=pods"]);
        make(&["rolebinding", "b", "--role=r", "--serviceaccount=made:u"]);
        let shown = |what: &str, path: &str| {
            kubectl.run(&["-n", "made", "get", what, "-o", &format!("jsonpath={{{path}}}")])
        };
        assert_eq!(shown("cm/c", ".data.a"), "b");
        assert_eq!(shown("secret/s", ".data.a"), "Yg==");
        assert_eq!(shown("deploy/d", ".spec.replicas"), "2");
        assert_eq!(
            shown(
                "deploy/d",
                ".spec.template.spec.containers[0].ports[0].containerPort"
            ),
            "80"
        );
        assert_eq!(
            shown("job/j", ".spec.template.spec.containers[0].command"),
            r#"["sleep","1"]"#
        );
        assert_eq!(shown("svc/v", ".spec.ports[0].targetPort"), "http");
        assert_eq!(shown("rolebinding/b", ".subjects[0].name"), "u");
        assert_eq!(kubectl.run(&["auth", "can-i", "get", "pods"]), "yes\n");
        let (ok, text) = kubectl.run_with(&["-n", "made", "create", "quota", "q", "--hard=pods=1"], "");
        assert!(!ok, "what is not served is refused: {text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_token_is_used_the_same_way() {
    let served = Arc::new(Alone::new(Cluster::new()));
    let server = KubeApi::start(0, served, Some("s3cret".to_owned()))
        .await
        .unwrap();
    let url = server.url();
    let told = tokio::task::spawn_blocking(move || {
        let Some(kubectl) = Kubectl::new(&url, Some("s3cret")) else {
            return;
        };
        assert!(
            kubectl
                .feed(&["apply", "-f", "-"], WEB)
                .contains("deployment.apps/web created")
        );
        assert!(
            kubectl
                .feed(&["apply", "-f", "-"], WEB)
                .contains("deployment.apps/web unchanged")
        );
        kubectl.feed(&["apply", "-f", "-"], BOATS);
        assert!(
            kubectl
                .run(&["explain", "boat.spec.sails"])
                .contains("How many sails there are.")
        );
        assert!(kubectl.run(&["get", "deploy", "-A"]).contains("web"));
    });
    told.await.unwrap();
}
