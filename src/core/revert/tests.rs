//! The planner as a whole, on small trees.

#![expect(clippy::unwrap_used, reason = "tests")]

mod flux;
mod histories;

use super::*;
use crate::fixtures::root;
use crate::fixtures::web;

const BASE: &str = "//- /base/kustomization.yaml
resources:
- web.yaml
//- /base/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: web
        image: ghcr.io/x/web:1
        env:
        - name: A
          value: one
//- /prod/kustomization.yaml
namespace: prod
resources:
- ../base
";
const STAGING: &str = "//- /staging/kustomization.yaml\nnamespace: staging\nresources:\n- ../base\n";

fn edited(tree: &Tree, path: &str, old: &str, new: &str) -> Tree {
    let text = tree.text(path).unwrap();
    assert!(text.contains(old), "{old} in {path}");
    tree.with(path, text.replace(old, new).as_bytes())
}

fn planned(good: &Tree, head: &Tree, form: FormPolicy) -> Result<Plan, NoPlan> {
    let (root, target) = (root("prod"), web("prod"));
    let mut undo = Undo::new(good, head, &root, &target);
    undo.form = form;
    plan(&undo)
}

fn diff(head: &Tree, plan: &Plan) -> Vec<String> {
    let changed =
        |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++ ") && !line.starts_with("--- ");
    plan.diff(head)
        .lines()
        .filter(changed)
        .map(str::to_owned)
        .collect()
}

#[test]
fn only_the_guilty_line_goes_back() {
    let good = Tree::fixture(BASE);
    let bad = edited(&good, "base/web.yaml", "web:1", "web:2");
    let head = edited(&bad, "base/web.yaml", "replicas: 1", "replicas: 5");
    let plan = planned(&good, &head, FormPolicy::Smallest).unwrap();
    assert_eq!(plan.form, Form::Revert);
    assert_eq!(
        diff(&head, &plan),
        [
            "-        image: ghcr.io/x/web:2",
            "+        image: ghcr.io/x/web:1"
        ]
    );
    assert_eq!(plan.leaves[0].pointer, "/spec/template/spec/containers/0/image");
    // One rendering to find it, one to see that nothing else would do.
    assert_eq!((plan.renders, plan.lines[0].head_line), (2, 11));
}

#[test]
fn an_image_that_a_sibling_shares_is_pinned_by_an_images_entry() {
    let good = Tree::fixture(&format!("{BASE}{STAGING}"));
    let head = edited(&good, "base/web.yaml", "web:1", "web:2");
    let plan = planned(&good, &head, FormPolicy::Smallest).unwrap();
    assert_eq!(plan.form, Form::Pin);
    let want = ["+images:", "+- name: ghcr.io/x/web", "+  newTag: \"1\""];
    assert_eq!(diff(&head, &plan), want);
    let note = "a pin: undoing the change itself, in `base/web.yaml`, would also move Deployment/staging/web in staging";
    assert_eq!(plan.notes, [note]);
    let shared = planned(&good, &head, FormPolicy::SharedOnly).unwrap();
    assert_eq!((shared.form, shared.lines.len()), (Form::Revert, 1));
}

#[test]
fn an_images_entry_that_is_there_gets_the_good_tag_as_it_is_quoted() {
    let images =
        "images:\n- name: ghcr.io/x/web # ours\n  newTag: '2' # bumped\n- name: other\n  newTag: '2'\n";
    let fleet = format!("{BASE}{images}{STAGING}{images}");
    let head = Tree::fixture(&fleet);
    let good = edited(&head, "prod/kustomization.yaml", "'2' # bumped", "'1' # bumped");
    // The tag was set before by a component that both share; here it only differs by hand.
    let plan = planned(&good, &head, FormPolicy::PreferPin).unwrap();
    assert_eq!(plan.form, Form::Pin);
    assert_eq!(
        diff(&head, &plan),
        ["-  newTag: '2' # bumped", "+  newTag: '1' # bumped"]
    );
}

#[test]
fn what_is_no_image_is_pinned_by_a_patch_entry() {
    let good = Tree::fixture(&format!("{BASE}{STAGING}"));
    let head = edited(&good, "base/web.yaml", "value: one", "value: two");
    let plan = planned(&good, &head, FormPolicy::Smallest).unwrap();
    assert_eq!(plan.form, Form::Pin);
    let want = "patches:\n- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata:\n      name: web\n      \
        namespace: prod\n    spec:\n      template:\n        spec:\n          containers:\n          - name: web\n            \
        env:\n            - name: A\n              value: one\n";
    let after = plan.apply(&head);
    let got = after.text("prod/kustomization.yaml").unwrap();
    let bare = want.replace("      namespace: prod\n", "");
    assert!(got.ends_with(want) || got.ends_with(&bare), "{got}");
    assert!(got.starts_with(good.text("prod/kustomization.yaml").unwrap()));
}

#[test]
fn a_plain_directory_has_no_place_for_a_pin() {
    let deployment = BASE.split("//- /base/web.yaml\n").nth(1).unwrap();
    let deployment = deployment
        .split("//- ")
        .next()
        .unwrap()
        .replace("name: web\nspec", "name: web\n  namespace: prod\nspec");
    let fleet = format!(
        "//- /prod/web.yaml\n{deployment}//- /staging/kustomization.yaml\nresources:\n- ../prod/web.yaml\n"
    );
    let good = Tree::fixture(&fleet);
    let head = edited(&good, "prod/web.yaml", "web:1", "web:2");
    let flux = serde_json::json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": { "name": "prod", "namespace": "flux-system" },
        "spec": { "path": "./prod", "sourceRef": { "kind": "GitRepository", "name": "flux-system" } },
    });
    let root = Root {
        path: "prod".to_owned(),
        flux: Some(recant_render::flux::Kustomization::from_json(&flux).unwrap()),
    };
    let target = web("prod");
    let plan = plan(&Undo::new(&good, &head, &root, &target)).unwrap();
    assert_eq!(plan.form, Form::Revert);
    let note = "no pin is possible: `prod` has no kustomization.yaml of its own to put one in";
    assert_eq!(plan.notes, [note]);
}

#[test]
fn what_is_to_go_back_too_does_not_make_a_pin_of_a_shared_line() {
    let good = Tree::fixture(&format!("{BASE}{STAGING}"));
    let head = edited(&good, "base/web.yaml", "web:1", "web:2");
    let also = [(root("staging"), web("staging"))];
    let (prod, target) = (root("prod"), web("prod"));
    let mut undo = Undo::new(&good, &head, &prod, &target);
    undo.also = &also;
    assert_eq!(plan(&undo).unwrap().form, Form::Revert);
}

#[test]
fn an_added_file_that_changed_the_object_goes_with_the_line_that_names_it() {
    let good = Tree::fixture(BASE);
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      hostNetwork: true\n";
    let head = edited(
        &good,
        "prod/kustomization.yaml",
        "- ../base\n",
        "- ../base\npatches:\n- path: net.yaml\n",
    )
    .with("prod/net.yaml", patch.as_bytes());
    let plan = planned(&good, &head, FormPolicy::Smallest).unwrap();
    assert_eq!(plan.apply(&head), good);
    assert_eq!(plan.files["prod/net.yaml"], None);
}

#[test]
fn identical_comments_above_the_guilty_line_stay_whatever_else_changed() {
    let good = Tree::fixture(&format!("{BASE}images:\n- name: ghcr.io/x/web\n  newTag: one\n"));
    let bumped = edited(
        &good,
        "prod/kustomization.yaml",
        "  newTag: one",
        "  # which?\n  # which?\n  newTag: two",
    );
    let head = edited(&bumped, "base/web.yaml", "value: one", "value: two");
    let plan = planned(&good, &head, FormPolicy::Smallest).unwrap();
    assert_eq!(
        (plan.lines_added(), plan.lines_removed()),
        (2, 2),
        "{}",
        plan.diff(&head)
    );
}

#[test]
fn a_list_that_a_merge_would_reorder_is_pinned_by_operations_that_test_what_they_change() {
    let base = BASE.replace(
        "          value: one",
        "          value: one\n        - name: B\n          value: two",
    );
    let good = Tree::fixture(&format!("{base}{STAGING}"));
    let head = edited(&good, "base/web.yaml", "value: two", "value: bad");
    let plan = planned(&good, &head, FormPolicy::Smallest).unwrap();
    assert_eq!(plan.form, Form::Pin);
    let after = plan.apply(&head);
    let got = after.text("prod/kustomization.yaml").unwrap();
    for line in [
        "      path: /spec/template/spec/containers/0/env/1/name",
        "      op: test",
        "    - op: replace",
    ] {
        assert!(got.contains(line.trim_start_matches("      ")), "{got}");
    }
    assert!(plan.lines.len() <= 16, "{got}");
}

#[test]
fn there_is_a_plain_reason_where_there_is_no_plan() {
    let good = Tree::fixture(BASE);
    let bad = edited(&good, "base/web.yaml", "web:1", "web:2");
    let shared = |good: &Tree, head: &Tree| planned(good, head, FormPolicy::Smallest).unwrap_err();
    assert_eq!(shared(&good, &good), NoPlan::NothingToRevert);
    let renamed = edited(&good, "base/web.yaml", "name: web\nspec", "name: old\nspec");
    assert!(matches!(shared(&renamed, &good), NoPlan::Absent { .. }));
    let broken = edited(
        &good,
        "base/kustomization.yaml",
        "- web.yaml",
        "- web.yaml\n- none.yaml",
    );
    for (good, head, state) in [(&good, &broken, State::Head), (&broken, &bad, State::Good)] {
        let NoPlan::Unrenderable {
            state: told,
            problems,
        } = shared(good, head)
        else {
            panic!("it renders");
        };
        assert_eq!((told, problems[0].line), (state, Some(3)));
    }
    let linked = bad.without("base/web.yaml").with_entry(
        "base/web.yaml",
        Some(recant_render::Entry::Link("other.yaml".into())),
    );
    let linked = linked.with("base/other.yaml", bad.bytes("base/web.yaml").unwrap());
    let NoPlan::NotInGit { why } = shared(&good, &linked) else {
        panic!("a link cannot be restored by an edit of files");
    };
    assert!(why.contains("symbolic link"), "{why}");
}

#[test]
fn a_marker_of_image_automation_is_told_and_taken_out_only_when_asked() {
    let marked = "image: ghcr.io/x/web:1 # {\"$imagepolicy\": \"flux-system:web\"}";
    let good = edited(
        &Tree::fixture(BASE),
        "base/web.yaml",
        "image: ghcr.io/x/web:1",
        marked,
    );
    let head = edited(&good, "base/web.yaml", "web:1", "web:2");
    let (root, target) = (root("prod"), web("prod"));
    for hold in [false, true] {
        let mut undo = Undo::new(&good, &head, &root, &target);
        undo.hold_automation = hold;
        let plan = plan(&undo).unwrap();
        let [line] = plan.automation.as_slice() else {
            panic!("{:?}", plan.automation);
        };
        assert_eq!(
            (line.policy.as_str(), line.line, line.held),
            ("flux-system:web", 11, hold)
        );
        assert_eq!(line.marker, "# {\"$imagepolicy\": \"flux-system:web\"}");
        let after = plan.apply(&head);
        assert_eq!(after == good, !hold);
        let text = after.text("base/web.yaml").unwrap();
        let held = "image: ghcr.io/x/web:1 # held by recant, was imagepolicy flux-system:web\n";
        assert_eq!(text.contains(held), hold);
    }
}
