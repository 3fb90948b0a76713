//! Seeded synthetic histories: what was changed is known, so the plan must change exactly that and no other byte.

use super::planned;
use super::root;
use super::web;
use crate::proof::prove;
use crate::revert::FormPolicy;
use proptest::prelude::*;
use recant_render::Tree;
use recant_render::render;

/// A small fleet: two environments over one base, a generated ConfigMap, a patch, an `images` entry.
const FLEET: &str = "//- /base/kustomization.yaml
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- web.yaml
- api.yaml
configMapGenerator:
- name: params
  envs: [params.env]
//- /base/params.env
COLOUR=blue
SIZE=1
//- /base/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {tier: front}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: web
        image: web:1
        args: [--level=info]
        env:
        - name: A
          value: one   # kept as it is
        envFrom:
        - configMapRef: {name: params}
      - name: sidecar
        image: sidecar
//- /base/api.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
spec:
  template:
    spec:
      containers:
      - name: api
        image: api:1
//- /prod/kustomization.yaml
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: prod
resources: [../base]
patches:
- path: memory.yaml
images:
- name: sidecar
  newTag: \"1.0\"
- name: api
  newTag: v1
//- /prod/memory.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        resources:
          limits: {memory: 64Mi}
//- /staging/kustomization.yaml
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: staging
resources: [../base]
images:
- name: sidecar
  newTag: \"1.0\"
//- /README.md
A fleet.
";

/// File, what it says, what it says after the change: these change the web Deployment of prod.
const CULPRITS: &[(&str, &str, &str)] = &[
    ("base/web.yaml", "        image: web:1", "        image: web:2"),
    (
        "base/web.yaml",
        "        args: [--level=info]",
        "        args: [--level=debug]",
    ),
    ("base/web.yaml", "value: one   # kept", "value: two # kept"),
    ("base/params.env", "SIZE=1", "SIZE=100"),
    ("prod/kustomization.yaml", "newTag: \"1.0\"", "newTag: \"2.0\""),
    ("prod/memory.yaml", "{memory: 64Mi}", "{memory: 64M}"),
    (
        "base/web.yaml",
        "        envFrom:",
        "        - name: DEBUG\n          value: \"1\"\n        envFrom:",
    ),
    (
        "base/web.yaml",
        "        image: sidecar",
        "        image: sidecar\n        tty: true",
    ),
];

/// These do not.
const INNOCENTS: &[(&str, &str, &str)] = &[
    ("base/web.yaml", "replicas: 2", "replicas: 3"),
    ("base/web.yaml", "{tier: front}", "{tier: edge}"),
    (
        "base/web.yaml",
        "apiVersion: apps/v1",
        "# who owns this?\napiVersion: apps/v1",
    ),
    ("base/api.yaml", "image: api:1", "image: api:2"),
    ("prod/kustomization.yaml", "newTag: v1", "newTag: v2"),
    (
        "prod/kustomization.yaml",
        "namespace: prod",
        "# the real one\nnamespace: prod",
    ),
    ("staging/kustomization.yaml", "newTag: \"1.0\"", "newTag: \"2.0\""),
    ("README.md", "A fleet.", "A small fleet.\n\nNot for sailing."),
];

/// How the files of both sides are written.
#[derive(Clone, Copy, Debug)]
struct Look {
    crlf: bool,
    bom: bool,
    unended: bool,
}

impl Look {
    fn on(self, tree: &Tree) -> Tree {
        let files = tree.iter().map(|(path, _)| {
            let mut text = tree.text(path).unwrap_or_default().to_owned();
            let is_yaml = path.ends_with(".yaml");
            if self.unended {
                text.pop();
            }
            if self.crlf && is_yaml {
                text = text.replace('\n', "\r\n");
            }
            if self.bom && is_yaml {
                text.insert(0, '\u{feff}');
            }
            (path.to_owned(), text)
        });
        Tree::of(files)
    }
}

fn changed(tree: Tree, which: &[bool], edits: &[(&str, &str, &str)]) -> Tree {
    let chosen = edits.iter().zip(which).filter(|(_, is)| **is);
    chosen.fold(tree, |tree, ((path, old, new), _)| {
        let text = tree.text(path).unwrap().replacen(old, new, 1);
        tree.with(path, text.as_bytes())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_plan_undoes_exactly_what_was_done_and_every_other_byte_stays(
        guilty in proptest::collection::vec(prop::bool::weighted(0.3), CULPRITS.len()),
        innocent in proptest::collection::vec(any::<bool>(), INNOCENTS.len()),
        (crlf, bom, unended) in any::<(bool, bool, bool)>(),
    ) {
        prop_assume!(guilty.contains(&true));
        let look = Look { crlf, bom, unended };
        let good = Tree::fixture(FLEET);
        let want = changed(good.clone(), &innocent, INNOCENTS);
        let head = changed(want.clone(), &guilty, CULPRITS);
        let (good, head, want) = (look.on(&good), look.on(&head), look.on(&want));

        let plan = planned(&good, &head, FormPolicy::SharedOnly).unwrap();
        let after = plan.apply(&head);
        prop_assert!(after == want, "{}", plan.diff(&head));

        let whole = render(&good, &root("prod")).find(&web("prod")).unwrap().json();
        let proof = prove(&head, &after, &whole, &root("prod"), &web("prod"), &[]);
        prop_assert!(proof.restored && proof.doubts.is_empty(), "{:?}", proof);
        prop_assert!(proof.collateral.iter().all(|c| c.root == "staging"), "{:?}", proof);

        // The form that leaves staging alone is proved, whatever was shared.
        let plan = planned(&good, &head, FormPolicy::Smallest).unwrap();
        let proof = prove(&head, &plan.apply(&head), &whole, &root("prod"), &web("prod"), &[]);
        prop_assert!(proof.restored, "{:?}", proof);
        prop_assert!(proof.holds() || plan.notes.iter().any(|n| n.starts_with("no pin")), "{:?}", proof);
    }
}
