#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use recant_render::Tree;
use recant_render::render;

const TREE: &str = "//- /base/kustomization.yaml
resources: [web.yaml]
//- /base/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  paused: true
  template:
    spec:
      containers:
      - name: web
        image: ghcr.io/shop/web:1.0 # the shop
//- /prod/kustomization.yaml
resources: [../base]
namespace: prod
images:
- name: ghcr.io/shop/web
  newTag: \"2.0\"
patches:
- path: unpaused.yaml
//- /prod/unpaused.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  paused: null
";

fn explained(within: &str, width: Option<usize>) -> String {
    let tree = Tree::fixture(TREE);
    let root = Root {
        path: "prod".to_owned(),
        flux: None,
    };
    let rendered = render(&tree, &root);
    let (object, value) = (&rendered.objects[0], rendered.objects[0].json());
    let mut told = trail::told(object, &value, &field::pointer(within, &value).unwrap());
    told.places_mut(|place| place.text = trail::as_written(&tree, place));
    let mut out = Vec::new();
    print::print(&told, "Deployment/prod/web in prod", width, &mut out).unwrap();
    anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
}

#[test]
fn a_field_is_told_with_its_lines_and_transformers() {
    let want = "Deployment/prod/web in prod

spec.template.spec.containers[0].image = ghcr.io/shop/web:2.0
  written  base/web.yaml:12          ghcr.io/shop/web:1.0  not committed
  images   prod/kustomization.yaml:5  \"2.0\"                 not committed
";
    let got = explained("spec.template.spec.containers[name=web].image", None);
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed(&got), squeezed(want), "{got}");
    let columns: Vec<Option<usize>> = got
        .lines()
        .filter_map(|l| l.find("not committed"))
        .map(Some)
        .collect();
    assert!(columns.len() == 2 && columns[0] == columns[1], "{got}");
}

#[test]
fn a_narrow_terminal_gets_one_thing_below_the_other_and_no_line_is_longer() {
    for width in [40, 60, 89, 100, 140] {
        for line in explained("", Some(width)).lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn what_was_deleted_is_told_with_what_deleted_it() {
    let got = explained("spec.paused", None);
    assert!(got.contains("spec.paused is deleted"), "{got}");
    assert!(got.contains("base/web.yaml:7") && got.contains("true"), "{got}");
    assert!(
        got.contains("deleted by") && got.contains("prod/unpaused.yaml:5"),
        "{got}"
    );
}

#[test]
fn fields_are_read_as_people_write_them() {
    let object = json!({
        "metadata": {"annotations": {"a.b/c": "x"}},
        "spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80}]}, {"name": "b"}]},
    });
    let table = [
        (
            "spec.containers[1].name",
            "/spec/containers/1/name",
            "spec.containers[1].name",
        ),
        (
            ".spec.containers[name=b]",
            "/spec/containers/1",
            "spec.containers[1]",
        ),
        (
            "spec.containers[0].ports[containerPort=80]",
            "/spec/containers/0/ports/0",
            "spec.containers[0].ports[0]",
        ),
        (
            "metadata.annotations[\"a.b/c\"]",
            "/metadata/annotations/a.b~1c",
            "metadata.annotations[\"a.b/c\"]",
        ),
        ("/spec/containers/", "/spec/containers", "spec.containers"),
        ("", "", ""),
    ];
    for (field, pointer, shown) in table {
        let got = field::pointer(field, &object).unwrap();
        assert_eq!(
            (got.as_str(), field::shown(&got, &object).as_str()),
            (pointer, shown),
            "{field}"
        );
    }
    assert!(field::pointer("spec.containers[name=c]", &object).is_err());
    assert!(field::pointer("spec[", &object).is_err());
    assert_eq!(field::near("spec.replicas", &object), "; `spec` has containers");
}
