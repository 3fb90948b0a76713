//! Bad input: one clear error each, with what is wrong, where, and what to do; exit code 1; nothing left.

use crate::demo::program::Program;
use crate::demo::program::Ran;
use crate::files;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(30);

/// Runs a demo that is to be refused at once, with one line that says all these things.
fn refused(args: &[&str], said: &[&str]) {
    is_refused(
        &Program::new(&[&["demo", "--yes", "--json"], args].concat()).run(SOON),
        said,
    );
}

fn is_refused(ran: &Ran, said: &[&str]) {
    assert_eq!(ran.code, Some(1), "{}", ran.tail());
    assert_eq!(
        ran.stderr.trim_end().lines().count(),
        1,
        "one error: {}",
        ran.stderr
    );
    for words in said {
        assert!(
            ran.stderr.contains(words),
            "{words:?} is not said: {}",
            ran.stderr
        );
    }
    assert!(ran.lines.is_empty(), "{}", ran.tail());
    ran.left_no_file();
}

/// A file that is gone with the value.
fn file(name: &str, text: &str) -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    (dir, path)
}

fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=Dana", "-c", "user.email=dana@example.com"];
    let done = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(identity)
        .args(args)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A repository with the example's files, but for one.
fn repository(changed: &str, text: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for path in files::below("examples-repo", "") {
        let inside = path.strip_prefix("examples-repo/").unwrap();
        let at = dir.path().join(inside);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::copy(files::root().join(&path), at).unwrap();
    }
    std::fs::write(dir.path().join(changed), text).unwrap();
    git(dir.path(), &["init", "--quiet", "--initial-branch", "main"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "--quiet", "--message", "The fleet"]);
    dir
}

#[test]
fn an_unknown_word_in_a_story_is_told_with_its_line() {
    let (_dir, story) = file("story.txt", "# a story\n\nmege\n");
    refused(
        &["--play", &story],
        &[&format!("{story}:3: mege: not understood"), "merge"],
    );
}

#[test]
fn a_typo_in_an_expectation_is_told_with_its_line() {
    let (_dir, story) = file("story.txt", "wait 1s\nexpect canary podinfo phase Failed\n");
    refused(
        &["--play", &story],
        &[&format!("{story}:2: podinfo: must be NAMESPACE/NAME")],
    );
}

#[test]
fn a_story_that_is_not_there_is_named() {
    refused(
        &["--play", "no-such-story.txt"],
        &["no-such-story.txt", "No such file"],
    );
}

#[test]
fn a_directory_without_a_repository_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().display().to_string();
    refused(&["--repo", &dir], &[&dir, "not a Git repository"]);
}

#[test]
fn a_repository_without_commits_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "--quiet", "--initial-branch", "main"]);
    let dir = dir.path().display().to_string();
    refused(&["--repo", &dir], &[&dir, "no commits", "commit something first"]);
}

#[test]
fn a_path_that_is_not_there_is_answered_with_those_that_are() {
    refused(
        &["--path", "clusters/prod"],
        &["--path clusters/prod", "clusters/my-cluster"],
    );
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(
        &["--listen", &address],
        &[&format!("--listen {address}"), "give another port"],
    );
}

#[test]
fn only_this_machine_is_listened_on() {
    refused(&["--listen", "0.0.0.0:0"], &["--listen 0.0.0.0:0", "127.0.0.1"]);
}

#[test]
fn a_clock_that_stands_still_is_refused() {
    refused(&["--speed", "0"], &["--speed 0", "between"]);
}

#[test]
fn a_machine_without_git_is_told_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().display().to_string();
    is_refused(
        &Program::new(&["demo", "--yes", "--json"])
            .env("PATH", &path)
            .run(SOON),
        &["git", "PATH"],
    );
}

/// Plays a story that goes wrong, and looks for these words in one line of the timeline.
fn told(args: &[&str], story: &str, said: &[&str]) {
    let (_dir, story) = file("story.txt", story);
    let args = [
        &["demo", "--yes", "--json", "--speed", "50", "--play", &story],
        args,
    ]
    .concat();
    let ran = Program::new(&args).run(Duration::from_secs(60));
    assert_eq!(ran.code, Some(1), "{}", ran.tail());
    let lines: Vec<String> = ran.lines.iter().map(ToString::to_string).collect();
    let one = lines
        .iter()
        .any(|line| said.iter().all(|words| line.contains(words)));
    assert!(one, "{said:?} is not told:\n{}", lines.join("\n"));
    let summary = ran.lines.last().unwrap();
    assert_eq!(
        (&summary["verdict"], &summary["converged"]),
        (&"failed".into(), &false.into())
    );
    assert_ne!(summary["why"], "");
    ran.left_nothing();
}

#[test]
fn a_broken_manifest_is_told_with_file_and_line() {
    let broken = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: podinfo\n spec: [\n";
    let dir = repository("apps/base/podinfo/deployment.yaml", broken);
    let repo = dir.path().display().to_string();
    told(
        &["--repo", &repo],
        "wait 20s\n",
        &["BuildFailed", "apps/base/podinfo/deployment.yaml:5"],
    );
}

#[test]
fn a_missing_overlay_is_told_with_its_name() {
    told(
        &[],
        "commit \"no such directory\"\n  replace clusters/my-cluster/apps.yaml \"./apps/my-cluster\" \"./apps/prod\"\n\
         wait 20s\n",
        &["Kustomization/flux-system/apps", "apps/prod"],
    );
}

#[test]
fn a_canary_whose_target_is_missing_is_told_what_it_misses() {
    told(
        &[],
        "commit \"a typo\"\n  replace apps/base/podinfo/canary.yaml \"    name: podinfo\\n  service\" \
         \"    name: padinfo\\n  service\"\nwait 20s\n",
        &["TargetMissing", "Deployment/test/padinfo"],
    );
}
