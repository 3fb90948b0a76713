//! The Git host clients against small servers that answer as Gitea's and GitHub's published APIs do.

mod binding;
pub(crate) mod bound;
mod host;

use crate::serve::Fake;
use crate::serve::json;
use crate::serve::nobody;
use bound::HEAD;
use bound::SHA;
use bound::TOKEN;
use bound::branch;
use bound::cluster;
use bound::hosts;
use bound::text;
use host::Fault;
use host::Host;
use host::KINDS;
use host::pull;
use host::slow_proxy;
use recant::port::Forge;
use recant::port::PortError;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullText;
use recant_core::effect::StatusState;
use recant_core::query::PullState;
use serde_json::Value;
use serde_json::json as j;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

#[tokio::test]
async fn a_pull_request_lives_its_life_once() {
    for kind in KINDS {
        let host = Host::start(kind).await;
        let url = host.fake.url();
        let forge = hosts(cluster(kind, &url));
        assert_eq!(forge.pulls(&branch(&url)).await.unwrap(), []);
        let opened = forge.open(&text(&url)).await.unwrap();
        assert_eq!(
            (opened.number, &opened.state, opened.base.as_str()),
            (1, &PullState::Open, "main"),
            "{kind}"
        );
        assert_eq!(
            (opened.head.as_str(), opened.title.as_str()),
            (SHA, "Revert podinfo to 6.5.0")
        );
        assert_eq!(
            forge.open(&text(&url)).await.unwrap(),
            opened,
            "{kind}: the one that is open"
        );
        assert_eq!(host.posts("/pulls"), 1, "{kind}");

        let new = PullText {
            body: "It failed, and the branch moved.".to_owned(),
            ..text(&url)
        };
        forge.update(1, &new).await.unwrap();
        forge.update(1, &new).await.unwrap();
        assert_eq!(
            host.count("PATCH /api/v1/repos/acme/fleet/pulls/1")
                + host.count("PATCH /api/v3/repos/acme/fleet/pulls/1"),
            1,
            "{kind}: an equal text is not written again"
        );
        assert_eq!(forge.pulls(&branch(&url)).await.unwrap()[0].body, new.body);

        forge.close(&branch(&url), 1, "Superseded.").await.unwrap();
        forge.close(&branch(&url), 1, "Superseded.").await.unwrap();
        assert_eq!(host.with(|w| w.comments.len()), 1, "{kind}");
        let next = forge.open(&text(&url)).await.unwrap();
        assert_eq!(next.number, 2, "{kind}: a closed one is not taken for open");
        host.with(|w| {
            w.pulls[1]["state"] = j!("closed");
            w.pulls[1]["merged_at"] = j!("2026-11-21T04:00:00Z");
            w.pulls[1]["merge_commit_sha"] = j!("abc");
        });
        let all = forge.pulls(&branch(&url)).await.unwrap();
        let states: Vec<_> = all.iter().map(|p| (p.number, p.state.clone())).collect();
        assert_eq!(
            states,
            [(2, PullState::Merged("abc".to_owned())), (1, PullState::Closed)],
            "{kind}"
        );
    }
}

#[tokio::test]
async fn an_unclear_answer_never_makes_a_second_pull_request() {
    for kind in KINDS {
        for fault in [
            Fault::After(502),
            Fault::After(500),
            Fault::Before(503),
            Fault::Before(409),
            Fault::Before(429),
        ] {
            let host = Host::start(kind).await;
            let url = host.fake.url();
            host.with(|w| w.faults.push(("POST pulls", fault)));
            let opened = hosts(cluster(kind, &url)).open(&text(&url)).await.unwrap();
            assert_eq!(opened.number, 1);
            assert_eq!(host.with(|w| w.pulls.len()), 1, "{kind}");
        }
        let host = Host::start(kind).await;
        let url = host.fake.url();
        host.with(|w| w.faults.extend([("POST pulls", Fault::Before(502)); 9]));
        let failed = hosts(cluster(kind, &url)).open(&text(&url)).await;
        assert!(matches!(failed, Err(PortError::Unreachable(_))), "{failed:?}");
        assert_eq!(host.posts("/pulls"), 3, "{kind}: it gives up");
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_looked_up_too() {
    for kind in ["gitea", "github"] {
        // The first POST is done and then hangs: the fake drops it in a sleeping task behind a raw listener.
        let host = Host::start(kind).await;
        let slow = slow_proxy(host.fake.url(), "POST").await;
        let forge = hosts(cluster(kind, &slow));
        let opened = forge.open(&text(&slow)).await.unwrap();
        assert_eq!(opened.number, 1, "{kind}");
        assert_eq!(host.posts("/pulls"), 1, "{kind}");
    }
}

#[tokio::test]
async fn only_the_repositorys_own_branch_counts_on_however_many_pages() {
    for kind in KINDS {
        let host = Host::start(kind).await;
        let url = host.fake.url();
        host.with(|w| {
            w.pulls.push(pull(1, "closed", HEAD, "acme/fleet"));
            w.pulls
                .extend((2..=230).map(|n| pull(n, "open", "feature", "acme/fleet")));
            w.pulls.push(pull(231, "open", HEAD, "mallory/fleet"));
            let mut renamed = pull(233, "open", HEAD, "acme/renamed");
            renamed["base"]["repo"]["full_name"] = j!("Acme/renamed");
            w.pulls.push(renamed);
            let mut orphan = pull(232, "open", HEAD, "gone/fleet");
            orphan["head"]["repo"] = Value::Null;
            w.pulls.push(orphan);
        });
        let forge = hosts(cluster(kind, &url));
        let numbers: Vec<u64> = forge
            .pulls(&branch(&url))
            .await
            .unwrap()
            .iter()
            .map(|p| p.number)
            .collect();
        assert_eq!(numbers, [233, 1], "{kind}");
        for number in [2, 230] {
            let edited = forge.update(number, &text(&url)).await;
            assert!(
                matches!(edited, Err(PortError::Invalid(_))),
                "{kind}: somebody else's: {edited:?}"
            );
            let closed = forge.close(&branch(&url), number, "x").await;
            assert!(
                matches!(closed, Err(PortError::Invalid(_))),
                "{kind}: somebody else's: {closed:?}"
            );
        }
    }
}

#[tokio::test]
async fn labels_are_made_where_the_host_does_not_make_them_itself() {
    let host = Host::start("gitea").await;
    let url = host.fake.url();
    host.with(|w| w.labels.push(j!({ "id": 7, "name": "revert" })));
    hosts(cluster("gitea", &url)).open(&text(&url)).await.unwrap();
    let last = host.fake.seen().pop().unwrap();
    assert!(last.path().ends_with("/issues/1/labels"));
    assert_eq!(last.json(), j!({ "labels": [11, 7] }));
    let github = Host::start("github").await;
    let url = github.fake.url();
    hosts(cluster("github", &url)).open(&text(&url)).await.unwrap();
    assert_eq!(
        github.fake.seen().pop().unwrap().json(),
        j!({ "labels": ["recant", "revert"] })
    );
    github.with(|w| w.faults.push(("POST issues/1/labels", Fault::Before(403))));
    assert!(
        hosts(cluster("github", &url)).open(&text(&url)).await.is_ok(),
        "unlabelled is better than none"
    );
}

#[tokio::test]
async fn a_status_that_stands_is_not_posted_again() {
    for kind in KINDS {
        let host = Host::start(kind).await;
        let url = host.fake.url();
        let forge = hosts(cluster(kind, &url));
        let status = |state, context: &str| CommitStatus {
            repo: branch(&url).repo,
            commit: SHA.to_owned(),
            context: context.to_owned(),
            state,
            description: "1/5 checks failed".to_owned(),
            url: String::new(),
        };
        for (state, context, posts) in [
            (StatusState::Pending, "recant/a", 1),
            (StatusState::Pending, "recant/a", 1),
            (StatusState::Pending, "recant/b", 2),
            (StatusState::Failure, "recant/a", 3),
            (StatusState::Failure, "recant/a", 3),
            (StatusState::Pending, "recant/a", 4),
        ] {
            forge.status(&status(state, context)).await.unwrap();
            assert_eq!(
                host.with(|w| w.statuses.len()),
                posts,
                "{kind} {state:?} {context}"
            );
        }
        let odd = CommitStatus {
            commit: "../../user".to_owned(),
            ..status(StatusState::Error, "x")
        };
        assert!(matches!(forge.status(&odd).await, Err(PortError::Invalid(_))));
    }
}

#[tokio::test]
async fn a_refusal_is_told_apart_and_holds_no_token() {
    for kind in ["gitea", "github"] {
        for (code, tries, expected) in [
            (401, 1, "denied"),
            (403, 1, "denied"),
            (404, 1, "invalid"),
            (422, 1, "invalid"),
            (301, 1, "invalid"),
            (500, 3, "unreachable"),
            (502, 3, "unreachable"),
        ] {
            let fake = Fake::start(move |_| json(code, j!({ "message": format!("no {TOKEN}") }))).await;
            let answer = hosts(cluster(kind, &fake.url()))
                .pulls(&branch(&fake.url()))
                .await;
            let error = answer.unwrap_err().to_string();
            assert!(error.starts_with(expected), "{kind} {code}: {error}");
            assert!(!error.contains(TOKEN), "{error}");
            assert_eq!(fake.seen().len(), tries, "{kind} {code}");
        }
        let away = nobody().await;
        let answer = hosts(cluster(kind, &away)).pulls(&branch(&away)).await;
        assert!(
            matches!(answer, Err(PortError::Unreachable(_))),
            "{kind}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_host_that_asks_to_wait_is_obeyed_within_bounds() {
    for (status, kind) in [(429, "gitea"), (429, "github"), (403, "github"), (503, "gitea")] {
        for (after, expected) in [("1", "ok"), ("3600", "unreachable")] {
            let first = Mutex::new(true);
            let fake = Fake::start(move |_| {
                if !std::mem::take(&mut *first.lock().unwrap()) {
                    return json(200, j!([]));
                }
                let mut response = json(status, j!({ "message": "slow down" }));
                response
                    .headers_mut()
                    .insert("retry-after", after.parse().unwrap());
                response
            })
            .await;
            let begun = Instant::now();
            let answer = hosts(cluster(kind, &fake.url()))
                .pulls(&branch(&fake.url()))
                .await;
            match expected {
                "ok" => {
                    assert!(answer.is_ok(), "{status} {kind}: {answer:?}");
                    assert!(begun.elapsed() >= Duration::from_secs(1), "{status} {kind}");
                }
                _ => {
                    let error = answer.unwrap_err().to_string();
                    assert!(
                        error.starts_with("unreachable") && error.contains("3600"),
                        "{status} {kind}: {error}"
                    );
                    assert!(begun.elapsed() < Duration::from_secs(1), "{status} {kind}");
                }
            }
        }
    }
}
