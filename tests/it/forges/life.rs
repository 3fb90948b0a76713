//! A pull request's life, as the controller leads it: what failed is tried again from what is there.

use super::server::PATIENCE;
use super::server::Server;
use super::words::Kind;
use super::words::TOKEN;
use super::world::BASE;
use super::world::SHA;
use crate::forge_clients::bound::Objects;
use base64::Engine;
use recant::forge::Bindings;
use recant::forge::Hosts;
use recant::forge::Pace;
use recant::port::Forge as _;
use recant::port::PortError;
use recant_core::effect::CheckRun;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullComment;
use recant_core::effect::PullText;
use recant_core::effect::PullWishes;
use recant_core::effect::Push;
use recant_core::effect::StatusState;
use recant_core::query::Branch;
use recant_core::query::PullState;
use recant_core::query::RepoUrl;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;

pub(crate) const HEAD: &str = "recant/revert/web-1";
pub(crate) const MARKER: &str = "<!-- recant:demo -->";
pub(crate) const CONTEXT: &str = "recant/demo/test/podinfo";

/// An RSA key for the App, and a certificate of an authority, made anew for each run.
pub(crate) static KEY: LazyLock<rcgen::KeyPair> = LazyLock::new(|| {
    rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap()
});
pub(crate) static AUTHORITY: LazyLock<(rcgen::CertifiedIssuer<'static, rcgen::KeyPair>, String)> =
    LazyLock::new(|| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        let name = rcgen::DnType::CommonName;
        params.distinguished_name.push(name, "an authority of a test");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer =
            rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
        let pem = issuer.pem();
        (issuer, pem)
    });

/// The steps of a life, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Commit,
    Open,
    Pending,
    Failure,
    Check,
    Comment,
    Recomment,
    Update,
    Close,
}

impl Step {
    pub(crate) const ALL: [Self; 9] = [
        Self::Commit,
        Self::Open,
        Self::Pending,
        Self::Failure,
        Self::Check,
        Self::Comment,
        Self::Recomment,
        Self::Update,
        Self::Close,
    ];
}

/// The Forge object and the Secrets for one kind of forge at an address.
pub(crate) fn objects(kind: Kind, url: &str) -> Arc<Objects> {
    let cluster = Objects::default();
    cluster.put(json!({
        "apiVersion": "recant.dev/v1alpha1", "kind": "Forge",
        "metadata": { "namespace": "recant-system", "name": "host" },
        "spec": {
            "type": kind.word(), "url": url, "repositories": [kind.repository()],
            "secretRef": { "name": "token" }, "certSecretRef": { "name": "ca" },
        },
    }));
    let credential = match kind {
        Kind::GitHubApp => BTreeMap::from([
            ("githubAppID", "7".to_owned()),
            ("githubAppInstallationOwner", "acme".to_owned()),
            ("githubAppPrivateKey", KEY.serialize_pem()),
            ("githubAppBaseURL", format!("{url}/api/v3")),
        ]),
        _ => BTreeMap::from([("token", TOKEN.to_owned())]),
    };
    cluster.put(secret("token", &credential));
    cluster.put(secret("ca", &BTreeMap::from([("ca.crt", AUTHORITY.1.clone())])));
    Arc::new(cluster)
}

pub(crate) fn secret(name: &str, data: &BTreeMap<&str, String>) -> Value {
    let encode = |text: &String| base64::engine::general_purpose::STANDARD.encode(text);
    let data: BTreeMap<_, _> = data.iter().map(|(key, value)| (key, encode(value))).collect();
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "namespace": "recant-system", "name": name }, "data": data,
    })
}

pub(crate) fn pace() -> Pace {
    Pace {
        attempts: 2,
        pause: Duration::from_millis(5),
        max_wait: Duration::from_secs(2),
        timeout: PATIENCE,
        gap: Duration::ZERO,
        seed: 1,
    }
}

pub(crate) fn hosts(cluster: Arc<Objects>) -> Hosts {
    Hosts::new(Arc::new(Bindings::new(cluster, "recant-system"))).with_pace(pace())
}

/// One life, and what went wrong in it.
pub(crate) struct Life {
    pub(crate) forge: Hosts,
    pub(crate) kind: Kind,
    pub(crate) repo: RepoUrl,
    pub(crate) reasons: Vec<String>,
    number: Option<u64>,
}

impl Life {
    pub(crate) fn new(server: &Server, kind: Kind) -> Self {
        Self {
            forge: hosts(objects(kind, &server.url)),
            kind,
            repo: RepoUrl(format!("{}/{}", server.url, kind.path())),
            reasons: Vec::new(),
            number: None,
        }
    }

    /// Leads it up to a step. Each step is tried a few times; one that never succeeds is left.
    pub(crate) async fn lead(&mut self, last: Step) -> Vec<Step> {
        let mut failed = Vec::new();
        for step in Step::ALL.into_iter().filter(|step| *step <= last) {
            let mut done = false;
            for _ in 0..4 {
                match self.take(step).await {
                    Ok(()) => {
                        done = true;
                        break;
                    }
                    Err(error) => self.reasons.push(error.to_string()),
                }
            }
            if !done {
                failed.push(step);
            }
        }
        failed
    }

    pub(crate) async fn take(&mut self, step: Step) -> Result<(), PortError> {
        match step {
            Step::Commit if self.kind == Kind::GitHubApp => self.forge.commit(&self.push()).await.map(drop),
            Step::Commit => Ok(()),
            Step::Open => self.open().await,
            Step::Pending => self.forge.status(&self.status(StatusState::Pending)).await,
            Step::Failure => self.forge.status(&self.status(StatusState::Failure)).await,
            Step::Check => {
                let check = |state, summary: &str| CheckRun {
                    status: self.status(state),
                    summary: summary.to_owned(),
                };
                self.forge.check(&check(StatusState::Pending, "It runs.")).await?;
                self.forge
                    .check(&check(StatusState::Failure, "| a | b |"))
                    .await?;
                self.forge.check(&check(StatusState::Failure, "| a | b |")).await
            }
            Step::Comment => self.comment("3 of 5 failed").await,
            Step::Recomment => self.comment("5 of 5 failed").await,
            Step::Update => match self.number {
                Some(number) => self.forge.update(number, &self.text("It failed again.")).await,
                None => Ok(()),
            },
            Step::Close => match self.number {
                Some(number) => self.forge.close(&self.branch(), number, "Superseded.").await,
                None => Ok(()),
            },
        }
    }

    /// Looks first, as the core does.
    async fn open(&mut self) -> Result<(), PortError> {
        let seen = self.forge.pulls(&self.branch()).await?;
        let pull = match seen.into_iter().find(|pull| pull.state == PullState::Open) {
            Some(pull) => pull,
            None => self.forge.open(&self.text("It failed.")).await?,
        };
        self.number = Some(pull.number);
        assert_eq!((pull.head.as_str(), pull.base.as_str()), (SHA, "main"));
        assert_eq!(pull.title, "Revert podinfo to 6.5.0");
        Ok(())
    }

    async fn comment(&self, text: &str) -> Result<(), PortError> {
        let Some(number) = self.number else { return Ok(()) };
        let comment = PullComment {
            branch: self.branch(),
            number,
            marker: MARKER.to_owned(),
            body: format!("{MARKER}\n{text}"),
        };
        self.forge.comment(&comment).await
    }

    pub(crate) fn branch(&self) -> Branch {
        Branch {
            repo: self.repo.clone(),
            name: HEAD.to_owned(),
        }
    }

    pub(crate) fn status(&self, state: StatusState) -> CommitStatus {
        CommitStatus {
            repo: self.repo.clone(),
            commit: SHA.to_owned(),
            context: CONTEXT.to_owned(),
            state,
            description: "5/5 checks failed".to_owned(),
            url: "https://recant.example/podinfo".to_owned(),
        }
    }

    pub(crate) fn push(&self) -> Push {
        Push {
            branch: self.branch(),
            base: BASE.to_owned(),
            expect: None,
            files: BTreeMap::from([
                ("apps/web.yaml".to_owned(), Some(b"image: 1\n".to_vec())),
                ("apps/gone.yaml".to_owned(), None),
            ]),
            message: "Revert podinfo to 6.5.0\n\nIt failed.\n".to_owned(),
            date_s: 1_800_000_000,
            author: None,
            by_forge: true,
        }
    }

    pub(crate) fn text(&self, body: &str) -> PullText {
        // A reviewer's name there is the id of an identity.
        let reviewer = if self.kind == Kind::Azure {
            "8c8c7d32-6b1b-47f4-b2e9-30b477b5ab3d"
        } else {
            "grace"
        };
        PullText {
            branch: self.branch(),
            base: "main".to_owned(),
            title: "Revert podinfo to 6.5.0".to_owned(),
            body: body.to_owned(),
            labels: vec!["recant".to_owned(), "revert".to_owned()],
            wishes: PullWishes {
                reviewers: vec![reviewer.to_owned()],
                assign_authors_of: vec![SHA.to_owned()],
                draft: true,
                auto_merge: true,
            },
        }
    }
}

#[tokio::test]
async fn a_pull_request_lives_its_life_on_every_forge_in_that_forges_own_words() {
    for kind in Kind::ALL {
        let server = Server::start(kind).await;
        let mut life = Life::new(&server, kind);
        let failed = life.lead(Step::Update).await;
        assert_eq!(
            (failed, life.reasons.as_slice()),
            (vec![], [].as_slice()),
            "{kind:?}"
        );
        server.with(|inner| {
            assert_eq!(inner.wrong, Vec::<String>::new(), "{kind:?}");
            let [pull] = inner.world.pulls.as_slice() else {
                panic!("{kind:?}: {:?}", inner.world.pulls)
            };
            assert_eq!(
                (pull.head.as_str(), pull.base.as_str(), pull.state),
                (HEAD, "main", "open"),
                "{kind:?}"
            );
            assert_eq!(pull.body, "It failed again.", "{kind:?}");
            let titled = pull.title.contains("WIP: ") || pull.title.contains("Draft: ");
            assert!(pull.draft != titled, "{kind:?}: a draft, once: {pull:?}");
            let labelled = !matches!(kind, Kind::Bitbucket | Kind::DataCenter);
            assert_eq!(
                pull.labels.len(),
                if labelled { 2 } else { 0 },
                "{kind:?}: {pull:?}"
            );
            assert_eq!(pull.auto_merge, kind != Kind::Bitbucket, "{kind:?}: {pull:?}");
            assert!(!pull.people.is_empty(), "{kind:?}: the reviewer");
            let [comment] = inner.world.comments.as_slice() else {
                panic!("{kind:?}: {:?}", inner.world.comments)
            };
            assert!(comment.body.contains("5 of 5"), "{kind:?}");
            assert_eq!(inner.world.statuses.len(), 2, "{kind:?}");
            let checks = if kind == Kind::GitHubApp { 1 } else { 0 };
            assert_eq!(inner.world.checks.len(), checks, "{kind:?}");
            let made = if kind == Kind::GitHubApp { 2 } else { 1 };
            assert_eq!(
                inner.world.branches.len(),
                made,
                "{kind:?}: {:?}",
                inner.world.branches
            );
        });
        life.take(Step::Close).await.unwrap();
        life.take(Step::Close).await.unwrap();
        server.with(|inner| {
            assert_eq!(inner.wrong, Vec::<String>::new(), "{kind:?}");
            assert_eq!(inner.world.pulls[0].state, "closed", "{kind:?}");
            assert_eq!(inner.world.comments.len(), 2, "{kind:?}: why, once");
        });
        let next = life.forge.open(&life.text("Again.")).await.unwrap();
        assert_eq!(next.number, 2, "{kind:?}: a closed one is not taken for open");
    }
}

#[tokio::test]
async fn nobody_elses_pull_request_is_found_edited_or_closed_on_any_forge() {
    for kind in Kind::ALL {
        let server = Server::start(kind).await;
        server.with(|inner| {
            let row = |head: &str, from_fork| super::world::PullRow {
                head: head.to_owned(),
                base: "main".to_owned(),
                title: "t".to_owned(),
                from_fork,
                ..Default::default()
            };
            inner.world.takes_twins = true;
            inner.world.open(row(HEAD, true)).unwrap();
            for n in 0..230 {
                inner.world.open(row(&format!("feature-{n}"), false)).unwrap();
            }
        });
        let life = Life::new(&server, kind);
        assert_eq!(
            life.forge.pulls(&life.branch()).await.unwrap(),
            [],
            "{kind:?}: a fork's branch of that name"
        );
        for number in [2, 200] {
            let edited = life.forge.update(number, &life.text("x")).await;
            assert!(
                matches!(edited, Err(PortError::Invalid(_))),
                "{kind:?}: {edited:?}"
            );
            let closed = life.forge.close(&life.branch(), number, "x").await;
            assert!(
                matches!(closed, Err(PortError::Invalid(_))),
                "{kind:?}: {closed:?}"
            );
        }
        server.with(|inner| {
            assert!(
                inner.world.pulls.iter().all(|pull| pull.state == "open"),
                "{kind:?}"
            );
            assert_eq!(inner.wrong, Vec::<String>::new(), "{kind:?}");
        });
    }
}
