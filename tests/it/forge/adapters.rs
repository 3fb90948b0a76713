//! recant's own clients against the demo's Git and forge: what `run` uses is what the demo serves.

use super::server::RECANT;
use super::server::REPO;
use super::server::Server;
use crate::forge_clients::bound::Objects;
use crate::forge_clients::bound::forge as forge_object;
use crate::forge_clients::bound::hosts;
use crate::forge_clients::bound::secret;
use recant::forge::Bindings;
use recant::port::Forge as _;
use recant::port::PortError;
use recant::port::Repo as _;
use recant::repo::Git2;
use recant::repo::Settings;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::PullWishes;
use recant_core::effect::Push;
use recant_core::effect::StatusState;
use recant_core::query::Branch;
use recant_core::query::CommitRef;
use recant_core::query::PullState;
use recant_core::query::RepoUrl;
use std::sync::Arc;

fn cluster(url: &str, token: &str) -> Arc<Objects> {
    let objects = Objects::default();
    objects.put(forge_object("recant-system", "demo", "gitea", url));
    objects.put(secret("recant-system", token));
    Arc::new(objects)
}

fn git(cache: &tempfile::TempDir, cluster: Arc<Objects>) -> Git2 {
    Git2::new(
        Settings::new(cache.path()),
        Arc::new(Bindings::new(cluster, "recant-system")),
    )
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_goes_from_the_branch_head_to_a_pull_request_and_its_end() {
    let server = Server::start("//- /app.yaml\nimage: podinfo:2\n//- /other.yaml\na: 1\n").await;
    let repo = RepoUrl(format!("{}/{REPO}.git", server.url));
    let cache = tempfile::tempdir().unwrap();
    let objects = cluster(&server.url, RECANT);
    let (git, forge) = (git(&cache, Arc::clone(&objects)), hosts(objects));
    let branch = |name: &str| Branch {
        repo: repo.clone(),
        name: name.to_owned(),
    };
    let head = git.head(&branch("main")).await.unwrap().unwrap();
    let before = git
        .tree(&CommitRef {
            repo: repo.clone(),
            commit: head.clone(),
        })
        .await
        .unwrap();
    let push = Push {
        branch: branch("recant/revert/podinfo"),
        base: head.clone(),
        expect: None,
        files: [("app.yaml".to_owned(), Some(b"image: podinfo:1\n".to_vec()))].into(),
        message: "Revert podinfo to 1\n".to_owned(),
        date_s: 1_800_000_000,
        author: None,
        by_forge: false,
    };
    let made = git.push(&push).await.unwrap();
    assert_eq!(git.push(&push).await.unwrap(), made);
    let after = git
        .tree(&CommitRef {
            repo: repo.clone(),
            commit: made.clone(),
        })
        .await
        .unwrap();
    assert_eq!(before.changed(&after), ["app.yaml"]);
    let text = PullText {
        branch: push.branch.clone(),
        base: "main".to_owned(),
        title: "Revert podinfo to 1".to_owned(),
        body: "It failed.".to_owned(),
        labels: vec!["recant".to_owned()],
        wishes: PullWishes::default(),
    };
    let pull = forge.open(&text).await.unwrap();
    assert_eq!(
        (pull.head.as_str(), &pull.state),
        (made.as_str(), &PullState::Open)
    );
    assert_eq!(forge.open(&text).await.unwrap().number, pull.number);
    let status = CommitStatus {
        repo: repo.clone(),
        commit: head,
        context: "recant/demo/test/podinfo".to_owned(),
        state: StatusState::Failure,
        description: "5/5 checks failed".to_owned(),
        url: String::new(),
    };
    forge.status(&status).await.unwrap();
    forge
        .close(&push.branch, pull.number, "Superseded.")
        .await
        .unwrap();
    git.delete_branch(&push.branch, &made).await.unwrap();
    assert_eq!(git.head(&push.branch).await.unwrap(), None);
    assert_eq!(
        forge.pulls(&push.branch).await.unwrap()[0].state,
        PullState::Closed
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_the_demo_does_not_know_is_denied_by_both() {
    let server = Server::start("//- /app.yaml\nimage: podinfo:2\n").await;
    let main = Branch {
        repo: RepoUrl(format!("{}/{REPO}.git", server.url)),
        name: "main".to_owned(),
    };
    let cache = tempfile::tempdir().unwrap();
    let objects = cluster(&server.url, "wrong-token");
    let head = git(&cache, Arc::clone(&objects)).head(&main).await;
    let Err(PortError::Denied(text)) = &head else {
        panic!("{head:?}")
    };
    assert!(!text.contains("wrong-token"), "{text}");
    let pulls = hosts(objects).pulls(&main).await;
    assert!(matches!(pulls, Err(PortError::Denied(_))), "{pulls:?}");
}
