//! Plans where Flux has a part: in what is rendered, in where a pin goes, in who writes the line.

use super::edited;
use super::web;
use crate::proof::Claim;
use crate::proof::Proof;
use crate::proof::prove_with;
use crate::revert::Form;
use crate::revert::FormPolicy;
use crate::revert::Plan;
use crate::revert::Undo;
use crate::revert::plan;
use recant_render::Cache;
use recant_render::Object;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;
use recant_render::roots;

const FLEET: &str = "//- /clusters/prod/apps.yaml
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec:
  interval: 10m
  path: ./apps/prod
  targetNamespace: prod
  sourceRef: {kind: GitRepository, name: flux-system}
  postBuild:
    substitute:
      TAG: \"1.0\" # the tag
//- /clusters/prod/other.yaml
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: other
  namespace: flux-system
spec:
  path: ./apps/other
  targetNamespace: other
  sourceRef: {kind: GitRepository, name: flux-system}
//- /apps/prod/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        image: ghcr.io/shop/web:${TAG}
        env:
        - {name: A, value: one}
//- /apps/other/kustomization.yaml
resources: [../prod/web.yaml]
";

fn prod(tree: &Tree) -> Root {
    roots(tree)
        .into_iter()
        .find(|root| root.path == "apps/prod")
        .unwrap()
}

fn planned(good: &Tree, head: &Tree) -> (Plan, Proof) {
    let (root, target) = (prod(head), web("prod"));
    let mut undo = Undo::new(good, head, &root, &target);
    undo.form = FormPolicy::Smallest;
    undo.hold_automation = true;
    let plan = plan(&undo).unwrap();
    let want = render(good, &prod(good)).find(&target).map(Object::json).unwrap();
    let claim = Claim {
        head,
        after: &plan.apply(head),
        want: &want,
        root: &root,
        target: &target,
        more_roots: &[],
        carriers: &plan.carriers,
    };
    let proof = prove_with(&claim, &mut Cache::default());
    (plan, proof)
}

#[test]
fn a_line_of_the_flux_kustomization_is_the_guilty_one() {
    let good = Tree::fixture(FLEET);
    let bad = edited(&good, "clusters/prod/apps.yaml", "TAG: \"1.0\"", "TAG: \"2.0\"");
    let head = edited(&bad, "clusters/prod/apps.yaml", "interval: 10m", "interval: 5m");
    let (plan, proof) = planned(&good, &head);
    let want = edited(&head, "clusters/prod/apps.yaml", "TAG: \"2.0\"", "TAG: \"1.0\"");
    assert_eq!(plan.apply(&head), want);
    assert_eq!(plan.carriers[0].to_string(), "Kustomization/flux-system/apps");
    assert!(proof.holds(), "{proof:?}");
}

#[test]
fn what_flux_puts_on_top_may_not_change_elsewhere_unseen() {
    // The same file declares two Kustomizations that share the line through an anchor.
    let both = FLEET.replace(
        "//- /apps/prod/web.yaml",
        "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: late\n  namespace: flux-system\nspec:\n  \
         path: ./apps/late\n  sourceRef: {kind: GitRepository, name: flux-system}\n//- /apps/late/cm.yaml\napiVersion: v1\nkind: \
         ConfigMap\nmetadata: {name: late}\n//- /apps/prod/web.yaml",
    );
    let good = Tree::fixture(&both);
    let bad = edited(&good, "clusters/prod/apps.yaml", "TAG: \"1.0\"", "TAG: \"2.0\"");
    let head = edited(
        &bad,
        "clusters/prod/other.yaml",
        "targetNamespace: other",
        "targetNamespace: elsewhere",
    );
    // An edit that moves another root by its declaration is told, though no file of that root is touched.
    let root = prod(&head);
    let want = render(&good, &prod(&good))
        .find(&web("prod"))
        .map(Object::json)
        .unwrap();
    let claim = Claim {
        head: &head,
        after: &good,
        want: &want,
        root: &root,
        target: &web("prod"),
        more_roots: &[],
        carriers: &[],
    };
    let proof = prove_with(&claim, &mut Cache::default());
    let moved: Vec<String> = proof
        .collateral
        .iter()
        .map(|c| format!("{} in {}", c.object, c.root))
        .collect();
    assert!(proof.restored);
    assert!(
        moved.contains(&"Deployment/other/web in apps/other".to_owned()),
        "{moved:?}"
    );
    assert!(
        moved.contains(&"Kustomization/flux-system/apps in clusters/prod".to_owned())
            || proof.roots.len() == 2,
        "{proof:?}"
    );
}

#[test]
fn a_root_without_a_kustomization_of_its_own_is_pinned_in_the_flux_kustomization() {
    let good = Tree::fixture(&FLEET.replace("${TAG}", "1.0"));
    let head = edited(&good, "apps/prod/web.yaml", "web:1.0", "web:2.0");
    let (plan, proof) = planned(&good, &head);
    assert_eq!(plan.form, Form::Pin, "{:?}", plan.notes);
    let after = plan.apply(&head);
    let text = after.text("clusters/prod/apps.yaml").unwrap();
    let want = "      TAG: \"1.0\" # the tag\n  images:\n  - name: ghcr.io/shop/web\n    newTag: \"1.0\"\n";
    assert!(text.ends_with(want), "{text}");
    assert!(proof.holds(), "{proof:?}");
}

const AUTOMATED: &str = "//- /clusters/prod/images.yaml
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata:
  name: web
  namespace: flux-system
spec:
  imageRepositoryRef:
    name: web
  policy:
    semver: {range: 1.x}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata:
  name: web
  namespace: flux-system
spec:
  image: ghcr.io/shop/web
  interval: 5m
";

fn automated(images: &str) -> (Tree, Tree) {
    let marked = "web:1.0 # {\"$imagepolicy\": \"flux-system:web\"}";
    let alone = FLEET.split("//- /clusters/prod/other.yaml").next().unwrap();
    let web = FLEET.split("//- /apps/prod/web.yaml").nth(1).unwrap();
    let web = web
        .split("//- /apps/other")
        .next()
        .unwrap()
        .replace("web:${TAG}", marked);
    let good = Tree::fixture(&format!("{alone}//- /apps/prod/web.yaml{web}{images}"));
    let head = edited(&good, "apps/prod/web.yaml", "web:1.0", "web:2.0");
    (good, head)
}

#[test]
fn image_automation_is_held_by_the_image_repository_when_it_is_in_the_same_repository() {
    let (good, head) = automated(AUTOMATED);
    let (plan, proof) = planned(&good, &head);
    let after = plan.apply(&head);
    // The line keeps its marker; the list keeps what it left out by default.
    assert_eq!(after.text("apps/prod/web.yaml"), good.text("apps/prod/web.yaml"));
    let want = "  interval: 5m\n  exclusionList:\n  - '^.*\\.sig$'\n  - '^2\\.0$'\n";
    let text = after.text("clusters/prod/images.yaml").unwrap();
    assert!(text.ends_with(want), "{text}");
    assert_eq!(plan.carriers[0].to_string(), "ImageRepository/flux-system/web");
    assert!(proof.holds(), "{proof:?}");
    let release = plan.automation[0].release().unwrap();
    assert!(
        release.contains("take `^2\\.0$` out of the exclusionList"),
        "{release}"
    );
}

#[test]
fn an_exclusion_list_that_is_there_grows_and_one_that_says_it_stays() {
    let listed = AUTOMATED.replace(
        "  interval: 5m\n",
        "  exclusionList:\n    - \"^rc.*$\"\n  interval: 5m\n",
    );
    let (good, head) = automated(&listed);
    let (plan, _) = planned(&good, &head);
    let text = plan
        .apply(&head)
        .text("clusters/prod/images.yaml")
        .unwrap()
        .to_owned();
    assert!(
        text.contains("    - \"^rc.*$\"\n    - '^2\\.0$'\n  interval"),
        "{text}"
    );
    let known = AUTOMATED.replace(
        "  interval: 5m\n",
        "  exclusionList: ['^2\\.0$']\n  interval: 5m\n",
    );
    let (good, head) = automated(&known);
    let (plan, proof) = planned(&good, &head);
    assert_eq!(plan.files.len(), 1);
    assert!(proof.holds() && plan.automation[0].held, "{proof:?}");
}

#[test]
fn the_marker_is_taken_out_where_the_image_repository_cannot_leave_the_tag_out() {
    let table = [
        String::new(),
        AUTOMATED.replace(
            "image.toolkit.fluxcd.io/v1\nkind: ImageRepository",
            "image.toolkit.fluxcd.io/v1beta1\nkind: ImageRepository",
        ),
        AUTOMATED.replace("  policy:\n", "  digestReflectionPolicy: Always\n  policy:\n"),
        format!(
            "{AUTOMATED}//- /clusters/prod/twice.yaml\n{}",
            AUTOMATED.split_once('\n').unwrap().1
        ),
    ];
    for images in table {
        let (good, head) = automated(&images);
        let (plan, _) = planned(&good, &head);
        let after = plan.apply(&head);
        let text = after.text("apps/prod/web.yaml").unwrap();
        assert!(
            text.contains("web:1.0 # held by recant, was imagepolicy flux-system:web"),
            "{images}\n{text}"
        );
        let release = plan.automation[0].release().unwrap();
        assert!(release.starts_with("to release it put `# {"), "{release}");
    }
}
