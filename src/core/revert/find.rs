//! Finds the smallest choice of changes whose undoing restores the object.

use super::NoPlan;
use super::States;
use super::Undo;
use super::atoms::Atom;
use super::atoms::Atoms;
use super::atoms::Set;
use super::reach::Reach;
use super::search::GaveUp;
use super::search::Search;
use super::seed;
use crate::subject;
use recant_render::Entry;
use recant_render::Tree;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// How many candidates are rendered before the search gives up.
pub(super) const MAX_RENDERS: u32 = 600;
/// How many parts of the choice are tried to do without, to find another.
const MAX_ALTERNATIVES: usize = 8;

/// A candidate that restores the object.
pub(super) struct Found {
    pub(super) files: BTreeMap<String, Option<Vec<u8>>>,
    pub(super) renders: u32,
}

/// The smallest edit that restores the object.
pub(super) fn smallest(undo: &Undo<'_>, states: &States) -> Result<Found, NoPlan> {
    let want = subject::essence(&states.good.json());
    let restores = |tree: &Tree| undo.essence(tree).as_ref() == Some(&want);
    let mut atoms = Atoms::between(undo.good, undo.head, |path| states.reads.contains(path));
    atoms.prefer(|unit| nearness(unit, &undo.root.path));
    let seed = match &states.head {
        Some(head) => atoms.at(
            &seed::lines(undo.head, head, states.leaves.iter()),
            &seed::lines(undo.good, &states.good, states.leaves.iter()),
        ),
        None => Set::new(),
    };
    let fewest = |units: &[(Vec<String>, usize)]| {
        let reach = Reach::new(undo);
        let rank = |(files, lines): &(Vec<String>, usize)| {
            let far = files.iter().map(|f| distance(f, &undo.root.path)).max();
            (reach.readers(files.iter().map(String::as_str)), far, *lines)
        };
        units
            .iter()
            .enumerate()
            .min_by_key(|(_, unit)| rank(unit))
            .map_or(0, |(at, _)| at)
    };
    search_all(&atoms, &seed, MAX_RENDERS, &restores, &fewest)
}

/// The search proper, over any test of a tree. `best` picks among several minimal choices, told by files and lines.
pub(super) fn search_all(
    atoms: &Atoms<'_>,
    seed: &Set,
    bound: u32,
    restores: &dyn Fn(&Tree) -> bool,
    best: &dyn Fn(&[(Vec<String>, usize)]) -> usize,
) -> Result<Found, NoPlan> {
    let mut search = Search::new(bound, |units| {
        !atoms.leaves_half(units) && restores(&atoms.apply(units))
    });
    let gave_up = |_: GaveUp| NoPlan::GaveUp { renders: bound };
    let first = search
        .smallest(&atoms.all(), seed)
        .map_err(gave_up)?
        .ok_or_else(|| NoPlan::NotInGit {
            why: match atoms.len() {
                0 => "no file that the root reads has changed; the value comes from outside of it".to_owned(),
                n => {
                    format!("undoing all {n} changes in the files that the root reads does not bring it back")
                }
            },
        })?;
    let several = with_alternatives(&mut search, atoms, first);
    let told: Vec<(Vec<String>, usize)> = several
        .iter()
        .map(|set| (files_of(atoms, set), atoms.weight(set)))
        .collect();
    let chosen = if several.len() > 1 {
        &several[best(&told)]
    } else {
        &several[0]
    };
    let fine = atoms.refined(chosen);
    let spent = search.tests();
    let mut search = Search::new(bound.saturating_sub(spent).max(1), |units| {
        !fine.leaves_half(units) && restores(&fine.apply(units))
    });
    let few = match fine.len() {
        same if same == chosen.len() => fine.all(),
        _ => search
            .smallest(&fine.all(), &Set::new())
            .map_err(gave_up)?
            .unwrap_or_else(|| fine.all()),
    };
    let bytes = |entry: Option<Entry>| match entry {
        Some(Entry::File(bytes)) => Some(bytes.to_vec()),
        Some(Entry::Link(_)) | None => None,
    };
    let files = fine
        .undo(&few)
        .into_iter()
        .map(|(path, entry)| (path, bytes(entry)))
        .collect();
    Ok(Found {
        files,
        renders: spent + search.tests(),
    })
}

/// The minimal choice, and others that do without some part of it.
fn with_alternatives(search: &mut Search<'_>, atoms: &Atoms<'_>, first: Set) -> Vec<Set> {
    let mut out = vec![first.clone()];
    for unit in first.iter().take(MAX_ALTERNATIVES) {
        let mut others = atoms.all();
        others.remove(unit);
        // A bound that is hit here only ends the looking for something better.
        if let Ok(Some(other)) = search.smallest(&others, &Set::new())
            && !out.contains(&other)
        {
            out.push(other);
        }
    }
    out
}

fn files_of(atoms: &Atoms<'_>, units: &Set) -> Vec<String> {
    let files: BTreeSet<&str> = atoms.chosen(units).into_iter().flat_map(Atom::files).collect();
    files.into_iter().map(str::to_owned).collect()
}

/// How near a unit stands to a root: the farthest of its files counts, then their number.
fn nearness(unit: &[&Atom], root: &str) -> (usize, usize) {
    let files: Vec<&str> = unit.iter().flat_map(|a| a.files()).collect();
    (
        files.iter().map(|f| distance(f, root)).max().unwrap_or_default(),
        files.len(),
    )
}

/// How many directories up from the root a file's own branch begins: 0 for an overlay's own files.
fn distance(file: &str, root: &str) -> usize {
    let parts = |path: &'_ str| {
        path.split('/')
            .filter(|p| !matches!(*p, "" | "."))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (file, root) = (parts(file), parts(root));
    let shared = file.iter().zip(&root).take_while(|(a, b)| a == b).count();
    root.len() - shared
}
