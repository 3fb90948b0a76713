//! Limits are kept to, and what a host has confirmed is not sent again.

use super::life::Life;
use super::life::Step;
use super::server::Fault;
use super::server::Server;
use super::words::Kind;
use recant::port::Forge as _;
use recant::port::PortError;
use recant_core::effect::StatusState;
use std::time::Duration;
use std::time::Instant;

fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[tokio::test]
async fn an_allowance_that_is_used_up_sends_nothing_until_it_is_renewed() {
    for (kind, prefix) in [(Kind::GitHub, "x-ratelimit"), (Kind::GitLab, "ratelimit")] {
        let server = Server::start(kind).await;
        let headers = |left: u64, at: i64| match prefix {
            "ratelimit" => vec![
                ("ratelimit-remaining", left.to_string()),
                ("ratelimit-reset", at.to_string()),
            ],
            _ => vec![
                ("x-ratelimit-remaining", left.to_string()),
                ("x-ratelimit-reset", at.to_string()),
            ],
        };
        let life = Life::new(&server, kind);
        server.with(|inner| inner.headers = headers(0, now_s() + 3600));
        life.forge.pulls(&life.branch()).await.unwrap();
        let before = server.with(|inner| inner.came.len());
        let answer = life.forge.pulls(&life.branch()).await;
        assert!(
            matches!(&answer, Err(PortError::Unreachable(why)) if why.contains("wait")),
            "{kind:?}: {answer:?}"
        );
        assert_eq!(
            server.with(|inner| inner.came.len()),
            before,
            "{kind:?}: nothing was sent"
        );

        let server = Server::start(kind).await;
        let life = Life::new(&server, kind);
        server.with(|inner| inner.headers = headers(0, now_s() + 2));
        let begun = Instant::now();
        life.forge.pulls(&life.branch()).await.unwrap();
        server.with(|inner| inner.headers = headers(100, now_s() + 3600));
        life.forge.pulls(&life.branch()).await.unwrap();
        assert!(
            begun.elapsed() >= Duration::from_millis(900),
            "{kind:?}: it waited"
        );
    }
}

#[tokio::test]
async fn an_answer_that_still_holds_is_confirmed_and_not_sent_again() {
    for kind in Kind::ALL {
        let server = Server::start(kind).await;
        let mut life = Life::new(&server, kind);
        life.take(Step::Open).await.unwrap();
        let first = life.forge.pulls(&life.branch()).await.unwrap();
        server.with(|inner| inner.came.clear());
        let again = life.forge.pulls(&life.branch()).await.unwrap();
        assert_eq!(first, again, "{kind:?}");
        server.with(|inner| {
            assert!(
                !inner.came.is_empty(),
                "{kind:?}: the host is asked whether it still holds"
            );
            for came in &inner.came {
                assert!(came.etag && came.status == 304, "{kind:?}: {came:?}");
            }
        });
    }
}

#[tokio::test]
async fn a_status_that_stands_costs_no_request_and_after_a_restart_one() {
    for kind in Kind::ALL {
        let server = Server::start(kind).await;
        let life = Life::new(&server, kind);
        let status = life.status(StatusState::Failure);
        life.forge.status(&status).await.unwrap();
        server.with(|inner| inner.came.clear());
        life.forge.status(&status).await.unwrap();
        assert!(server.with(|inner| inner.came.is_empty()), "{kind:?}");
        let restarted = Life::new(&server, kind);
        restarted.forge.status(&status).await.unwrap();
        server.with(|inner| {
            let changes = inner
                .came
                .iter()
                .filter(|came| came.method != "GET" && came.name == "set-status");
            assert_eq!(changes.count(), 0, "{kind:?}: it stands");
            assert_eq!(inner.world.statuses.len(), 1, "{kind:?}");
        });
    }
}

#[tokio::test]
async fn changes_go_one_after_the_other_with_a_gap() {
    let server = Server::start(Kind::GitHub).await;
    let mut life = Life::new(&server, Kind::GitHub);
    let pace = recant::forge::Pace {
        gap: Duration::from_millis(60),
        ..super::life::pace()
    };
    life.forge = life.forge.with_pace(pace);
    let begun = Instant::now();
    let statuses: Vec<_> = (0..4)
        .map(|n| recant_core::effect::CommitStatus {
            context: format!("recant/{n}"),
            ..life.status(StatusState::Pending)
        })
        .collect();
    let all = statuses.iter().map(|status| life.forge.status(status));
    for done in futures::future::join_all(all).await {
        done.unwrap();
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(180),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_request_for_a_pull_request_that_nobody_answers_is_not_sent_twice_in_one_breath() {
    for kind in Kind::ALL {
        let server = Server::start(kind).await;
        server.with(|inner| inner.faults.push(("open".to_owned(), Fault::Silent, 1)));
        let life = Life::new(&server, kind);
        let opened = life.forge.open(&life.text("It failed.")).await;
        assert!(
            matches!(opened, Err(PortError::Unreachable(_))),
            "{kind:?}: {opened:?}"
        );
        let posts = server.with(|inner| inner.came.iter().filter(|came| came.name == "open").count());
        assert_eq!(posts, 1, "{kind:?}");
    }
}

#[tokio::test]
async fn every_comment_is_read_once_however_many_there_are() {
    for kind in Kind::ALL {
        let server = Server::start(kind).await;
        let mut life = Life::new(&server, kind);
        assert_eq!(life.lead(super::life::Step::Open).await, [], "{kind:?}");
        server.with(|inner| {
            for n in 0..120 {
                inner.world.comment(1, format!("{n}"));
            }
        });
        let said = life.forge.comments(&life.branch(), 1).await.unwrap();
        let expected: Vec<String> = (0..120).map(|n| n.to_string()).collect();
        assert_eq!(said, expected, "{kind:?}");
    }
}
