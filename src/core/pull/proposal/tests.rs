//! Which edit a pull request gets, when lines are shared.

use super::*;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Answer;
use serde_json::json;

/// Two clusters that deploy the same workload, by the same name, from one base.
const FLEET: &str = "//- /base/kustomization.yaml
namespace: shop
resources:
- web.yaml
//- /base/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        image: web:v1
//- /east/kustomization.yaml
resources:
- ../base
//- /west/kustomization.yaml
resources:
- ../base
";

fn target(cluster: &str) -> Target {
    let kustomization = "kustomize.toolkit.fluxcd.io/v1";
    Target {
        canary: ObjectRef::new("flagger.app/v1beta1", "Canary", "shop", "web"),
        object: ObjectRef::new("apps/v1", "Deployment", "shop", "web"),
        kustomization: ObjectRef::new(kustomization, "Kustomization", "flux-system", cluster),
        good: "good".to_owned(),
        promoted: String::new(),
        failed: String::new(),
        failed_at: None,
    }
}

fn spec() -> RevertSpec {
    RevertSpec {
        url: "https://git.example/fleet.git".to_owned(),
        branch: "main".to_owned(),
        source: ObjectRef::new(
            "source.toolkit.fluxcd.io/v1",
            "GitRepository",
            "flux-system",
            "fleet",
        ),
        bad: "head".to_owned(),
        change: String::new(),
        targets: Vec::new(),
    }
}

/// A Kustomization as a cluster has it; Flux bootstrapped it from `flux-system`.
fn applied(name: &str, path: &str) -> Object {
    Object(json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": { "name": name, "namespace": "flux-system", "labels": {
            "kustomize.toolkit.fluxcd.io/name": "flux-system",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        }},
        "spec": { "path": path, "sourceRef": { "kind": "GitRepository", "name": "fleet" } },
    }))
}

/// What is seen of the repository, and of the cluster that has these Kustomizations.
fn seen(spec: &RevertSpec, good: Tree, head: Tree, kustomizations: Vec<Object>) -> Observation {
    let mut seen = Observation::default();
    for (commit, tree) in [("good", good), ("head", head)] {
        let query = Query::Tree(CommitRef {
            repo: spec.repo(),
            commit: commit.to_owned(),
        });
        seen.note(query, Observed::Known(Answer::Tree(tree)));
    }
    let objects = kustomizations
        .iter()
        .map(|object| (object.reference(), Some(object.clone())));
    for (name, object) in objects.chain([(spec.source.clone(), None)]) {
        seen.note(Query::Object(name), Observed::Known(Answer::Object(object)));
    }
    seen.note(
        super::kustomizations(),
        Observed::Known(Answer::Objects(kustomizations)),
    );
    seen
}

/// What is proposed for the workload of these clusters, after a bad image in the base.
fn proposed(clusters: &[&str]) -> Option<Proposal> {
    let spec = RevertSpec {
        targets: clusters.iter().map(|cluster| target(cluster)).collect(),
        ..spec()
    };
    let (good, head) = (
        Tree::fixture(FLEET),
        Tree::fixture(&FLEET.replace("web:v1", "web:v2")),
    );
    let kustomizations = clusters.iter().map(|name| applied(name, &format!("./{name}")));
    propose(
        &spec,
        &seen(&spec, good, head, kustomizations.collect()),
        "head",
        SharedReverts::Pin,
    )
    .ok()
}

#[test]
fn a_line_that_a_sibling_of_the_same_name_shares_is_left_to_it_and_the_workload_pinned() {
    let proposal = proposed(&["east"]).expect("a proposal");
    let files: Vec<&str> = proposal.files.keys().map(String::as_str).collect();
    assert_eq!(files, ["east/kustomization.yaml"]);
    assert!(proposal.record.proved, "{}", proposal.record.proof);
    assert_eq!(
        (proposal.record.lines_added, proposal.record.lines_removed),
        (3, 0)
    );
    assert_eq!(proposal.parts[0].plan.form, crate::revert::Form::Pin);
}

#[test]
fn a_shared_line_goes_back_once_when_all_that_share_it_failed() {
    let proposal = proposed(&["east", "west"]).expect("a proposal");
    let files: Vec<&str> = proposal.files.keys().map(String::as_str).collect();
    assert_eq!(files, ["base/web.yaml"]);
    assert!(proposal.record.proved, "{}", proposal.record.proof);
    assert_eq!(
        (proposal.record.lines_added, proposal.record.lines_removed),
        (1, 1)
    );
    assert_eq!(proposal.parts.len(), 1);
    assert!(
        proposal.record.proof.contains("the 2 roots"),
        "{}",
        proposal.record.proof
    );
}

const DECLARATION: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec:
  path: ./east
  sourceRef:
    kind: GitRepository
    name: fleet
";

/// What one of two clusters with directories of their own proposes, when both deploy `east` by the Kustomization that is
/// declared in these files.
fn proposed_in(cluster: &str, files: &[(&str, &str)], shared: SharedReverts) -> Option<Proposal> {
    let with = |tree: Tree| {
        files
            .iter()
            .fold(tree, |tree, (file, text)| tree.with(file, text.as_bytes()))
    };
    let fleet = FLEET.split("//- /west").next()?;
    let good = with(Tree::fixture(fleet));
    let head = with(Tree::fixture(&fleet.replace("web:v1", "web:v2")));
    let spec = RevertSpec {
        targets: vec![target("apps")],
        ..spec()
    };
    let all = vec![
        applied("apps", "./east"),
        applied("flux-system", &format!("./clusters/{cluster}")),
    ];
    propose(&spec, &seen(&spec, good, head, all), "head", shared).ok()
}

fn edited(proposal: &Proposal) -> Vec<&str> {
    proposal.files.keys().map(String::as_str).collect()
}

#[test]
fn each_cluster_pins_in_its_own_directory_what_another_deploys_too() {
    let files = [
        ("clusters/a/apps.yaml", DECLARATION),
        ("clusters/b/apps.yaml", DECLARATION),
    ];
    for (cluster, file) in [("a", "clusters/a/apps.yaml"), ("b", "clusters/b/apps.yaml")] {
        let proposal = proposed_in(cluster, &files, SharedReverts::Pin).expect("a proposal");
        assert_eq!(edited(&proposal), [file], "{cluster}");
        assert!(proposal.record.proved, "{cluster}: {}", proposal.record.proof);
    }
}

#[test]
fn clusters_with_directories_of_their_own_undo_a_shared_line_alike_where_that_is_the_policy() {
    let files = [
        ("clusters/a/apps.yaml", DECLARATION),
        ("clusters/b/apps.yaml", DECLARATION),
    ];
    for (cluster, other) in [("a", "clusters/b/apps.yaml"), ("b", "clusters/a/apps.yaml")] {
        let proposal = proposed_in(cluster, &files, SharedReverts::Propose).expect("a proposal");
        assert_eq!(edited(&proposal), ["base/web.yaml"], "{cluster}");
        assert!(
            proposal.record.proved && proposal.record.proof.contains(other),
            "{cluster}: {}",
            proposal.record.proof
        );
    }
}

#[test]
fn clusters_that_have_one_kustomization_in_common_undo_a_line_alike() {
    let both = "resources:\n- ../../shared/apps.yaml\n";
    let files = [
        ("shared/apps.yaml", DECLARATION),
        ("clusters/a/kustomization.yaml", both),
        ("clusters/b/kustomization.yaml", both),
    ];
    for cluster in ["a", "b"] {
        let proposal = proposed_in(cluster, &files, SharedReverts::Pin).expect("a proposal");
        assert_eq!(edited(&proposal), ["base/web.yaml"], "{cluster}");
        assert!(proposal.record.proved, "{cluster}: {}", proposal.record.proof);
    }
}
