#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use proptest::prelude::*;

fn set(of: &[usize]) -> Set {
    of.iter().copied().collect()
}

/// The smallest choice where all of one of several groups is needed, and the tests it took.
fn found(all: usize, groups: &[Set], seed: &Set, bound: u32) -> (Result<Option<Set>, GaveUp>, u32) {
    let mut search = Search::new(bound, |chosen| groups.iter().any(|group| group.is_subset(chosen)));
    let got = search.smallest(&(0..all).collect(), seed);
    (got, search.tests())
}

#[test]
fn a_right_guess_costs_about_one_test_for_each_part_of_it() {
    let (got, tests) = found(1000, &[set(&[500])], &set(&[500]), 50);
    assert_eq!((got, tests), (Ok(Some(set(&[500]))), 1));
    let (got, tests) = found(1000, &[set(&[3, 500])], &set(&[3, 4, 500]), 50);
    assert_eq!((got, tests), (Ok(Some(set(&[3, 500]))), 5));
}

#[test]
fn a_wrong_guess_is_mended_by_the_search() {
    let (got, tests) = found(64, &[set(&[7, 40])], &set(&[1, 2]), 600);
    assert_eq!(got, Ok(Some(set(&[7, 40]))));
    assert!(tests < 100, "{tests}");
}

#[test]
fn where_there_is_a_choice_lower_numbers_stay() {
    let (got, _) = found(8, &[set(&[1]), set(&[6])], &set(&[1, 6]), 600);
    assert_eq!(got, Ok(Some(set(&[1]))));
}

#[test]
fn what_nothing_restores_is_said_after_one_test() {
    assert_eq!(found(1000, &[], &Set::new(), 600), (Ok(None), 1));
}

#[test]
fn the_bound_ends_the_search() {
    let needed = (0..100).step_by(3).collect();
    assert_eq!(found(100, &[needed], &Set::new(), 20), (Err(GaveUp), 20));
}

proptest! {
    #[test]
    fn what_is_found_passes_and_no_part_of_it_can_be_left_out(
        groups in proptest::collection::vec(proptest::collection::btree_set(0_usize..24, 1..6), 1..3),
        seed in proptest::collection::btree_set(0_usize..24, 0..6),
    ) {
        let (got, tests) = found(24, &groups, &seed, 600);
        let got = got.unwrap().unwrap();
        let passes = |chosen: &Set| groups.iter().any(|group| group.is_subset(chosen));
        prop_assert!(passes(&got));
        for at in &got {
            let mut less = got.clone();
            less.remove(at);
            prop_assert!(!passes(&less));
        }
        prop_assert!(tests < 300, "{}", tests);
    }
}
