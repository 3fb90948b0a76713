//! What a proof must see, on small trees.

use super::*;
use crate::fixtures::root;
use crate::fixtures::web;
use recant_render::render;

const BASE: &str = "//- /base/kustomization.yaml
resources: [web.yaml, other.yaml]
//- /base/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: web
          image: web:1
//- /base/other.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
data: {a: b}
//- /prod/kustomization.yaml
namespace: prod
resources: [../base]
";

fn with_staging() -> Tree {
    Tree::fixture(&format!(
        "{BASE}//- /staging/kustomization.yaml\nnamespace: staging\nresources: [../base]\n"
    ))
}

fn bumped(tree: &Tree) -> Tree {
    let text = tree
        .text("base/web.yaml")
        .expect("the file")
        .replace("web:1", "web:2");
    tree.with("base/web.yaml", text.as_bytes())
}

fn proof(good: &Tree, head: &Tree, after: &Tree) -> Proof {
    let root = root("prod");
    let want = render(good, &root).find(&web("prod")).expect("the object").json();
    prove(head, after, &want, &root, &web("prod"), &[])
}

#[test]
fn an_edit_that_only_restores_the_object_is_proved() {
    let good = Tree::fixture(BASE);
    let proof = proof(&good, &bumped(&good), &good);
    assert!(proof.holds(), "{proof:?}");
    assert_eq!(proof.roots, ["prod"]);
}

#[test]
fn the_same_object_in_another_environment_is_told_as_a_sibling() {
    let good = with_staging();
    let proof = proof(&good, &bumped(&good), &good);
    assert!(proof.restored && !proof.holds());
    let told: Vec<_> = proof
        .collateral
        .iter()
        .map(|c| (c.root.as_str(), c.object.to_string(), c.sibling))
        .collect();
    assert_eq!(told, [("staging", "Deployment/staging/web".to_owned(), true)]);
}

#[test]
fn another_object_that_moves_is_told_by_name() {
    let good = Tree::fixture(BASE);
    let other = good
        .text("base/other.yaml")
        .expect("the file")
        .replace("a: b", "a: c");
    let proof = proof(
        &good,
        &bumped(&good),
        &good.with("base/other.yaml", other.as_bytes()),
    );
    let told: Vec<_> = proof
        .collateral
        .iter()
        .map(|c| (c.object.to_string(), c.sibling))
        .collect();
    assert_eq!(told, [("ConfigMap/prod/other".to_owned(), false)]);
}

#[test]
fn what_does_not_restore_is_not_proved() {
    let good = Tree::fixture(BASE);
    let head = bumped(&good);
    let proof = proof(&good, &head, &head.with("base/unread.txt", b"x"));
    assert!(!proof.restored && !proof.holds());
}

#[test]
fn a_root_that_stops_rendering_is_a_doubt() {
    let good = with_staging();
    let broken = good.with("base/other.yaml", b"a: [");
    let proof = proof(&good, &bumped(&good), &broken);
    assert!(!proof.holds());
    assert!(
        proof
            .doubts
            .iter()
            .any(|d| d.contains("prod does not render any more")),
        "{:?}",
        proof.doubts
    );
}

#[test]
fn another_kustomization_of_the_same_directory_is_another_root() {
    let flux = |name: &str, namespace: &str| {
        format!(
            "//- /clusters/a/{name}.yaml\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
             metadata: {{name: {name}, namespace: flux-system}}\nspec: {{path: ./prod, \
             targetNamespace: {namespace}, sourceRef: {{kind: GitRepository, name: flux-system}}}}\n"
        )
    };
    let good = Tree::fixture(&format!(
        "{BASE}{}{}",
        flux("apps", "prod"),
        flux("apps-eu", "eu")
    ));
    let of = |name: &str| {
        recant_render::roots(&good)
            .into_iter()
            .find(|root| root.flux.as_ref().is_some_and(|flux| flux.name == name))
            .expect("the Kustomization")
    };
    let own = of("apps");
    let want = render(&good, &own).find(&web("prod")).expect("the object").json();
    let proof = prove(&bumped(&good), &good, &want, &own, &web("prod"), &[]);
    let told: Vec<_> = proof
        .collateral
        .iter()
        .map(|c| (c.root.as_str(), c.object.to_string(), c.sibling))
        .collect();
    let eu = "prod by Kustomization/flux-system/apps-eu in clusters/a/apps-eu.yaml";
    assert_eq!(told, [(eu, "Deployment/eu/web".to_owned(), true)]);
    assert!(proof.restored && !proof.holds());
}

/// A fleet of two clusters that both deploy `./apps`, each by its own Kustomization of the same name.
fn fleet(production: &str, staging: &str) -> Tree {
    let kustomization = |spec: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  \
             namespace: flux-system\nspec:\n  path: ./apps\n  sourceRef:\n    kind: GitRepository\n    \
             name: flux-system\n{spec}"
        )
    };
    let web = BASE
        .split("//- /base/web.yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("//- ").next());
    Tree::fixture(&format!(
        "//- /clusters/production/apps.yaml\n{}//- /clusters/staging/apps.yaml\n{}//- /apps/kustomization.yaml\n\
         resources: [web.yaml]\n//- /apps/web.yaml\n{}",
        kustomization(production),
        kustomization(staging),
        web.expect("the workload")
    ))
}

#[test]
fn another_cluster_with_a_kustomization_of_the_same_name_and_path_is_a_root_of_its_own() {
    let other = "  targetNamespace: staging\n";
    for (production, staging) in [
        ("  targetNamespace: prod\n", other),
        ("  targetNamespace: prod\n", "  targetNamespace: prod\n"),
    ] {
        let good = fleet(production, staging);
        let text = good
            .text("apps/web.yaml")
            .expect("the file")
            .replace("web:1", "web:2");
        let head = good.with("apps/web.yaml", text.as_bytes());
        // As the cluster has it: with the defaults of the API server, and no word of the file it came from.
        let own = serde_json::json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system"},
            "spec": {"path": "./apps", "targetNamespace": "prod", "force": false, "prune": true,
                     "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
        });
        let flux = recant_render::flux::Kustomization::from_json(&own).expect("a Kustomization");
        let root = Root {
            path: "apps".to_owned(),
            flux: Some(flux),
        };
        let want = render(&good, &root)
            .find(&web("prod"))
            .expect("the object")
            .json();
        let proof = prove(&head, &good, &want, &root, &web("prod"), &[]);
        assert!(proof.restored && !proof.holds(), "{staging}: {proof:?}");
        let told: Vec<_> = proof
            .collateral
            .iter()
            .map(|c| (c.root.as_str(), c.sibling))
            .collect();
        assert_eq!(
            told,
            [(
                "apps by Kustomization/flux-system/apps in clusters/staging/apps.yaml",
                true
            )],
            "{staging}"
        );
    }
}
