//! The Git adapter against bare repositories.

mod http;
mod origin;
mod signed;

use git2::Oid;
use git2::Signature;
use git2::Time;
use origin::Bound;
use origin::Origin;
use origin::TOKEN;
use origin::at;
use origin::branch;
use origin::commit;
use origin::entry;
use origin::git;
use origin::kind;
use origin::push;
use recant::credential::Anonymous;
use recant::port::PortError;
use recant::port::Repo;
use recant::repo::Git2;
use recant::repo::Settings;
use recant_core::effect::Push;
use recant_core::query::RepoUrl;
use recant_render::Entry;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// What must hold on either way to the server.
async fn reads_and_pushes(origin: &Origin, url: &str) {
    let cache = TempDir::new().unwrap();
    let git = git(&cache, Arc::new(Bound(TOKEN)));
    assert_eq!(
        git.head(&branch(url, "main")).await.unwrap(),
        Some(origin.second.to_string())
    );
    assert_eq!(git.head(&branch(url, "recant/revert/web-1")).await.unwrap(), None);
    let old = git.tree(&at(url, origin.first)).await.unwrap();
    assert_eq!(old.text("app.yaml"), Some("image: podinfo:6.5.0\n"));
    assert_eq!(old.iter().count(), 1);
    let new = git.tree(&at(url, origin.second)).await.unwrap();
    assert_eq!(new.text("dir/other.yaml"), Some("a: 1\n"));

    let made = git.push(&push(url, origin.second, None)).await.unwrap();
    assert_eq!(origin.at("recant/revert/web-1"), Some(made.clone()));
    let again = git.push(&push(url, origin.second, None)).await.unwrap();
    assert_eq!(again, made, "doing it twice makes one commit");
    let pushed = git.tree(&at(url, &made)).await.unwrap();
    assert_eq!(pushed.changed(&new), ["app.yaml"]);
    let log = git
        .log(&RepoUrl(url.to_owned()), &origin.first.to_string(), &made)
        .await
        .unwrap();
    let subjects: Vec<&str> = log.iter().map(|c| c.subject()).collect();
    assert_eq!(subjects, ["Revert podinfo to 6.5.0", "second"]);
    assert_eq!(log[0].author, "recant <recant@users.noreply.invalid>");
    assert_eq!(log[0].parents, [origin.second.to_string()]);

    let elsewhere = Push {
        date_s: 1_700_000_200,
        ..push(url, origin.second, None)
    };
    let stale = git.push(&elsewhere).await;
    assert_eq!(kind(&stale), "stale", "the branch is there already: {stale:?}");
    let wrong = Push {
        expect: Some(origin.first.to_string()),
        ..elsewhere.clone()
    };
    assert_eq!(kind(&git.push(&wrong).await), "stale");
    assert_eq!(
        origin.at("recant/revert/web-1"),
        Some(made.clone()),
        "a stale push changes nothing"
    );

    let third = commit(&origin.repo, "main", &[("new.yaml", "b: 2\n")], "third");
    let moved = git.push(&push(url, third, Some(&made))).await.unwrap();
    assert_eq!(
        origin.at("recant/revert/web-1"),
        Some(moved.clone()),
        "put onto the new base, not fast-forward"
    );

    let ours = branch(url, "recant/revert/web-1");
    assert_eq!(kind(&git.delete_branch(&ours, &made).await), "stale");
    git.delete_branch(&ours, &moved).await.unwrap();
    assert_eq!(origin.at("recant/revert/web-1"), None);
    git.delete_branch(&ours, &moved).await.unwrap();
    assert_eq!(
        origin.at("main"),
        Some(third.to_string()),
        "the deployed branch is as it was"
    );
}

#[tokio::test]
async fn a_repository_by_path_is_read_and_pushed_to_by_exact_expectation() {
    let origin = Origin::new();
    reads_and_pushes(&origin, &origin.path()).await;
    let other = Origin::new();
    reads_and_pushes(&other, &format!("file://{}", other.path())).await;
}

#[tokio::test]
async fn a_tree_holds_files_and_links_and_leaves_submodules_out() {
    let origin = Origin::new();
    let head = commit(
        &origin.repo,
        "side",
        &[
            ("link", "dir/target"),
            ("run.sh", "#!/bin/sh\n"),
            ("a b/ü.yaml", "x: 1\n"),
        ],
        "odd",
    );
    let mut index = git2::Index::new().unwrap();
    index
        .read_tree(&origin.repo.find_commit(head).unwrap().tree().unwrap())
        .unwrap();
    index.add(&entry("sub", 0o160_000, origin.first)).unwrap();
    let tree = origin
        .repo
        .find_tree(index.write_tree_to(&origin.repo).unwrap())
        .unwrap();
    let who = Signature::new("Ann", "ann@example.com", &Time::new(0, 0)).unwrap();
    let with_sub = origin
        .repo
        .commit(Some("refs/heads/subs"), &who, &who, "sub", &tree, &[])
        .unwrap();
    let cache = TempDir::new().unwrap();
    let read = git(&cache, Arc::new(Anonymous))
        .tree(&at(&origin.path(), with_sub))
        .await
        .unwrap();
    let paths: Vec<&str> = read.iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["a b/ü.yaml", "link", "run.sh"]);
    assert_eq!(read.get("link"), Some(&Entry::Link("dir/target".into())));
}

#[tokio::test]
async fn only_branches_below_the_own_prefix_are_ever_written() {
    let origin = Origin::new();
    let cache = TempDir::new().unwrap();
    let git = git(&cache, Arc::new(Bound(TOKEN)));
    for name in [
        "main",
        "recant",
        "recant/",
        "feature/recant/x",
        "recant/../main",
        "recant/a..b",
        "recant/x.lock",
        "",
        "Recant/x",
    ] {
        let wrong = Push {
            branch: branch(&origin.path(), name),
            ..push("", origin.second, None)
        };
        assert_eq!(kind(&git.push(&wrong).await), "denied", "{name}");
        let deleted = git
            .delete_branch(&branch(&origin.path(), name), &origin.second.to_string())
            .await;
        assert_eq!(kind(&deleted), "denied", "{name}");
    }
    let all: Vec<String> = origin
        .repo
        .references()
        .unwrap()
        .map(|r| r.unwrap().name().unwrap().to_owned())
        .collect();
    assert_eq!(all, ["refs/heads/main"]);
}

#[tokio::test]
async fn a_push_that_makes_no_sense_is_invalid_and_says_why() {
    let origin = Origin::new();
    let head = commit(&origin.repo, "main", &[("link", "app.yaml")], "link");
    let cache = TempDir::new().unwrap();
    let git = git(&cache, Arc::new(Bound(TOKEN)));
    let with = |path: &str, content: Option<&str>| Push {
        files: [(path.to_owned(), content.map(|c| c.as_bytes().to_vec()))].into(),
        ..push(&origin.path(), head, None)
    };
    for (wrong, says) in [
        (with("app.yaml", Some("image: podinfo:6.5.1\n")), "change nothing"),
        (with("none.yaml", None), "none.yaml is to be deleted"),
        (with("link", Some("x")), "not a regular file"),
        (with("dir", Some("x")), "not a regular file"),
        (with("../x", Some("x")), "not a path"),
        (with("a/.GIT/config", Some("x")), "not a path"),
        (with("/abs", Some("x")), "not a path"),
        (
            Push {
                base: "0123".to_owned(),
                ..push(&origin.path(), head, None)
            },
            "not a full commit id",
        ),
        (
            Push {
                base: "0".repeat(39) + "1",
                ..push(&origin.path(), head, None)
            },
            "no branch of",
        ),
    ] {
        let answer = git.push(&wrong).await;
        assert!(
            matches!(&answer, Err(PortError::Invalid(m)) if m.contains(says)),
            "{says}: {answer:?}"
        );
    }
    assert_eq!(origin.at("recant/revert/web-1"), None);
}

#[tokio::test]
async fn a_file_keeps_its_mode_and_a_deleted_one_is_gone() {
    let origin = Origin::new();
    let head = commit(&origin.repo, "main", &[("run.sh", "#!/bin/sh\n")], "script");
    let cache = TempDir::new().unwrap();
    let git = git(&cache, Arc::new(Bound(TOKEN)));
    let files = [
        ("run.sh".to_owned(), Some(b"#!/bin/bash\n".to_vec())),
        ("app.yaml".to_owned(), None),
    ]
    .into();
    let made = git
        .push(&Push {
            files,
            ..push(&origin.path(), head, None)
        })
        .await
        .unwrap();
    let tree = origin
        .repo
        .find_commit(Oid::from_str(&made).unwrap())
        .unwrap()
        .tree()
        .unwrap();
    assert_eq!(tree.get_path(Path::new("run.sh")).unwrap().filemode(), 0o100_755);
    assert!(tree.get_path(Path::new("app.yaml")).is_err());
}

#[tokio::test]
async fn a_broken_cache_is_fetched_anew() {
    let origin = Origin::new();
    let cache = TempDir::new().unwrap();
    let url = origin.path();
    git(&cache, Arc::new(Anonymous))
        .tree(&at(&url, origin.second))
        .await
        .unwrap();
    let repository = std::fs::read_dir(cache.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.is_dir())
        .unwrap();
    for pack in std::fs::read_dir(repository.join("objects/pack")).unwrap() {
        let path = pack.unwrap().path();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, b"not a pack").unwrap();
    }
    let tree = git(&cache, Arc::new(Anonymous))
        .tree(&at(&url, origin.second))
        .await
        .unwrap();
    assert_eq!(tree.text("app.yaml"), Some("image: podinfo:6.5.1\n"));
}

#[tokio::test]
async fn the_pods_own_files_are_no_repositories_unless_allowed() {
    let origin = Origin::new();
    let cache = TempDir::new().unwrap();
    let git = Git2::new(Settings::new(cache.path()), Arc::new(Anonymous)).unwrap();
    for url in [origin.path(), format!("file://{}", origin.path())] {
        assert_eq!(kind(&git.head(&branch(&url, "main")).await), "invalid", "{url}");
    }
}

#[tokio::test]
async fn a_pushed_commit_has_the_id_that_the_worlds_git_gives_it() {
    use recant_sim::git::Git;
    let new = |parent: Option<&str>, file: &str, who: (&str, &str), message: &str, date_s| {
        recant_sim::git::NewCommit {
            parents: parent.map(str::to_owned).into_iter().collect(),
            content: recant_sim::git::Content::Files([("app.yaml".to_owned(), Some(file.into()))].into()),
            author: who.0.to_owned(),
            email: who.1.to_owned(),
            message: message.to_owned(),
            date_s,
        }
    };
    let origin = Origin::new();
    let mut world = recant_sim::git::MemoryGit::new("main");
    let ann = ("Ann", "ann@example.com");
    let first = world
        .commit(&new(None, "image: podinfo:6.5.1\n", ann, "first", 1_700_000_000))
        .unwrap();
    let base = commit(
        &origin.repo,
        "twin",
        &[("app.yaml", "image: podinfo:6.5.1\n")],
        "first",
    );
    assert_eq!(base.to_string(), first);
    let wanted = push(&origin.path(), base, None);
    let recant = ("recant", "recant@users.noreply.invalid");
    let expected = new(
        Some(&first),
        "image: podinfo:6.5.0\n",
        recant,
        &wanted.message,
        wanted.date_s,
    );
    let cache = TempDir::new().unwrap();
    let made = git(&cache, Arc::new(Bound(TOKEN))).push(&wanted).await.unwrap();
    assert_eq!(made, world.commit(&expected).unwrap());
}
