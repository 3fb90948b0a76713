//! Random kustomize trees, rendered by us and by kustomize's own library (`oracle/main.go`).
//!
//! `RECANT_TREES=10000 cargo test -p recant-render --test oracle` for more of them, `RECANT_SEED` to begin elsewhere. A
//! tree that differs is written to a directory under the temporary directory and named with its seed.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that runs another program and reports"
)]

#[path = "../dice.rs"]
mod dice;
mod random;

use recant_render::Object;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;
use recant_render::yaml::Document;
use serde_json::Value;
use serde_json::json;
use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

/// What a tree rendered to, or why it did not.
type Outcome = Result<Vec<Value>, String>;

#[test]
fn random_trees_render_as_kustomize_renders_them() {
    let Some(binary) = build() else {
        eprintln!("skipped: Go is not installed, so kustomize's library cannot be built");
        return;
    };
    let mut oracle = Oracle::start(&binary);
    let (first, trees) = (number("RECANT_SEED", 0), number("RECANT_TREES", 300));
    let (mut both_fail, mut different) = (0, Vec::new());
    for seed in first..first + trees {
        let files = random::tree(seed);
        match (ours(&files), oracle.render(&files)) {
            (Err(_), Err(_)) => both_fail += 1,
            (ours, theirs) => different.extend(difference(ours, theirs).map(|why| keep(seed, &files, &why))),
        }
    }
    eprintln!(
        "{trees} trees, {both_fail} of them fail in both, {} different",
        different.len()
    );
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(both_fail < trees / 2, "most trees must render");
}

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// Builds the oracle. Go keeps what it built before.
fn build() -> Option<PathBuf> {
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kustomize-oracle");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/render/oracle");
    let built = Command::new("go")
        .arg("build")
        .arg("-o")
        .arg(&binary)
        .arg(".")
        .current_dir(source)
        .status();
    let status = built.ok()?;
    assert!(status.success(), "tests/render/oracle does not build");
    Some(binary)
}

struct Oracle {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Oracle {
    fn start(binary: &Path) -> Self {
        let mut command = Command::new(binary);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    fn render(&mut self, files: &random::Files) -> Outcome {
        let files: serde_json::Map<String, Value> = files
            .iter()
            .map(|(p, t)| (p.clone(), t.as_str().into()))
            .collect();
        let tree = json!({"files": files, "path": "top"});
        writeln!(self.child.stdin.as_mut().unwrap(), "{tree}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        if let Some(why) = answer["error"].as_str() {
            return Err(why.to_owned());
        }
        let documents = Document::read(answer["yaml"].as_str().unwrap_or_default().as_bytes()).unwrap();
        Ok(documents.iter().map(|d| d.json().unwrap()).collect())
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ours(files: &random::Files) -> Outcome {
    let root = Root {
        path: "top".to_owned(),
        flux: None,
    };
    let rendered = render(&Tree::of(files.iter().map(|(p, t)| (p.as_str(), t))), &root);
    if rendered.ok() {
        Ok(rendered.objects.iter().map(Object::json).collect())
    } else {
        Err(rendered.problems.iter().map(|p| format!("{p}\n")).collect())
    }
}

/// Flux sorts nothing: the order of the objects counts as well.
fn difference(ours: Outcome, theirs: Outcome) -> Option<String> {
    match (ours, theirs) {
        (Ok(a), Ok(b)) if a == b => None,
        (Ok(a), Ok(b)) => {
            let odd = a.iter().zip(&b).find(|(a, b)| a != b);
            Some(odd.map_or_else(
                || format!("{} objects here, {} there", a.len(), b.len()),
                |(a, b)| format!("ours {a:#}\ntheirs {b:#}"),
            ))
        }
        (Ok(_), Err(why)) => Some(format!("only they fail: {why}")),
        (Err(why), Ok(_)) => Some(format!("only we fail: {why}")),
        (Err(_), Err(_)) => None,
    }
}

/// Writes a tree down, to be looked at.
fn keep(seed: u64, files: &random::Files, why: &str) -> String {
    let dir = std::env::temp_dir().join(format!("recant-oracle-{seed}"));
    let _ = fs::remove_dir_all(&dir);
    for (path, text) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    format!("{}: {why}", dir.display())
}
