//! `recant blame`, and what `recant render` does beyond plain rendering, as a user runs them.

use crate::plan_cli::Fixture;
use crate::plan_cli::recant;
use crate::plan_cli::text;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::process::Output;
use tempfile::TempDir;

const OVERLAY: &str =
    "namespace: prod\nresources:\n- ../base\nimages:\n- name: ghcr.io/shop/web\n  newTag: \"2.0\"\n";

fn overlaid() -> Fixture {
    let repo = Fixture::new(&["prod"]);
    repo.write("prod/kustomization.yaml", OVERLAY);
    repo.commit("the overlay says which");
    repo
}

/// With another PATH than the test's own.
pub(crate) fn with_path(repo: &Fixture, path: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_recant"))
        .current_dir(repo.path())
        .env("PATH", path)
        .args(args)
        .output()
        .unwrap()
}

/// A directory with one program in it.
pub(crate) fn program(name: &str, script: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(name);
    fs::write(&file, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

const IMAGE: &str = "spec.template.spec.containers[name=web].image";

#[test]
fn a_field_is_explained_down_to_the_commits_that_wrote_its_lines() {
    let repo = overlaid();
    let told = recant(
        repo.path(),
        &["blame", "prod", "Deployment/prod/web", IMAGE, "--json"],
    );
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let field = &told["fields"][0];
    assert_eq!(
        (&field["value"], &field["from"]),
        (&"ghcr.io/shop/web:2.0".into(), &"git".into())
    );
    let row = |at: usize| {
        let step = &field["steps"][at];
        let part = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
        (
            part("what"),
            part("name"),
            part("file"),
            part("text"),
            step["commit"]["summary"].clone(),
        )
    };
    let of = |what: &str, name: &str, file: &str, text: &str, summary: &str| {
        let own = |t: &str| t.to_owned();
        (own(what), own(name), own(file), own(text), Value::from(summary))
    };
    assert_eq!(
        row(0),
        of("written", "", "base/web.yaml", "ghcr.io/shop/web:1.0", "good")
    );
    assert_eq!(
        row(1),
        of(
            "transformer",
            "images",
            "prod/kustomization.yaml",
            "\"2.0\"",
            "the overlay says which"
        )
    );
    assert_eq!(field["steps"][1]["line"], 6);
    assert_eq!(field["steps"][1]["commit"]["author"], "Ann");
}

#[test]
fn a_working_directory_is_blamed_as_it_is_and_a_commit_as_it_was() {
    let repo = overlaid();
    repo.write(
        "prod/kustomization.yaml",
        &format!("# new\n{}", OVERLAY.replace("2.0", "3.0")),
    );
    let dir = repo.path().to_str().unwrap().to_owned();
    let blamed = |more: &[&str]| {
        let told = recant(
            repo.path(),
            &[&["blame", "prod", "Deployment/prod/web", IMAGE], more].concat(),
        );
        assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
        text(&told.stdout)
    };
    let now = blamed(&[]);
    assert!(
        now.contains("web:3.0") && now.contains("prod/kustomization.yaml:7"),
        "{now}"
    );
    assert!(now.contains("not committed") && now.contains("Ann"), "{now}");
    let then = blamed(&["--repo", &dir, "--rev", "HEAD"]);
    assert!(
        then.contains("web:2.0") && !then.contains("not committed"),
        "{then}"
    );
    assert!(!then.contains('\u{1b}'), "no colour where nobody looks: {then}");
}

#[test]
fn what_blame_cannot_find_is_one_plain_error() {
    let repo = overlaid();
    let table = [
        (vec!["none", "Deployment/prod/web"], "there is no directory"),
        (
            vec!["prod", "Deployment/prod/wbe"],
            "there is Deployment/prod/web",
        ),
        (
            vec!["prod", "Deployment/prod/web", "spec.replica"],
            "`spec` has replicas, template",
        ),
        (
            vec!["prod", "Deployment/prod/web", "spec[0"],
            "a `[` is not closed",
        ),
    ];
    for (args, want) in table {
        let told = recant(repo.path(), &[vec!["blame"], args].concat());
        let error = text(&told.stderr);
        assert_eq!((told.status.code(), told.stdout.len()), (Some(1), 0), "{error}");
        assert!(error.contains(want) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn values_of_the_cluster_are_said_to_be_outside_of_git_until_they_are_given() {
    let repo = overlaid();
    repo.write(
        "base/web.yaml",
        &repo.read("base/web.yaml").replace("\"yes\"", "${ANSWER}"),
    );
    let layer = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: b}\nspec:\n  \
        path: ./prod\n  sourceRef: {kind: GitRepository, name: a}\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n";
    repo.write("layer.yaml", layer);
    repo.write(
        "vars.yaml",
        "kind: ConfigMap\napiVersion: v1\nmetadata: {name: vars}\ndata: {ANSWER: perhaps}\n",
    );
    let env = "spec.template.spec.containers[0].env[0].value";
    let base = [
        "blame",
        "prod",
        "Deployment/prod/web",
        env,
        "--kustomization",
        "layer.yaml",
    ];
    let told = recant(repo.path(), &base);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    assert!(
        text(&told.stderr).contains("uses ANSWER"),
        "{}",
        text(&told.stderr)
    );
    let out = text(&told.stdout);
    assert!(
        out.contains("${ANSWER}") && out.contains("outside of Git  substituteFrom ANSWER"),
        "{out}"
    );
    let told = recant(repo.path(), &[&base[..], &["--vars", "vars.yaml"]].concat());
    assert!(
        text(&told.stdout).contains("value = perhaps"),
        "{}",
        text(&told.stdout)
    );
    let told = recant(repo.path(), &["render", "prod", "--vars", "vars.yaml"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(
        text(&told.stderr).contains("--kustomization"),
        "{}",
        text(&told.stderr)
    );
}

#[test]
fn what_is_out_of_scope_goes_to_the_program_that_is_installed_and_says_so() {
    let repo = overlaid();
    repo.write(
        "prod/kustomization.yaml",
        &format!("{OVERLAY}helmCharts:\n- name: shop\n"),
    );
    let told = with_path(&repo, "/nonexistent", &["render", "prod"]);
    assert_eq!((told.status.code(), told.stdout.len()), (Some(1), 0));
    let error = text(&told.stderr);
    assert!(
        error.contains("prod/kustomization.yaml:8") && error.contains("neither is on the PATH"),
        "{error}"
    );

    let kustomize = program(
        "kustomize",
        "[ \"$1\" = build ] || exit 9\n[ -f \"${4}/kustomization.yaml\" ] || exit 8\n\
         echo 'kind: Service\napiVersion: v1\nmetadata: {name: by-kustomize}'\n",
    );
    let told = with_path(&repo, kustomize.path().to_str().unwrap(), &["render", "prod"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    let out = text(&told.stdout);
    assert!(
        out.starts_with("# origins: unavailable\n") && out.contains("name: by-kustomize"),
        "{out}"
    );
    assert!(text(&told.stderr).contains("rendered by kustomize build: origins are unavailable"));
    let told = with_path(
        &repo,
        kustomize.path().to_str().unwrap(),
        &["blame", "prod", "Deployment/prod/web"],
    );
    assert_eq!(told.status.code(), Some(1));
    assert!(
        text(&told.stderr).contains("has no origins"),
        "{}",
        text(&told.stderr)
    );
}

#[test]
fn paranoid_fails_with_the_fields_that_differ() {
    let repo = overlaid();
    let other = program(
        "kustomize",
        "cat <<'X'\nkind: Deployment\napiVersion: apps/v1\nmetadata: {name: web, namespace: prod}\nspec: {replicas: 2}\nX\n",
    );
    let path = format!("{}:/usr/bin:/bin", other.path().display());
    let told = with_path(&repo, &path, &["render", "prod", "--paranoid"]);
    assert_eq!((told.status.code(), told.stdout.len()), (Some(1), 0));
    let error = text(&told.stderr);
    let want = "Deployment/prod/web (apps/v1) /spec/replicas: recant says 1, kustomize build says 2";
    assert!(error.contains(want), "{error}");
    if Command::new("kubectl").arg("--help").output().is_err() {
        eprintln!("no kubectl: not compared with the real one");
        return;
    }
    let told = recant(repo.path(), &["render", "prod", "--paranoid"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    assert!(
        text(&told.stderr).contains("renders the same 1 objects"),
        "{}",
        text(&told.stderr)
    );
}

#[test]
fn a_load_restriction_and_a_jail_keep_files_out() {
    let repo = overlaid();
    repo.write("prod/kustomization.yaml", "resources:\n- ../base/web.yaml\n");
    let render = |more: &[&str]| recant(repo.path(), &[&["render", "prod"], more].concat());
    assert_eq!(render(&[]).status.code(), Some(0));
    let told = render(&["--load-restrictor", "LoadRestrictionsRootOnly"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(
        text(&told.stderr).contains("prod/kustomization.yaml:2: `base/web.yaml` is not in or below `prod`")
    );
    let told = render(&["--root", "prod"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(
        text(&told.stderr).contains("nothing outside of --root was read"),
        "{}",
        text(&told.stderr)
    );
    assert_eq!(render(&["--root", "base"]).status.code(), Some(1));
}

#[test]
fn legacy_order_puts_namespaces_first() {
    let repo = overlaid();
    repo.write(
        "prod/ns.yaml",
        "kind: Namespace\napiVersion: v1\nmetadata: {name: prod}\n",
    );
    repo.write("prod/kustomization.yaml", "resources:\n- ../base\n- ns.yaml\n");
    let kinds = |order: &str| {
        let told = recant(repo.path(), &["render", "prod", "--reorder", order]);
        let documents = crate::files::documents(&text(&told.stdout));
        documents
            .iter()
            .map(|d| d["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds("none"), ["Deployment", "Namespace"]);
    assert_eq!(kinds("legacy"), ["Namespace", "Deployment"]);
}
