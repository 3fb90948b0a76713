//! What recant pushes, and where to.

use super::Promises;
use super::pulls::reverts;
use crate::fleet::BOT;
use crate::forge::Stage;
use crate::git::Git;
use crate::world::World;
use recant_core::forge::PullRequests;
use recant_core::pull::RevertStatus;

impl Promises {
    /// What recant pushes changes the files of the plan that is on record for it, and no others.
    pub(super) fn branches_hold_what_was_planned(&mut self, world: &mut World) -> Result<(), String> {
        let reverts = reverts(world);
        let base = world.head()?;
        let git = world.git()?;
        let own = PullRequests::default().branch_prefix;
        for (branch, head) in git
            .branches()
            .into_iter()
            .filter(|(name, _)| name.starts_with(&own))
        {
            if self.branches.insert(branch.clone(), head.clone()).as_ref() == Some(&head)
                || !is_bots(git.as_ref(), &head)
            {
                continue;
            }
            let plans = reverts
                .iter()
                .map(RevertStatus::of)
                .filter(|status| status.branch == branch)
                .filter_map(|status| status.plan);
            let planned: Vec<String> = plans.flat_map(|plan| plan.files).collect();
            if planned.is_empty() {
                return Err(format!("{branch} was pushed without a plan on record"));
            }
            let touched = touched(git.as_ref(), &base, &head)?;
            if let Some(file) = touched.iter().find(|file| !planned.contains(file)) {
                return Err(format!("{branch} changes {file}, which is not in the plan"));
            }
        }
        Ok(())
    }

    /// The branch that is deployed moves by people's commits and merges, never by a push of recant's.
    pub(super) fn the_deployed_branch_is_never_pushed(&mut self, world: &mut World) -> Result<(), String> {
        let head = world.head()?;
        let merged: Vec<String> = world
            .pull_requests()
            .into_iter()
            .filter_map(|pull| match pull.stage {
                Stage::Merged { commit, .. } => Some(commit),
                Stage::Open | Stage::Closed => None,
            })
            .collect();
        let git = world.git()?;
        let mut at = Some(head.clone());
        while let Some(id) = at.filter(|id| self.head.as_ref() != Some(id)) {
            // A person who merges by rebase or squash brings a commit of recant's there, and may.
            if is_bots(git.as_ref(), &id) && !merged.contains(&id) {
                return Err(format!("recant's commit {id} was pushed to the deployed branch"));
            }
            at = git.show(&id).and_then(|commit| commit.parents.first().cloned());
        }
        self.head = Some(head);
        Ok(())
    }

    /// recant pushes to branches of its own, and to none that a person has pushed to.
    pub(super) fn nobody_elses_branch_is_pushed(&mut self, world: &mut World) -> Result<(), String> {
        let deployed = world.branch()?;
        let git = world.git()?;
        let own = PullRequests::default().branch_prefix;
        for (branch, head) in git.branches() {
            if branch == deployed {
                continue;
            }
            let by_bot = is_bots(git.as_ref(), &head);
            if by_bot && !branch.starts_with(&own) {
                return Err(format!("recant pushed to {branch}, which is not its own"));
            }
            let before = self.heads.insert(branch.clone(), (head.clone(), by_bot));
            if let Some((old, false)) = before.filter(|(old, _)| by_bot && *old != head) {
                return Err(format!(
                    "recant pushed to {branch}, where somebody had pushed {old}"
                ));
            }
        }
        Ok(())
    }
}

fn is_bots(git: &dyn Git, id: &str) -> bool {
    git.show(id)
        .is_some_and(|commit| commit.author.starts_with(&format!("{BOT} <")))
}

/// The files in which a commit differs from where it left the base.
fn touched(git: &dyn Git, base: &str, head: &str) -> Result<Vec<String>, String> {
    let fork = git
        .merge_base(base, head)
        .ok_or_else(|| format!("{head} has nothing in common with the deployed branch"))?;
    let tree = |id: &str| git.tree(id).ok_or_else(|| format!("commit {id} has no files"));
    Ok(tree(&fork)?.changed(&tree(head)?))
}
