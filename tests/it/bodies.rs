//! What people read, as files: three pull requests and a held Revert, as the stories leave them.
//!
//! `RECANT_BLESS=1 cargo test bodies` writes the files anew; a reviewer reads the difference.

use crate::scenarios::played;
use crate::scenarios::scenarios;
use recant_core::baseline::RECANT_API;
use recant_core::pull::RevertPhase;
use recant_core::pull::RevertStatus;
use recant_sim::fault::Faults;
use recant_sim::simulation::Company;
use recant_sim::simulation::Simulation;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

#[test]
fn a_simple_bump_reads_well() {
    same("simple-bump", &page(&mut story("bad-bump")));
}

#[test]
fn a_pin_beside_a_shared_base_reads_well() {
    same("shared-base-pin", &page(&mut story("shared-base-is-pinned")));
}

#[test]
fn a_chain_through_two_repositories_reads_well() {
    same("two-repositories", &page(&mut story("two-repositories")));
}

#[test]
fn a_body_that_is_cut_to_what_the_host_takes_is_still_recants_own() {
    let page = page(&mut story("host-takes-little"));
    let (_, body) = page.split_once("\n\n").unwrap();
    assert!(body.chars().count() <= 4_000, "{}", body.chars().count());
    assert!(
        body.contains("Cut here: this host takes 4000 characters"),
        "{body}"
    );
    assert!(
        body.trim_end().ends_with("-->") && body.contains("<!-- recant:revert "),
        "{body}"
    );
}

#[test]
fn a_revert_that_is_held_says_why_and_how_to_go_on() {
    let simulation = story("common-mode-hold");
    let reverts = simulation.world.cluster.list(RECANT_API, "Revert", "");
    let held = reverts
        .iter()
        .find(|revert| RevertStatus::of(revert).phase == RevertPhase::Held)
        .unwrap();
    let status = RevertStatus::of(held);
    let mut text = format!("# {}\n\n{}\n\n", held.name(), status.summary);
    for condition in &status.conditions {
        writeln!(
            text,
            "- {}={} {}: {}",
            condition.r#type, condition.status, condition.reason, condition.message
        )
        .unwrap();
    }
    let plan = status.plan.unwrap();
    writeln!(
        text,
        "\nWhat it would change: {}, +{} −{}. {}.",
        plan.files.join(", "),
        plan.lines_added,
        plan.lines_removed,
        plan.proof
    )
    .unwrap();
    same("common-mode-hold", &text);
}

fn story(name: &str) -> Simulation {
    let named = |s: &recant_sim::scenario::Scenario| s.name.ends_with(&format!("/{name}.txt"));
    let scenario = scenarios().into_iter().find(named).unwrap();
    played(scenario, 1, Faults::none(), Company::Alone).unwrap()
}

/// The newest pull request of a story: title and body.
fn page(simulation: &mut Simulation) -> String {
    let pulls = simulation.world.pull_requests();
    let pull = pulls.first().unwrap();
    format!("# {}\n\n{}", pull.title, pull.body)
}

fn same(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/core/bodies/{name}.md"));
    if std::env::var_os("RECANT_BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text,
        wanted,
        "{} differs: RECANT_BLESS=1 writes it anew",
        path.display()
    );
}
