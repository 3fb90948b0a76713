//! What `Ready` and `recant check` learn from each forge about the credential.

use super::life::Life;
use super::life::objects;
use super::server::Fault;
use super::server::Server;
use super::words::Kind;
use super::words::TOKEN;
use recant::port::Forge as _;
use recant::port::PortError;
use recant_core::object::ObjectRef;

fn forge(namespace: &str) -> ObjectRef {
    ObjectRef::new("recant.dev/v1alpha1", "Forge", namespace, "host")
}

#[tokio::test]
async fn a_credential_that_does_what_recant_needs_is_good_on_every_forge() {
    for kind in Kind::ALL {
        let server = Server::start(kind).await;
        server.with(|inner| {
            inner.headers = vec![
                ("x-ausername", "recant".to_owned()),
                (
                    "x-oauth-scopes",
                    "repo, pullrequest:write, repository:write".to_owned(),
                ),
                (
                    "github-authentication-token-expiration",
                    "2099-01-01 00:00:00 UTC".to_owned(),
                ),
            ];
        });
        let life = Life::new(&server, kind);
        let access = life.forge.access(&forge("recant-system")).await.unwrap();
        assert!(access.login.contains("recant"), "{kind:?}: {access:?}");
        assert_eq!(access.missing, Vec::<String>::new(), "{kind:?}");
        assert_eq!(
            server.with(|inner| inner.wrong.clone()),
            Vec::<String>::new(),
            "{kind:?}"
        );
        let says_end = matches!(kind, Kind::GitHub | Kind::GitLab);
        assert_eq!(access.expires.is_some(), says_end, "{kind:?}");
    }
}

#[tokio::test]
async fn what_a_credential_lacks_is_named_with_what_it_is_for() {
    for (kind, call, expected) in [
        (Kind::GitHub, "repo", "sight of acme/fleet"),
        (Kind::GitHubApp, "repo", "sight of acme/fleet"),
        (Kind::GitLab, "repo", "sight of acme/platform/fleet"),
        (Kind::Gitea, "repo", "sight of acme/fleet"),
        (Kind::Bitbucket, "repo", "sight of acme/fleet"),
        (Kind::Azure, "repo", "sight of acme/ops/fleet"),
    ] {
        let server = Server::start(kind).await;
        server.with(|inner| inner.faults.push((call.to_owned(), Fault::Code(404), usize::MAX)));
        let access = Life::new(&server, kind)
            .forge
            .access(&forge("recant-system"))
            .await
            .unwrap();
        assert!(
            access.missing.iter().any(|m| m.contains(expected)),
            "{kind:?}: {access:?}"
        );
        assert!(!format!("{access:?}").contains(TOKEN), "{access:?}");
    }
    let server = Server::start(Kind::Bitbucket).await;
    server.with(|inner| inner.headers = vec![("x-oauth-scopes", "pullrequest".to_owned())]);
    let access = Life::new(&server, Kind::Bitbucket)
        .forge
        .access(&forge("recant-system"))
        .await
        .unwrap();
    assert_eq!(access.missing.len(), 2, "{access:?}");
    let server = Server::start(Kind::GitHub).await;
    server.with(|inner| inner.headers = vec![("x-oauth-scopes", "read:user".to_owned())]);
    let access = Life::new(&server, Kind::GitHub)
        .forge
        .access(&forge("recant-system"))
        .await
        .unwrap();
    assert!(access.missing[0].contains("scope repo"), "{access:?}");
}

#[tokio::test]
async fn a_credential_that_is_refused_is_denied_with_the_hosts_words() {
    for kind in Kind::ALL {
        let server = Server::start(kind).await;
        for call in ["user", "connection", "projects", "token", "repo"] {
            let fault = (call.to_owned(), Fault::Code(401), usize::MAX);
            server.with(|inner| inner.faults.push(fault));
        }
        let answer = Life::new(&server, kind)
            .forge
            .access(&forge("recant-system"))
            .await;
        match answer {
            Err(PortError::Denied(why)) => assert!(!why.contains(TOKEN), "{why}"),
            Ok(access) => assert!(!access.missing.is_empty(), "{kind:?}: {access:?}"),
            other => panic!("{kind:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_forge_outside_recants_own_namespace_binds_nothing() {
    let server = Server::start(Kind::Gitea).await;
    let answer = Life::new(&server, Kind::Gitea)
        .forge
        .access(&forge("tenant"))
        .await;
    assert!(matches!(answer, Err(PortError::Denied(_))), "{answer:?}");
    assert!(server.with(|inner| inner.came.is_empty()));
}

#[tokio::test]
async fn the_forge_of_a_repository_is_found_for_the_core() {
    for kind in Kind::ALL {
        let server = Server::start(kind).await;
        let life = Life::new(&server, kind);
        let found = life.forge.of(&life.repo).await.unwrap().unwrap();
        assert_eq!(
            (found.name.name.as_str(), found.spec.r#type.word()),
            ("host", kind.word())
        );
        let other = recant_core::query::RepoUrl(format!("{}/other/thing", server.url));
        assert!(
            life.forge.of(&other).await.unwrap().is_none(),
            "{kind:?}: not among its repositories"
        );
        drop(objects(kind, &server.url));
    }
}
