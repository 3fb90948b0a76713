//! Over smart HTTP, as `git http-backend` speaks it, and as servers that are none answer.

use super::origin::Bound;
use super::origin::Origin;
use super::origin::TOKEN;
use super::origin::at;
use super::origin::backend;
use super::origin::branch;
use super::origin::git;
use super::origin::http;
use super::origin::kind;
use super::origin::push;
use super::reads_and_pushes;
use crate::serve::Fake;
use crate::serve::nobody;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use recant::credential::Anonymous;
use recant::credential::Credential;
use recant::credential::Credentials;
use recant::port::Answered;
use recant::port::PortError;
use recant::port::Repo;
use recant::repo::Git2;
use recant::repo::Settings;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

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

/// Gives a token out that is wrong until it hears of it.
#[derive(Default)]
struct Rotated(std::sync::atomic::AtomicBool);

impl Credentials for Rotated {
    fn for_url<'a>(&'a self, url: &'a str) -> Answered<'a, Option<Credential>> {
        let heard = self.0.load(std::sync::atomic::Ordering::SeqCst);
        Box::pin(async move { Bound(if heard { TOKEN } else { "old" }).for_url(url).await })
    }

    fn refused(&self) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_is_reported_to_where_it_came_from() {
    let origin = Origin::new();
    let Some(server) = http(&origin, true).await else {
        return;
    };
    let main = branch(&format!("{}/fleet.git", server.url()), "main");
    let cache = TempDir::new().unwrap();
    let git = git(&cache, Arc::new(Rotated::default()));
    assert_eq!(kind(&git.head(&main).await), "denied");
    assert_eq!(git.head(&main).await.unwrap(), Some(origin.second.to_string()));
}
