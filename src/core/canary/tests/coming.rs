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
