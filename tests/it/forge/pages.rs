//! The pages, and what hostile text or a hostile page can do with them: nothing.

use super::server::REPO;
use super::server::Server;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::PullWishes;
use recant_core::effect::StatusState;
use recant_core::query::Branch;
use recant_core::query::PullState;
use recant_render::Tree;
use recant_sim::forge::By;

const FILES: &str = "//- /README.md\n# Fleet\n//- /apps/podinfo.yaml\nimage: podinfo:2\nreplicas: 2\n";
const HOSTILE: &str = "</title><script>alert(1)</script><img src=x onerror=alert(1)>";

/// A forge with one open pull request in which every text is hostile; returns its head.
async fn server() -> (Server, String) {
    let server = Server::start(FILES).await;
    let tree = Tree::fixture(FILES).with("apps/podinfo.yaml", b"image: podinfo:1\nreplicas: 2\n");
    let tree = tree.with("<b>x</b>.yaml", HOSTILE.as_bytes());
    let head = server.commit("recant/x", tree, &format!("{HOSTILE}\n\n{HOSTILE}\n"));
    server.with(|forge, repos, now| {
        let by = By { user: "recant", now };
        let text = PullText {
            branch: Branch {
                repo: forge.url_of(REPO),
                name: "recant/x".to_owned(),
            },
            base: "main".to_owned(),
            title: HOSTILE.to_owned(),
            body: format!(
                "{HOSTILE}\n\n<details><summary>S</summary>\n\n**bold** [x](javascript:alert(1))\n</details>"
            ),
            labels: vec![HOSTILE.to_owned()],
            wishes: PullWishes::default(),
        };
        forge.open(repos, by, &text).expect("it can be opened");
        forge.comment(by, REPO, 1, HOSTILE).expect("it is there");
        let status = CommitStatus {
            repo: forge.url_of(REPO),
            commit: head.clone(),
            context: HOSTILE.to_owned(),
            state: StatusState::Failure,
            description: HOSTILE.to_owned(),
            url: String::new(),
        };
        forge.set_status(repos, by, &status).expect("it is there");
    });
    (server, head)
}

async fn get(url: &str) -> (u16, String, String) {
    let response = client().get(url).send().await.expect("an answer");
    let policy = response.headers().get("content-security-policy");
    let policy = policy
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    (
        response.status().as_u16(),
        policy,
        response.text().await.expect("a body"),
    )
}

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    builder.build().expect("a client")
}

#[tokio::test]
async fn no_page_lets_hostile_text_be_more_than_text() {
    let (server, head) = server().await;
    let pages = [
        "/".to_owned(),
        format!("/{REPO}"),
        format!("/{REPO}?branch=recant/x"),
        format!("/{REPO}/commits?branch=recant/x"),
        format!("/{REPO}/commit/{head}"),
        format!("/{REPO}/src/commit/{head}"),
        format!("/{REPO}/src/commit/{head}/apps/podinfo.yaml"),
        format!("/{REPO}/src/commit/{head}/%3Cb%3Ex%3C/b%3E.yaml"),
        format!("/{REPO}/pulls"),
        format!("/{REPO}/pulls?state=closed"),
        format!("/{REPO}/pulls/1"),
    ];
    for page in pages {
        let (status, policy, html) = get(&format!("{}{page}", server.url)).await;
        assert_eq!(status, 200, "{page}");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{page}: {policy}"
        );
        assert_eq!(html.matches("<script").count(), 1, "{page}: only our own");
        for bad in ["<img", "href=\"javascript", "<b>x"] {
            assert!(!html.contains(bad), "{page} holds {bad}");
        }
    }
    let (_, _, html) = get(&format!("{}/{REPO}/pulls/1", server.url)).await;
    assert!(
        html.contains("<details><summary>S</summary>") && html.contains("<strong>bold</strong>"),
        "{html}"
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (server, head) = server().await;
    for page in [
        "/demo/nope".to_owned(),
        format!("/{REPO}/pulls/99"),
        format!("/{REPO}/pulls/x"),
        format!("/{REPO}/commit/{}", "0".repeat(40)),
        format!("/{REPO}/src/commit/{head}/../../etc/passwd"),
        format!("/{REPO}/src/commit/{head}/nope"),
        format!("/{REPO}?branch=nope"),
    ] {
        let (status, ..) = get(&format!("{}{page}", server.url)).await;
        assert_eq!(status, 404, "{page}");
    }
}

#[tokio::test]
async fn the_merge_button_works_from_its_own_page_only() {
    let (server, _) = server().await;
    let page = format!("{}/{REPO}/pulls/1", server.url);
    let (_, _, html) = get(&page).await;
    let csrf = html
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let csrf = csrf.expect("a form with a token").to_owned();
    let press = async |token: &str, header: (&str, &str)| {
        let request = client().post(format!("{page}/merge")).header(header.0, header.1);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = request
            .body(format!("csrf={token}&style=merge"))
            .send()
            .await
            .expect("an answer");
        response.status().as_u16()
    };
    let own = ("origin", server.url.as_str());
    assert_eq!(press("", own).await, 403);
    assert_eq!(press("guess", own).await, 403);
    assert_eq!(press(&csrf, ("origin", "http://evil.example")).await, 403);
    assert_eq!(press(&csrf, ("host", "evil.example")).await, 403);
    assert_eq!(press(&csrf, ("sec-fetch-site", "cross-site")).await, 403);
    assert_eq!(press(&csrf, own).await, 303);
    let state = server.with(|forge, repos, now| {
        let branch = Branch {
            repo: forge.url_of(REPO),
            name: "recant/x".to_owned(),
        };
        forge.pulls(repos, now, &branch).expect("it is there")[0]
            .state
            .clone()
    });
    assert!(matches!(state, PullState::Merged(_)), "{state:?}");
    assert_eq!(press(&csrf, own).await, 409, "a second time");
    assert!(get(&page).await.2.contains("Merged"));
}

#[tokio::test]
async fn a_diff_shows_what_changed_with_its_lines() {
    let (server, _) = server().await;
    let (_, _, html) = get(&format!("{}/{REPO}/pulls/1", server.url)).await;
    assert!(
        html.contains("image: podinfo:<mark>2</mark>") && html.contains("image: podinfo:<mark>1</mark>"),
        "{html}"
    );
    let (_, _, diff) = get(&format!("{}/{REPO}/pulls/1.diff", server.url)).await;
    assert!(diff.contains("-image: podinfo:2\n+image: podinfo:1\n"), "{diff}");
}
