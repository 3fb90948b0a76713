//! `recant check` against clusters that lack one thing or another.

use crate::forge_clients::bound::Objects;
use crate::forges::life::hosts;
use crate::forges::life::objects;
use crate::forges::server::Server;
use crate::forges::words::Kind;
use crate::forges::words::TOKEN;
use recant::check::Check;
use recant::check::Line;
use recant::check::Mark;
use recant::check::Pusher;
use recant::check::Reviewer;
use recant::check::is_bad;
use recant::manifests;
use recant::port::Answered;
use recant::port::PortError;
use recant_core::query::RepoUrl;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;

/// Allows everything but one verb on one resource.
struct Rights(Option<(&'static str, &'static str)>);

impl Reviewer for Rights {
    fn may<'a>(&'a self, attributes: &'a Value) -> Answered<'a, bool> {
        let denied = self
            .0
            .is_some_and(|(verb, resource)| attributes["verb"] == verb && attributes["resource"] == resource);
        Box::pin(async move { Ok(!denied) })
    }
}

/// A Git server that takes a push, or not.
struct Git(bool);

impl Pusher for Git {
    fn may_push<'a>(&'a self, repo: &'a RepoUrl) -> Answered<'a, ()> {
        let answer = match self.0 {
            true => Ok(()),
            false => Err(PortError::Denied(format!("{repo}: HTTP 403"))),
        };
        Box::pin(async { answer })
    }
}

/// A cluster with everything recant needs, and a Forge at a server.
fn cluster(server: &Server, hook: &str) -> Arc<Objects> {
    let cluster = objects(Kind::Gitea, &server.url);
    for crd in manifests::crds() {
        cluster.put(crd);
    }
    cluster.put(json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": { "namespace": "flux-system", "name": "fleet" },
        "spec": { "url": format!("{}/{}", server.url, Kind::Gitea.path()) },
    }));
    cluster.put(json!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": { "namespace": "test", "name": "podinfo" },
        "spec": { "analysis": { "webhooks": [{ "name": "load", "url": hook }] } },
    }));
    cluster
}

async fn check(cluster: Arc<Objects>, rights: Rights, git: Git) -> Vec<Line> {
    let forge = hosts(Arc::clone(&cluster));
    Check {
        cluster: &*cluster,
        reviewer: &rights,
        forge: &forge,
        pusher: &git,
        namespace: "recant-system",
    }
    .run()
    .await
}

fn bad(lines: &[Line]) -> Vec<String> {
    let bad = lines.iter().filter(|line| line.mark == Mark::Bad);
    bad.map(|line| format!("{}: {}", line.what, line.detail))
        .collect()
}

#[tokio::test]
async fn a_cluster_that_has_everything_is_good() {
    let server = Server::start(Kind::Gitea).await;
    let lines = check(cluster(&server, "http://load.test/"), Rights(None), Git(true)).await;
    assert_eq!(bad(&lines), Vec::<String>::new());
    assert!(!is_bad(&lines));
    let said: Vec<&str> = lines.iter().map(|line| line.what.as_str()).collect();
    for what in [
        "kind Forge",
        "rights in the cluster",
        "rights in recant-system",
        "Forge host",
        "webhooks",
    ] {
        assert!(said.contains(&what), "{what}: {said:?}");
    }
    assert!(
        said.iter().any(|what| what.starts_with("Forge host, push to ")),
        "{said:?}"
    );
    assert!(!format!("{lines:?}").contains(TOKEN));
}

#[tokio::test]
async fn each_thing_that_is_missing_is_named_and_nothing_else() {
    let server = Server::start(Kind::Gitea).await;
    let good = || cluster(&server, "http://load.test/");
    let without = |kind: &str, change: fn(&mut Value)| {
        let cluster = good();
        for mut crd in manifests::crds() {
            if crd["spec"]["names"]["kind"] == kind {
                change(&mut crd);
                cluster.put(crd);
            }
        }
        cluster
    };
    let older = without("Forge", |crd| {
        let spec = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        spec["properties"].as_object_mut().unwrap().remove("caps");
    });
    let no_secret = good();
    no_secret.put(json!({
        "apiVersion": "recant.dev/v1alpha1", "kind": "Forge",
        "metadata": { "namespace": "recant-system", "name": "host" },
        "spec": { "type": "gitea", "url": server.url, "secretRef": { "name": "gone" } },
    }));
    let odd = good();
    odd.put(json!({
        "apiVersion": "recant.dev/v1alpha1", "kind": "Forge",
        "metadata": { "namespace": "recant-system", "name": "host" },
        "spec": { "type": "gitea", "url": server.url, "maxAge": "week" },
    }));
    for (cluster, rights, git, expected) in [
        (
            older,
            Rights(None),
            Git(true),
            "kind Forge: an older definition, without spec.caps",
        ),
        (
            good(),
            Rights(Some(("patch", "deployments"))),
            Git(true),
            "lacks patch deployments.apps",
        ),
        (
            good(),
            Rights(Some(("watch", "secrets"))),
            Git(true),
            "rights in recant-system: lacks watch secrets",
        ),
        (no_secret, Rights(None), Git(true), "Secret gone is not there"),
        (odd, Rights(None), Git(true), "Forge host: spec.maxAge"),
        (good(), Rights(None), Git(false), "HTTP 403"),
        (
            cluster(&server, "load.test"),
            Rights(None),
            Git(true),
            "webhook of",
        ),
    ] {
        let lines = check(cluster, rights, git).await;
        let bad = bad(&lines);
        assert!(
            is_bad(&lines) && bad.len() == 1 && bad[0].contains(expected),
            "{expected}: {bad:?}"
        );
    }
}

#[tokio::test]
async fn kinds_that_are_not_installed_are_said_one_by_one() {
    let lines = check(Arc::new(Objects::default()), Rights(None), Git(true)).await;
    let bad = bad(&lines);
    assert_eq!(bad.len(), manifests::crds().len(), "{bad:?}");
    assert!(
        bad.iter()
            .all(|line| line.contains("recant manifests | kubectl apply -f -")),
        "{bad:?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.mark == Mark::Note && line.what == "Forges")
    );
}
