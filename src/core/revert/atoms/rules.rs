//! What must not be torn apart although rendering would not mind: a block and the line that opens it, a comment and
//! the line it speaks of.

use super::Atom;
use super::Atoms;
use super::Set;
use std::collections::BTreeMap;

/// Lines that only one side has, by file and number, and the atoms they belong to.
type Lone<'a> = BTreeMap<(&'a str, usize), usize>;

/// A line that was added to open a block must not stay when all that it holds goes.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    opener: usize,
    inside: Vec<usize>,
}

impl Opener {
    fn is_broken(&self, chosen: &Set) -> bool {
        !chosen.contains(&self.opener) && self.inside.iter().all(|at| chosen.contains(at))
    }
}

impl Atoms<'_> {
    /// Whether undoing just these leaves half of something behind: the head of a block without the block.
    pub(in super::super) fn leaves_half(&self, units: &Set) -> bool {
        let chosen: Set = units
            .iter()
            .flat_map(|u| self.units[*u].iter().copied())
            .collect();
        self.openers.iter().any(|rule| rule.is_broken(&chosen))
    }

    /// Finds what belongs together: a comment joins the unit of the line below it, blocks are noted.
    pub(super) fn keep_together(&mut self) {
        let (added, deleted) = self.lone();
        let opener = |(&(file, line), &at): (&(&str, usize), &usize)| self.opener(file, line, at, &added);
        let openers = added.iter().filter_map(opener).collect();
        let mut pairs = self.comments(&added, true);
        pairs.extend(self.comments(&deleted, false));
        self.openers = openers;
        self.unite(&pairs);
    }

    fn lone(&self) -> (Lone<'_>, Lone<'_>) {
        let (mut added, mut deleted) = (Lone::new(), Lone::new());
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
        (added, deleted)
    }

    /// Makes one unit of those that two atoms belong to.
    fn unite(&mut self, pairs: &[(usize, usize)]) {
        for (a, b) in pairs {
            let unit_of = |atom: usize| self.units.iter().position(|unit| unit.contains(&atom));
            if let (Some(a), Some(b)) = (unit_of(*a), unit_of(*b))
                && a != b
            {
                let more = std::mem::take(&mut self.units[a]);
                self.units[b].extend(more);
                self.units[b].sort_unstable();
            }
        }
        self.units.retain(|unit| !unit.is_empty());
    }

    /// The rule for an added line that opens a block, when all of the block was added too.
    fn opener(&self, file: &str, line: usize, at: usize, added: &Lone<'_>) -> Option<Opener> {
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
        (!inside.is_empty() && !inside.contains(&at)).then_some(Opener { opener: at, inside })
    }

    /// Comments that came, or went, together with the line below them: the atoms of both.
    fn comments(&self, lone: &Lone<'_>, of_head: bool) -> Vec<(usize, usize)> {
        let pair = |(&(file, line), &comment): (&(&str, usize), &usize)| {
            let pair = &self.pairs[file];
            let text = if of_head { &pair.head } else { &pair.good };
            let next = *lone.get(&(file, line + 1))?;
            let is_comment = text.lines[line].body.trim_ascii_start().starts_with(b"#");
            (is_comment && next != comment).then_some((comment, next))
        };
        lone.iter().filter_map(pair).collect()
    }
}

fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|b| **b == b' ').count()
}
