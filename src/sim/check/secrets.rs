//! What recant tells people holds no secret.

use super::Promises;
use crate::world::World;

impl Promises {
    /// No pull request, comment, commit message or commit status holds a secret.
    pub(super) fn nobody_is_told_a_secret(&self, world: &mut World) -> Result<(), String> {
        if self.secrets.is_empty() {
            return Ok(());
        }
        let told = told(world)?;
        let leak = told
            .iter()
            .find(|text| self.secrets.iter().any(|secret| text.contains(secret)));
        leak.map_or(Ok(()), |text| Err(format!("a secret is told: {text}")))
    }
}

/// Everything recant has told people outside of the cluster.
fn told(world: &mut World) -> Result<Vec<String>, String> {
    let mut told = Vec::new();
    for pull in world.pull_requests() {
        told.extend(pull.comments.into_iter().map(|comment| comment.body));
        told.extend([pull.title, pull.body, pull.head_branch]);
    }
    let heads = world.git()?.branches();
    for head in heads.values() {
        let git = world.git()?;
        let commits = git.log(None, head, 50);
        for commit in commits {
            let statuses = world.forge.statuses(crate::fleet::REPO, &commit.id);
            told.extend(statuses.into_iter().map(|status| status.description.clone()));
            told.push(commit.message);
        }
    }
    Ok(told)
}
