//! A forge's REST API as its clients see it: Gitea's. It needs only an address, a token and an empty repository.

use super::git::git_ok;
use serde_json::Value;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A client of one repository.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    repo: String,
}

struct Got {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why}: {}", self.text))
    }
}

impl Client {
    pub(crate) fn new(url: &str, token: &str, repo: &str) -> Self {
        Self {
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            url: url.to_owned(),
            token: token.to_owned(),
            repo: repo.to_owned(),
        }
    }

    /// Sends `METHOD path`; the path is below the repository's unless it begins with `//`.
    async fn send(&self, line: &str, body: Value) -> Got {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let path = match path.strip_prefix('/') {
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            _ => format!("/repos/{}{path}", self.repo),
        };
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        request = request.header("authorization", format!("token {}", self.token));
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        Got {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.expect("a body"),
        }
    }

    async fn expect(&self, line: &str, body: Value, status: u16) -> Got {
        let got = self.send(line, body).await;
        assert_eq!(got.status, status, "{line}: {}", got.text);
        got
    }

    async fn get(&self, path: &str) -> Value {
        self.expect(&format!("GET {path}"), Value::Null, 200).await.json()
    }

    fn remote(&self) -> String {
        let authority = self
            .url
            .replacen("http://", &format!("http://x:{}@", self.token), 1);
        format!("{authority}/{}.git", self.repo)
    }
}

/// Pushes `main` and three branches: two that merge, one that conflicts.
async fn fill(client: &Client, dir: &Path) {
    let work = dir.join("fill");
    git_ok(dir, &["init", "-q", "fill"]).await;
    let steps = [
        ("main", "main", "image: web:1\nx: 1\ny: 1\nz: 1\n"),
        ("one", "main", "image: web:0\nx: 1\ny: 1\nz: 1\n"),
        ("feature/two", "main", "image: web:1\nx: 1\ny: 1\nz: 2\n"),
        ("clash", "main", "image: web:9\nx: 1\ny: 1\nz: 1\n"),
    ];
    for (branch, from, text) in steps {
        if branch != from {
            git_ok(&work, &["checkout", "-q", "-b", branch, from]).await;
        }
        fs::write(work.join("app.yaml"), text).expect("a file");
        git_ok(&work, &["add", "-A"]).await;
        git_ok(&work, &["commit", "-qm", &format!("on {branch}")]).await;
    }
    git_ok(
        &work,
        &[
            "push",
            "-qf",
            &client.remote(),
            "main",
            "one",
            "feature/two",
            "clash",
        ],
    )
    .await;
    // Until a queue has come to the first push, Gitea takes the repository for empty, and panics when asked for a branch.
    for _ in 0..100 {
        if client.get("").await["empty"] == false {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the repository stays empty");
}

/// What is checked, in one order: each step builds on those before.
pub(crate) const STEPS: &[&str] = &[
    "branches are pushed",
    "the repository, its branches and commits",
    "pull requests are opened, once",
    "pull requests are listed in pages",
    "a pull request's files, diff and commits",
    "comments and labels",
    "commit statuses, each and combined",
    "merging, and what cannot be merged",
];

/// The numbers of three pull requests: two that merge, one that conflicts.
pub(crate) type Pulls = (u64, u64, u64);

/// One of the steps.
pub(crate) async fn step(step: &str, client: &Client, dir: &Path, pulls: &mut Pulls) {
    let (one, two, clash) = *pulls;
    match STEPS.iter().position(|name| *name == step).expect("a step") {
        0 => fill(client, dir).await,
        1 => about_the_repository(client).await,
        2 => *pulls = opening(client).await,
        3 => listing(client, one).await,
        4 => reading(client, one).await,
        5 => talking(client, one).await,
        6 => judging(client, one).await,
        _ => merging(client, one, two, clash).await,
    }
}

async fn about_the_repository(client: &Client) {
    let version = client.get("//version").await;
    assert!(version["version"].is_string());
    let user = client.get("//user").await;
    assert!(user["login"].is_string() && user["id"].as_i64() > Some(0));
    let repo = client.get("").await;
    assert_eq!(repo["full_name"], client.repo.as_str());
    assert_eq!(repo["default_branch"], "main");
    assert_eq!(repo["clone_url"], format!("{}/{}.git", client.url, client.repo));
    assert_eq!(repo["html_url"], format!("{}/{}", client.url, client.repo));
    assert_eq!(repo["permissions"]["push"], true);
    let branch = client.get("/branches/feature/two").await;
    assert_eq!(branch["name"], "feature/two");
    assert_eq!(
        branch["commit"]["message"].as_str().map(str::trim),
        Some("on feature/two")
    );
    let escaped = client.get("/branches/feature%2Ftwo").await;
    assert_eq!(escaped["commit"]["id"], branch["commit"]["id"]);
    let refs = client.get("/git/refs/heads/one").await;
    assert_eq!(refs[0]["ref"], "refs/heads/one");
    let head = refs[0]["object"]["sha"].as_str().expect("a commit").to_owned();
    let commit = client.get(&format!("/git/commits/{head}")).await;
    assert_eq!(commit["sha"], head.as_str());
    assert_eq!(commit["commit"]["author"]["name"], "Ada");
    let commits = client.get("/commits?sha=one&limit=1").await;
    assert_eq!(commits[0]["sha"], head.as_str());
    client.expect("GET /branches/nope", Value::Null, 404).await;
    client
        .expect("GET //repos/nobody/nothing", Value::Null, 404)
        .await;
}

async fn opening(client: &Client) -> (u64, u64, u64) {
    let mut numbers = Vec::new();
    for head in ["one", "feature/two", "clash"] {
        let body =
            json!({ "title": format!("from {head}"), "head": head, "base": "main", "body": "**why**" });
        let pull = client.expect("POST /pulls", body.clone(), 201).await.json();
        assert_eq!((&pull["state"], &pull["merged"]), (&json!("open"), &json!(false)));
        assert_eq!(
            (&pull["head"]["ref"], &pull["base"]["ref"]),
            (&json!(head), &json!("main"))
        );
        let again = client.expect("POST /pulls", body, 409).await.json();
        let words = again["message"].as_str().unwrap_or_default();
        assert!(
            words.starts_with("pull request already exists for these targets"),
            "{words}"
        );
        numbers.push(pull["number"].as_u64().expect("a number"));
    }
    let bad = json!({ "title": "t", "head": "main", "base": "main" });
    client.expect("POST /pulls", bad, 422).await;
    client
        .expect(
            "POST /pulls",
            json!({ "title": "t", "head": "nope", "base": "main" }),
            404,
        )
        .await;
    client
        .expect("POST /pulls", json!({ "head": "one", "base": "main" }), 422)
        .await;
    (numbers[0], numbers[1], numbers[2])
}

async fn listing(client: &Client, one: u64) {
    let all = client
        .expect("GET /pulls?state=all&limit=2", Value::Null, 200)
        .await;
    assert_eq!(all.headers["x-total-count"], "3");
    let link = all.headers["link"].to_str().expect("text");
    assert!(link.contains("page=2") && link.contains("rel=\"next\""), "{link}");
    let first = all.json();
    let second = client.get("/pulls?state=all&limit=2&page=2").await;
    assert_eq!(
        (first.as_array().map(Vec::len), second.as_array().map(Vec::len)),
        (Some(2), Some(1))
    );
    assert_eq!(second[0]["number"], one, "the newest come first");
    assert_eq!(client.get("/pulls?state=closed").await, json!([]));
}

async fn reading(client: &Client, one: u64) {
    let files = client.get(&format!("/pulls/{one}/files")).await;
    let file = &files[0];
    assert_eq!(
        (&file["filename"], &file["status"]),
        (&json!("app.yaml"), &json!("changed"))
    );
    assert_eq!((&file["additions"], &file["deletions"]), (&json!(1), &json!(1)));
    let diff = client
        .expect(&format!("GET /pulls/{one}.diff"), Value::Null, 200)
        .await
        .text;
    assert!(diff.contains("\n-image: web:1\n+image: web:0\n"), "{diff}");
    let commits = client.get(&format!("/pulls/{one}/commits")).await;
    assert_eq!(commits.as_array().map(Vec::len), Some(1));
    let edit = json!({ "title": "better", "body": "more" });
    let edited = client
        .expect(&format!("PATCH /pulls/{one}"), edit, 201)
        .await
        .json();
    assert_eq!(
        (&edited["title"], &edited["body"]),
        (&json!("better"), &json!("more"))
    );
    client.expect("GET /pulls/9999", Value::Null, 404).await;
}

async fn talking(client: &Client, one: u64) {
    let line = format!("POST /issues/{one}/comments");
    let comment = client.expect(&line, json!({ "body": "hello" }), 201).await.json();
    client.expect(&line, json!({}), 422).await;
    let edit = format!("PATCH /issues/comments/{}", comment["id"]);
    client.expect(&edit, json!({ "body": "hello again" }), 200).await;
    let comments = client.get(&format!("/issues/{one}/comments")).await;
    assert_eq!(comments[0]["body"], "hello again");
    let label = json!({ "name": "recant", "color": "#7057FF", "description": "by recant" });
    let label = client.expect("POST /labels", label, 201).await.json();
    assert_eq!(
        label["color"].as_str().map(str::to_lowercase).as_deref(),
        Some("7057ff")
    );
    let names = client.get("/labels").await;
    assert!(
        names
            .as_array()
            .expect("a list")
            .iter()
            .any(|label| label["name"] == "recant")
    );
    let line = format!("POST /issues/{one}/labels");
    let labels = client
        .expect(&line, json!({ "labels": [label["id"]] }), 200)
        .await
        .json();
    assert_eq!(labels[0]["name"], "recant");
    let pull = client.get(&format!("/pulls/{one}")).await;
    assert_eq!(pull["labels"][0]["name"], "recant");
}

async fn judging(client: &Client, one: u64) {
    let pull = client.get(&format!("/pulls/{one}")).await;
    let sha = pull["head"]["sha"].as_str().expect("a commit").to_owned();
    for (context, state) in [
        ("recant/a", "pending"),
        ("recant/b", "success"),
        ("recant/a", "failure"),
    ] {
        let body =
            json!({ "context": context, "state": state, "description": "text", "target_url": "http://x/" });
        let status = client
            .expect(&format!("POST /statuses/{sha}"), body, 201)
            .await
            .json();
        assert_eq!(
            (&status["context"], &status["status"]),
            (&json!(context), &json!(state))
        );
    }
    let all = client.get(&format!("/statuses/{sha}")).await;
    assert_eq!(all.as_array().map(Vec::len), Some(3));
    let combined = client.get(&format!("/commits/{sha}/status")).await;
    assert_eq!(
        (&combined["state"], &combined["total_count"]),
        (&json!("failure"), &json!(2))
    );
    assert_eq!(combined["sha"], sha.as_str());
}

async fn merging(client: &Client, one: u64, two: u64, clash: u64) {
    client
        .expect(&format!("GET /pulls/{one}/merge"), Value::Null, 404)
        .await;
    let stale = json!({ "Do": "merge", "head_commit_id": "0".repeat(40) });
    settled(client, &format!("POST /pulls/{one}/merge"), stale, 409).await;
    settled(
        client,
        &format!("POST /pulls/{one}/merge"),
        json!({ "Do": "merge", "delete_branch_after_merge": true }),
        200,
    )
    .await;
    let pull = client.get(&format!("/pulls/{one}")).await;
    assert_eq!(
        (&pull["state"], &pull["merged"]),
        (&json!("closed"), &json!(true))
    );
    let main = client.get("/branches/main").await;
    assert_eq!(pull["merge_commit_sha"], main["commit"]["id"]);
    client.expect("GET /branches/one", Value::Null, 404).await;
    client
        .expect(&format!("GET /pulls/{one}/merge"), Value::Null, 204)
        .await;
    client
        .expect(&format!("POST /pulls/{one}/merge"), json!({ "Do": "merge" }), 405)
        .await;
    client
        .expect(&format!("PATCH /pulls/{one}"), json!({ "state": "open" }), 412)
        .await;
    settled(
        client,
        &format!("POST /pulls/{two}/merge"),
        json!({ "Do": "squash" }),
        200,
    )
    .await;
    let commits = client.get("/commits?sha=main&limit=1").await;
    let message = commits[0]["commit"]["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with(&format!("from feature/two (#{two})")),
        "{message}"
    );
    settled(
        client,
        &format!("POST /pulls/{clash}/merge"),
        json!({ "Do": "merge" }),
        405,
    )
    .await;
    let pull = client.get(&format!("/pulls/{clash}")).await;
    assert_eq!(pull["mergeable"], false);
    let closed = client
        .expect(
            &format!("PATCH /pulls/{clash}"),
            json!({ "state": "closed" }),
            201,
        )
        .await;
    assert_eq!(closed.json()["state"], "closed");
    client.expect("DELETE /branches/clash", Value::Null, 204).await;
    client.expect("DELETE /branches/main", Value::Null, 403).await;
}

/// A real Gitea answers 405 for as long as it still looks at a pull request.
async fn settled(client: &Client, line: &str, body: Value, status: u16) {
    for _ in 0..20 {
        if client.send(line, body.clone()).await.status == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    client.expect(line, body, status).await;
}
