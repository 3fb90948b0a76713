#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::git::Content;
use crate::git::MemoryGit;
use crate::git::NewCommit;
use crate::workload::Workloads;
use crate::workload::behaviour::Behaviours;
use serde_json::Value;
use serde_json::json;

const URL: &str = "http://git.example/acme/fleet.git";

struct Remote(MemoryGit);

impl Remotes for Remote {
    fn at(&self, url: &str) -> Option<&dyn Git> {
        (url == URL).then_some(&self.0 as &dyn Git)
    }
}

struct Bench {
    now: Timestamp,
    cluster: Cluster,
    remote: Remote,
    flux: Flux,
    workloads: Workloads,
    behaviours: Behaviours,
    trace: Vec<Happening>,
}

impl Bench {
    /// A cluster with Flux, pointed at `clusters/demo` of `main`.
    fn new(files: &str) -> Self {
        let mut bench = Self {
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            cluster: Cluster::new(),
            remote: Remote(MemoryGit::new("main")),
            flux: Flux::default(),
            workloads: Workloads::new(1),
            behaviours: Behaviours::default(),
            trace: Vec::new(),
        };
        bench.commit("first", files);
        bootstrap(bench.now, &mut bench.cluster, URL, "main", "./clusters/demo").unwrap();
        bench
    }

    /// Replaces all files; returns the revision.
    fn commit(&mut self, message: &str, files: &str) -> String {
        let head = self.remote.0.head("main");
        let new = NewCommit {
            parents: head.clone().into_iter().collect(),
            content: Content::Tree(listed(&Tree::fixture(files))),
            author: "Dev".to_owned(),
            email: "dev@example.com".to_owned(),
            message: message.to_owned(),
            date_s: self.now.as_second(),
        };
        let id = self.remote.0.commit(&new).unwrap();
        self.remote
            .0
            .set_branch("main", head.as_deref(), Some(&id))
            .unwrap();
        format!("main@sha1:{id}")
    }

    fn run(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.now = clock::after(self.now, 1.0);
            self.flux
                .step(self.now, &mut self.cluster, &self.remote, &mut self.trace);
            self.cluster.collect(self.now);
            self.workloads
                .step(self.now, &mut self.cluster, &self.behaviours, &mut self.trace);
        }
    }

    fn find(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Option<Object> {
        self.cluster
            .get(&ObjectRef::new(api_version, kind, namespace, name))
    }

    fn source(&self) -> Object {
        self.find(SOURCE, "GitRepository", "flux-system", "flux-system")
            .unwrap()
    }

    fn kustomization(&self, name: &str) -> Object {
        self.find(KUSTOMIZE, "Kustomization", "flux-system", name)
            .unwrap()
    }

    fn settings(&self) -> Option<Object> {
        self.find("v1", "ConfigMap", "apps", "settings")
    }

    fn ready(&self, object: &Object) -> String {
        let ready = status::find(object, "Ready").unwrap();
        let text = |field: &str| ready[field].as_str().unwrap().to_owned();
        format!("{} {}: {}", text("status"), text("reason"), text("message"))
    }

    fn request(&mut self, object: &Object, at: &str) {
        let write = Write::Patch {
            name: object.reference(),
            resource_version: String::new(),
            patch: json!({"metadata": {"annotations": {REQUESTED_AT: at}}}),
        };
        self.cluster.write(self.now, "test", &write).unwrap();
    }
}

/// The same tree with a kustomization file in every directory that has none.
fn listed(tree: &Tree) -> Tree {
    let mut lists: BTreeMap<String, String> = BTreeMap::new();
    for (path, _) in tree.iter() {
        let (dir, file) = path.rsplit_once('/').unwrap();
        let list = lists.entry(dir.to_owned()).or_insert("resources:\n".to_owned());
        *list += &format!("  - {file}\n");
    }
    lists.into_iter().fold(tree.clone(), |tree, (dir, list)| {
        let path = format!("{dir}/kustomization.yaml");
        match tree.get(&path) {
            Some(_) => tree,
            None => tree.with(&path, list.as_bytes()),
        }
    })
}

const NAMESPACE: &str = "//- /clusters/demo/namespace.yaml
apiVersion: v1
kind: Namespace
metadata:
  name: apps
";

fn settings(colour: &str) -> String {
    format!(
        "{NAMESPACE}//- /clusters/demo/settings.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: apps
data:
  colour: {colour}
"
    )
}

/// A Kustomization file of the root, with more of its `spec`.
fn child(name: &str, more: &str) -> String {
    format!(
        "//- /clusters/demo/{name}.yaml
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
  namespace: flux-system
spec:
  interval: 10m
  retryInterval: 10s
  path: ./{name}
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
{more}"
    )
}

fn deployment(dir: &str, image: &str) -> String {
    format!(
        "//- /{dir}/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: apps
spec:
  progressDeadlineSeconds: 600
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: web
          image: {image}
"
    )
}

#[test]
fn a_commit_is_fetched_applied_and_recorded() {
    let mut bench = Bench::new(&settings("blue"));
    let first = format!("main@sha1:{}", bench.remote.0.head("main").unwrap());
    bench.run(3);
    let source = bench.source();
    assert_eq!(source.str("/status/artifact/revision"), first);
    assert!(source.str("/status/artifact/digest").starts_with("sha256:"));
    assert_eq!(
        bench.ready(&source),
        format!("True Succeeded: stored artifact for revision '{first}'")
    );
    assert!(status::find(&source, "ArtifactInStorage").is_some());
    assert_eq!(source.int("/status/observedGeneration"), Some(1));

    let root = bench.kustomization("flux-system");
    assert_eq!(
        bench.ready(&root),
        format!("True ReconciliationSucceeded: Applied revision: {first}")
    );
    assert_eq!(root.str("/status/lastAppliedRevision"), first);
    assert_eq!(root.str("/status/lastAttemptedRevision"), first);
    assert_eq!(root.str("/status/history/0/metadata/revision"), first);
    let ids = root.at("/status/inventory/entries").unwrap();
    assert_eq!(
        ids,
        &json!([{"id": "_apps__Namespace", "v": "v1"}, {"id": "apps_settings__ConfigMap", "v": "v1"}])
    );
    let live = bench.settings().unwrap();
    assert_eq!(live.str("/data/colour"), "blue");
    assert_eq!(
        live.label("kustomize.toolkit.fluxcd.io/name"),
        Some("flux-system")
    );
    assert_eq!(
        live.label("kustomize.toolkit.fluxcd.io/namespace"),
        Some("flux-system")
    );
    assert_eq!(
        live.str("/metadata/managedFields/0/manager"),
        "kustomize-controller"
    );
    assert_eq!(live.str("/metadata/managedFields/0/operation"), "Apply");

    let second = bench.commit("make it green\n\nbecause", &settings("green"));
    bench.run(50);
    assert_eq!(
        bench.settings().unwrap().str("/data/colour"),
        "blue",
        "polled each minute"
    );
    bench.run(15);
    assert_eq!(bench.settings().unwrap().str("/data/colour"), "green");
    let told: Vec<String> = bench.trace.iter().map(|h| h.what.to_string()).collect();
    assert_eq!(
        told[told.len() - 2..],
        [
            format!("GitRepository flux-system/flux-system is at {second}: make it green"),
            format!(
                "Kustomization flux-system/flux-system applied {second}: 2 objects, changed ConfigMap/apps/settings"
            ),
        ]
    );
    let root = bench.kustomization("flux-system");
    assert_eq!(
        root.at("/status/history")
            .and_then(Value::as_array)
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_request_is_handled_at_once_and_acknowledged() {
    let mut bench = Bench::new(&settings("blue"));
    bench.run(5);
    bench.commit("green", &settings("green"));
    let source = bench.source();
    bench.request(&source, "now");
    bench.run(2);
    assert_eq!(bench.source().str("/status/lastHandledReconcileAt"), "now");
    assert_eq!(bench.settings().unwrap().str("/data/colour"), "green");
    let root = bench.kustomization("flux-system");
    bench.request(&root, "and now");
    bench.run(1);
    let root = bench.kustomization("flux-system");
    assert_eq!(root.str("/status/lastHandledReconcileAt"), "and now");
}

#[test]
fn drift_is_undone_at_the_interval_but_a_disabled_object_is_left_alone() {
    let mut bench = Bench::new(&settings("blue"));
    bench.run(5);
    let patch = |bench: &mut Bench, patch: Value| {
        let write = Write::Patch {
            name: ObjectRef::new("v1", "ConfigMap", "apps", "settings"),
            resource_version: String::new(),
            patch,
        };
        bench.cluster.write(bench.now, "somebody", &write).unwrap();
    };
    patch(&mut bench, json!({"data": {"colour": "red"}}));
    bench.run(610);
    assert_eq!(bench.settings().unwrap().str("/data/colour"), "blue");
    let off = json!({"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}});
    patch(&mut bench, json!({"metadata": off, "data": {"colour": "red"}}));
    bench.run(610);
    assert_eq!(bench.settings().unwrap().str("/data/colour"), "red");
    bench.commit("gone", NAMESPACE);
    bench.run(65);
    assert!(bench.settings().is_some(), "nor is it pruned");
}

#[test]
fn what_is_gone_from_git_is_pruned() {
    let mut bench = Bench::new(&settings("blue"));
    bench.run(5);
    bench.commit("gone", NAMESPACE);
    bench.run(65);
    assert_eq!(bench.settings(), None);
    assert!(bench.find("v1", "Namespace", "", "apps").is_some());
    let root = bench.kustomization("flux-system");
    assert_eq!(
        root.at("/status/inventory/entries").unwrap(),
        &json!([{"id": "_apps__Namespace", "v": "v1"}])
    );
    assert!(
        bench
            .trace
            .iter()
            .any(|h| h.what.to_string().ends_with("deleted ConfigMap/apps/settings"))
    );
}

#[test]
fn a_broken_kustomization_says_what_the_renderer_says_and_what_was_applied_stays() {
    let mut bench = Bench::new(&settings("blue"));
    bench.run(5);
    let first = bench
        .kustomization("flux-system")
        .str("/status/lastAppliedRevision")
        .to_owned();
    let broken = "//- /clusters/demo/kustomization.yaml
resources:
  - nowhere.yaml
";
    let second = bench.commit("broken", broken);
    bench.run(65);
    let root = bench.kustomization("flux-system");
    let ready = bench.ready(&root);
    assert!(
        ready.starts_with("False BuildFailed: kustomize build failed: "),
        "{ready}"
    );
    assert!(ready.contains("clusters/demo/kustomization.yaml:2"), "{ready}");
    assert!(ready.contains("nowhere.yaml"), "{ready}");
    assert_eq!(root.str("/status/lastAttemptedRevision"), second);
    assert_eq!(root.str("/status/lastAppliedRevision"), first);
    assert!(bench.settings().is_some());
    let failures = bench
        .trace
        .iter()
        .filter(|h| matches!(h.what, What::Failed { .. }));
    assert_eq!(failures.count(), 1, "told once");
}

#[test]
fn sources_that_cannot_be_fetched_keep_their_artifact_and_say_why() {
    let mut bench = Bench::new(&settings("blue"));
    bench.run(5);
    let mut source = bench.source();
    source.set("/spec/ref/branch", json!("gone"));
    bench
        .cluster
        .write(bench.now, "test", &Write::Update(source))
        .unwrap();
    bench.run(2);
    let source = bench.source();
    let ready = bench.ready(&source);
    assert!(ready.starts_with("False GitOperationFailed: "), "{ready}");
    assert!(
        ready.contains("couldn't find remote ref \"refs/heads/gone\""),
        "{ready}"
    );
    assert!(!source.str("/status/artifact/revision").is_empty());
    assert!(bench.settings().is_some());
}

#[test]
fn a_missing_path_and_a_refused_object_fail_with_flux_reasons() {
    let files = child("missing", "")
        + &child("refused", "")
        + "//- /refused/x.yaml
apiVersion: example.com/v1
kind: Unheard
metadata:
  name: x
  namespace: default
";
    let mut bench = Bench::new(&files);
    bench.run(5);
    let missing = bench.ready(&bench.kustomization("missing"));
    assert_eq!(
        missing,
        "False ArtifactFailed: kustomization path not found: missing: no such file or directory"
    );
    let missing = bench.kustomization("missing");
    assert_eq!(missing.str("/status/lastAttemptedRevision"), "");
    assert_ne!(
        missing.int("/status/observedGeneration"),
        Some(missing.generation()),
        "only what succeeded is observed"
    );
    let again = status::find(&missing, "Reconciling").unwrap();
    assert_eq!(again["reason"], "ProgressingWithRetry");
    let refused = bench.ready(&bench.kustomization("refused"));
    assert!(
        refused.starts_with("False ReconciliationFailed: Unheard/default/x dry-run failed: "),
        "{refused}"
    );
}

#[test]
fn a_kustomization_waits_for_the_health_of_what_it_applied() {
    let files = |image: &str| {
        NAMESPACE.to_owned() + &child("web", "  wait: true\n  timeout: 30s\n") + &deployment("web", image)
    };
    let mut bench = Bench::new(&files("web:1"));
    bench.run(2);
    let web = bench.kustomization("web");
    assert!(
        bench
            .ready(&web)
            .starts_with("Unknown Progressing: Reconciliation in progress")
    );
    assert!(web.at("/status/lastAppliedRevision").is_none());
    bench.run(8);
    let web = bench.kustomization("web");
    assert!(
        bench.ready(&web).starts_with("True ReconciliationSucceeded"),
        "{}",
        bench.ready(&web)
    );
    let healthy = status::find(&web, "Healthy").unwrap();
    assert_eq!(healthy["status"], "True");
    let good = web.str("/status/lastAppliedRevision").to_owned();

    let bad = crate::workload::behaviour::Behaviour {
        fate: crate::workload::behaviour::Fate::NoImage,
        ..Default::default()
    };
    bench.behaviours.set("web:2", bad);
    let second = bench.commit("bad", &files("web:2"));
    bench.run(51 + 33);
    let web = bench.kustomization("web");
    assert_eq!(
        bench.ready(&web),
        "False HealthCheckFailed: timeout waiting for: \
         [Deployment/apps/web status: 'InProgress']"
    );
    assert_eq!(web.str("/status/lastAppliedRevision"), good);
    assert_eq!(web.str("/status/lastAttemptedRevision"), second);
    assert_eq!(
        web.str("/status/history/0/lastReconciledStatus"),
        "HealthCheckFailed"
    );
}

#[test]
fn what_comes_while_health_checks_run_is_seen_right_after_them() {
    let files = |image: &str| {
        NAMESPACE.to_owned() + &child("web", "  wait: true\n  timeout: 30s\n") + &deployment("web", image)
    };
    let mut bench = Bench::new(&files("web:1"));
    let bad = crate::workload::behaviour::Behaviour {
        fate: crate::workload::behaviour::Fate::NoImage,
        ..Default::default()
    };
    bench.behaviours.set("web:1", bad);
    bench.run(5);
    let second = bench.commit("good", &files("web:2"));
    let source = bench.source();
    bench.request(&source, "now");
    let web = bench.kustomization("web");
    bench.request(&web, "now");
    bench.run(20);
    let web = bench.kustomization("web");
    assert!(bench.ready(&web).starts_with("Unknown Progressing"));
    assert_eq!(web.str("/status/lastHandledReconcileAt"), "");
    bench.run(20);
    let web = bench.kustomization("web");
    assert_eq!(web.str("/status/lastAppliedRevision"), second);
    assert_eq!(web.str("/status/lastHandledReconcileAt"), "now");
}

#[test]
fn a_kustomization_made_anew_is_reconciled_at_once() {
    let with = NAMESPACE.to_owned() + &child("web", "") + &deployment("web", "web:1");
    let mut bench = Bench::new(&with);
    bench.run(10);
    let web = bench.kustomization("web");
    let delete = Write::Delete {
        name: web.reference(),
        uid: web.uid().to_owned(),
    };
    bench.cluster.write(bench.now, "test", &delete).unwrap();
    bench.run(3);
    assert_eq!(bench.find("apps/v1", "Deployment", "apps", "web"), None);
    let root = bench.kustomization("flux-system");
    bench.request(&root, "now");
    bench.run(3);
    assert!(bench.find("apps/v1", "Deployment", "apps", "web").is_some());
}

#[test]
fn dependencies_are_waited_for_at_the_same_revision() {
    let depends = "  dependsOn:\n    - name: base\n";
    let files = |image: &str| {
        let mut files = NAMESPACE.to_owned() + &child("base", "  wait: true\n  timeout: 1m\n");
        files += &deployment("base", image);
        files += &child("top", depends);
        files
            + "//- /top/x.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: top
  namespace: apps
"
    };
    let mut bench = Bench::new(&files("web:1"));
    bench.run(2);
    assert_eq!(
        bench.ready(&bench.kustomization("top")),
        "False DependencyNotReady: dependency 'flux-system/base' is not ready"
    );
    bench.run(40);
    assert!(bench.ready(&bench.kustomization("top")).starts_with("True"));
    let second = bench.commit("next", &files("web:2"));
    bench.run(150);
    let top = bench.kustomization("top");
    assert_eq!(top.str("/status/lastAppliedRevision"), second);
}

#[test]
fn a_kustomization_gone_from_git_takes_its_objects_along() {
    let with = NAMESPACE.to_owned() + &child("web", "") + &deployment("web", "web:1");
    let mut bench = Bench::new(&with);
    bench.run(10);
    assert!(bench.find("apps/v1", "Deployment", "apps", "web").is_some());
    bench.commit("gone", NAMESPACE);
    bench.run(70);
    assert_eq!(bench.find(KUSTOMIZE, "Kustomization", "flux-system", "web"), None);
    assert_eq!(bench.find("apps/v1", "Deployment", "apps", "web"), None);
}

#[test]
fn a_suspended_kustomization_does_nothing() {
    let mut bench = Bench::new(&settings("blue"));
    bench.run(5);
    let mut root = bench.kustomization("flux-system");
    root.set("/spec/suspend", json!(true));
    bench
        .cluster
        .write(bench.now, "test", &Write::Update(root))
        .unwrap();
    bench.commit("green", &settings("green"));
    bench.run(700);
    assert_eq!(bench.settings().unwrap().str("/data/colour"), "blue");
}

#[test]
fn inventory_ids_are_spelled_and_read_as_flux_does() {
    let table = [
        (
            ObjectRef::new("v1", "Service", "default", "podinfo"),
            "default_podinfo__Service",
            "v1",
        ),
        (
            ObjectRef::new("v1", "Namespace", "", "faces"),
            "_faces__Namespace",
            "v1",
        ),
        (
            ObjectRef::new("apps/v1", "Deployment", "test", "a-b"),
            "test_a-b_apps_Deployment",
            "v1",
        ),
        (
            ObjectRef::new("rbac.authorization.k8s.io/v1", "ClusterRole", "", "system:x"),
            "_system__x_rbac.authorization.k8s.io_ClusterRole",
            "v1",
        ),
    ];
    for (name, id, v) in table {
        let entry = Entry::of(&name);
        assert_eq!((entry.id.as_str(), entry.v.as_str()), (id, v));
        assert_eq!(entry.object(), Some(name));
    }
}
