//! What changed between two trees, in the smallest pieces that can be undone, and undoing a choice of them.
//!
//! A piece is a run of lines of one file, or a whole file (added, deleted, renamed, encrypted, binary). Pieces that
//! only make sense together form a unit: a file, and the lines in kustomizations that name it.
//! Never here: what the pieces do to the rendered objects.

mod names;
mod rename;
mod rules;
#[cfg(test)]
mod tests;

use super::splice;
use super::splice::Pair;
use crate::diff;
use crate::diff::Text;
use names::is_kustomization;
use recant_render::Entry;
use recant_render::Tree;
use rules::Opener;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;

/// Lines of head, and the good lines they go back to.
type Edit = (Range<usize>, Range<usize>);

/// Longer files are only restored whole: nobody writes them by hand.
const MAX_LINES: usize = 60_000;

/// A choice of units (or of atoms), by number.
pub(super) type Set = BTreeSet<usize>;

/// One piece that can be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Atom {
    /// Lines of a file at head go back to lines of the good file.
    Lines {
        file: String,
        head: Range<usize>,
        good: Range<usize>,
    },
    /// Each of these paths goes back to what it was, whole; two paths when the file was renamed.
    Whole { files: Vec<String> },
}

impl Atom {
    /// The paths it touches.
    pub(super) fn files(&self) -> Vec<&str> {
        match self {
            Self::Lines { file, .. } => vec![file],
            Self::Whole { files } => files.iter().map(String::as_str).collect(),
        }
    }

    fn is_whole(&self) -> bool {
        matches!(self, Self::Whole { .. })
    }
}

/// Everything that changed between two trees.
#[derive(Debug)]
pub(super) struct Atoms<'t> {
    good: &'t Tree,
    head: &'t Tree,
    pairs: BTreeMap<String, Pair<'t>>,
    atoms: Vec<Atom>,
    /// Which atoms go together; in order of preference, the one to keep longest first.
    units: Vec<Vec<usize>>,
    openers: Vec<Opener>,
}

impl<'t> Atoms<'t> {
    /// What changed between two trees in the files that `is_wanted`.
    pub(super) fn between(good: &'t Tree, head: &'t Tree, is_wanted: impl Fn(&str) -> bool) -> Self {
        let changed = good.changed(head);
        let mut out = Self::none(good, head);
        let renamed = rename::renamed(good, head, &changed);
        for path in changed.iter().filter(|p| !renamed.contains_key(*p)) {
            let from = renamed
                .iter()
                .find(|(_, to)| *to == path)
                .map(|(from, _)| from.as_str());
            if is_wanted(path) || from.is_some_and(&is_wanted) {
                out.add(path, from);
            }
        }
        out.group(&changed);
        out.keep_together();
        out
    }

    fn none(good: &'t Tree, head: &'t Tree) -> Self {
        Self {
            good,
            head,
            pairs: BTreeMap::new(),
            atoms: Vec::new(),
            units: Vec::new(),
            openers: Vec::new(),
        }
    }

    /// The tree that is edited.
    pub(super) fn head(&self) -> &'t Tree {
        self.head
    }

    /// How many units there are.
    pub(super) fn len(&self) -> usize {
        self.units.len()
    }

    /// All of them.
    pub(super) fn all(&self) -> Set {
        (0..self.units.len()).collect()
    }

    /// The units that put a whole file back of which the changed lines are units as well.
    pub(super) fn doubled(&self) -> Set {
        let has_lines = |path: &&str| {
            self.atoms
                .iter()
                .any(|a| matches!(a, Atom::Lines { file, .. } if file == path))
        };
        let is_doubled = |atom: &Atom| atom.is_whole() && atom.files().iter().any(&has_lines);
        (0..self.units.len())
            .filter(|u| self.unit(*u).any(is_doubled))
            .collect()
    }

    /// The pieces of one unit.
    pub(super) fn unit(&self, unit: usize) -> impl Iterator<Item = &Atom> {
        self.units[unit].iter().map(|at| &self.atoms[*at])
    }

    /// The pieces of a choice of units.
    pub(super) fn chosen(&self, units: &Set) -> Vec<&Atom> {
        units.iter().flat_map(|u| self.unit(*u)).collect()
    }

    /// Orders the units: those to keep longest first.
    pub(super) fn prefer<K: Ord>(&mut self, key: impl Fn(&[&Atom]) -> K) {
        let atoms = &self.atoms;
        self.units.sort_by_cached_key(|unit| {
            let unit: Vec<&Atom> = unit.iter().map(|at| &atoms[*at]).collect();
            (unit.iter().any(|a| a.is_whole()), key(&unit))
        });
    }

    /// Only these units, and those of several lines taken apart into single ones.
    pub(super) fn refined(&self, units: &Set) -> Self {
        let mut out = Self {
            pairs: self.pairs.clone(),
            ..Self::none(self.good, self.head)
        };
        for unit in units {
            let unit: Vec<&Atom> = self.unit(*unit).collect();
            let first = out.atoms.len();
            if unit.iter().any(|a| a.is_whole()) {
                out.atoms.extend(unit.into_iter().cloned());
                out.units.push((first..out.atoms.len()).collect());
            } else {
                out.atoms.extend(unit.into_iter().flat_map(single_lines));
                out.units.extend((first..out.atoms.len()).map(|at| vec![at]));
            }
        }
        out.keep_together();
        out
    }

    /// What the touched files hold when these units are undone; `None` where a file goes away.
    pub(super) fn undo(&self, units: &Set) -> BTreeMap<String, Option<Entry>> {
        let chosen = self.chosen(units);
        let whole: BTreeSet<&str> = chosen
            .iter()
            .filter(|a| a.is_whole())
            .flat_map(|a| a.files())
            .collect();
        let mut out: BTreeMap<String, Option<Entry>> = whole
            .iter()
            .map(|path| ((*path).to_owned(), self.good.get(path).cloned()))
            .collect();
        let mut by_file: BTreeMap<&str, Vec<Edit>> = BTreeMap::new();
        for atom in chosen {
            if let Atom::Lines { file, head, good } = atom
                && !whole.contains(file.as_str())
            {
                by_file
                    .entry(file)
                    .or_default()
                    .push((head.clone(), good.clone()));
            }
        }
        for (file, edits) in by_file {
            let bytes = splice::splice(&self.pairs[file], edits);
            out.insert(file.to_owned(), Some(Entry::File(bytes.into())));
        }
        out
    }

    /// The tree at head with these units undone.
    pub(super) fn apply(&self, units: &Set) -> Tree {
        let files = self.undo(units).into_iter();
        files.fold(self.head.clone(), |tree, (path, entry)| {
            tree.with_entry(&path, entry)
        })
    }

    /// Lines that undoing these changes: the longer side of each piece; a whole file counts all of its lines.
    pub(super) fn weight(&self, units: &Set) -> usize {
        let lines = |tree: &Tree, path: &str| tree.bytes(path).map_or(1, |b| Text::of(b).lines.len());
        let weight = |atom: &&Atom| match atom {
            Atom::Lines { head, good, .. } => head.len().max(good.len()),
            Atom::Whole { files } => files
                .iter()
                .map(|f| lines(self.good, f).max(lines(self.head, f)))
                .sum(),
        };
        self.chosen(units).iter().map(weight).sum()
    }

    /// The units that touch one of these lines: of head's files, or of the good ones. Lines count from 1.
    pub(super) fn at(&self, head: &BTreeSet<(String, usize)>, good: &BTreeSet<(String, usize)>) -> Set {
        let within = |lines: &BTreeSet<(String, usize)>, file: &str, range: &Range<usize>| {
            // A run that is empty on this side stands between its neighbours.
            let range = if range.is_empty() {
                range.start..range.start + 2
            } else {
                range.start + 1..range.end + 1
            };
            range
                .into_iter()
                .any(|line| lines.contains(&(file.to_owned(), line)))
        };
        let touches = |atom: &Atom| match atom {
            Atom::Lines {
                file,
                head: h,
                good: g,
            } => within(head, file, h) || within(good, file, g),
            Atom::Whole { files } => {
                let named = |lines: &BTreeSet<(String, usize)>| lines.iter().any(|(f, _)| files.contains(f));
                named(head) || named(good)
            }
        };
        (0..self.units.len())
            .filter(|u| self.unit(*u).any(touches))
            .collect()
    }

    /// Notes what changed in a file, which may have had another name.
    fn add(&mut self, path: &str, from: Option<&str>) {
        let (good, head) = (self.good.bytes(from.unwrap_or(path)), self.head.bytes(path));
        let whole = Atom::Whole {
            files: from.into_iter().chain([path]).map(str::to_owned).collect(),
        };
        let pair = good.zip(head).and_then(|(good, head)| pair(good, head));
        let Some(pair) = pair else {
            self.atoms.push(whole);
            return;
        };
        let hunks = diff::hunks(&pair.good.bodies(), &pair.head.bodies());
        let edits: Vec<Edit> = hunks.into_iter().map(|h| (h.new, h.old)).collect();
        // Line endings, byte order mark, final newline: what no line says can only be restored with the file.
        if from.is_some() || Some(splice::splice(&pair, edits.clone()).as_slice()) != good {
            self.atoms.push(whole);
        }
        let lines = edits.into_iter().map(|(head, good)| Atom::Lines {
            file: path.to_owned(),
            head,
            good,
        });
        let apart = is_kustomization(path);
        self.atoms
            .extend(lines.flat_map(|atom| if apart { single_lines(&atom) } else { vec![atom] }));
        self.pairs.insert(path.to_owned(), pair);
    }
}

/// Both sides as lines; `None` for what is only restored whole: encrypted, binary, too long.
fn pair<'t>(good: &'t [u8], head: &'t [u8]) -> Option<Pair<'t>> {
    if [good, head]
        .into_iter()
        .any(|side| is_sops(side) || is_binary(side))
    {
        return None;
    }
    let pair = Pair {
        good: Text::of(good),
        head: Text::of(head),
    };
    (pair.good.lines.len() + pair.head.lines.len() <= MAX_LINES).then_some(pair)
}

/// An atom of several lines as one of single lines each; lines that replace each other stay together.
fn single_lines(atom: &Atom) -> Vec<Atom> {
    let Atom::Lines { file, head, good } = atom else {
        return vec![atom.clone()];
    };
    if head.len() == 1 && good.len() == 1 {
        return vec![atom.clone()];
    }
    let line = |head: Range<usize>, good: Range<usize>| Atom::Lines {
        file: file.clone(),
        head,
        good,
    };
    let restored = good.clone().map(|g| line(head.start..head.start, g..g + 1));
    let removed = head.clone().map(|h| line(h..h + 1, good.end..good.end));
    restored.chain(removed).collect()
}

/// Whether a file is encrypted by SOPS: one changed line would break the seal over all of them.
fn is_sops(bytes: &[u8]) -> bool {
    let opens =
        |line: &[u8]| line.starts_with(b"sops:") || line.starts_with(b"sops_mac=") || line == b"[sops]";
    Text::of(bytes).lines.iter().any(|l| opens(l.body))
        || serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|json| json.get("sops").is_some())
}

fn is_binary(bytes: &[u8]) -> bool {
    bytes.contains(&0) || std::str::from_utf8(bytes).is_err()
}
