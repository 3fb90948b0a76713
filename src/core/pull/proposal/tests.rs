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

/// What is proposed for the workload of these clusters, after a bad image in the base.
fn proposed(clusters: &[&str]) -> Option<Proposal> {
    let spec = RevertSpec {
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
        targets: clusters.iter().map(|cluster| target(cluster)).collect(),
    };
    let mut seen = Observation::default();
    for (commit, fleet) in [
        ("good", FLEET.to_owned()),
        ("head", FLEET.replace("web:v1", "web:v2")),
    ] {
        let query = Query::Tree(CommitRef {
            repo: RepoUrl(spec.url.clone()),
            commit: commit.to_owned(),
        });
        seen.note(query, Observed::Known(Answer::Tree(Tree::fixture(&fleet))));
    }
    let source = Query::Object(spec.source.clone());
    seen.note(source, Observed::Known(Answer::Object(None)));
    for target in &spec.targets {
        let name = &target.kustomization;
        let object = json!({
            "apiVersion": name.api_version, "kind": "Kustomization",
            "metadata": { "name": name.name, "namespace": name.namespace },
            "spec": { "path": format!("./{}", name.name), "sourceRef": { "kind": "GitRepository", "name": "fleet" } },
        });
        let answer = Answer::Object(Some(Object(object)));
        seen.note(Query::Object(name.clone()), Observed::Known(answer));
    }
    propose(&spec, &seen, "head", SharedReverts::Pin).ok()
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
