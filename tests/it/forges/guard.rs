//! A credential goes where it is bound, and shows itself nowhere.

use super::life::HEAD;
use super::life::KEY;
use super::life::Life;
use super::life::Step;
use super::life::hosts;
use super::life::objects;
use super::life::secret;
use super::server::Server;
use super::words::APP_TOKEN;
use super::words::Kind;
use super::words::TOKEN;
use crate::serve::Fake;
use crate::serve::json;
use recant::credential::Credentials as _;
use recant::forge::Bindings;
use recant::port::Cluster as _;
use recant::port::Forge as _;
use recant::port::PortError;
use recant_core::object::ObjectRef;
use recant_core::query::Branch;
use recant_core::query::RepoUrl;
use serde_json::json as j;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;

fn branch(kind: Kind, url: &str) -> Branch {
    Branch {
        repo: RepoUrl(format!("{url}/{}", kind.path())),
        name: HEAD.to_owned(),
    }
}

#[tokio::test]
async fn a_redirect_takes_the_credential_nowhere() {
    for code in [301, 302, 303, 307, 308] {
        for kind in Kind::ALL {
            let thief = Fake::start(|_| json(200, j!([]))).await;
            let target = thief.url();
            let host = Fake::start(move |seen| {
                let mut response = json(code, j!({ "message": "moved" }));
                let to = format!("{target}{}", seen.path());
                response.headers_mut().insert("location", to.parse().unwrap());
                response
            })
            .await;
            let answer = hosts(objects(kind, &host.url()))
                .pulls(&branch(kind, &host.url()))
                .await;
            assert!(
                matches!(answer, Err(PortError::Invalid(_))),
                "{code} {kind:?}: {answer:?}"
            );
            assert_eq!(thief.calls(), Vec::<String>::new(), "{code} {kind:?}");
        }
    }
}

#[tokio::test]
async fn an_apps_base_url_on_another_host_is_refused_before_anything_is_sent() {
    let thief = Fake::start(|_| json(200, j!({}))).await;
    let host = Fake::start(|_| json(200, j!([]))).await;
    let cluster = objects(Kind::GitHubApp, &host.url());
    cluster.put(secret(
        "token",
        &BTreeMap::from([
            ("githubAppID", "7".to_owned()),
            ("githubAppInstallationID", "42".to_owned()),
            ("githubAppPrivateKey", KEY.serialize_pem()),
            ("githubAppBaseURL", format!("{}/api/v3", thief.url())),
        ]),
    ));
    let answer = hosts(cluster).pulls(&branch(Kind::GitHubApp, &host.url())).await;
    assert!(
        matches!(&answer, Err(PortError::Denied(why)) if why.contains("githubAppBaseURL")),
        "{answer:?}"
    );
    assert_eq!((thief.calls().len(), host.calls().len()), (0, 0));
}

/// Everything that is logged while this lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_at_any_level_holds_a_token_whatever_the_host_says_back() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    for kind in Kind::ALL {
        for code in [400, 401, 403, 404, 409, 422, 500, 503] {
            let host = Fake::start(move |seen| {
                if seen.path().ends_with("access_tokens") {
                    let grant = j!({ "token": APP_TOKEN, "expires_at": "2099-01-01T00:00:00Z" });
                    return json(201, grant);
                }
                if seen.path().ends_with("installation") {
                    return json(200, j!({ "id": 42 }));
                }
                let auth = seen.headers.get("authorization").cloned().unwrap_or_default();
                let token = if kind == Kind::GitHubApp { APP_TOKEN } else { TOKEN };
                json(code, j!({ "message": format!("{auth} {token}") }))
            })
            .await;
            let forge = hosts(objects(kind, &host.url()));
            let error = forge.pulls(&branch(kind, &host.url())).await.unwrap_err();
            tracing::warn!(%error, debug = ?error, "as the controller does");
            assert!(!host.seen().is_empty());
        }
    }
    let said = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(said.contains("as the controller does") && said.contains("***"));
    // `printf :t0ken-s3cret | base64`
    for secret in [TOKEN, APP_TOKEN, "OnQwa2VuLXMzY3JldA", "PRIVATE KEY"] {
        let found = said.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret}");
    }
}

/// Flux may read by SSH what recant must push to and open pull requests for: that is the Forge of the same host, over
/// HTTPS, wherever the Forge says that is.
#[tokio::test]
async fn a_repository_named_by_an_ssh_url_is_reached_as_the_forge_of_its_host_says() {
    for kind in Kind::ALL {
        let server = Server::start(kind).await;
        let (ssh, path) = match kind {
            Kind::GitLab => (
                "ssh://git@127.0.0.1:2222/acme/platform/fleet.git",
                "acme/platform/fleet.git",
            ),
            Kind::DataCenter => ("ssh://git@127.0.0.1:7999/OPS/fleet.git", "scm/OPS/fleet.git"),
            Kind::Azure => ("git@127.0.0.1:v3/acme/ops/fleet", "acme/ops/_git/fleet"),
            _ => ("git@127.0.0.1:acme/fleet.git", "acme/fleet.git"),
        };
        let bindings = Bindings::new(objects(kind, &server.url), "recant-system");
        let place = bindings.for_url(ssh).await.unwrap().unwrap().place.unwrap();
        assert_eq!(place.git_url(), format!("{}/{path}", server.url), "{kind:?}");
        let mut life = Life::new(&server, kind);
        life.repo = RepoUrl(ssh.to_owned());
        assert_eq!(life.lead(Step::Close).await, [], "{kind:?}: {:?}", life.reasons);
        assert_eq!(
            server.with(|inner| inner.wrong.clone()),
            Vec::<String>::new(),
            "{kind:?}"
        );

        for other in [
            "ssh://git@localhost/acme/fleet.git",
            "git@127.0.0.1:mallory/fleet.git",
        ] {
            assert!(
                bindings.for_url(other).await.unwrap().is_none(),
                "{kind:?} {other}"
            );
        }
    }
}

#[tokio::test]
async fn where_statuses_are_not_wanted_none_is_sent() {
    for kind in Kind::ALL {
        let server = Server::start(kind).await;
        let cluster = objects(kind, &server.url);
        let name = ObjectRef::new("recant.dev/v1alpha1", "Forge", "recant-system", "host");
        let mut forge = cluster.get(&name).await.unwrap().unwrap();
        forge.set("/spec/commitStatuses", j!(false));
        cluster.put(forge.0);
        let mut life = Life::new(&server, kind);
        life.forge = hosts(cluster);
        for step in [Step::Pending, Step::Failure, Step::Check] {
            life.take(step).await.unwrap();
        }
        server.with(|inner| assert!(inner.came.is_empty(), "{kind:?}: {:?}", inner.came));
        life.take(Step::Open).await.unwrap();
        server.with(|inner| assert_eq!(inner.world.pulls.len(), 1, "{kind:?}"));
    }
}
