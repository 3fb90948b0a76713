//! Which URL gets which credential.

use super::bound::HEAD;
use super::bound::TOKEN;
use super::bound::branch;
use super::bound::cluster;
use super::bound::forge;
use super::bound::hosts;
use super::bound::secret;
use super::host::Host;
use crate::serve::Fake;
use crate::serve::json;
use recant::credential::Credentials;
use recant::forge::Bindings;
use recant::forge::Hosts;
use recant::port::Forge;
use recant::port::PortError;
use recant_core::query::Branch;
use recant_core::query::RepoUrl;
use serde_json::json as j;
use std::sync::Arc;

#[tokio::test]
async fn a_token_that_was_replaced_is_read_anew_after_a_refusal() {
    let host = Host::start("gitea").await;
    let url = host.fake.url();
    let cluster = cluster("gitea", &url);
    cluster.put(secret("recant-system", "old"));
    let forge = hosts(Arc::clone(&cluster));
    assert!(matches!(
        forge.pulls(&branch(&url)).await,
        Err(PortError::Denied(_))
    ));
    cluster.put(secret("recant-system", TOKEN));
    assert!(forge.pulls(&branch(&url)).await.is_ok());
}

#[tokio::test]
async fn a_credential_goes_to_no_url_it_is_not_bound_to() {
    let thief = Fake::start(|_| json(200, j!([]))).await;
    let evil = thief.url();
    let bare = evil.trim_start_matches("http://").to_owned();
    let objects = cluster("gitea", "https://git.example.com/forge");
    // What a tenant could put into a namespace of his own.
    objects.put(forge("tenant", "mine", "gitea", &evil));
    objects.put(secret("tenant", "tenant-token"));
    let bindings = Arc::new(Bindings::new(objects, "recant-system"));
    let forge = Hosts::new(Arc::clone(&bindings));
    let bound = bindings
        .for_url("https://GIT.example.com:443/forge/acme/fleet.git")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (bound.username.as_str(), bound.token.secret()),
        ("x-access-token", TOKEN)
    );
    for url in [
        format!("{evil}/acme/fleet"),
        format!("{evil}/forge/acme/fleet"),
        format!("http://git.example.com@{bare}/forge/acme/fleet"),
        format!("http://git.example.com:443@{bare}/forge/acme/fleet"),
        "http://git.example.com/forge/acme/fleet".to_owned(),
        "https://git.example.com:444/forge/acme/fleet".to_owned(),
        "https://git.example.com.evil/forge/acme/fleet".to_owned(),
        "https://evil/git.example.com/forge/acme/fleet".to_owned(),
        "https://git.example.com/acme/fleet".to_owned(),
        "https://git.example.com/forge-2/acme/fleet".to_owned(),
        "https://git.example.com/forge/acme".to_owned(),
        "https://git.example.com/forge/acme/fleet/extra".to_owned(),
        "https://git.example.com/other/../forge/acme/fleet".to_owned(),
        "https://git.example.com/forge/%2e%2e/acme/fleet".to_owned(),
        "https://git.example.com/forge/acme/fleet?ref=x".to_owned(),
        "https://git.ex\u{0430}mple.com/forge/acme/fleet".to_owned(),
        "ssh://git@git.example.com/acme/fleet".to_owned(),
        "file:///forge/acme/fleet".to_owned(),
        "not a url".to_owned(),
    ] {
        let branch = Branch {
            repo: RepoUrl(url.clone()),
            name: HEAD.to_owned(),
        };
        let answer = forge.pulls(&branch).await;
        assert!(
            matches!(answer, Err(PortError::Denied(_) | PortError::Invalid(_))),
            "{url}: {answer:?}"
        );
        let credential = bindings.for_url(&url).await;
        assert!(!matches!(credential, Ok(Some(_))), "{url}");
    }
    assert_eq!(thief.calls(), Vec::<String>::new());
    let unbound = forge.pulls(&branch(&evil)).await.unwrap_err().to_string();
    assert!(
        unbound.contains("create a Forge") && unbound.contains(&evil) && unbound.contains("recant-system"),
        "{unbound}"
    );
}

#[tokio::test]
async fn the_closest_forge_binds_and_its_list_of_repositories_holds() {
    let objects = cluster("gitea", "https://git.example.com");
    let mut close = forge("recant-system", "close", "gitea", "https://git.example.com");
    close["spec"]["repositories"] = j!(["acme/*"]);
    close["spec"]["secretRef"]["name"] = j!("missing");
    objects.put(close);
    objects.put(forge(
        "recant-system",
        "odd",
        "bitbucket",
        "https://git.example.com",
    ));
    objects.put(forge("recant-system", "wrong", "gitea", "git.example.com/../x"));
    let bindings = Bindings::new(objects, "recant-system");
    let missing = bindings.for_url("https://git.example.com/acme/fleet").await;
    assert!(
        matches!(&missing, Err(PortError::Denied(m)) if m.contains("Secret missing") && m.contains("Forge close")),
        "{missing:?}"
    );
    assert!(
        bindings
            .for_url("git@git.example.com:other/fleet.git")
            .await
            .unwrap()
            .is_some()
    );
}
