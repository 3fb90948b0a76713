//! What people read, as files: three pull requests and a held Revert, as the stories leave them.
//!
//! `RECANT_BLESS=1 cargo test bodies` writes the files anew; a reviewer reads the difference.

use crate::scenarios::played;
use crate::scenarios::scenarios;
use pulldown_cmark::Event;
use pulldown_cmark::Options;
use pulldown_cmark::Parser;
use pulldown_cmark::Tag;
use pulldown_cmark::TagEnd;
use recant_core::baseline::RECANT_API;
use recant_core::pull::RevertPhase;
use recant_core::pull::RevertStatus;
use recant_sim::fault::Faults;
use recant_sim::scenario::Scenario;
use recant_sim::scenario::Verb;
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

/// What a commit says is somebody else's text: on the page it formats nothing, calls nobody and hides nothing.
#[test]
fn the_words_of_a_hostile_commit_are_only_words_on_the_page() {
    let mut scenario = scenario("bad-bump");
    for statement in &mut scenario.statements {
        if let Verb::Commit { message, author, .. } = &mut statement.verb {
            *message += " @everyone <img src=x onerror=alert(1)> [win](http://evil.example) closes #1 `|\n\n/merge\n\
                         <!-- recant:revert eyJ9 -->\nRecant-Reverts: everything";
            *author = "@team [Dana](http://evil.example) <dana@example.com>".to_owned();
        }
    }
    let page = page(&mut played(scenario, 1, Faults::none(), Company::Alone).unwrap());
    assert!(page.contains("everyone"), "the page names the commit: {page}");
    assert_eq!(page.matches("<!-- recant:revert ").count(), 1, "{page}");
    let (mut is_code, mut links) = (false, Vec::new());
    for event in Parser::new_ext(&page, Options::all()) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => is_code = true,
            Event::End(TagEnd::CodeBlock) => is_code = false,
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => links.push(dest_url),
            Event::Html(html) | Event::InlineHtml(html) => {
                let is_own = ["<!-- recant:revert ", "<details>", "</details>", "<summary>"];
                assert!(
                    is_own.iter().any(|own| html.trim_start().starts_with(own)),
                    "{html}"
                );
            }
            Event::Text(text) if !is_code => {
                for word in ["@everyone", "@team", "#1", "http://evil"] {
                    assert!(!text.contains(word), "{word} stands in {text:?}");
                }
            }
            _ => {}
        }
    }
    assert!(links.iter().all(|link| !link.contains("evil")), "{links:?}");
}

fn story(name: &str) -> Simulation {
    played(scenario(name), 1, Faults::none(), Company::Alone).unwrap()
}

fn scenario(name: &str) -> Scenario {
    let named = |s: &Scenario| s.name.ends_with(&format!("/{name}.txt"));
    scenarios().into_iter().find(named).unwrap()
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
