//! Flux's layer on small trees, and the grammar of substitution.

use super::Kustomization;
use super::envsubst;
use super::envsubst::Known;
use crate::Rendered;
use crate::Tree;
use crate::render;
use crate::roots;
use serde_json::Value;
use serde_json::json;

fn subst(text: &str) -> Result<String, String> {
    envsubst::eval(text, &mut |name| match name {
        "empty" => Known::Value(String::new()),
        "v" => Known::Value("Hello World".to_owned()),
        "path" => Known::Value("a/b/c.tar.gz".to_owned()),
        "cluster" => Known::Elsewhere,
        _ => Known::Unset,
    })
}

#[test]
fn substitution_follows_the_grammar_of_flux() {
    let table = [
        ("plain $v $(v) text", "plain $v $(v) text"),
        ("${v}", "Hello World"),
        ("$${v}", "${v}"),
        ("a ${cluster:-${v}} b ${v}", "a ${cluster:-${v}} b Hello World"),
        ("a${v}b${v}c", "aHello WorldbHello Worldc"),
        ("${empty:-x y}", "x y"),
        ("${empty:=x}", "x"),
        ("${empty=x}", "x"),
        ("${v:-x}", "Hello World"),
        ("${nope:-x}", "x"),
        ("${nope:=${v}}", "Hello World"),
        ("${nope:-}", ""),
        ("${#v}", "11"),
        ("${v^^}", "HELLO WORLD"),
        ("${v,,}", "hello world"),
        ("${v,}", "hello World"),
        ("${v:6}", "World"),
        ("${v:0:5}", "Hello"),
        ("${v: -5}", "Hello World"),
        ("${v:-5}", "Hello World"),
        ("${path#*/}", "b/c.tar.gz"),
        ("${path##*/}", "c.tar.gz"),
        ("${path%.*}", "a/b/c.tar"),
        ("${path%%.*}", "a/b/c"),
        ("${v/l/L}", "HeLlo World"),
        ("${v//l/L}", "HeLLo WorLd"),
        ("${v//l/}", "Heo Word"),
        ("${v/#Hello/Bye}", "Bye World"),
        ("${v/%World/Moon}", "Hello Moon"),
        ("${path/\\//-}", "a-b/c.tar.gz"),
    ];
    for (text, wanted) in table {
        assert_eq!(subst(text).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn what_flux_refuses_is_refused() {
    for text in [
        "${nope}",
        "${v",
        "${}",
        "${v-x}",
        "${v x}",
        "${ v}",
        "${v/l",
        "${nope^^}",
    ] {
        assert!(subst(text).is_err(), "{text}: {:?}", subst(text));
    }
}

const APP: &str = r#"
//- /app/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {url: "http://${host:=localhost}/"}
spec:
  replicas: ${REPLICAS}
  template:
    spec:
      containers:
        - name: web
          image: example.org/web:${TAG}
          args: ["--port", "${PORT}", "$${KEEP}"]
//- /app/sub/kustomization.yaml
resources: [cm.yaml]
//- /app/sub/cm.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: sub}
data:
  script: |
    echo ${TAG}
      done
//- /app/notes.txt
not a manifest
//- /app/.sops.yaml
creation_rules: []
//- /clusters/ks.yaml
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: flux-system}
spec:
  path: ./app
  targetNamespace: web
  namePrefix: x-
  sourceRef: {kind: GitRepository, name: flux-system}
  commonMetadata:
    labels: {team: a}
  images:
    - name: example.org/other
      newTag: "1"
  patches:
    - target: {kind: Deployment}
      patch: |
        - op: add
          path: /spec/paused
          value: true
  postBuild:
    substitute:
      TAG: "2.0"
      PORT: "8080"
      REPLICAS: "3"
"#;

fn rendered(tree: &Tree) -> Rendered {
    let root = roots(tree)
        .into_iter()
        .find(|r| r.flux.is_some())
        .expect("a Flux root");
    render(tree, &root)
}

#[test]
fn a_path_without_kustomization_is_generated_and_layered() {
    let rendered = rendered(&Tree::fixture(APP));
    assert_eq!(rendered.problems, []);
    let ids: Vec<String> = rendered.objects.iter().map(|o| o.id().to_string()).collect();
    assert_eq!(ids, ["Deployment/web/x-web", "ConfigMap/web/x-sub"]);
    assert!(rendered.looks_at("app/deployment.yaml") && rendered.looks_at("app/new/file.yaml"));
    assert!(!rendered.looks_at("apple/file.yaml"));
    let deployment = rendered.objects[0].json();
    assert_eq!(deployment["spec"]["paused"], true);
    assert_eq!(deployment["metadata"]["labels"], json!({"team": "a"}));
    assert_eq!(deployment["metadata"]["annotations"]["url"], "http://localhost/");
}

#[test]
fn substituted_text_is_read_again_so_types_follow_the_value() {
    let rendered = rendered(&Tree::fixture(APP));
    let deployment = rendered.objects[0].json();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(deployment["spec"]["replicas"], 3);
    assert_eq!(container["image"], "example.org/web:2.0");
    assert_eq!(container["args"], json!(["--port", 8080, "${KEEP}"]));
    assert_eq!(rendered.objects[1].json()["data"]["script"], "echo 2.0\n  done\n");
}

#[test]
fn a_substituted_value_knows_the_template_and_the_variable() {
    let rendered = rendered(&Tree::fixture(APP));
    let image = rendered.objects[0]
        .origin("/spec/template/spec/containers/0/image")
        .expect("an origin");
    let places: Vec<String> = image
        .sources()
        .iter()
        .map(|s| format!("{}:{}", s.0, s.1))
        .collect();
    assert_eq!(places, ["app/deployment.yaml:12", "clusters/ks.yaml:22"]);
}

#[test]
fn variables_from_the_cluster_stay_as_they_are_until_they_are_given() {
    let text = APP.replace(
        "    substitute:\n      TAG: \"2.0\"",
        "    substituteFrom: [{kind: ConfigMap, name: vars}]\n    substitute:",
    );
    let tree = Tree::fixture(&text);
    let mut root = roots(&tree)
        .into_iter()
        .find(|r| r.flux.is_some())
        .expect("a Flux root");
    let without = render(&tree, &root);
    assert!(without.ok());
    let container = "/spec/template/spec/containers/0/image";
    let image = without.objects[0].json();
    assert_eq!(image.pointer(container), Some(&json!("example.org/web:${TAG}")));
    let origin = format!("{:?}", without.objects[0].origin(container));
    assert!(
        origin.contains("External { reference: \"substituteFrom TAG\" }"),
        "{origin}"
    );
    assert!(
        without.problems[0].to_string().contains("TAG"),
        "{}",
        without.problems[0]
    );
    if let Some(flux) = &mut root.flux {
        flux.vars.insert("TAG".to_owned(), "3.0".to_owned());
    }
    let with = render(&tree, &root);
    assert_eq!(with.problems, []);
    let image = with.objects[0].json();
    assert_eq!(
        image["spec"]["template"]["spec"]["containers"][0]["image"],
        "example.org/web:3.0"
    );
}

#[test]
fn an_image_of_flux_merges_into_that_of_the_kustomization() {
    let text = format!(
        "{APP}//- /app/kustomization.yaml\nresources: [deployment.yaml]\nimages:\n- name: example.org/other\n  newName: new\n  digest: d\nunknown: 1\n"
    );
    let tree = Tree::fixture(&text.replace("example.org/web:${TAG}", "example.org/other:0"));
    let rendered = rendered(&tree);
    // Flux drops fields it does not know in the kustomization of its own path.
    assert!(rendered.ok(), "{:?}", rendered.problems);
    assert_eq!(rendered.problems.len(), 1);
    let json: Value = rendered.objects[0].json();
    assert_eq!(
        json["spec"]["template"]["spec"]["containers"][0]["image"],
        "new:1"
    );
}

#[test]
fn what_is_no_flux_kustomization_is_refused() {
    let object = json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"});
    assert!(Kustomization::from_json(&object).is_err());
}

const GENERATED: &str = r#"
//- /clusters/a.yaml
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: faces, namespace: flux-system}
spec: {url: "https://example.org/faces.git", IGNORE}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: faces, namespace: flux-system}
spec:
  path: ./k8s
  sourceRef: {kind: GitRepository, name: faces}
//- /k8s/one.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
//- /k8s/sub/two.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
//- /k8s/sub/.sourceignore
SOURCEIGNORE
//- /k8s/.github/three.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: three}
"#;

#[test]
fn what_flux_leaves_out_of_its_artifact_is_not_rendered() {
    let table: [(&str, &str, &[&str]); 6] = [
        ("", "", &["one", "two"]),
        ("ignore: '*.md'", "", &["three", "one", "two"]),
        ("ignore: \"/*\\n!/k8s/sub/two.yaml\"", "", &["two"]),
        ("", "two.yaml", &["three", "one"]),
        ("ignore: '!two.yaml'", "two.yaml", &["three", "one", "two"]),
        ("", "# nothing", &["one", "two"]),
    ];
    for (ignore, sourceignore, wanted) in table {
        let text = GENERATED
            .replace(", IGNORE", &format!(", {ignore}"))
            .replace("SOURCEIGNORE", sourceignore);
        let tree = Tree::fixture(&text);
        let root = roots(&tree)
            .into_iter()
            .find(|r| r.flux.is_some())
            .expect("a Flux root");
        let rendered = render(&tree, &root);
        let names: Vec<String> = rendered.objects.iter().map(|o| o.id().name).collect();
        assert_eq!(names, wanted, "{ignore} {sourceignore} {:?}", rendered.problems);
        assert!(rendered.reads.contains(".sourceignore") && rendered.reads.contains("k8s/sub/.sourceignore"));
    }
}

#[test]
fn a_resource_that_is_left_out_or_a_link_is_a_problem_that_says_so() {
    let kustomization = "//- /k8s/kustomization.yaml\nresources: [one.yaml]\n";
    let hidden = Tree::fixture(&format!(
        "{}{kustomization}",
        GENERATED.replace(", IGNORE", ", ignore: one.yaml")
    ));
    let link = Tree::fixture(&format!("{}{kustomization}", GENERATED.replace(", IGNORE", "")))
        .with_entry("k8s/one.yaml", Some(crate::Entry::Link("sub/two.yaml".into())));
    for tree in [hidden, link] {
        let root = roots(&tree)
            .into_iter()
            .find(|r| r.flux.is_some())
            .expect("a Flux root");
        let rendered = render(&tree, &root);
        let said = rendered.problems[0].to_string();
        assert!(
            said.contains("kustomization.yaml:1: Flux leaves `one.yaml` out of its artifact"),
            "{said}"
        );
    }
}
