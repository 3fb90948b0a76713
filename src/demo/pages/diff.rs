//! A diff as people read it: line numbers, colours, and the changed part of a line marked.

use super::layout::Place;
use super::words::counted;
use maud::Markup;
use maud::html;
use recant_sim::git::diff::FileDiff;
use recant_sim::git::diff::Kind;
use recant_sim::git::diff::Line;
use std::collections::BTreeMap;

/// More lines than this in one file are folded away.
const LONG_LINES: usize = 400;

/// All files of a change; the links lead to the files at `commit`.
pub(super) fn view(place: &Place, commit: &str, files: &[FileDiff]) -> Markup {
    html! {
        @for file in files {
            @let (added, removed) = file.counts();
            details.file open[added + removed <= LONG_LINES] {
                summary {
                    span.name { (file.path) }
                    @match file.kind {
                        Kind::Added => { span.kind { "new" } }
                        Kind::Deleted => { span.kind { "deleted" } }
                        Kind::Changed => {}
                    }
                    (counts(added, removed))
                    @if file.kind != Kind::Deleted {
                        a.view href=(place.path(&format!("src/commit/{commit}/{}", file.path))) { "View file" }
                    }
                }
                @if file.binary {
                    p.note { "Binary file" }
                } @else {
                    (table(file))
                }
            }
        }
    }
}

/// `1 file, +1 −1`.
pub(super) fn total(files: &[FileDiff]) -> Markup {
    let (added, removed) = files
        .iter()
        .map(FileDiff::counts)
        .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    html! { span.total { (counted(files.len(), "file")) (counts(added, removed)) } }
}

fn counts(added: usize, removed: usize) -> Markup {
    html! { span.counts { span.plus { "+" (added) } span.minus { "−" (removed) } } }
}

fn table(file: &FileDiff) -> Markup {
    html! {
        div.scroll { table.lines {
            @for hunk in &file.hunks {
                tr.at { td.n {} td.n {} td.s {} td.t { (hunk.header) } }
                @let marked = marked(&hunk.lines);
                @for (at, line) in hunk.lines.iter().enumerate() {
                    tr class=(class(line)) {
                        td.n { @if let Some(n) = line.old { (n) } }
                        td.n { @if let Some(n) = line.new { (n) } }
                        td.s { (line.sign()) }
                        td.t {
                            (text(&line.text, marked.get(&at).copied()))
                            @if line.unfinished { span.dim { " ⏎ no newline at end of file" } }
                        }
                    }
                }
            }
        } }
    }
}

fn class(line: &Line) -> &'static str {
    match line.sign() {
        '+' => "add",
        '-' => "del",
        _ => "ctx",
    }
}

fn text(text: &str, mark: Option<(usize, usize)>) -> Markup {
    let parts = mark.and_then(|(from, to)| Some((text.get(..from)?, text.get(from..to)?, text.get(to..)?)));
    html! {
        @match parts {
            Some((before, changed, after)) => { (before) mark { (changed) } (after) }
            None => { (text) }
        }
    }
}

/// By place in the hunk: the bytes of a line in which it differs from the line it replaces or is replaced by.
fn marked(lines: &[Line]) -> BTreeMap<usize, (usize, usize)> {
    let mut marks = BTreeMap::new();
    let mut at = 0;
    while at < lines.len() {
        let run = |from: usize, sign: char| {
            lines[from..]
                .iter()
                .take_while(|line| line.sign() == sign)
                .count()
        };
        let (gone, came) = (run(at, '-'), run(at + run(at, '-'), '+'));
        if gone > 0 && gone == came {
            for (old, new) in (at..at + gone).zip(at + gone..) {
                if let Some((one, other)) = middle(&lines[old].text, &lines[new].text) {
                    marks.insert(old, one);
                    marks.insert(new, other);
                }
            }
        }
        at += (gone + came).max(1);
    }
    marks
}

type Span = (usize, usize);

/// Where two lines differ, unless they have nothing to speak of in common.
fn middle(old: &str, new: &str) -> Option<(Span, Span)> {
    let length = |pairs: &mut dyn Iterator<Item = (char, char)>| -> usize {
        pairs.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
    };
    let head = length(&mut old.chars().zip(new.chars()));
    let tail = length(&mut old[head..].chars().rev().zip(new[head..].chars().rev()));
    let enough = old[..head].trim().len() + old[old.len() - tail..].trim().len() >= 3;
    enough.then_some(((head, old.len() - tail), (head, new.len() - tail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_of_a_line_that_changed_is_marked() {
        let (old, new) = ("image: podinfo:6.0.1", "image: podinfo:6.0.0");
        let (one, other) = middle(old, new).expect("they have much in common");
        assert_eq!((&old[one.0..one.1], &new[other.0..other.1]), ("1", "0"));
        let (old, new) = ("name: é1ü", "name: é2ü");
        let (one, _) = middle(old, new).expect("they have much in common");
        assert_eq!(&old[one.0..one.1], "1");
        assert_eq!(middle("abc", "xyz"), None);
    }
}
