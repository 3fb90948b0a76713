//! Commits are told about as soon as a source has them.

use super::BAD;
use super::GOOD;
use super::NEWER;
use super::World;
use super::commit;
use crate::canary::status::Phase;
use crate::effect::StatusState;

#[test]
fn a_commit_that_changes_the_target_is_told_before_flux_applies_it() {
    let mut world = World::initialized();
    world.fetch();
    world.settle_down();
    assert_eq!(world.told_commits, [(commit(2), StatusState::Pending)]);
    assert_eq!(
        world.status().phase,
        Phase::Initialized,
        "nothing is analysed yet"
    );
    let before = world.told_commits.len();
    world.settle_down();
    assert_eq!(world.told_commits.len(), before, "once is enough");

    world.set_image(NEWER);
    world.run_until(Phase::Succeeded);
    let last = world.told_commits.last().cloned();
    assert_eq!(last, Some((commit(2), StatusState::Success)));
    let others = world.told_commits.iter().filter(|(id, _)| *id != commit(2));
    assert_eq!(others.count(), 0);
}

#[test]
fn a_commit_that_was_told_and_needs_no_analysis_is_not_left_pending() {
    let mut world = World::initialized();
    world.fetch();
    world.settle_down();
    world.set_image(GOOD);
    world.settle_down();
    assert_eq!(
        world.told_commits.last().cloned(),
        Some((commit(2), StatusState::Success))
    );
}

#[test]
fn a_commit_that_is_overtaken_during_its_analysis_is_said_not_to_be_judged() {
    let mut world = World::initialized();
    world.set_image(BAD);
    world.run_while(|world| world.status().phase != Phase::Progressing);
    world.set_image(NEWER);
    world.run_until(Phase::Succeeded);
    let of = |n: u32| {
        let mut all = world.told_commits.iter().rev();
        all.find(|(id, _)| *id == commit(n)).map(|(_, state)| *state)
    };
    assert_eq!(of(2), Some(StatusState::Error));
    assert_eq!(of(3), Some(StatusState::Success));
}

#[test]
fn a_status_tells_how_far_it_is_what_failed_and_where_to_read_on() {
    let mut world = World::new();
    "https://recant.example".clone_into(&mut world.settings.dashboard_url);
    "east".clone_into(&mut world.settings.cluster_name);
    world.run_until(Phase::Initialized);
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    for status in &world.commit_statuses {
        assert_eq!(status.context, "recant/east/test/podinfo");
        assert_eq!(status.url, "https://recant.example/#test/podinfo");
    }
    let pending = world.commit_statuses.iter();
    let pending: Vec<&str> = pending
        .filter(|status| status.state == StatusState::Pending)
        .map(|status| status.description.as_str())
        .collect();
    assert!(pending.iter().any(|word| word.contains('%')), "{pending:?}");
    let failed = world.commit_statuses.last().expect("a status");
    assert_eq!(
        (failed.commit.as_str(), failed.state),
        (commit(2).as_str(), StatusState::Failure)
    );
    let run = world.status().analysis.expect("a run");
    assert_eq!(
        failed.description,
        "success rate 62.00% < 99%: 2 failed checks, rolled back"
    );
    // A check run goes with a verdict, and shows every check.
    let [details] = world.checks.as_slice() else {
        panic!("{:?}", world.checks)
    };
    assert_eq!(&details.status, failed);
    for check in &run.checks {
        assert!(details.summary.contains(&check.name), "{}", details.summary);
    }
}
