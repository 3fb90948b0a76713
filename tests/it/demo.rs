//! The program itself, as a user runs it: stories through the demo's HTTP world and recant's production adapters, bad
//! input, and being interrupted.

mod api;
mod input;
mod live;
mod program;
mod verbs;

use crate::files;
use program::Program;
use program::Ran;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

/// How many times faster than the wall clock stories are played here.
const SPEED: &str = "20";
/// A story of five minutes takes 15 s at this speed; a busy machine is given more.
const LONGEST: Duration = Duration::from_secs(90);

#[test]
fn the_default_story_ends_with_one_line_changed_and_everything_agreed() {
    let ran = Program::new(&["demo", "--yes", "--json", "--speed", SPEED]).run(LONGEST);
    let summary = converged(&ran);
    let wanted = json!({"verdict": "converged", "files_changed": 1, "lines_added": 1, "lines_removed": 1,
                        "converged": true});
    for (field, value) in wanted.as_object().unwrap() {
        assert_eq!(summary.get(field), Some(value), "{field} in {summary}");
    }
    assert!(
        summary["pull_request"]
            .as_str()
            .unwrap()
            .ends_with("/demo/fleet/pulls/1")
    );
    assert!(!summary["proof"].as_str().unwrap().is_empty());
    let recants: Vec<&Value> = ran
        .lines
        .iter()
        .filter(|line| line["source"] == "recant")
        .collect();
    assert!(recants.len() > 10, "the timeline says what recant does");
    let untyped = recants.iter().find(|line| !line["why"]["reason"].is_string());
    assert_eq!(untyped, None, "every line of recant's has a typed reason");
}

#[test]
fn a_revert_by_hand_during_the_analysis_needs_no_pull_request() {
    let summary = converged(&play("reverted-by-hand-during-analysis"));
    assert_eq!(
        (&summary["pull_request"], &summary["files_changed"]),
        (&Value::Null, &json!(0))
    );
}

#[test]
fn a_patch_one_level_up_is_undone_where_it_stands() {
    let summary = converged(&play("patch-one-level-up"));
    assert_eq!(
        (&summary["lines_added"], &summary["lines_removed"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn an_image_that_is_missing_is_undone_at_the_deadline() {
    let summary = converged(&play("image-missing"));
    assert_eq!(summary["files_changed"], 1);
}

#[test]
fn the_traffic_goes_through_istio_and_through_nginx_over_http() {
    for story in ["router-istio", "router-nginx"] {
        let summary = converged(&play(story));
        assert_eq!(
            (&summary["lines_added"], &summary["lines_removed"]),
            (&json!(1), &json!(1)),
            "{story}"
        );
    }
}

#[test]
fn conditions_mirrors_and_cookies_reach_their_routers_over_http() {
    for story in [
        "ab-testing-nginx",
        "mirroring-gateway-api",
        "session-affinity-istio",
    ] {
        converged(&play(story));
    }
}

#[test]
fn gates_and_chats_are_reached_over_http() {
    for story in ["alerts", "flagger-s4-rollback-hook-while-waiting"] {
        converged(&play(story));
    }
}

fn play(story: &str) -> Ran {
    let file = files::root().join(format!("tests/scenarios/{story}.txt"));
    let file = file.display().to_string();
    Program::new(&["demo", "--yes", "--json", "--speed", SPEED, "--play", &file]).run(LONGEST)
}

/// The summary of a demo that went well and left nothing behind.
fn converged(ran: &Ran) -> Value {
    assert_eq!(ran.code, Some(0), "{}", ran.tail());
    ran.left_nothing();
    let summary = ran.lines.last().expect("a summary").clone();
    assert_eq!(summary["converged"], true, "{summary}");
    summary
}
