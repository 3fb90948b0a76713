//! What Git does to pull requests: heads move, merges become possible or not, a push merges, a deletion closes.

use super::Forge;
use super::Repos;
use super::record::PullRequest;
use super::record::Stage;
use crate::git::Git;
use crate::git::merge;
use jiff::Timestamp;

impl Forge {
    /// Brings every open pull request up to date with its repository.
    pub fn refresh(&mut self, repos: &Repos, now: Timestamp) {
        for (repo, desk) in &mut self.desks {
            let Some(git) = repos.get(repo) else { continue };
            for pull in desk.pulls.values_mut().filter(|pull| pull.stage == Stage::Open) {
                follow(pull, git.as_ref(), now);
            }
        }
    }
}

fn follow(pull: &mut PullRequest, git: &dyn Git, now: Timestamp) {
    let heads = git.head(&pull.head_branch).zip(git.head(&pull.base_branch));
    let Some((head, base)) = heads else {
        pull.stage = Stage::Closed;
        pull.closed = Some(now);
        return;
    };
    let seen = (base.clone(), head.clone());
    if pull.checked.as_ref() == Some(&seen) {
        return;
    }
    if pull.head != head {
        pull.updated = now;
    }
    pull.checked = Some(seen);
    if !git.is_ancestor(&head, &base) {
        pull.ahead = Some(head.clone());
    } else if pull.ahead.as_ref() == Some(&head) {
        let commit = brought_in(git, &head, &base);
        pull.base = commit.clone();
        pull.stage = Stage::Merged {
            commit,
            by: String::new(),
        };
        pull.closed = Some(now);
        return;
    }
    pull.merge_base = git.merge_base(&base, &head).unwrap_or_default();
    pull.mergeable = merges(git, &pull.merge_base, &base, &head);
    (pull.head, pull.base) = (head, base);
}

fn merges(git: &dyn Git, merge_base: &str, base: &str, head: &str) -> bool {
    if merge_base == base || merge_base == head {
        return true;
    }
    match (git.tree(merge_base), git.tree(base), git.tree(head)) {
        (Some(old), Some(ours), Some(theirs)) => merge::trees(&old, &ours, &theirs).is_ok(),
        _ => false,
    }
}

/// The oldest commit on the base's first-parent line that holds the head.
fn brought_in(git: &dyn Git, head: &str, base: &str) -> String {
    let mut at = base.to_owned();
    while let Some(parent) = git.show(&at).and_then(|commit| commit.parents.into_iter().next()) {
        if at == head || !git.is_ancestor(head, &parent) {
            break;
        }
        at = parent;
    }
    at
}
