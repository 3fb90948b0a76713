//! The Git adapter against bare repositories: by path, and over smart HTTP as `git http-backend` speaks it.

use crate::serve::Fake;
use crate::serve::Seen;
use crate::serve::nobody;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use base64::Engine;
use git2::Oid;
use git2::Repository;
use git2::Signature;
use git2::Time;
use recant::credential::Anonymous;
use recant::credential::Credential;
use recant::credential::Credentials;
use recant::credential::Token;
use recant::port::Answered;
use recant::port::PortError;
use recant::port::Repo;
use recant::repo::Git2;
use recant::repo::Settings;
use recant_core::effect::Push;
use recant_core::query::Branch;
use recant_core::query::CommitRef;
use recant_core::query::RepoUrl;
use recant_render::Entry;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const TOKEN: &str = "t0ken-s3cret";

struct Bound(&'static str);

impl Credentials for Bound {
    fn for_url<'a>(&'a self, _url: &'a str) -> Answered<'a, Option<Credential>> {
        let token = Token::new(self.0);
        Box::pin(async {
            Ok(Some(Credential {
                username: "bot".to_owned(),
                token,
            }))
        })
    }
}

/// A bare repository `fleet.git` with two commits on `main`.
struct Origin {
    root: TempDir,
    repo: Repository,
    first: Oid,
    second: Oid,
}

impl Origin {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let repo = Repository::init_bare(root.path().join("fleet.git")).unwrap();
        repo.set_head("refs/heads/main").unwrap();
        let first = commit(&repo, "main", &[("app.yaml", "image: podinfo:6.5.0\n")], "first");
        let second = commit(
            &repo,
            "main",
            &[
                ("app.yaml", "image: podinfo:6.5.1\n"),
                ("dir/other.yaml", "a: 1\n"),
            ],
            "second\n\nwith a body\n",
        );
        Self {
            root,
            repo,
            first,
            second,
        }
    }

    fn path(&self) -> String {
        self.root.path().join("fleet.git").to_str().unwrap().to_owned()
    }

    fn at(&self, branch: &str) -> Option<String> {
        let reference = self.repo.find_reference(&format!("refs/heads/{branch}")).ok()?;
        Some(reference.target().unwrap().to_string())
    }
}

fn commit(repo: &Repository, branch: &str, files: &[(&str, &str)], message: &str) -> Oid {
    let reference = format!("refs/heads/{branch}");
    let parent = repo
        .find_reference(&reference)
        .ok()
        .map(|r| r.peel_to_commit().unwrap());
    let mut index = git2::Index::new().unwrap();
    if let Some(parent) = &parent {
        index.read_tree(&parent.tree().unwrap()).unwrap();
    }
    for (path, text) in files {
        let mode = match *path {
            "link" => 0o120_000,
            "run.sh" => 0o100_755,
            _ => 0o100_644,
        };
        let id = repo.blob(text.as_bytes()).unwrap();
        index.add(&entry(path, mode, id)).unwrap();
    }
    let tree = repo.find_tree(index.write_tree_to(repo).unwrap()).unwrap();
    let who = Signature::new("Ann", "ann@example.com", &Time::new(1_700_000_000, 0)).unwrap();
    let parents: Vec<_> = parent.iter().collect();
    repo.commit(Some(&reference), &who, &who, message, &tree, &parents)
        .unwrap()
}

fn entry(path: &str, mode: u32, id: Oid) -> git2::IndexEntry {
    let never = git2::IndexTime::new(0, 0);
    git2::IndexEntry {
        ctime: never,
        mtime: never,
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}

fn git(cache: &TempDir, credentials: Arc<dyn Credentials>) -> Git2 {
    let settings = Settings {
        allow_local: true,
        timeout: Duration::from_secs(5),
        ..Settings::new(cache.path())
    };
    Git2::new(settings, credentials).unwrap()
}

fn branch(url: &str, name: &str) -> Branch {
    Branch {
        repo: RepoUrl(url.to_owned()),
        name: name.to_owned(),
    }
}

fn at(url: &str, commit: impl ToString) -> CommitRef {
    CommitRef {
        repo: RepoUrl(url.to_owned()),
        commit: commit.to_string(),
    }
}

fn push(url: &str, base: Oid, expect: Option<&str>) -> Push {
    Push {
        branch: branch(url, "recant/revert/web-1"),
        base: base.to_string(),
        expect: expect.map(str::to_owned),
        files: [("app.yaml".to_owned(), Some(b"image: podinfo:6.5.0\n".to_vec()))].into(),
        message: "Revert podinfo to 6.5.0\n".to_owned(),
        date_s: 1_700_000_100,
    }
}

fn kind<T: std::fmt::Debug>(answer: &Result<T, PortError>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(PortError::Unreachable(_)) => "unreachable",
        Err(PortError::Denied(_)) => "denied",
        Err(PortError::Stale(_)) => "stale",
        Err(PortError::Invalid(_)) => "invalid",
    }
}

/// `git http-backend` behind HTTP basic authentication: needed to push, and to read when `private`.
#[expect(
    clippy::print_stderr,
    reason = "who runs the tests should know what was not tested"
)]
async fn http(origin: &Origin, private: bool) -> Option<Fake> {
    if Command::new("git").arg("--version").output().is_err() {
        eprintln!("skipped: there is no git here to serve HTTP");
        return None;
    }
    let root = origin.root.path().to_owned();
    let expected = base64::engine::general_purpose::STANDARD.encode(format!("bot:{TOKEN}"));
    Some(
        Fake::start(move |seen| {
            let given = seen.headers.get("authorization").cloned().unwrap_or_default();
            let known = given == format!("Basic {expected}");
            if !known && (private || !given.is_empty() || seen.target.contains("receive-pack")) {
                return StatusCode::UNAUTHORIZED.into_response();
            }
            backend(&root, seen)
        })
        .await,
    )
}

/// One CGI call.
fn backend(root: &Path, seen: &Seen) -> Response {
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "bot")
        .env("REQUEST_METHOD", &seen.method)
        .env("PATH_INFO", seen.path())
        .env("QUERY_STRING", seen.target.split_once('?').map_or("", |(_, q)| q))
        .env(
            "CONTENT_TYPE",
            seen.headers.get("content-type").map_or("", String::as_str),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&seen.body).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let end = output.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(output[..end].to_vec()).unwrap();
    let mut response = output[end + 4..].to_vec().into_response();
    response.headers_mut().clear();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        if name == "Status" {
            *response.status_mut() = StatusCode::from_bytes(&value.as_bytes()[..3]).unwrap();
        } else {
            let name: axum::http::HeaderName = name.parse().unwrap();
            response.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    response
}

/// What must hold on either way to the server.
async fn reads_and_pushes(origin: &Origin, url: &str) {
    let cache = TempDir::new().unwrap();
    let git = git(&cache, Arc::new(Bound(TOKEN)));
    assert_eq!(
        git.head(&branch(url, "main")).await.unwrap(),
        Some(origin.second.to_string())
    );
    assert_eq!(git.head(&branch(url, "recant/revert/web-1")).await.unwrap(), None);
    let old = git.tree(&at(url, origin.first)).await.unwrap();
    assert_eq!(old.text("app.yaml"), Some("image: podinfo:6.5.0\n"));
    assert_eq!(old.iter().count(), 1);
    let new = git.tree(&at(url, origin.second)).await.unwrap();
    assert_eq!(new.text("dir/other.yaml"), Some("a: 1\n"));

    let made = git.push(&push(url, origin.second, None)).await.unwrap();
    assert_eq!(origin.at("recant/revert/web-1"), Some(made.clone()));
    let again = git.push(&push(url, origin.second, None)).await.unwrap();
    assert_eq!(again, made, "doing it twice makes one commit");
    let pushed = git.tree(&at(url, &made)).await.unwrap();
    assert_eq!(pushed.changed(&new), ["app.yaml"]);
    let log = git
        .log(&RepoUrl(url.to_owned()), &origin.first.to_string(), &made)
        .await
        .unwrap();
    let subjects: Vec<&str> = log.iter().map(|c| c.subject()).collect();
    assert_eq!(subjects, ["Revert podinfo to 6.5.0", "second"]);
    assert_eq!(log[0].author, "recant <recant@users.noreply.invalid>");
    assert_eq!(log[0].parents, [origin.second.to_string()]);

    let elsewhere = Push {
        date_s: 1_700_000_200,
        ..push(url, origin.second, None)
    };
    let stale = git.push(&elsewhere).await;
    assert_eq!(kind(&stale), "stale", "the branch is there already: {stale:?}");
    let wrong = Push {
        expect: Some(origin.first.to_string()),
        ..elsewhere.clone()
    };
    assert_eq!(kind(&git.push(&wrong).await), "stale");
    assert_eq!(
        origin.at("recant/revert/web-1"),
        Some(made.clone()),
        "a stale push changes nothing"
    );

    let third = commit(&origin.repo, "main", &[("new.yaml", "b: 2\n")], "third");
    let moved = git.push(&push(url, third, Some(&made))).await.unwrap();
    assert_eq!(
        origin.at("recant/revert/web-1"),
        Some(moved.clone()),
        "put onto the new base, not fast-forward"
    );

    let ours = branch(url, "recant/revert/web-1");
    assert_eq!(kind(&git.delete_branch(&ours, &made).await), "stale");
    git.delete_branch(&ours, &moved).await.unwrap();
    assert_eq!(origin.at("recant/revert/web-1"), None);
    git.delete_branch(&ours, &moved).await.unwrap();
    assert_eq!(
        origin.at("main"),
        Some(third.to_string()),
        "the deployed branch is as it was"
    );
}

#[tokio::test]
async fn a_repository_by_path_is_read_and_pushed_to_by_exact_expectation() {
    let origin = Origin::new();
    reads_and_pushes(&origin, &origin.path()).await;
    let other = Origin::new();
    reads_and_pushes(&other, &format!("file://{}", other.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_over_http_is_read_and_pushed_to_by_exact_expectation() {
    let origin = Origin::new();
    let Some(server) = http(&origin, true).await else {
        return;
    };
    reads_and_pushes(&origin, &format!("{}/fleet.git", server.url())).await;
    let check = Command::new("git")
        .args(["fsck", "--strict"])
        .current_dir(origin.path())
        .output()
        .unwrap();
    assert!(check.status.success(), "{check:?}");
}

#[tokio::test]
async fn a_tree_holds_files_and_links_and_leaves_submodules_out() {
    let origin = Origin::new();
    let head = commit(
        &origin.repo,
        "side",
        &[
            ("link", "dir/target"),
            ("run.sh", "#!/bin/sh\n"),
            ("a b/ü.yaml", "x: 1\n"),
        ],
        "odd",
    );
    let mut index = git2::Index::new().unwrap();
    index
        .read_tree(&origin.repo.find_commit(head).unwrap().tree().unwrap())
        .unwrap();
    index.add(&entry("sub", 0o160_000, origin.first)).unwrap();
    let tree = origin
        .repo
        .find_tree(index.write_tree_to(&origin.repo).unwrap())
        .unwrap();
    let who = Signature::new("Ann", "ann@example.com", &Time::new(0, 0)).unwrap();
    let with_sub = origin
        .repo
        .commit(Some("refs/heads/subs"), &who, &who, "sub", &tree, &[])
        .unwrap();
    let cache = TempDir::new().unwrap();
    let read = git(&cache, Arc::new(Anonymous))
        .tree(&at(&origin.path(), with_sub))
        .await
        .unwrap();
    let paths: Vec<&str> = read.iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["a b/ü.yaml", "link", "run.sh"]);
    assert_eq!(read.get("link"), Some(&Entry::Link("dir/target".into())));
}

#[tokio::test]
async fn only_branches_below_the_own_prefix_are_ever_written() {
    let origin = Origin::new();
    let cache = TempDir::new().unwrap();
    let git = git(&cache, Arc::new(Bound(TOKEN)));
    for name in [
        "main",
        "recant",
        "recant/",
        "feature/recant/x",
        "recant/../main",
        "recant/a..b",
        "recant/x.lock",
        "",
        "Recant/x",
    ] {
        let wrong = Push {
            branch: branch(&origin.path(), name),
            ..push("", origin.second, None)
        };
        assert_eq!(kind(&git.push(&wrong).await), "denied", "{name}");
        let deleted = git
            .delete_branch(&branch(&origin.path(), name), &origin.second.to_string())
            .await;
        assert_eq!(kind(&deleted), "denied", "{name}");
    }
    let all: Vec<String> = origin
        .repo
        .references()
        .unwrap()
        .map(|r| r.unwrap().name().unwrap().to_owned())
        .collect();
    assert_eq!(all, ["refs/heads/main"]);
}

#[tokio::test]
async fn a_push_that_makes_no_sense_is_invalid_and_says_why() {
    let origin = Origin::new();
    let head = commit(&origin.repo, "main", &[("link", "app.yaml")], "link");
    let cache = TempDir::new().unwrap();
    let git = git(&cache, Arc::new(Bound(TOKEN)));
    let with = |path: &str, content: Option<&str>| Push {
        files: [(path.to_owned(), content.map(|c| c.as_bytes().to_vec()))].into(),
        ..push(&origin.path(), head, None)
    };
    for (wrong, says) in [
        (with("app.yaml", Some("image: podinfo:6.5.1\n")), "change nothing"),
        (with("none.yaml", None), "none.yaml is to be deleted"),
        (with("link", Some("x")), "not a regular file"),
        (with("dir", Some("x")), "not a regular file"),
        (with("../x", Some("x")), "not a path"),
        (with("a/.GIT/config", Some("x")), "not a path"),
        (with("/abs", Some("x")), "not a path"),
        (
            Push {
                base: "0123".to_owned(),
                ..push(&origin.path(), head, None)
            },
            "not a full commit id",
        ),
        (
            Push {
                base: "0".repeat(39) + "1",
                ..push(&origin.path(), head, None)
            },
            "no branch of",
        ),
    ] {
        let answer = git.push(&wrong).await;
        assert!(
            matches!(&answer, Err(PortError::Invalid(m)) if m.contains(says)),
            "{says}: {answer:?}"
        );
    }
    assert_eq!(origin.at("recant/revert/web-1"), None);
}

#[tokio::test]
async fn a_file_keeps_its_mode_and_a_deleted_one_is_gone() {
    let origin = Origin::new();
    let head = commit(&origin.repo, "main", &[("run.sh", "#!/bin/sh\n")], "script");
    let cache = TempDir::new().unwrap();
    let git = git(&cache, Arc::new(Bound(TOKEN)));
    let files = [
        ("run.sh".to_owned(), Some(b"#!/bin/bash\n".to_vec())),
        ("app.yaml".to_owned(), None),
    ]
    .into();
    let made = git
        .push(&Push {
            files,
            ..push(&origin.path(), head, None)
        })
        .await
        .unwrap();
    let tree = origin
        .repo
        .find_commit(Oid::from_str(&made).unwrap())
        .unwrap()
        .tree()
        .unwrap();
    assert_eq!(tree.get_path(Path::new("run.sh")).unwrap().filemode(), 0o100_755);
    assert!(tree.get_path(Path::new("app.yaml")).is_err());
}

#[tokio::test]
async fn a_broken_cache_is_fetched_anew() {
    let origin = Origin::new();
    let cache = TempDir::new().unwrap();
    let url = origin.path();
    git(&cache, Arc::new(Anonymous))
        .tree(&at(&url, origin.second))
        .await
        .unwrap();
    let repository = std::fs::read_dir(cache.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.is_dir())
        .unwrap();
    for pack in std::fs::read_dir(repository.join("objects/pack")).unwrap() {
        let path = pack.unwrap().path();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, b"not a pack").unwrap();
    }
    let tree = git(&cache, Arc::new(Anonymous))
        .tree(&at(&url, origin.second))
        .await
        .unwrap();
    assert_eq!(tree.text("app.yaml"), Some("image: podinfo:6.5.1\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_a_hook_is_not_taken_for_success() {
    let origin = Origin::new();
    let Some(server) = http(&origin, false).await else {
        return;
    };
    let hook = origin.root.path().join("fleet.git/hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(
        &hook,
        format!("#!/bin/sh\necho \"branch is protected for {TOKEN}\" >&2\nexit 1\n"),
    )
    .unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let cache = TempDir::new().unwrap();
    let url = format!("{}/fleet.git", server.url());
    let refused = git(&cache, Arc::new(Bound(TOKEN)))
        .push(&push(&url, origin.second, None))
        .await;
    let Err(PortError::Denied(text)) = &refused else {
        panic!("{refused:?}")
    };
    assert!(
        text.contains("hook declined") && text.contains("branch is protected"),
        "{text}"
    );
    assert!(!text.contains(TOKEN), "{text}");
    assert_eq!(origin.at("recant/revert/web-1"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_credential_nothing_is_pushed_and_a_public_repository_can_still_be_read() {
    let origin = Origin::new();
    let Some(server) = http(&origin, false).await else {
        return;
    };
    let url = format!("{}/fleet.git", server.url());
    let cache = TempDir::new().unwrap();
    let nobody = git(&cache, Arc::new(Anonymous));
    assert!(nobody.tree(&at(&url, origin.second)).await.is_ok());
    let unbound = nobody.push(&push(&url, origin.second, None)).await;
    assert!(
        matches!(&unbound, Err(PortError::Denied(m)) if m.contains("Forge")),
        "{unbound:?}"
    );
    let wrong = git(&cache, Arc::new(Bound("wrong")))
        .push(&push(&url, origin.second, None))
        .await;
    let Err(PortError::Denied(text)) = &wrong else {
        panic!("{wrong:?}")
    };
    assert!(text.contains("401") && !text.contains("wrong"), "{text}");
    let bad = git(&cache, Arc::new(Bound("wrong")))
        .head(&branch(&url, "main"))
        .await;
    assert_eq!(kind(&bad), "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_http_says_is_told_apart() {
    for (status, expected) in [
        (500, "unreachable"),
        (503, "unreachable"),
        (429, "unreachable"),
        (403, "denied"),
        (404, "invalid"),
        (200, "invalid"),
    ] {
        let fake = Fake::start(move |_| StatusCode::from_u16(status).unwrap().into_response()).await;
        let cache = TempDir::new().unwrap();
        let url = format!("{}/acme/fleet", fake.url());
        let answer = git(&cache, Arc::new(Bound(TOKEN)))
            .head(&branch(&url, "main"))
            .await;
        assert_eq!(kind(&answer), expected, "{status}: {answer:?}");
        assert!(!format!("{answer:?}").contains(TOKEN));
    }
    let cache = TempDir::new().unwrap();
    let git = git(&cache, Arc::new(Bound(TOKEN)));
    let away = git
        .head(&branch(&format!("{}/a/b", nobody().await), "main"))
        .await;
    assert_eq!(kind(&away), "unreachable", "{away:?}");
    for wrong in ["ftp://host/a/b", "ssh://", "ext::sh -c id", "http://h/a/../b", ""] {
        let answer = git.head(&branch(wrong, "main")).await;
        assert_eq!(kind(&answer), "invalid", "{wrong}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_another_place_is_not_followed() {
    let thief = Fake::start(|_| StatusCode::OK.into_response()).await;
    let target = format!("{}/acme/fleet/info/refs?service=git-upload-pack", thief.url());
    let fake =
        Fake::start(move |_| (StatusCode::MOVED_PERMANENTLY, [("location", target.clone())]).into_response())
            .await;
    let cache = TempDir::new().unwrap();
    let url = format!("{}/acme/fleet", fake.url());
    let answer = git(&cache, Arc::new(Bound(TOKEN)))
        .head(&branch(&url, "main"))
        .await;
    assert!(
        matches!(&answer, Err(PortError::Invalid(m)) if m.contains("moved to")),
        "{answer:?}"
    );
    assert_eq!(thief.calls(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_that_only_adds_git_to_the_name_is_followed() {
    let origin = Origin::new();
    let Some(server) = http(&origin, true).await else {
        return;
    };
    let inner = server.url();
    let root = origin.root.path().to_owned();
    let fake = Fake::start(move |seen| {
        if seen.path().starts_with("/fleet.git/") {
            return backend(&root, seen);
        }
        let target = seen.target.replacen("/fleet", "/fleet.git", 1);
        (StatusCode::MOVED_PERMANENTLY, [("location", target)]).into_response()
    })
    .await;
    assert_ne!(inner, fake.url());
    let cache = TempDir::new().unwrap();
    let url = format!("{}/fleet", fake.url());
    let tree = git(&cache, Arc::new(Bound(TOKEN)))
        .tree(&at(&url, origin.first))
        .await
        .unwrap();
    assert_eq!(tree.iter().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/acme/fleet", listener.local_addr().unwrap());
    let cache = TempDir::new().unwrap();
    let settings = Settings {
        timeout: Duration::from_millis(200),
        ..Settings::new(cache.path())
    };
    let answer = Git2::new(settings, Arc::new(Anonymous))
        .unwrap()
        .head(&branch(&url, "main"))
        .await;
    assert_eq!(kind(&answer), "unreachable", "{answer:?}");
}

#[tokio::test]
async fn the_pods_own_files_are_no_repositories_unless_allowed() {
    let origin = Origin::new();
    let cache = TempDir::new().unwrap();
    let git = Git2::new(Settings::new(cache.path()), Arc::new(Anonymous)).unwrap();
    for url in [origin.path(), format!("file://{}", origin.path())] {
        assert_eq!(kind(&git.head(&branch(&url, "main")).await), "invalid", "{url}");
    }
}
