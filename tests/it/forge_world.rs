//! The Gitea client against the world's own forge, over HTTP: the two have been written apart from each other.

use crate::forge_clients::bound::HEAD;
use crate::forge_clients::bound::TOKEN;
use crate::forge_clients::bound::branch;
use crate::forge_clients::bound::cluster;
use crate::forge_clients::bound::hosts;
use crate::forge_clients::bound::text;
use crate::serve::Fake;
use crate::serve::Seen;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use jiff::Timestamp;
use recant::port::Forge as _;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::StatusState;
use recant_core::query::PullState;
use recant_render::Tree;
use recant_sim::forge::Forge;
use recant_sim::forge::Repos;
use recant_sim::forge::Role;
use recant_sim::forge::rest::Body;
use recant_sim::forge::rest::Request;
use recant_sim::git::Content;
use recant_sim::git::Git;
use recant_sim::git::MemoryGit;
use recant_sim::git::NewCommit;
use std::sync::Arc;
use std::sync::Mutex;

struct World {
    forge: Forge,
    repos: Repos,
    clock_s: i64,
}

impl World {
    fn answer(&mut self, seen: &Seen) -> Response {
        self.clock_s += 1;
        let known = seen
            .headers
            .get("authorization")
            .is_some_and(|v| *v == format!("token {TOKEN}"));
        let request = Request {
            method: seen.method.clone(),
            path: seen.path().to_owned(),
            query: seen.target.split_once('?').map_or("", |(_, q)| q).to_owned(),
            user: known.then(|| "recant".to_owned()),
            body: seen.body.to_vec(),
        };
        let now = Timestamp::from_second(self.clock_s).unwrap();
        let answer = self.forge.handle(&mut self.repos, now, &request);
        let status = StatusCode::from_u16(answer.status).unwrap();
        let mut response = match answer.body {
            Body::Empty => status.into_response(),
            Body::Json(value) => (status, axum::Json(value)).into_response(),
            Body::Text(text) => (status, text).into_response(),
        };
        for (name, value) in answer.headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    }
}

fn commit(git: &mut dyn Git, branch: &str, parent: Option<&str>, file: &str) -> String {
    let new = NewCommit {
        parents: parent.map(str::to_owned).into_iter().collect(),
        content: Content::Tree(Tree::of([("app.yaml", file)])),
        author: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
        message: format!("on {branch}\n"),
        date_s: 1_800_000_000,
    };
    let id = git.commit(&new).unwrap();
    git.set_branch(branch, None, Some(&id)).unwrap();
    id
}

#[tokio::test]
async fn the_gitea_client_and_the_worlds_forge_agree_on_a_pull_requests_life() {
    let mut git = MemoryGit::new("main");
    let main = commit(&mut git, "main", None, "image: podinfo:2\n");
    let fixed = commit(&mut git, HEAD, Some(&main), "image: podinfo:1\n");
    for n in 0..60 {
        commit(
            &mut git,
            &format!("other-{n}"),
            Some(&main),
            &format!("image: podinfo:{n}.9\n"),
        );
    }
    let mut forge = Forge::new("http://forge.example");
    forge.grant("recant", Role::Writer);
    let repos = Repos::from([("acme/fleet".to_owned(), Box::new(git) as Box<dyn Git>)]);
    let world = Arc::new(Mutex::new(World {
        forge,
        repos,
        clock_s: 1_800_000_000,
    }));
    let inner = Arc::clone(&world);
    let fake = Fake::start(move |seen| inner.lock().unwrap().answer(seen)).await;
    let url = fake.url();
    let client = hosts(cluster("gitea", &url));

    let opened = client.open(&text(&url)).await.unwrap();
    assert_eq!(
        (&opened.state, opened.head.as_str(), opened.base.as_str()),
        (&PullState::Open, fixed.as_str(), "main")
    );
    for n in 0..60 {
        let mut other = text(&url);
        other.branch.name = format!("other-{n}");
        other.labels.clear();
        client.open(&other).await.unwrap();
    }
    assert_eq!(
        client.open(&text(&url)).await.unwrap(),
        opened,
        "found behind a page of others"
    );
    client
        .update(
            opened.number,
            &PullText {
                title: "New".to_owned(),
                ..text(&url)
            },
        )
        .await
        .unwrap();
    client
        .close(&branch(&url), opened.number, "Superseded.")
        .await
        .unwrap();
    let pulls = client.pulls(&branch(&url)).await.unwrap();
    assert_eq!(pulls.len(), 1);
    assert_eq!(
        (&pulls[0].state, pulls[0].title.as_str()),
        (&PullState::Closed, "New")
    );

    let again = client.open(&text(&url)).await.unwrap();
    assert_ne!(again.number, opened.number);
    let status = CommitStatus {
        repo: branch(&url).repo,
        commit: main.clone(),
        context: "recant/demo/test/podinfo".to_owned(),
        state: StatusState::Failure,
        description: "5/5 checks failed".to_owned(),
        url: String::new(),
    };
    client.status(&status).await.unwrap();
    client.status(&status).await.unwrap();
    let world = world.lock().unwrap();
    assert_eq!(world.forge.statuses("acme/fleet", &main).len(), 1);
}
