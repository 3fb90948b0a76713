//! recant's own Git client against the demo's server, as it runs in the demo.

use super::server::RECANT;
use super::server::REPO;
use super::server::Server;
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
use recant_render::Tree;
use std::sync::Arc;

const FILES: &str = "//- /app.yaml\nimage: podinfo:1\n//- /other.yaml\nx: 1\n";

struct Recant;

impl Credentials for Recant {
    fn for_url<'a>(&'a self, _url: &'a str) -> Answered<'a, Option<Credential>> {
        let credential = Credential::new("recant", Token::new(RECANT));
        Box::pin(async { Ok(Some(credential)) })
    }
}

fn client(server: &Server) -> Git2 {
    let settings = Settings::new(server.dir.path().join("cache"));
    Git2::new(settings, Arc::new(Recant)).unwrap()
}

#[tokio::test]
async fn recants_git_client_reads_pushes_and_deletes_on_the_demos_server() {
    let server = Server::start(FILES).await;
    let url = RepoUrl(server.remote(""));
    let branch = |name: &str| Branch {
        repo: url.clone(),
        name: name.to_owned(),
    };
    let bad = Tree::fixture(FILES).with("app.yaml", b"image: podinfo:2\n");
    let first = server.with(|_, repos, _| repos[REPO].head("main").unwrap());
    let second = server.commit("main", bad.clone(), "bump\n");
    server.with(|forge, _, _| forge.protect(REPO, "recant/kept", &["ada"]));
    let git = client(&server);
    assert_eq!(git.head(&branch("main")).await.unwrap(), Some(second.clone()));
    let at = CommitRef {
        repo: url.clone(),
        commit: second.clone(),
    };
    assert_eq!(git.tree(&at).await.unwrap(), bad);
    let log = git.log(&url, &first, &second).await.unwrap();
    assert_eq!(
        log.iter().map(|commit| commit.subject()).collect::<Vec<_>>(),
        ["bump"]
    );
    let push = Push {
        branch: branch("recant/x"),
        base: second.clone(),
        expect: None,
        files: [("app.yaml".to_owned(), Some(b"image: podinfo:1\n".to_vec()))].into(),
        message: "revert\n".to_owned(),
        date_s: 1_700_000_000,
        author: None,
        by_forge: false,
    };
    let made = git.push(&push).await.unwrap();
    let seen = server.with(|_, repos, _| (repos[REPO].head("recant/x"), repos[REPO].tree(&made)));
    assert_eq!(seen, (Some(made.clone()), Some(Tree::fixture(FILES))));
    let protected = Push {
        branch: branch("recant/kept"),
        ..push
    };
    let refused = git.push(&protected).await.unwrap_err();
    assert!(matches!(refused, PortError::Denied(_)), "{refused:?}");
    assert!(
        refused.to_string().contains("protected branch recant/kept"),
        "{refused}"
    );
    git.delete_branch(&branch("recant/x"), &made).await.unwrap();
    assert_eq!(git.head(&branch("recant/x")).await.unwrap(), None);
    let pushes = server.world.pushes.lock().unwrap().len();
    assert_eq!(pushes, 2, "the world hears of what was done, and only of that");
}
