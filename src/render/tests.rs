//! Small trees, rendered.

use crate::Root;
use crate::Tree;
use crate::render;
use crate::roots;

fn at(path: &str) -> Root {
    Root {
        path: path.to_owned(),
        flux: None,
    }
}

const OVERLAY: &str = r#"
//- /base/kustomization.yaml
resources: [deployment.yaml]
//- /base/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: web
          image: example.org/web:1.0 # the image
//- /prod/kustomization.yaml
resources: [../base]
namespace: prod
images:
  - name: example.org/web
    newTag: "2.0"
patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec: {replicas: 3}
  - target: {kind: Deployment}
    patch: |
      - op: add
        path: /spec/paused
        value: y
"#;

#[test]
fn an_overlay_moves_patches_and_retags_what_its_base_holds() {
    let rendered = render(&Tree::fixture(OVERLAY), &at("prod"));
    assert_eq!(rendered.problems, []);
    let object = &rendered.objects[0];
    assert_eq!(object.id().to_string(), "Deployment/prod/web");
    let json = object.json();
    assert_eq!(json["spec"]["replicas"], 3);
    assert_eq!(json["spec"]["paused"], true);
    assert_eq!(
        json["spec"]["template"]["spec"]["containers"][0]["image"],
        "example.org/web:2.0"
    );
}

#[test]
fn every_leaf_knows_the_lines_it_came_from() {
    let tree = Tree::fixture(OVERLAY);
    let rendered = render(&tree, &at("prod"));
    let object = &rendered.objects[0];
    let image = object
        .origin("/spec/template/spec/containers/0/image")
        .expect("an origin");
    let places: Vec<String> = image
        .sources()
        .iter()
        .map(|s| format!("{}:{}", s.0, s.1))
        .collect();
    assert_eq!(places, ["base/deployment.yaml:10", "prod/kustomization.yaml:5"]);
    let replicas = object.origin("/spec/replicas").expect("an origin");
    let (file, line, start, end) = replicas.sources()[0];
    assert_eq!((file, line), ("prod/kustomization.yaml", 11));
    assert_eq!(&tree.text(file).expect("text")[start..end], "3");
    assert_eq!(object.origins().count(), 8);
}

#[test]
fn an_unknown_field_is_a_problem_with_a_line() {
    let tree = Tree::fixture("//- /kustomization.yaml\nresources: []\nnamePrefx: a\n");
    let rendered = render(&tree, &at(""));
    assert!(!rendered.ok());
    let problem = rendered.problems[0].to_string();
    assert_eq!(
        problem,
        "kustomization.yaml:2: unknown field `namePrefx` in the kustomization; correct or remove it"
    );
}

#[test]
fn reads_hold_what_was_read_and_what_was_looked_for() {
    let rendered = render(&Tree::fixture(OVERLAY), &at("prod"));
    for path in [
        "prod/kustomization.yaml",
        "base/deployment.yaml",
        "base/kustomization.yml",
    ] {
        assert!(rendered.reads.contains(path), "{path}");
    }
}

#[test]
fn a_configured_prefix_for_some_kinds_takes_the_place_of_the_one_for_all() {
    let tree = Tree::fixture(
        "//- /kustomization.yaml\nresources: [all.yaml]\nnamePrefix: a-\nconfigurations: [c.yaml]\n\
         //- /c.yaml\nnamePrefix:\n- {path: metadata/name, kind: Thing}\n\
         //- /all.yaml\napiVersion: v1\nkind: Thing\nmetadata: {name: x}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: x}\n",
    );
    let rendered = render(&tree, &at(""));
    let names: Vec<String> = rendered.objects.iter().map(|o| o.id().name).collect();
    assert_eq!(names, ["a-x", "x"]);
}

#[test]
fn roots_are_flux_paths_and_what_nothing_pulls_in() {
    let flux = "//- /clusters/a/apps.yaml\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
                metadata: {name: apps, namespace: flux-system}\nspec: {path: ./prod, sourceRef: {kind: GitRepository, name: flux-system}}\n\
                //- /dev/kustomization.yaml\nresources: [../base]\n";
    let tree = Tree::fixture(&format!("{OVERLAY}{flux}"));
    let found: Vec<(String, bool)> = roots(&tree)
        .into_iter()
        .map(|r| (r.path, r.flux.is_some()))
        .collect();
    assert_eq!(found, [("prod".to_owned(), true), ("dev".to_owned(), false)]);
}

/// A base that three others pull in: from the third on it is not built again.
const AGAIN: &str = "//- /lib/kustomization.yaml
resources: [c.yaml]
//- /lib/c.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
//- /base/kustomization.yaml
namespace: shop
resources: [../lib]
//- /x1/kustomization.yaml
namePrefix: x1-
resources: [../base]
//- /x2/kustomization.yaml
namePrefix: x2-
resources: [../base]
//- /lib/deep/kustomization.yaml
resources: [../../base]
";

#[test]
fn what_is_pulled_in_again_and_again_is_the_same_each_time() {
    let more = "//- /x3/kustomization.yaml\nnamePrefix: x3-\nresources: [../base]\n//- /x4/kustomization.yaml\nnamePrefix: \
                x4-\nresources: [../base]\n//- /top/kustomization.yaml\nresources: [../x1, ../x2, ../x3, ../x4]\n";
    let rendered = render(&Tree::fixture(&format!("{AGAIN}{more}")), &at("top"));
    assert_eq!(rendered.problems, []);
    let ids: Vec<String> = rendered.objects.iter().map(|o| o.id().to_string()).collect();
    assert_eq!(
        ids,
        ["x1-c", "x2-c", "x3-c", "x4-c"].map(|name| format!("ConfigMap/shop/{name}"))
    );
    let origin = |at: usize| rendered.objects[at].origin("/metadata/namespace");
    assert_eq!(origin(0), origin(3));
}

#[test]
fn what_was_built_before_still_may_not_lead_back_to_where_it_is_pulled_in() {
    let top = "//- /top/kustomization.yaml\nresources: [../x1, ../x2, ../lib/deep]\n";
    let rendered = render(&Tree::fixture(&format!("{AGAIN}{top}")), &at("top"));
    let told: Vec<String> = rendered.problems.iter().map(ToString::to_string).collect();
    assert!(
        told.iter()
            .any(|problem| problem.contains("cycle: `lib` contains `lib/deep`")),
        "{told:?}"
    );
}

#[test]
fn what_kustomize_refuses_on_the_way_is_refused_although_it_would_come_right_in_the_end() {
    let two = "//- /c.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n//- /kustomization.yaml\nresources: [c.yaml]\n\
               configMapGenerator:\n- {name: b, literals: [k=v]}\npatches:\n- target: {kind: ConfigMap}\n  patch: |-\n    - {op: \
               replace, path: /metadata/name, value: same}\n- target: {kind: Thing}\n  patch: |-\n    kind: Thing\n    \
               apiVersion: v1\n    metadata: {name: any}\n    spec: {}\n";
    let null = "//- /d.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n//- /kustomization.yaml\nresources: \
                [d.yaml]\nreplacements:\n- source: {kind: ConfigMap, fieldPath: metadata.name}\n  targets:\n  - select: {kind: \
                ConfigMap}\n    fieldPaths: [metadata.annotations.copied]\n    options: {create: true}\n";
    for (text, words) in [
        (two, "is there twice when this patch is applied"),
        (null, "`annotations` is empty"),
    ] {
        let rendered = render(&Tree::fixture(text), &at(""));
        let told: Vec<String> = rendered.problems.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|problem| problem.contains(words)), "{told:?}");
    }
}
