//! A repository to read and push to, by path and behind HTTP.

use crate::serve::Fake;
use crate::serve::Seen;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use base64::Engine;
use git2::Oid;
use git2::Repository;
use git2::Signature;
use git2::Time;
use recant::credential::Credential;
use recant::credential::Credentials;
use recant::credential::Token;
use recant::port::Answered;
use recant::port::PortError;
use recant::repo::Git2;
use recant::repo::Settings;
use recant_core::effect::Push;
use recant_core::query::Branch;
use recant_core::query::CommitRef;
use recant_core::query::RepoUrl;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const TOKEN: &str = "t0ken-s3cret";

pub(crate) struct Bound(pub(crate) &'static str);

impl Credentials for Bound {
    fn for_url<'a>(&'a self, _url: &'a str) -> Answered<'a, Option<Credential>> {
        let token = Token::new(self.0);
        Box::pin(async { Ok(Some(Credential::new("bot", token))) })
    }
}

/// A bare repository `fleet.git` with two commits on `main`.
pub(crate) struct Origin {
    pub(crate) root: TempDir,
    pub(crate) repo: Repository,
    pub(crate) first: Oid,
    pub(crate) second: Oid,
}

impl Origin {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn path(&self) -> String {
        self.root.path().join("fleet.git").to_str().unwrap().to_owned()
    }

    pub(crate) fn at(&self, branch: &str) -> Option<String> {
        let reference = self.repo.find_reference(&format!("refs/heads/{branch}")).ok()?;
        Some(reference.target().unwrap().to_string())
    }
}

pub(crate) fn commit(repo: &Repository, branch: &str, files: &[(&str, &str)], message: &str) -> Oid {
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

pub(crate) fn entry(path: &str, mode: u32, id: Oid) -> git2::IndexEntry {
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

pub(crate) fn git(cache: &TempDir, credentials: Arc<dyn Credentials>) -> Git2 {
    let settings = Settings {
        allow_local: true,
        timeout: Duration::from_secs(5),
        ..Settings::new(cache.path())
    };
    Git2::new(settings, credentials).unwrap()
}

pub(crate) fn branch(url: &str, name: &str) -> Branch {
    Branch {
        repo: RepoUrl(url.to_owned()),
        name: name.to_owned(),
    }
}

pub(crate) fn at(url: &str, commit: impl ToString) -> CommitRef {
    CommitRef {
        repo: RepoUrl(url.to_owned()),
        commit: commit.to_string(),
    }
}

pub(crate) fn push(url: &str, base: Oid, expect: Option<&str>) -> Push {
    Push {
        branch: branch(url, "recant/revert/web-1"),
        base: base.to_string(),
        expect: expect.map(str::to_owned),
        files: [("app.yaml".to_owned(), Some(b"image: podinfo:6.5.0\n".to_vec()))].into(),
        message: "Revert podinfo to 6.5.0\n".to_owned(),
        date_s: 1_700_000_100,
        author: None,
        by_forge: false,
    }
}

pub(crate) fn kind<T: std::fmt::Debug>(answer: &Result<T, PortError>) -> &'static str {
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
pub(crate) async fn http(origin: &Origin, private: bool) -> Option<Fake> {
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
pub(crate) fn backend(root: &Path, seen: &Seen) -> Response {
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
