//! Query → Observation, through the ports. No decision is made here, and no failure ends one: what cannot be seen is
//! an answer too.

use crate::port::PortError;
use crate::port::Ports;
use futures::future::join_all;
use recant_core::query::Answer;
use recant_core::query::Observation;
use recant_core::query::Observed;
use recant_core::query::Query;
use recant_core::query::Why;

/// More rounds of asking than any decision needs: the chain is the longest, and it is cut at 8 links.
const ROUNDS_MAX: usize = 32;

/// Asks until nothing new is asked. `ask` gets what has been seen so far.
pub async fn observe(ports: &Ports, ask: impl Fn(&Observation) -> Vec<Query>) -> Observation {
    let mut seen = Observation::default();
    for _ in 0..ROUNDS_MAX {
        let mut new: Vec<_> = ask(&seen).into_iter().filter(|query| !seen.has(query)).collect();
        new.sort();
        new.dedup();
        if new.is_empty() {
            break;
        }
        let answers = join_all(new.iter().map(|query| answer(ports, query))).await;
        for (query, answer) in new.into_iter().zip(answers) {
            seen.note(query, answer);
        }
    }
    seen
}

async fn answer(ports: &Ports, query: &Query) -> Observed<Answer> {
    let answer = match query {
        Query::Object(name) => ports.cluster.get(name).await.map(Answer::Object),
        Query::Metric(query) => ports.gauge.query(query).await.map(Answer::Metric),
        Query::Head(branch) => ports.repo.head(branch).await.map(Answer::Head),
        Query::Tree(commit) => ports.repo.tree(commit).await.map(Answer::Tree),
        Query::Log { repo, from, to } => ports.repo.log(repo, from, to).await.map(Answer::Log),
        Query::Pulls(branch) => ports.forge.pulls(branch).await.map(Answer::Pulls),
        Query::Comments { branch, number } => {
            let said = ports.forge.comments(branch, *number).await;
            said.map(Answer::Comments)
        }
        Query::Objects { api_version, kind } => {
            let all = ports.cluster.list(api_version, kind, "").await;
            all.map(Answer::Objects)
        }
        Query::Forge(repo) => ports
            .forge
            .of(repo)
            .await
            .map(|forge| Answer::Forge(forge.map(Box::new))),
        Query::Access(name) => ports.forge.access(name).await.map(Answer::Access),
        Query::Hook(call) => ports.hooks.ask(call).await.map(Answer::Hook),
    };
    answer.map_or_else(|error| Observed::Unknown(why(error)), Observed::Known)
}

fn why(error: PortError) -> Why {
    match error {
        PortError::Unreachable(detail) | PortError::Stale(detail) => Why::Unreachable(detail),
        PortError::Denied(detail) => Why::Denied(detail),
        PortError::Invalid(detail) => Why::Invalid(detail),
    }
}
