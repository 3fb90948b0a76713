//! What changed between two trees, in the smallest pieces that can be undone, and undoing a choice of them.
//!
//! A piece is a run of lines of one file, or a whole file (added, deleted, renamed, encrypted, binary). Pieces that
//! only make sense together form a unit: a file, and the lines in kustomizations that name it.
//! Never here: what the pieces do to the rendered objects.

use super::splice;
use crate::diff;
use crate::diff::Text;
use recant_render::Entry;
use recant_render::Tree;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;

/// Longer files are only restored whole: nobody writes them by hand.
const MAX_LINES: usize = 60_000;
/// Beyond this many pairs of files, only equal ones are told to be renamed.
const MAX_PAIRS: usize = 4_000;

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

/// A file that is there on both sides, as lines.
#[derive(Debug)]
pub(super) struct Pair<'t> {
    pub(super) good: Text<'t>,
    pub(super) head: Text<'t>,
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
    rules: Vec<Rule>,
}

/// What would leave half of something behind.
#[derive(Clone, Debug)]
enum Rule {
    /// A line that was added to open a block must not stay when all that it holds goes.
    Opener { opener: usize, inside: Vec<usize> },
    /// A comment goes with the line below it.
    Comment { comment: usize, line: usize },
}

impl<'t> Atoms<'t> {
    /// What changed between two trees in the files that `is_wanted`.
    pub(super) fn between(good: &'t Tree, head: &'t Tree, is_wanted: impl Fn(&str) -> bool) -> Self {
        let changed = good.changed(head);
        let mut out = Self {
            good,
            head,
            pairs: BTreeMap::new(),
            atoms: Vec::new(),
            units: Vec::new(),
            rules: Vec::new(),
        };
        let renamed = out.renamed(&changed);
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
        out.rules = out.find_rules();
        out
    }

    /// How many units there are.
    pub(super) fn len(&self) -> usize {
        self.units.len()
    }

    /// All of them.
    pub(super) fn all(&self) -> Set {
        (0..self.units.len()).collect()
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
            good: self.good,
            head: self.head,
            pairs: BTreeMap::new(),
            atoms: Vec::new(),
            units: Vec::new(),
            rules: Vec::new(),
        };
        for (path, pair) in &self.pairs {
            let pair = Pair {
                good: pair.good.clone(),
                head: pair.head.clone(),
            };
            out.pairs.insert(path.clone(), pair);
        }
        for unit in units {
            let unit: Vec<&Atom> = self.unit(*unit).collect();
            let parts: Vec<Atom> = unit.iter().flat_map(|a| single_lines(a)).collect();
            if unit.iter().any(|a| a.is_whole()) {
                let first = out.atoms.len();
                out.atoms.extend(unit.into_iter().cloned());
                out.units.push((first..out.atoms.len()).collect());
            } else {
                for part in parts {
                    out.units.push(vec![out.atoms.len()]);
                    out.atoms.push(part);
                }
            }
        }
        out.rules = out.find_rules();
        out
    }

    /// Whether undoing just these leaves half of something behind: the head of a block without the block, a comment
    /// without its line.
    pub(super) fn leaves_half(&self, units: &Set) -> bool {
        let chosen: Set = units
            .iter()
            .flat_map(|u| self.units[*u].iter().copied())
            .collect();
        self.rules.iter().any(|rule| match rule {
            Rule::Opener { opener, inside } => {
                !chosen.contains(opener) && inside.iter().all(|at| chosen.contains(at))
            }
            Rule::Comment { comment, line } => chosen.contains(comment) != chosen.contains(line),
        })
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
        let mut by_file: BTreeMap<&str, Vec<(Range<usize>, Range<usize>)>> = BTreeMap::new();
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

    fn add(&mut self, path: &str, from: Option<&str>) {
        let (good, head) = (self.good.bytes(from.unwrap_or(path)), self.head.bytes(path));
        let whole = || Atom::Whole {
            files: from.into_iter().chain([path]).map(str::to_owned).collect(),
        };
        let (Some(good), Some(head)) = (good, head) else {
            self.atoms.push(whole());
            return;
        };
        if from.is_some() {
            self.atoms.push(whole());
        }
        if is_sops(good) || is_sops(head) || is_binary(good) || is_binary(head) {
            self.atoms.extend(from.is_none().then(whole));
            return;
        }
        let pair = Pair {
            good: Text::of(good),
            head: Text::of(head),
        };
        if pair.good.lines.len() + pair.head.lines.len() > MAX_LINES {
            self.atoms.extend(from.is_none().then(whole));
            return;
        }
        let hunks = diff::hunks(&pair.good.bodies(), &pair.head.bodies());
        let edits: Vec<_> = hunks.into_iter().map(|h| (h.new, h.old)).collect();
        // Line endings, byte order mark, final newline: what no line says can only be restored with the file.
        if from.is_none() && splice::splice(&pair, edits.clone()) != good {
            self.atoms.push(whole());
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

    /// Deleted paths and the added paths that hold the same file, or nearly.
    fn renamed(&self, changed: &[String]) -> BTreeMap<String, String> {
        let only_in = |there: &'t Tree, not: &'t Tree| {
            let lone = changed.iter().filter(move |p| not.get(p).is_none());
            lone.filter_map(move |p| Some((p, there.bytes(p)?)))
                .collect::<Vec<_>>()
        };
        let (deleted, mut added) = (only_in(self.good, self.head), only_in(self.head, self.good));
        let few = deleted.len() * added.len() <= MAX_PAIRS;
        let mut out = BTreeMap::new();
        for (from, old) in deleted {
            let likeness = |new: &[u8]| {
                if old == new {
                    100
                } else if few {
                    alike_pct(old, new)
                } else {
                    0
                }
            };
            let best = added
                .iter()
                .enumerate()
                .map(|(at, (_, new))| (likeness(new), at))
                .max();
            if let Some((50.., at)) = best {
                out.insert(from.clone(), added.swap_remove(at).0.clone());
            }
        }
        out
    }

    /// Forms the units: whole files with the lines that name them.
    fn group(&mut self, changed: &[String]) {
        let lone: Vec<&String> = changed
            .iter()
            .filter(|p| self.good.get(p).is_none() || self.head.get(p).is_none())
            .collect();
        let mut owner: Vec<usize> = (0..self.atoms.len()).collect();
        for at in 0..self.atoms.len() {
            for named in self.names(&self.atoms[at], &lone) {
                let holder = self
                    .atoms
                    .iter()
                    .position(|a| a.is_whole() && a.files().contains(&named.as_str()));
                if let Some(holder) = holder {
                    let (from, to) = (owner[at], owner[holder]);
                    owner.iter_mut().filter(|o| **o == from).for_each(|o| *o = to);
                }
            }
        }
        let mut units: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, owner) in owner.into_iter().enumerate() {
            units.entry(owner).or_default().push(at);
        }
        self.units = units.into_values().collect();
    }

    /// Which of the files that came or went a changed line of a kustomization names.
    fn names(&self, atom: &Atom, lone: &[&String]) -> Vec<String> {
        let Atom::Lines { file, head, good } = atom else {
            return Vec::new();
        };
        if !is_kustomization(file) {
            return Vec::new();
        }
        let pair = &self.pairs[file];
        let lines = pair.head.lines[head.clone()]
            .iter()
            .chain(&pair.good.lines[good.clone()]);
        let dir = file.rsplit_once('/').map_or("", |(dir, _)| dir);
        let mut out = Vec::new();
        for line in lines {
            let text = String::from_utf8_lossy(line.body);
            let value = text
                .trim()
                .trim_start_matches("- ")
                .rsplit(": ")
                .next()
                .unwrap_or_default();
            let value = value
                .split(" #")
                .next()
                .unwrap_or_default()
                .trim_matches(['"', '\'', ' ']);
            let path = resolve(dir, value);
            let below = format!("{path}/");
            out.extend(
                lone.iter()
                    .filter(|p| ***p == path || p.starts_with(&below))
                    .map(|p| (*p).clone()),
            );
        }
        out
    }

    fn find_rules(&self) -> Vec<Rule> {
        let (mut added, mut deleted) = (BTreeMap::new(), BTreeMap::new());
        for (at, atom) in self.atoms.iter().enumerate() {
            let Atom::Lines { file, head, good } = atom else {
                continue;
            };
            if good.is_empty() {
                added.extend(head.clone().map(|line| ((file.as_str(), line), at)));
            }
            if head.is_empty() {
                deleted.extend(good.clone().map(|line| ((file.as_str(), line), at)));
            }
        }
        let mut rules: Vec<Rule> = added
            .iter()
            .filter_map(|((file, line), at)| self.opener(file, *line, *at, &added))
            .collect();
        let is_comment =
            |text: &Text<'_>, line: usize| text.lines[line].body.trim_ascii_start().starts_with(b"#");
        for (lines, of_head) in [(&added, true), (&deleted, false)] {
            for ((file, line), comment) in lines {
                let pair = &self.pairs[*file];
                let text = if of_head { &pair.head } else { &pair.good };
                if let Some(next) = lines.get(&(*file, *line + 1))
                    && next != comment
                    && is_comment(text, *line)
                {
                    rules.push(Rule::Comment {
                        comment: *comment,
                        line: *next,
                    });
                }
            }
        }
        rules
    }

    /// The rule for an added line that opens a block, when all of the block was added too.
    fn opener(
        &self,
        file: &str,
        line: usize,
        at: usize,
        added: &BTreeMap<(&str, usize), usize>,
    ) -> Option<Rule> {
        let lines = &self.pairs[file].head.lines;
        let body = lines[line].body;
        if !body.trim_ascii_end().ends_with(b":") {
            return None;
        }
        let depth = indent(body);
        let is_inside =
            |l: &[u8]| indent(l) > depth || (indent(l) == depth && l.trim_ascii_start().starts_with(b"- "));
        let block = lines
            .iter()
            .enumerate()
            .skip(line + 1)
            .take_while(|(_, l)| is_inside(l.body));
        let inside = block
            .map(|(l, _)| added.get(&(file, l)).copied())
            .collect::<Option<Vec<_>>>()?;
        (!inside.is_empty() && !inside.contains(&at)).then_some(Rule::Opener { opener: at, inside })
    }
}

fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|b| **b == b' ').count()
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

/// Whether the file is a kustomization.
pub(super) fn is_kustomization(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization")
}

/// A relative path from a directory, without `.` and `..`.
fn resolve(dir: &str, path: &str) -> String {
    let mut parts: Vec<&str> = dir.split('/').filter(|p| !p.is_empty()).collect();
    for part in path.split('/').filter(|p| !p.is_empty() && *p != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
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

/// How much of the longer file stands in the other too, by lines, in percent.
fn alike_pct(old: &[u8], new: &[u8]) -> usize {
    let (old, new) = (Text::of(old).bodies(), Text::of(new).bodies());
    let mut left: BTreeMap<&[u8], usize> = BTreeMap::new();
    old.iter().for_each(|line| *left.entry(line).or_default() += 1);
    let mut shared = 0;
    for line in &new {
        if let Some(count @ 1..) = left.get_mut(line) {
            *count -= 1;
            shared += 1;
        }
    }
    shared * 100 / old.len().max(new.len()).max(1)
}
