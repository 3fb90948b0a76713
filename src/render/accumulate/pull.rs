//! What a kustomization pulls in: files, other kustomizations, components.

use super::Accumulator;
use super::directory;
use super::open;
use super::target;
use crate::id::Id;
use crate::kustomization::decode::Text;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::resource;
use crate::session::Found;
use crate::session::Session;
use crate::session::is_remote;
use crate::session::left;
use crate::session::remote;
use std::collections::BTreeSet;

/// A directory as it was built.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    /// The directories it pulled in, directly or not.
    dirs: Vec<String>,
    /// What came of it, when it was built more than once.
    acc: Option<Accumulator>,
}

/// Takes in an entry of `resources`: a file, or another kustomization.
pub(super) fn resource(
    session: &mut Session<'_>,
    entry: &Text,
    dir: &str,
    chain: &mut Vec<String>,
    acc: &mut Accumulator,
    taken: &mut BTreeSet<Id>,
) {
    match session.find(dir, &entry.text) {
        Found::File(path) => {
            let read = session
                .documents(&path)
                .map_err(|problem| (OriginId::None, problem))
                .and_then(resource::from_documents);
            match read {
                Ok(resources) => acc.append(session, resources, taken),
                Err((origin, problem)) => session.problem(problem, origin),
            }
        }
        Found::Dir(path) => {
            if let Some(problem) = cycle(&path, chain).or_else(|| session.enter(&path, chain.len()).err()) {
                session.problem(problem, entry.origin);
                return;
            }
            let child = child(session, &path, chain, entry);
            acc.merge(session, child, taken);
        }
        found => session.problem(not_there(&found, &entry.text), entry.origin),
    }
}

/// Builds a directory that is pulled in, or takes it as it was built before.
///
/// Most are pulled in once, so what they hold is only kept when they are built again.
fn child(session: &mut Session<'_>, path: &str, chain: &mut Vec<String>, entry: &Text) -> Accumulator {
    if let Some(known) = known(session, path, chain) {
        return known;
    }
    let (dirs, problems) = (session.entered().len(), session.problems.len());
    let acc = directory(session, path, chain, entry);
    // What went wrong may depend on who asked.
    if session.problems.len() == problems {
        let again = session.built.contains_key(path);
        let built = Built {
            dirs: session.entered()[dirs..].to_vec(),
            acc: again.then(|| acc.clone()),
        };
        session.built.insert(path.to_owned(), built);
    }
    acc
}

/// What a directory was built to, unless it would now lead back to where it is pulled in.
fn known(session: &mut Session<'_>, path: &str, chain: &[String]) -> Option<Accumulator> {
    let built = session.built.get(path)?;
    let acc = built.acc.clone()?;
    let dirs = built.dirs.clone();
    let may_enter = |dir: &String| cycle(dir, chain).is_none() && session.enter(dir, chain.len()).is_ok();
    dirs.iter().all(may_enter).then_some(acc)
}

/// Runs an entry of `components` on what has been gathered.
pub(super) fn component(
    session: &mut Session<'_>,
    entry: &Text,
    dir: &str,
    chain: &mut Vec<String>,
    acc: &mut Accumulator,
) {
    let path = match session.find(dir, &entry.text) {
        Found::Dir(path) => path,
        Found::File(path) => {
            let problem = Problem::error(format!("component `{path}` is a file; name its directory"));
            session.problem(problem, entry.origin);
            return;
        }
        found => {
            session.problem(not_there(&found, &entry.text), entry.origin);
            return;
        }
    };
    if let Some(problem) = cycle(&path, chain).or_else(|| session.enter(&path, chain.len()).err()) {
        session.problem(problem, entry.origin);
        return;
    }
    if let Some(k) = open(session, &path, entry, true) {
        chain.push(path.clone());
        target(session, &k, &path, chain, acc);
        chain.pop();
        // kustomize merges what a component made of the accumulator into an empty one.
        let config = std::mem::take(&mut acc.config);
        let merged = acc.configure(&session.cache.defaults, &config);
        session.check(merged, entry.origin);
    }
}

fn not_there(found: &Found, path: &str) -> Problem {
    match found {
        Found::Outside => Problem::error(format!("`{path}` leads out of the repository")),
        Found::Left => left(path),
        Found::Loop => Problem::error(format!("`{path}` goes through symbolic links in a circle")),
        _ if is_remote(path) => remote(path),
        _ => Problem::error(format!("there is no `{path}`; add it or take the entry out")),
    }
}

/// A directory that is, or lies above, one that led to it, would never end.
fn cycle(path: &str, chain: &[String]) -> Option<Problem> {
    let above = |inner: &String| path.is_empty() || inner == path || inner.starts_with(&format!("{path}/"));
    let first = chain.iter().find(|inner| above(inner))?;
    Some(Problem::error(format!(
        "cycle: `{path}` contains `{first}`, which led here; take one of them out"
    )))
}
