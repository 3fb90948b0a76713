//! Walks over the graph of commits, for any repository that can show one.

use super::Git;
use recant_core::query::Commit;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// The commits in `from..to`, newest first, no parent before its child; of two with one date, by id.
pub(super) fn log<G: Git + ?Sized>(git: &G, from: Option<&str>, to: &str, limit: usize) -> Vec<Commit> {
    let hidden = from.map(|id| ancestors(git, id)).unwrap_or_default();
    let mut found = BTreeMap::new();
    let mut todo = vec![to.to_owned()];
    while let Some(id) = todo.pop() {
        if hidden.contains(&id) || found.contains_key(&id) {
            continue;
        }
        if let Some(commit) = git.show(&id) {
            todo.extend(commit.parents.iter().cloned());
            found.insert(id, commit);
        }
    }
    in_order(git, found, limit)
}

fn in_order<G: Git + ?Sized>(git: &G, mut found: BTreeMap<String, Commit>, limit: usize) -> Vec<Commit> {
    let mut children: BTreeMap<String, usize> = found.keys().map(|id| (id.clone(), 0)).collect();
    for parent in found.values().flat_map(|commit| &commit.parents) {
        if let Some(count) = children.get_mut(parent) {
            *count += 1;
        }
    }
    let dated = |id: &str| (git.date_s(id).unwrap_or_default(), id.to_owned());
    let mut ready: BTreeSet<(i64, String)> = children
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(id, _)| dated(id))
        .collect();
    let mut log = Vec::new();
    while log.len() < limit {
        let Some((_, id)) = ready.pop_last() else { break };
        let Some(commit) = found.remove(&id) else { continue };
        for parent in &commit.parents {
            if let Some(count) = children.get_mut(parent) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(dated(parent));
                }
            }
        }
        log.push(commit);
    }
    log
}

/// The newest commit reachable from both that is not an ancestor of another such.
pub(super) fn merge_base<G: Git + ?Sized>(git: &G, one: &str, other: &str) -> Option<String> {
    let ours = ancestors(git, one);
    let theirs = ancestors(git, other);
    let common: BTreeSet<&String> = ours.intersection(&theirs).collect();
    let mut best: BTreeSet<&String> = common.clone();
    for id in &common {
        for parent in git.show(id).into_iter().flat_map(|commit| commit.parents) {
            best.remove(&parent);
        }
    }
    best.into_iter()
        .max_by_key(|id| (git.date_s(id), (*id).clone()))
        .cloned()
}

/// The commit and all it is built on.
pub(super) fn ancestors<G: Git + ?Sized>(git: &G, id: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut todo = vec![id.to_owned()];
    while let Some(id) = todo.pop() {
        if seen.contains(&id) {
            continue;
        }
        if let Some(commit) = git.show(&id) {
            todo.extend(commit.parents);
            seen.insert(id);
        }
    }
    seen
}
