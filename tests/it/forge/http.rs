//! Clone, push, be refused: with the user's own git.

use super::server::PERSON;
use super::server::RECANT;
use super::server::Server;
use super::server::git_ok;
use super::server::git_tried;
use recant::demo::git_http::Program;
use recant_render::Tree;
use std::fs;

const FILES: &str = "//- /app.yaml\nimage: podinfo:1\n";

#[tokio::test]
async fn a_person_clones_pushes_and_the_world_hears_of_it() {
    let server = Server::start(FILES).await;
    let work = server.dir.path().join("work");
    git_ok(
        server.dir.path(),
        &["clone", "-q", &server.remote(PERSON), "work"],
    )
    .await;
    fs::write(work.join("app.yaml"), "image: podinfo:2\n").expect("a file");
    git_ok(&work, &["commit", "-qam", "bump"]).await;
    git_ok(&work, &["push", "-q", "origin", "main"]).await;
    let pushes = server.world.pushes.lock().expect("no panic").clone();
    assert_eq!(pushes, [("demo/fleet".to_owned(), "ada".to_owned())]);
    let text = server.with(|_, repos, _| {
        let git = &repos["demo/fleet"];
        let tree = git.tree(&git.head("main").expect("a head")).expect("a tree");
        tree.text("app.yaml").map(str::to_owned)
    });
    assert_eq!(text.as_deref(), Some("image: podinfo:2\n"));
}

#[tokio::test]
async fn anybody_fetches_but_a_push_needs_a_token_and_leave() {
    let server = Server::start(FILES).await;
    let work = server.dir.path().join("work");
    git_ok(server.dir.path(), &["clone", "-q", &server.remote(""), "work"]).await;
    git_ok(&work, &["commit", "-q", "--allow-empty", "-m", "more"]).await;
    for (token, target, words) in [
        ("", "HEAD:recant/x", "could not read Username"),
        ("wrong", "HEAD:recant/x", "Authentication failed"),
        (
            RECANT,
            "HEAD:main",
            "Not allowed to push to protected branch main",
        ),
        (RECANT, "HEAD:main", "pre-receive hook declined"),
        (RECANT, ":main", "Not allowed to push to protected branch main"),
        (PERSON, "HEAD:refs/tags/v1", "only branches are kept here"),
    ] {
        let (ok, text) = git_tried(&work, &["push", &server.remote(token), target]).await;
        assert!(!ok && text.contains(words), "{token} {target}: {text}");
    }
    assert!(server.world.pushes.lock().expect("no panic").is_empty());
    git_ok(&work, &["push", "-q", &server.remote(RECANT), "HEAD:recant/x"]).await;
    git_ok(&work, &["push", "-q", &server.remote(RECANT), ":recant/x"]).await;
    // git names nobody until it is asked; a client that does so at once must name somebody there is.
    let refs = format!("{}/info/refs?service=git-upload-pack", server.remote(""));
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    for (token, status) in [("wrong", 401), (RECANT, 200)] {
        let got = http
            .get(&refs)
            .bearer_auth(token)
            .send()
            .await
            .expect("an answer");
        assert_eq!(got.status().as_u16(), status, "{token}");
    }
}

#[tokio::test]
async fn a_large_history_goes_both_ways_compressed_requests_and_all() {
    let server = Server::start(FILES).await;
    let noise: String = (0..400_000_u64)
        .map(|n| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    git_ok(
        server.dir.path(),
        &["clone", "-q", &server.remote(PERSON), "work"],
    )
    .await;
    let work = server.dir.path().join("work");
    for n in 0..60 {
        fs::write(work.join("n"), format!("{n}\n")).expect("a file");
        git_ok(&work, &["add", "-A"]).await;
        git_ok(&work, &["commit", "-qm", "n"]).await;
    }
    // Over http.postBuffer: sent in chunks, after a request that only asks.
    fs::write(work.join("noise"), &noise).expect("a file");
    git_ok(&work, &["add", "-A"]).await;
    git_ok(&work, &["commit", "-qm", "noise"]).await;
    git_ok(&work, &["push", "-q", "origin", "main"]).await;
    server.commit("main", Tree::of([("later", "1")]), "later\n");
    // Many commits the server knows: a request longer than 1 KiB, which git compresses.
    git_ok(&work, &["fetch", "-q", "origin"]).await;
    git_ok(
        &work,
        &["-c", "protocol.version=0", "fetch", "-q", "--refetch", "origin"],
    )
    .await;
    git_ok(server.dir.path(), &["clone", "-q", &server.remote(""), "second"]).await;
    git_ok(
        server.dir.path(),
        &["clone", "-q", "--depth=1", &server.remote(""), "third"],
    )
    .await;
    assert!(server.dir.path().join("second/later").exists());
}

/// How many processes there are that were started with this text among their arguments.
#[cfg(target_os = "linux")]
fn processes_with(text: &str) -> usize {
    let all = fs::read_dir("/proc").expect("Linux has it").flatten();
    all.filter(|entry| {
        fs::read(entry.path().join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    })
    .count()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_goes_away_leaves_no_git_running() {
    use tokio::io::AsyncWriteExt;
    let server = Server::start(FILES).await;
    let address = server.url.trim_start_matches("http://");
    let repository = server.dir.path().join("fleet.git");
    let running = || processes_with(&repository.to_string_lossy());
    let main = server.with(|_, repos, _| repos["demo/fleet"].head("main").expect("a head"));
    let zero = "0".repeat(40);
    // A fetch that never ends its wishes, and a push whose pack never comes.
    for (service, line, end) in [
        ("git-upload-pack", format!("want {main}\n"), ""),
        (
            "git-receive-pack",
            format!("{zero} {main} refs/heads/recant/x\0 report-status"),
            "0000",
        ),
    ] {
        let mut connection = tokio::net::TcpStream::connect(address).await.expect("it listens");
        let head = format!(
            "POST /demo/fleet.git/{service} HTTP/1.1\r\nhost: {address}\r\nauthorization: token {RECANT}\r\n\
             content-length: 100000\r\n\r\n{:04x}{line}{end}",
            line.len() + 4
        );
        connection.write_all(head.as_bytes()).await.expect("it is sent");
        waited(|| running() > 0).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        assert!(running() > 0, "{service} waits for more");
        drop(connection);
        waited(|| running() == 0).await;
    }
}

#[cfg(target_os = "linux")]
async fn waited(mut done: impl FnMut() -> bool) {
    for _ in 0..200 {
        if done() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("waited in vain");
}

#[test]
fn a_machine_without_git_is_told_so_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    for path in [None, Some(dir.path().as_os_str())] {
        let missing = Program::find(path).expect_err("there is no git there");
        assert!(missing.to_string().contains("git is not in PATH"), "{missing}");
    }
}
