//! The REST API of the demo's forge; `tests/real` runs the same checks against a real Gitea.

use super::server::PERSON;
use super::server::REPO;
use super::server::Server;
use crate::conformance::forge::Client;
use crate::conformance::forge::Pulls;
use crate::conformance::forge::STEPS;
use crate::conformance::forge::step;

#[tokio::test]
async fn the_demos_forge_passes_the_checks() {
    let server = Server::start("//- /README.md\nhello\n").await;
    let (client, mut pulls) = (Client::new(&server.url, PERSON, REPO), Pulls::default());
    for name in STEPS {
        step(name, &client, server.dir.path(), &mut pulls).await;
    }
}

#[tokio::test]
async fn a_token_is_taken_in_each_of_the_usual_forms_and_a_wrong_one_in_none() {
    let server = Server::start("//- /README.md\nhello\n").await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    // ada:person-token, person-token:x-oauth-basic, ada:wrong
    let forms = [
        ("token person-token", 200),
        ("Bearer person-token", 200),
        ("Basic YWRhOnBlcnNvbi10b2tlbg==", 200),
        ("Basic cGVyc29uLXRva2VuOngtb2F1dGgtYmFzaWM=", 200),
        ("Basic YWRhOndyb25n", 401),
        ("Basic ###", 401),
        ("token wrong", 401),
        ("Digest x", 401),
    ];
    for (form, status) in forms {
        let url = format!("{}/api/v1/user", server.url);
        let response = http
            .get(url)
            .header("authorization", form)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status().as_u16(), status, "{form}");
    }
}
