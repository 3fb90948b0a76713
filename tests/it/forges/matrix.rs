//! The failure matrix: for every forge and every call of a pull request's life, everything that can go wrong with it.
//! In the end there is exactly one pull request, or a reason; and the token is in none of what was said.

use super::life::Life;
use super::life::MARKER;
use super::life::Step;
use super::server::Fault;
use super::server::Server;
use super::words::APP_TOKEN;
use super::words::Kind;
use super::words::TOKEN;
use futures::StreamExt;
use recant::port::Forge as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What can go wrong, and how often: a refusal does not go away by itself.
const FAULTS: [(Fault, usize); 13] = [
    (Fault::Before, 1),
    (Fault::After, 1),
    (Fault::Silent, 1),
    (Fault::Slow, 1),
    (Fault::Twice, 1),
    (Fault::Code(401), usize::MAX),
    (Fault::Code(403), usize::MAX),
    (Fault::Code(404), usize::MAX),
    (Fault::Code(409), usize::MAX),
    (Fault::Code(422), usize::MAX),
    (Fault::Code(429), 1),
    (Fault::Code(500), 1),
    (Fault::DoneBut(502), 1),
];

/// One cell.
#[derive(Clone, Debug)]
struct Cell {
    kind: Kind,
    call: String,
    /// The last step that makes the call.
    until: Step,
    fault: Fault,
    times: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_there_is_one_pull_request_or_a_reason() {
    let mut cells = Vec::new();
    for kind in Kind::ALL {
        for (call, until) in calls(kind).await {
            cells.extend(FAULTS.map(|(fault, times)| Cell {
                kind,
                call: call.clone(),
                until,
                fault,
                times,
            }));
        }
    }
    let count = cells.len();
    let ends: Vec<(Cell, Result<(), String>)> = futures::stream::iter(cells)
        .map(|cell| async move {
            let end = play(&cell).await;
            (cell, end)
        })
        .buffer_unordered(24)
        .collect()
        .await;
    let mut green: BTreeMap<&str, usize> = BTreeMap::new();
    let mut red = String::new();
    for (cell, end) in &ends {
        match end {
            Ok(()) => *green.entry(name(cell.kind)).or_default() += 1,
            Err(why) => writeln!(red, "{:?} {} {:?}: {why}", cell.kind, cell.call, cell.fault).unwrap(),
        }
    }
    assert!(
        red.is_empty(),
        "{} of {count} cells are red:\n{red}",
        red.lines().count()
    );
    eprintln!("failure matrix: {count} cells green {green:?}");
    assert!(count > 1000, "{count} cells");
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::GitHubApp => "github (App)",
        other => other.word(),
    }
}

/// The calls that a life makes on a forge, each with the last step that makes it.
async fn calls(kind: Kind) -> BTreeMap<String, Step> {
    let server = Server::start(kind).await;
    let mut life = Life::new(&server, kind);
    let mut calls = BTreeMap::new();
    for step in Step::ALL {
        life.take(step).await.unwrap();
        let came: Vec<_> = server.with(|inner| std::mem::take(&mut inner.came));
        calls.extend(came.into_iter().map(|came| (came.name, step)));
    }
    assert_eq!(server.with(|inner| inner.wrong.clone()), Vec::<String>::new());
    calls
}

async fn play(cell: &Cell) -> Result<(), String> {
    let server = Server::start(cell.kind).await;
    server.with(|inner| inner.faults.push((cell.call.clone(), cell.fault, cell.times)));
    let mut life = Life::new(&server, cell.kind);
    let failed = life.lead(cell.until).await;
    // The controller looks again after a while; by then everything slow is done.
    if matches!(cell.fault, Fault::Slow | Fault::Silent) {
        tokio::time::sleep(super::server::LONG / 2).await;
    }
    if cell.until < Step::Close && cell.times == 1 {
        life.forge
            .open(&life.text("It failed."))
            .await
            .map_err(|e| format!("the last look: {e}"))?;
    }
    let refused = cell.times > 1;
    // The last two are how Azure is given the token, and how an App's own credential begins.
    let secrets = [TOKEN, APP_TOKEN, "OnQwa2VuLXMzY3JldA", "eyJ"];
    let tells = |reason: &&String| secrets.iter().any(|secret| reason.contains(secret));
    if let Some(reason) = life.reasons.iter().find(tells) {
        return Err(format!("the token is in {reason:?}"));
    }
    if !failed.is_empty() && (!refused || life.reasons.iter().any(String::is_empty)) {
        return Err(format!("{failed:?} never succeeded: {:?}", life.reasons));
    }
    server.with(|inner| judge(cell, inner, failed.is_empty()))
}

fn judge(cell: &Cell, inner: &super::server::Inner, all_done: bool) -> Result<(), String> {
    let world = &inner.world;
    if let Some(wrong) = inner.wrong.first() {
        return Err(format!("a request that the API does not know: {wrong}"));
    }
    let open = world.pulls.iter().filter(|pull| pull.state == "open").count();
    let expected = usize::from(cell.until < Step::Close);
    let reached = cell.until >= Step::Open;
    if all_done && reached && (open != expected || world.pulls.is_empty()) {
        return Err(format!("{open} pull requests are open, of {}", world.pulls.len()));
    }
    if open > 1 || (world.most_open > 1 && !world.takes_twins) {
        return Err(format!("{open} are open, {} were", world.most_open));
    }
    let said = world
        .comments
        .iter()
        .filter(|row| row.body.contains(MARKER))
        .count();
    let twice = matches!(cell.fault, Fault::Twice | Fault::Slow);
    if said > 1 && !twice {
        return Err(format!("{said} comments with one marker"));
    }
    if all_done && cell.until >= Step::Recomment && said == 0 {
        return Err("no comment".to_owned());
    }
    let newest = world.statuses.last();
    if all_done && cell.until >= Step::Failure && newest.is_none_or(|row| row.said["state"] == "pending") {
        return Err(format!("the newest status is {newest:?}"));
    }
    Ok(())
}
