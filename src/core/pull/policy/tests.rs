//! What holds a Revert back: an outage, and pull requests enough.

use super::*;
use crate::query::Answer;
use serde_json::Value;
use serde_json::json;

const NOW: &str = "2026-01-05T12:00:00Z";

fn name(kind: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "namespace": "test", "name": name})
}

/// A Revert whose Canary failed at noon.
fn spec() -> RevertSpec {
    let target = json!({"canary": name("Canary", "web-0"), "object": name("Deployment", "web-0"),
        "kustomization": name("Kustomization", "apps"), "good": "1", "failedAt": NOW});
    let spec = json!({"url": "https://git.example/fleet", "branch": "main", "source": name("GitRepository", "fleet"),
        "bad": "2", "targets": [target]});
    serde_json::from_value(spec).expect("a spec")
}

/// A Canary that failed at this time on a change of its own.
fn failed(number: usize, at: &str) -> Object {
    let run = json!({"commits": [{"url": "https://git.example/fleet", "commit": number.to_string()}]});
    Object(
        json!({"metadata": {"name": format!("web-{number}"), "namespace": "test"},
        "status": {"phase": "Failed", "lastTransitionTime": at, "analysis": run}}),
    )
}

fn together(failures: &[&str]) -> Option<String> {
    let all = failures.iter().enumerate().map(|(number, at)| failed(number, at));
    let mut seen = Observation::default();
    seen.note(canaries(), Observed::Known(Answer::Objects(all.collect())));
    common_mode(&Settings::default(), &spec(), &seen).expect("what was seen")
}

#[test]
fn three_unrelated_failures_within_ten_minutes_are_an_outage_and_two_are_not() {
    let (near, edge, far) = (
        "2026-01-05T12:05:00Z",
        "2026-01-05T11:50:00Z",
        "2026-01-05T12:10:01Z",
    );
    for (failures, held) in [
        (vec![NOW], false),
        (vec![NOW, near], false),
        (vec![NOW, near, edge], true),
        (vec![NOW, near, far], false),
        (vec![NOW, near, far, near], true),
    ] {
        let said = together(&failures);
        assert_eq!(said.is_some(), held, "{failures:?}: {said:?}");
    }
}

#[test]
fn failures_on_one_change_are_no_outage() {
    let mut all: Vec<Object> = (0..5).map(|number| failed(number, NOW)).collect();
    for canary in &mut all {
        let change = json!([{"url": "https://git.example/fleet", "commit": "2"}]);
        canary.set("/status/analysis/commits", change);
    }
    let mut seen = Observation::default();
    seen.note(canaries(), Observed::Known(Answer::Objects(all)));
    assert_eq!(common_mode(&Settings::default(), &spec(), &seen), Ok(None));
}

/// A Revert in this phase; with a pull request that was seen at this time.
fn revert(number: usize, phase: &str, seen_at: Option<&str>) -> Object {
    let pull = seen_at.map(|at| json!({"number": number, "url": "", "seenAt": at}));
    let created = format!("2026-01-05T11:{number:02}:00Z");
    let mut revert = Object(json!({"apiVersion": RECANT_API, "kind": "Revert",
        "metadata": {"name": format!("r-{number}"), "namespace": "test", "creationTimestamp": created},
        "spec": {"url": "https://git.example/fleet"}, "status": {"phase": phase}}));
    if let Some(pull) = pull {
        revert.set("/status/pullRequest", pull);
    }
    revert
}

/// What holds the tenth Revert back, among these, on a host with these caps: open at one time, and in a day.
fn capped_at(caps: (u32, u32), others: Vec<Object>) -> Option<String> {
    let mut policy = Policy::silent(&spec());
    policy.forge.caps.open_pull_requests = caps.0;
    policy.forge.caps.per_day = caps.1;
    let mut seen = Observation::default();
    seen.note(reverts(), Observed::Known(Answer::Objects(others)));
    let (now, own) = (NOW.parse().expect("a time"), revert(10, "Planned", None));
    capped(now, &policy, &own, &spec(), &seen).expect("what was seen")
}

#[test]
fn so_many_pull_requests_are_open_as_the_forge_allows_and_those_that_were_first_go_first() {
    let early = "2026-01-01T00:00:00Z";
    let open = |number| revert(number, "Proposed", Some(early));
    let elsewhere = |number| {
        let mut other = open(number);
        other.set("/spec/url", json!("https://other.example/fleet"));
        other
    };
    for (cap, others, held) in [
        (2, vec![open(1)], false),
        (2, vec![open(1), open(2)], true),
        (2, vec![open(1), elsewhere(2)], false),
        (2, vec![open(1), revert(2, "Refused", Some(early))], false),
        (2, vec![open(1), revert(2, "Planned", None)], true),
        (2, vec![open(1), revert(11, "Planned", None)], false),
        (2, vec![open(1), revert(10, "Planned", None)], false),
        (0, vec![open(1), open(2), open(3)], false),
    ] {
        let said = capped_at((cap, 0), others);
        assert_eq!(said.is_some(), held, "{cap}: {said:?}");
    }
}

#[test]
fn so_many_pull_requests_are_opened_in_a_day_as_the_forge_allows() {
    let closed = |number, at| revert(number, "Refused", Some(at));
    let (today, yesterday) = ("2026-01-04T12:00:01Z", "2026-01-04T12:00:00Z");
    for (others, held) in [
        (vec![closed(1, today)], false),
        (vec![closed(1, today), closed(2, today)], true),
        (vec![closed(1, today), closed(2, yesterday)], false),
    ] {
        let said = capped_at((0, 2), others);
        assert_eq!(said.is_some(), held, "{said:?}");
    }
}
