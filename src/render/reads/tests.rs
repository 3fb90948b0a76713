//! Readers against renderings: what is read must have been named.

use super::*;
use crate::flux::Kustomization;
use crate::render;
use serde_json::json;

const FLEET: &str = "//- /base/kustomization.yaml
resources: [web.yaml, ../more]
configMapGenerator:
- name: conf
  files: [a.txt=text/conf.txt]
  envs: [conf.env]
//- /base/web.yaml
kind: Deployment
apiVersion: apps/v1
metadata: {name: web}
//- /base/text/conf.txt
hello
//- /base/conf.env
A=1
//- /more/kustomization.yaml
transformers:
- labels.yaml
- |-
  apiVersion: builtin
  kind: PatchTransformer
  metadata: {name: p}
  path: patch.yaml
  target: {kind: Deployment}
replacements:
- path: replace.yaml
//- /more/labels.yaml
apiVersion: builtin
kind: LabelTransformer
metadata: {name: l}
labels: {a: b}
//- /more/patch.yaml
- {op: add, path: /spec, value: {}}
//- /more/replace.yaml
[]
//- /prod/kustomization.yaml
resources: [../base]
patches:
- path: patch.yaml
//- /prod/patch.yaml
kind: Deployment
apiVersion: apps/v1
metadata: {name: web}
//- /plain/sub/app.yaml
kind: Service
apiVersion: v1
metadata: {name: web}
//- /README.md
A fleet.
";

fn may_read(root: &Root, path: &str) -> bool {
    let tree = Tree::fixture(FLEET);
    let paths = BTreeSet::from([path.to_owned()]);
    Readers::new(&tree).may_read(root, &paths, &mut Cache::default())
}

fn plain(path: &str) -> Root {
    Root {
        path: path.to_owned(),
        flux: None,
    }
}

fn by_flux(path: &str, components: &[&str]) -> Root {
    let object = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "x", "namespace": "flux-system"},
        "spec": {"path": path, "components": components},
    });
    Root {
        path: path.to_owned(),
        flux: Kustomization::from_json(&object).ok(),
    }
}

#[test]
fn what_a_rendering_reads_was_named_before() {
    let tree = Tree::fixture(FLEET);
    for root in [
        plain("prod"),
        plain("base"),
        plain("more"),
        by_flux("plain", &[]),
        by_flux("prod", &[]),
    ] {
        for read in render(&tree, &root).reads {
            // A directory that is walked: whatever appears in it counts.
            let path = if read.ends_with('/') {
                format!("{read}new.yaml")
            } else {
                read
            };
            assert!(may_read(&root, &path), "{root:?} reads {path}");
        }
    }
}

#[test]
fn what_is_far_away_is_not_named() {
    for path in ["README.md", "plain/sub/app.yaml", "prod/other.yaml"] {
        assert!(!may_read(&plain("prod"), path), "{path}");
    }
    for (root, path) in [("base", "prod/patch.yaml"), ("more", "base/web.yaml")] {
        assert!(!may_read(&plain(root), path), "{root} {path}");
    }
}

#[test]
fn what_may_appear_counts_as_read() {
    assert!(may_read(&plain("prod"), "prod/kustomization.yml"));
    assert!(may_read(&by_flux("plain", &[]), "plain/new.yaml"));
    assert!(may_read(
        &by_flux("prod", &["../extra"]),
        "extra/kustomization.yaml"
    ));
    assert!(may_read(&by_flux("prod", &[]), ".sourceignore"));
}
