//! What a proof must see, on small trees.

use super::*;
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

fn root(path: &str) -> Root {
    Root {
        path: path.to_owned(),
        flux: None,
    }
}

fn web(namespace: &str) -> ObjectId {
    ObjectId {
        group: "apps".to_owned(),
        version: "v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: namespace.to_owned(),
        name: "web".to_owned(),
    }
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
