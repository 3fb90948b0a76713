//! `recant plan` and `recant render` as a user runs them, on a Git repository made for the test.

use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use tempfile::TempDir;

const WEB: &str = "# The shop's front.
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
        image: ghcr.io/shop/web:1.0   # {\"$imagepolicy\": \"flux-system:web\"}
        env:
        - name: ANSWER
          value: \"yes\"
";

/// A repository whose first commit is tagged `good`.
pub(crate) struct Fixture {
    dir: TempDir,
}

impl Fixture {
    pub(crate) fn new(environments: &[&str]) -> Self {
        let fixture = Self {
            dir: TempDir::new().unwrap(),
        };
        fixture.git(&["init", "-q", "-b", "main"]);
        fixture.write("base/kustomization.yaml", "resources:\n- web.yaml\n");
        fixture.write("base/web.yaml", WEB);
        for name in environments {
            let text = format!("namespace: {name}\nresources:\n- ../base\n");
            fixture.write(&format!("{name}/kustomization.yaml"), &text);
        }
        fixture.commit("good");
        fixture.git(&["tag", "good"]);
        fixture
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn git(&self, args: &[&str]) {
        let done = Command::new("git")
            .current_dir(self.dir.path())
            .args(args)
            .output()
            .unwrap();
        assert!(done.status.success(), "git {args:?}: {}", text(&done.stderr));
    }

    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        let who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"];
        let commit = ["commit", "-q", "--no-gpg-sign", "-m", message];
        self.git(&[who.as_slice(), commit.as_slice()].concat());
    }

    /// Commits a bad image, and an innocent change of the same file.
    pub(crate) fn break_it(&self) {
        self.write(
            "base/web.yaml",
            &WEB.replace("web:1.0 ", "web:2.0 ")
                .replace("replicas: 1", "replicas: 3"),
        );
        self.commit("bump and scale");
    }

    pub(crate) fn plan(&self, more: &[&str]) -> Output {
        let fixed = [
            "plan", "--good", "good", "--head", "main", "--path", "prod", "--repo",
        ];
        let dir = self.dir.path().to_str().unwrap();
        recant(self.dir.path(), &[fixed.as_slice(), &[dir], more].concat())
    }

    pub(crate) fn applies(&self, diff: &[u8]) {
        let mut git = Command::new("git")
            .current_dir(self.dir.path())
            .args(["apply", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        git.stdin.take().unwrap().write_all(diff).unwrap();
        assert!(git.wait().unwrap().success(), "{}", text(diff));
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir.path().join(path)).unwrap()
    }
}

pub(crate) fn recant(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_recant"))
        .current_dir(dir)
        .args(args)
        .output()
        .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) const TARGET: &[&str] = &["--for", "Deployment/prod/web"];

#[test]
fn a_proved_plan_is_a_diff_that_git_applies_and_only_the_guilty_line_goes_back() {
    let repo = Fixture::new(&["prod"]);
    repo.break_it();
    let told = repo.plan(&[TARGET, &["--no-hold"]].concat());
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    repo.applies(&told.stdout);
    assert_eq!(
        repo.read("base/web.yaml"),
        WEB.replace("replicas: 1", "replicas: 3")
    );
    assert!(text(&told.stderr).contains("proved: it comes back as it was"));
}

#[test]
fn a_line_that_automation_writes_is_held_unless_told_otherwise() {
    let repo = Fixture::new(&["prod"]);
    repo.break_it();
    let told = repo.plan(TARGET);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    repo.applies(&told.stdout);
    let held = "web:1.0   # held by recant, was imagepolicy flux-system:web\n";
    assert!(repo.read("base/web.yaml").contains(held));
    assert!(
        text(&told.stderr).contains("To release it put `# {\"$imagepolicy\": \"flux-system:web\"}` back")
    );
}

#[test]
fn a_shared_line_is_pinned_or_told_with_whom_it_moves() {
    let repo = Fixture::new(&["prod", "staging"]);
    repo.break_it();
    let shared = repo.plan(&[TARGET, &["--form", "shared"]].concat());
    assert_eq!(shared.status.code(), Some(3));
    assert!(text(&shared.stderr).contains("Deployment/staging/web in staging"));
    for form in ["smallest", "pin"] {
        let pin = repo.plan(&[TARGET, &["--form", form, "--json"]].concat());
        assert_eq!(pin.status.code(), Some(0), "{}", text(&pin.stderr));
        let told: Value = serde_json::from_slice(&pin.stdout).unwrap();
        assert_eq!(
            (&told["form"], &told["verdict"]),
            (&"Pin".into(), &"proved".into())
        );
        assert_eq!(told["files"], serde_json::json!(["prod/kustomization.yaml"]));
        assert_eq!(told["proof"]["collateral"], serde_json::json!([]));
    }
    repo.applies(&repo.plan(TARGET).stdout);
    let after = repo.read("prod/kustomization.yaml");
    assert!(
        after.ends_with("images:\n- name: ghcr.io/shop/web\n  newTag: \"1.0\"\n"),
        "{after}"
    );
}

#[test]
fn what_cannot_be_planned_has_an_exit_code_and_a_reason() {
    let repo = Fixture::new(&["prod"]);
    let told = repo.plan(TARGET);
    assert_eq!((told.status.code(), told.stdout.len()), (Some(4), 0));
    assert!(text(&told.stderr).contains("nothing to revert"));
    // The object did not exist in the good state: undoing would delete it.
    repo.write("base/api.yaml", &WEB.replace("name: web", "name: api"));
    repo.write("base/kustomization.yaml", "resources:\n- web.yaml\n- api.yaml\n");
    repo.commit("another one");
    let told = repo.plan(&["--for", "Deployment/prod/api", "--json"]);
    assert_eq!(told.status.code(), Some(5));
    assert_eq!(
        serde_json::from_slice::<Value>(&told.stdout).unwrap()["verdict"],
        "absent"
    );
}

#[test]
fn bad_input_is_one_plain_error() {
    let repo = Fixture::new(&["prod"]);
    let dir = repo.dir.path().to_str().unwrap();
    let nowhere = TempDir::new().unwrap();
    let outside = nowhere.path().to_str().unwrap();
    let table = [
        (
            dir,
            "nope",
            "prod",
            "Deployment/prod/web",
            "there is no commit `nope`",
        ),
        (
            dir,
            "good",
            "none",
            "Deployment/prod/web",
            "there is no directory `none`",
        ),
        (
            dir,
            "good",
            "../..",
            "Deployment/prod/web",
            "leads out of the repository",
        ),
        (
            dir,
            "good",
            "prod",
            "Deployment/prod/wbe",
            "there is Deployment/prod/web",
        ),
        (
            outside,
            "good",
            "prod",
            "Deployment/prod/web",
            "is in no Git repository",
        ),
    ];
    for (repo, good, path, target, want) in table {
        let args = [
            "plan", "--repo", repo, "--good", good, "--path", path, "--for", target,
        ];
        let told = recant(nowhere.path(), &args);
        let error = text(&told.stderr);
        assert_eq!((told.status.code(), told.stdout.len()), (Some(1), 0), "{error}");
        assert!(
            error.starts_with('✗') && error.contains(want) && error.lines().count() == 1,
            "{error}"
        );
    }
    repo.write("base/kustomization.yaml", "resources:\n- none.yaml\n");
    repo.commit("broken");
    let told = repo.plan(TARGET);
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stderr).contains("head does not render: base/kustomization.yaml:2: there is no"));
}

#[test]
fn a_directory_is_rendered_as_it_is_on_disk_or_in_a_commit() {
    let repo = Fixture::new(&["prod"]);
    repo.write("base/web.yaml", &WEB.replace("web:1.0 ", "web:2.0 "));
    let dir = repo.dir.path();
    let rendered = |args: &[&str]| {
        let done = recant(dir, args);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        let documents = crate::files::documents(&text(&done.stdout));
        documents[0]["spec"]["template"]["spec"]["containers"][0].clone()
    };
    let at = dir.to_str().unwrap();
    let now = rendered(&["render", "prod"]);
    assert_eq!(
        (&now["image"], &now["env"][0]["value"]),
        (&"ghcr.io/shop/web:2.0".into(), &"yes".into())
    );
    assert_eq!(
        rendered(&["render", "prod", "--repo", at])["image"],
        "ghcr.io/shop/web:2.0"
    );
    assert_eq!(
        rendered(&["render", "prod", "--repo", at, "--rev", "good"])["image"],
        "ghcr.io/shop/web:1.0"
    );
    let layer = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: b}\n\
        spec:\n  path: ./prod\n  sourceRef: {kind: GitRepository, name: a}\n  images: [{name: ghcr.io/shop/web, newTag: v9}]\n";
    repo.write("layer.yaml", layer);
    assert_eq!(
        rendered(&["render", "prod", "--kustomization", "layer.yaml"])["image"],
        "ghcr.io/shop/web:v9"
    );
}

#[test]
fn what_does_not_render_is_told_with_its_place() {
    let repo = Fixture::new(&["prod"]);
    repo.write("base/web.yaml", "a: [\n");
    let told = recant(repo.dir.path(), &["render", "prod"]);
    assert_eq!((told.status.code(), told.stdout.len()), (Some(1), 0));
    assert!(
        text(&told.stderr).contains("base/web.yaml:"),
        "{}",
        text(&told.stderr)
    );
}
