//! What must not be torn apart although rendering would not mind: a block and the line that opens it, a comment and
//! the line it speaks of.

use super::Atom;
use super::Atoms;
use super::Set;
use std::collections::BTreeMap;

/// Lines that only one side has, by file and number, and the atoms they belong to.
type Lone<'a> = BTreeMap<(&'a str, usize), usize>;

/// What would leave half of something behind.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    /// A line that was added to open a block must not stay when all that it holds goes.
    Opener { opener: usize, inside: Vec<usize> },
    /// A comment goes with the line below it.
    Comment { comment: usize, line: usize },
}

impl Rule {
    fn is_broken(&self, chosen: &Set) -> bool {
        match self {
            Self::Opener { opener, inside } => {
                !chosen.contains(opener) && inside.iter().all(|at| chosen.contains(at))
            }
            Self::Comment { comment, line } => chosen.contains(comment) != chosen.contains(line),
        }
    }
}

impl Atoms<'_> {
    /// Whether undoing just these leaves half of something behind: the head of a block without the block, a comment
    /// without its line.
    pub(in super::super) fn leaves_half(&self, units: &Set) -> bool {
        let chosen: Set = units
            .iter()
            .flat_map(|u| self.units[*u].iter().copied())
            .collect();
        self.rules.iter().any(|rule| rule.is_broken(&chosen))
    }

    pub(super) fn find_rules(&self) -> Vec<Rule> {
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
        let opener = |(&(file, line), &at): (&(&str, usize), &usize)| self.opener(file, line, at, &added);
        let openers = added.iter().filter_map(opener);
        openers
            .chain(self.comments(&added, true))
            .chain(self.comments(&deleted, false))
            .collect()
    }

    /// The rule for an added line that opens a block, when all of the block was added too.
    fn opener(&self, file: &str, line: usize, at: usize, added: &Lone<'_>) -> Option<Rule> {
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

    /// The rules for comments that came, or went, together with the line below them.
    fn comments(&self, lone: &Lone<'_>, of_head: bool) -> Vec<Rule> {
        let rule = |(&(file, line), &comment): (&(&str, usize), &usize)| {
            let pair = &self.pairs[file];
            let text = if of_head { &pair.head } else { &pair.good };
            let next = *lone.get(&(file, line + 1))?;
            let is_comment = text.lines[line].body.trim_ascii_start().starts_with(b"#");
            (is_comment && next != comment).then_some(Rule::Comment { comment, line: next })
        };
        lone.iter().filter_map(rule).collect()
    }
}

fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|b| **b == b' ').count()
}
