//! What must be true at every moment of every story, whatever goes wrong: one small function for each promise.
//!
//! Called after each simulated second. What the promises say of the past (what was measured, which commits are new) is
//! remembered here, never asked of recant. That a story ends at all is the scenario's own expectation.

mod branches;
mod pulls;
mod release;
mod secrets;
#[cfg(test)]
mod tests;
mod traffic;

use crate::world::World;
use pulls::a_pull_request_is_on_record;
use pulls::one_open_pull_request_for_one_revert;
use recant_core::canary::spec::API_VERSION;
use recant_core::object::ObjectRef;
use release::the_primary_is_on_record;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use traffic::at_rest_the_canary_gets_nothing;
use traffic::weights_go_where_pods_are;

/// The promises, and what must be remembered to hold recant to them.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    /// Words that must not be told to anybody: tokens.
    secrets: Vec<String>,
    /// Templates that got requests while they were analysed, or were there first: Canary and hash.
    measured: BTreeSet<(ObjectRef, String)>,
    /// The template each primary had a second ago.
    primaries: BTreeMap<ObjectRef, String>,
    /// The head of the deployed branch that was looked at last.
    head: Option<String>,
    /// The heads of recant's branches that were looked at last.
    branches: BTreeMap<String, String>,
    /// The heads of all branches a second ago, and whether it was recant who made that commit.
    heads: BTreeMap<String, (String, bool)>,
    /// The pull requests that were there a second ago.
    pulls: BTreeSet<u64>,
    /// Branches whose pull request a person closed.
    refused: BTreeSet<String>,
}

impl Promises {
    /// The promises, and secrets that nobody may be told.
    pub fn new(secrets: &[&str]) -> Self {
        Self {
            secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// Whether all of them hold now.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&mut self, world: &mut World) -> Result<(), String> {
        world.read_topology();
        for canary in world.cluster.list(API_VERSION, "Canary", "") {
            at_rest_the_canary_gets_nothing(world, &canary)?;
            weights_go_where_pods_are(world, &canary)?;
            the_primary_is_on_record(world, &canary)?;
            self.only_what_was_measured_is_promoted(world, &canary)?;
        }
        one_open_pull_request_for_one_revert(world)?;
        a_pull_request_is_on_record(world)?;
        self.a_deed_is_on_record_before_it_is_done(world)?;
        self.what_a_person_closed_stays_closed(world)?;
        self.nobody_elses_branch_is_pushed(world)?;
        self.branches_hold_what_was_planned(world)?;
        self.the_deployed_branch_is_never_pushed(world)?;
        self.nobody_is_told_a_secret(world)
    }
}
