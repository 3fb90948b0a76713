//! What other programs have to say of a plan: `--confirm`, charts in the repository. And every exit code.

use crate::blame_cli::program;
use crate::blame_cli::with_path;
use crate::plan_cli::Fixture;
use crate::plan_cli::TARGET;
use crate::plan_cli::text;
use serde_json::Value;
use std::fs;
use std::process::Command;

const PLAN: &[&str] = &plan("Deployment/prod/web");

const fn plan(target: &str) -> [&str; 7] {
    ["plan", "--good", "good", "--path", "prod", "--for", target]
}

fn kubectl_is_there() -> bool {
    let there = Command::new("kubectl")
        .args(["kustomize", "--help"])
        .output()
        .is_ok();
    if !there {
        eprintln!("no kubectl: not confirmed by the real one");
    }
    there
}

#[test]
fn every_verdict_has_its_exit_code() {
    let code = |repo: &Fixture, more: &[&str]| repo.plan(&[TARGET, more].concat()).status.code();
    let repo = Fixture::new(&["prod"]);
    assert_eq!(code(&repo, &[]), Some(4), "head renders the good state");
    assert_eq!(
        code(&repo, &["--path", "nowhere"]),
        Some(2),
        "a command line that makes no sense"
    );
    repo.break_it();
    assert_eq!(code(&repo, &[]), Some(0), "proved");
    let shared = Fixture::new(&["prod", "staging"]);
    shared.break_it();
    assert_eq!(code(&shared, &["--form", "shared"]), Some(3), "not separable");
    assert_eq!(
        code(&shared, &["--form", "pin"]),
        Some(0),
        "a pin that proves clean"
    );
    // A file that became a link: no edit of files brings it back.
    let linked = Fixture::new(&["prod"]);
    linked.break_it();
    fs::rename(
        linked.path().join("base/web.yaml"),
        linked.path().join("base/real.yaml"),
    )
    .unwrap();
    std::os::unix::fs::symlink("real.yaml", linked.path().join("base/web.yaml")).unwrap();
    linked.write(
        "base/real.yaml",
        &linked.read("base/real.yaml").replace("web:2.0", "web:3.0"),
    );
    linked.commit("a link");
    let told = linked.plan(&[TARGET, &["--json"]].concat());
    assert_eq!(told.status.code(), Some(5), "{}", text(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((&told["verdict"], &told["exit"]), (&"notInGit".into(), &5.into()));
    linked.write("prod/kustomization.yaml", "resources: [");
    linked.commit("broken");
    assert_eq!(code(&linked, &[]), Some(1), "bad input");
}

#[test]
fn siblings_and_others_are_told_apart_and_a_diff_of_either_form_applies() {
    let repo = Fixture::new(&["prod", "staging"]);
    let api = repo.read("base/web.yaml").replace("name: web", "name: api");
    repo.write("base/api.yaml", &api);
    let patch = |value: &str| {
        format!(
            "resources:\n- web.yaml\n- api.yaml\npatches:\n- target: {{kind: Deployment}}\n  patch: |-\n    - op: add\n      path: \
                 /spec/template/spec/hostname\n      value: {value}\n"
        )
    };
    repo.write("base/kustomization.yaml", &patch("front"));
    repo.commit("two");
    repo.git(&["tag", "-f", "good"]);
    repo.write("base/kustomization.yaml", &patch("back"));
    repo.commit("bad for both");
    let told = repo.plan(&[TARGET, &["--form", "shared"]].concat());
    assert_eq!(told.status.code(), Some(3));
    let words = text(&told.stderr);
    let (siblings, others) = words.split_once("others move too:\n").unwrap();
    assert!(
        siblings
            .contains("siblings move too (the same object elsewhere):\n  Deployment/staging/web in staging"),
        "{words}"
    );
    assert!(
        others.contains("Deployment/prod/api in prod")
            && others.contains("Deployment/staging/api in staging"),
        "{words}"
    );
    repo.applies(&told.stdout);
    repo.git(&["checkout", "-q", "--", "."]);
    repo.applies(&repo.plan(&[TARGET, &["--form", "pin"]].concat()).stdout);
}

#[test]
fn the_real_kustomize_confirms_or_the_plan_fails_with_both_sides() {
    let repo = Fixture::new(&["prod", "staging"]);
    repo.break_it();
    let liar = program(
        "kustomize",
        "for last; do :; done\necho 'kind: Deployment\napiVersion: apps/v1\nmetadata: {name: web, namespace: prod}'\n\
         if [ -f \"$last/../base/web.yaml\" ] && /bin/grep -q images: \"$last/kustomization.yaml\"; then echo 'spec: {template: {spec: \
         {a: 1}}}'; else echo 'spec: {template: {spec: {a: 2}}}'; fi\n",
    );
    let told = with_path(
        &repo,
        liar.path().to_str().unwrap(),
        &[PLAN, &["--confirm"]].concat(),
    );
    assert_eq!((told.status.code(), told.stdout.len()), (Some(1), 0));
    let error = text(&told.stderr);
    let want = "/spec/a: the good state says 2, head with the edit says 1";
    assert!(error.contains("not confirmed") && error.contains(want), "{error}");
    let told = with_path(&repo, "/nonexistent", &[PLAN, &["--confirm"]].concat());
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stderr).contains("neither is on the PATH"));
    if kubectl_is_there() {
        let told = repo.plan(&[TARGET, &["--confirm", "--json"]].concat());
        assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        assert!(told["confirmedBy"].as_str().unwrap().starts_with("ku"), "{told}");
    }
}

const RELEASE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: shop
spec:
  chart:
    spec:
      chart: ./charts/shop
      sourceRef: {kind: GitRepository, name: fleet}
  values:
    image:
      tag: v1
";

#[test]
fn a_chart_of_the_repository_is_proved_by_helm_or_said_to_be_unproved() {
    let repo = Fixture::new(&["prod"]);
    repo.write("base/shop.yaml", RELEASE);
    repo.write("base/kustomization.yaml", "resources:\n- web.yaml\n- shop.yaml\n");
    repo.write("charts/shop/Chart.yaml", "name: shop\nversion: 1.0.0\n");
    repo.commit("a chart");
    repo.git(&["tag", "-f", "good"]);
    repo.write("base/shop.yaml", &RELEASE.replace("tag: v1", "tag: v2"));
    repo.commit("bump");
    let target = plan("HelmRelease/prod/shop");
    let told = with_path(&repo, "/nonexistent", &target);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    assert!(
        text(&told.stderr).contains("unproved: what the chart `charts/shop` makes of it"),
        "{}",
        text(&told.stderr)
    );
    // One that renders its values, and the version of the chart.
    let helm = program(
        "helm",
        "while [ $# -gt 0 ]; do [ \"$1\" = --values ] && values=$2; chart=$1; shift; done\n\
         echo \"kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {values: '$(/bin/cat $values)', chart: '$(/bin/grep version $chart/Chart.yaml)'}\"\n",
    );
    let path = helm.path().to_str().unwrap();
    let told = with_path(&repo, path, &target);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    assert!(
        text(&told.stderr).contains("makes the same of it as it did"),
        "{}",
        text(&told.stderr)
    );
    repo.write("charts/shop/Chart.yaml", "name: shop\nversion: 2.0.0\n");
    repo.commit("another chart");
    let told = with_path(&repo, path, &target);
    assert_eq!(told.status.code(), Some(3), "{}", text(&told.stderr));
    assert!(
        text(&told.stderr).contains("doubt: the chart `charts/shop` has changed"),
        "{}",
        text(&told.stderr)
    );
}
