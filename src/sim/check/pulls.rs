//! Pull requests: one for a change, on record, and none that a person closed.

use super::Promises;
use crate::fleet::BOT;
use crate::forge::Stage;
use crate::world::World;
use recant_core::baseline::RECANT_API;
use recant_core::object::Object;
use recant_core::pull::Does;
use recant_core::pull::RevertStatus;
use std::collections::BTreeSet;

impl Promises {
    /// A pull request is opened by somebody who had put on record that this comes next.
    pub(super) fn a_deed_is_on_record_before_it_is_done(&mut self, world: &mut World) -> Result<(), String> {
        for pull in world.pull_requests() {
            if !self.pulls.insert(pull.number) || pull.user != BOT {
                continue;
            }
            let on_record = of_branch(world, &pull.head_branch).into_iter().any(|revert| {
                let status = RevertStatus::of(&revert);
                let opens = status.next.is_some_and(|deed| deed.does == Does::OpenPull);
                opens || status.pull_request.is_some()
            });
            if !on_record {
                return Err(format!(
                    "pull request {} was opened without a record",
                    pull.number
                ));
            }
        }
        Ok(())
    }

    /// A pull request that a person closed does not come back.
    pub(super) fn what_a_person_closed_stays_closed(&mut self, world: &mut World) -> Result<(), String> {
        for pull in world.pull_requests().into_iter().filter(|pull| pull.user == BOT) {
            let own_word = |comment: &crate::forge::Comment| {
                comment.user == BOT && comment.body.contains("recant closes")
            };
            match pull.stage {
                Stage::Closed if !pull.comments.iter().any(own_word) => {
                    self.refused.insert(pull.head_branch);
                }
                Stage::Open if self.refused.contains(&pull.head_branch) => {
                    return Err(format!(
                        "pull request {} is open, and a person has closed one from {}",
                        pull.number, pull.head_branch
                    ));
                }
                Stage::Open | Stage::Closed | Stage::Merged { .. } => {}
            }
        }
        Ok(())
    }
}

/// The Reverts of this cluster and of those that work on the same repositories.
pub(super) fn reverts(world: &World) -> Vec<Object> {
    let mut all = world.cluster.list(RECANT_API, "Revert", "");
    all.extend(world.neighbours.iter().cloned());
    all
}

fn of_branch(world: &World, branch: &str) -> Vec<Object> {
    let mut all = reverts(world);
    all.retain(|revert| RevertStatus::of(revert).branch == branch);
    all
}

/// Every open pull request of recant's belongs to a Revert that says so, with a plan.
pub(super) fn a_pull_request_is_on_record(world: &mut World) -> Result<(), String> {
    let pulls = world.pull_requests().into_iter();
    for pull in pulls.filter(|pull| pull.stage == Stage::Open && pull.user == BOT) {
        let of_it = of_branch(world, &pull.head_branch).into_iter();
        let mut statuses = of_it.map(|revert| RevertStatus::of(&revert));
        if !statuses.any(|status| status.branch == pull.head_branch && status.plan.is_some()) {
            return Err(format!(
                "pull request {} is open, and no Revert says so",
                pull.number
            ));
        }
    }
    Ok(())
}

/// There is never more than one open pull request for one Revert, nor for one change: but for those of clusters that each
/// edit files of their own.
pub(super) fn one_open_pull_request_for_one_revert(world: &mut World) -> Result<(), String> {
    let mut open = BTreeSet::new();
    for pull in world.pull_requests() {
        if pull.stage != Stage::Open {
            continue;
        }
        if !open.insert(pull.head_branch.clone()) {
            return Err(format!("two pull requests from {} are open", pull.head_branch));
        }
        let Some(change) = marked(&pull.body, "undoes") else {
            continue;
        };
        let git = world.git()?;
        let files = match (git.tree(&pull.merge_base), git.tree(&pull.head)) {
            (Some(base), Some(head)) => base.changed(&head).join(" "),
            _ => String::new(),
        };
        let revert = marked(&pull.body, "revert").unwrap_or_default();
        let is_one =
            open.insert(format!("{change} by {revert}")) && open.insert(format!("{change} in {files}"));
        if !is_one {
            return Err(format!("two pull requests undo {change}"));
        }
    }
    Ok(())
}

/// A word of the marker in a body.
fn marked<'a>(body: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = body.rsplit_once(&format!(" {key}="))?;
    rest.split_whitespace().next()
}
