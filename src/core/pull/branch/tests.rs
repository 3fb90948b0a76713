//! Which branch a cluster works on, when another one was there before.

use super::*;
use crate::pull::record::PlanRecord;
use crate::query::Answer;
use crate::settings::Settings;
use recant_render::Tree;
use serde_json::Value;
use std::collections::BTreeMap;

const DIGEST: &str = "d1";

fn revert() -> Object {
    Object(json!({"kind": "Revert", "metadata": {"namespace": "flux-system", "name": "fleet-own"}}))
}

fn spec(url: &str) -> RevertSpec {
    let spec = json!({"url": url, "branch": "main", "source": {"apiVersion": "v1", "kind": "GitRepository",
        "namespace": "flux-system", "name": "fleet"}, "bad": "2", "targets": []});
    serde_json::from_value(spec).expect("a spec")
}

/// The newest pull request from the shared branch, by this Revert.
fn pull(by: &str, state: PullState) -> Pull {
    let marker = BodyMarker {
        cluster: "east".to_owned(),
        revert: format!("flux-system/{by}"),
        undoes: "2".to_owned(),
        digest: DIGEST.to_owned(),
    };
    Pull {
        number: 7,
        url: "https://git.example/fleet/pulls/7".to_owned(),
        state,
        head: "h".to_owned(),
        base: "main".to_owned(),
        title: String::new(),
        body: marker.mark("It failed."),
    }
}

fn seen(pulls: Vec<Pull>, said: &[&str]) -> Observation {
    let branch = shared(&spec("https://git.example/fleet"), "recant/");
    let mut seen = Observation::default();
    for pull in &pulls {
        let said = said.iter().map(|word| (*word).to_owned()).collect();
        seen.note(comments(&branch, pull), Observed::Known(Answer::Comments(said)));
    }
    seen.note(Query::Pulls(branch), Observed::Known(Answer::Pulls(pulls)));
    seen
}

/// Where it works, with this on record.
fn works_on(pulls: Vec<Pull>, record: Value) -> String {
    let spec = spec("https://git.example/fleet");
    let status: RevertStatus = serde_json::from_value(record).expect("a status");
    own(
        &Policy::silent(&spec),
        &revert(),
        &spec,
        &status,
        &seen(pulls, &[]),
    )
    .name
}

#[test]
fn every_cluster_names_the_branch_alike_however_it_reaches_the_repository() {
    let names = ["https://git.example/org/fleet.git", "git@git.example:org/fleet"]
        .map(|url| shared(&spec(url), "recant/").name);
    assert_eq!(names[0], names[1]);
    assert!(names[0].starts_with("recant/revert/fleet-"), "{}", names[0]);
    let other = shared(&spec("https://git.example/org/other"), "recant/");
    assert_ne!(other.name, names[0]);
}

#[test]
fn a_pull_request_that_ended_without_this_revert_says_nothing_of_it() {
    let together = shared(&spec("https://git.example/fleet"), "recant/").name;
    let alone = "recant/revert/fleet-own";
    let merged = || PullState::Merged("m".to_owned());
    let nothing = || json!({});
    for (pulls, record, expected) in [
        (vec![], nothing(), together.as_str()),
        // Another's is open: this one may stand behind it, too.
        (vec![pull("other", PullState::Open)], nothing(), &together),
        (vec![pull("other", merged())], nothing(), alone),
        (vec![pull("other", PullState::Closed)], nothing(), alone),
        // It stood behind that one, waited for what a person makes of it, or had opened it.
        (
            vec![pull("other", PullState::Closed)],
            json!({"evidence": "said"}),
            &together,
        ),
        (
            vec![pull("other", merged())],
            json!({"pullRequest": {"number": 7, "url": ""}}),
            &together,
        ),
        (vec![pull("fleet-own", PullState::Closed)], nothing(), &together),
        (vec![pull("fleet-own", merged())], nothing(), &together),
        // Once it has gone its own way it stays there.
        (
            vec![pull("other", PullState::Open)],
            json!({"branch": alone}),
            alone,
        ),
    ] {
        let told = format!("{pulls:?}, {record}");
        assert_eq!(works_on(pulls, record), expected, "{told}");
    }
}

#[test]
fn what_a_person_refused_to_one_cluster_is_refused_to_all_that_propose_the_same() {
    let spec = spec("https://git.example/fleet");
    let (revert, settings) = (revert(), Settings::default());
    for (digest, said, refused) in [
        (DIGEST, "We keep this.", true),
        // Another edit; and one that recant of the other cluster took back.
        ("d2", "We keep this.", false),
        (DIGEST, "<!-- recant:closed cluster=east -->", false),
    ] {
        let seen = seen(vec![pull("other", PullState::Closed)], &[said]);
        let mut life = Life {
            now: "2026-01-05T12:00:00Z".parse().expect("a time"),
            settings: &settings,
            revert: &revert,
            policy: Policy::silent(&spec),
            all: spec.clone(),
            spec: spec.clone(),
            seen: &seen,
            own: separate(&spec, "recant/", &revert),
            status: RevertStatus::default(),
            recorded: None,
            effects: Vec::new(),
            wake: None,
        };
        let proposal = Proposal {
            files: BTreeMap::new(),
            diff: String::new(),
            after: Tree::default(),
            parts: Vec::new(),
            record: PlanRecord {
                digest: digest.to_owned(),
                ..PlanRecord::default()
            },
        };
        let because = life.refused_before(&proposal).expect("what was seen");
        assert_eq!(because.is_some(), refused, "{digest}: {said}");
        let phase = life.status.phase;
        assert_eq!(phase == RevertPhase::Refused, refused, "{digest}: {said}");
    }
}
