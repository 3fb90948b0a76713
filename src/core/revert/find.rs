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
use recant_render::is_yaml;
use recant_render::yaml::Document;
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

/// One minimal choice, as far as it counts when there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) files: Vec<String>,
    pub(super) lines: usize,
}

/// The smallest edit that restores the object.
pub(super) fn smallest(undo: &Undo<'_>, states: &States, reach: &Reach<'_, '_>) -> Result<Found, NoPlan> {
    let want = subject::essence(&states.good.json());
    let restores = |tree: &Tree| undo.essence(tree).as_ref() == Some(&want) && is_sound(undo.head, tree);
    let mut atoms = Atoms::between(undo.good, undo.head, |path| states.reads.contains(path));
    atoms.prefer(|unit| nearness(unit, &undo.root.path));
    let seed = match &states.head {
        Some(head) => atoms.at(
            &seed::lines(undo.head, head, states.leaves.iter()),
            &seed::lines(undo.good, &states.good, states.leaves.iter()),
        ),
        None => Set::new(),
    };
    search_all(&atoms, &seed, MAX_RENDERS, &restores, &|several| {
        best(undo, reach, several)
    })
}

/// Whether every YAML file that is written says no key twice, if it did not before: kustomize takes the last of two and
/// goes on, a person who reads the line does not.
fn is_sound(head: &Tree, after: &Tree) -> bool {
    let reads = |tree: &Tree, path: &str| tree.bytes(path).is_none_or(|bytes| Document::read(bytes).is_ok());
    let changed = head.changed(after);
    changed
        .iter()
        .filter(|path| is_yaml(path))
        .all(|path| reads(after, path) || !reads(head, path))
}

/// Which of several minimal choices is best: fewest roots affected, then nearest to the root, then fewest lines.
fn best(undo: &Undo<'_>, reach: &Reach<'_, '_>, several: &[Told]) -> usize {
    let rank = |told: &Told| {
        let far = told.files.iter().map(|f| distance(f, &undo.root.path)).max();
        (
            reach.readers(told.files.iter().map(String::as_str)),
            far,
            told.lines,
        )
    };
    let ranked = several.iter().map(rank).enumerate();
    ranked.min_by_key(|(_, rank)| *rank).map_or(0, |(at, _)| at)
}

/// The search proper, over any test of a tree. `best` picks among several minimal choices.
pub(super) fn search_all(
    atoms: &Atoms<'_>,
    seed: &Set,
    bound: u32,
    restores: &dyn Fn(&Tree) -> bool,
    best: &dyn Fn(&[Told]) -> usize,
) -> Result<Found, NoPlan> {
    let mut search = Search::new(bound, |units| {
        !atoms.leaves_half(units) && restores(&atoms.apply(units))
    });
    let (first, among) = first(&mut search, atoms, seed)
        .map_err(|_| NoPlan::GaveUp { renders: bound })?
        .ok_or_else(|| none_restores(atoms))?;
    let several = with_alternatives(&mut search, &among, first.clone());
    let told = |set: &Set| Told {
        files: files_of(atoms, set),
        lines: atoms.weight(set),
    };
    let chosen = match several.len() {
        0 | 1 => &first,
        _ => several
            .get(best(&several.iter().map(told).collect::<Vec<_>>()))
            .unwrap_or(&first),
    };
    let spent = search.tests();
    let (undone, more) = taken_apart(&atoms.refined(chosen), chosen.len(), bound - spent, restores);
    Ok(Found {
        files: written(atoms.head(), undone)?,
        renders: spent + more,
    })
}

/// A minimal choice, and what it was chosen from. A whole file takes back more than the lines that matter, so it only
/// comes in when lines are not enough.
fn first(search: &mut Search<'_>, atoms: &Atoms<'_>, seed: &Set) -> Result<Option<(Set, Set)>, GaveUp> {
    let doubled = atoms.doubled();
    let lines = &atoms.all() - &doubled;
    if let Some(first) = search.smallest(&lines, &(seed - &doubled))? {
        return Ok(Some((first, lines)));
    }
    let found = search.smallest(&atoms.all(), &Set::new())?;
    Ok(found.map(|first| (first, atoms.all())))
}

fn none_restores(atoms: &Atoms<'_>) -> NoPlan {
    let why = match atoms.len() {
        0 => "no file that the root reads has changed; the value comes from outside of it".to_owned(),
        1 => "undoing the one change in the files that the root reads does not bring it back".to_owned(),
        n => format!("undoing all {n} changes in the files that the root reads does not bring it back"),
    };
    NoPlan::NotInGit { why }
}

/// What is left of a choice when its runs of lines are taken apart into single ones, and what that took to find out.
/// A bound that is hit leaves the runs whole: they are known to restore.
fn taken_apart(
    fine: &Atoms<'_>,
    units: usize,
    bound: u32,
    restores: &dyn Fn(&Tree) -> bool,
) -> (BTreeMap<String, Option<Entry>>, u32) {
    if fine.len() == units {
        return (fine.undo(&fine.all()), 0);
    }
    let mut search = Search::new(bound, |units| {
        !fine.leaves_half(units) && restores(&fine.apply(units))
    });
    let few = search.smallest(&fine.all(), &Set::new()).ok().flatten();
    let tests = search.tests();
    (fine.undo(&few.unwrap_or_else(|| fine.all())), tests)
}

/// The files to write. A symbolic link is none: an edit of files cannot say it.
fn written(
    head: &Tree,
    undone: BTreeMap<String, Option<Entry>>,
) -> Result<BTreeMap<String, Option<Vec<u8>>>, NoPlan> {
    let bytes = |(path, entry): (String, Option<Entry>)| match entry {
        _ if matches!(head.get(&path), Some(Entry::Link(_))) => Err(NoPlan::NotInGit {
            why: format!("`{path}` became a symbolic link; restore it by hand"),
        }),
        Some(Entry::File(bytes)) => Ok((path, Some(bytes.to_vec()))),
        None => Ok((path, None)),
        Some(Entry::Link(target)) => Err(NoPlan::NotInGit {
            why: format!("`{path}` was a symbolic link to `{target}`; restore it by hand"),
        }),
    };
    undone.into_iter().map(bytes).collect()
}

/// The minimal choice, and others that do without some part of it.
fn with_alternatives(search: &mut Search<'_>, among: &Set, first: Set) -> Vec<Set> {
    let mut out = vec![first.clone()];
    for unit in first.iter().take(MAX_ALTERNATIVES) {
        let mut others = among.clone();
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
