//! Adds an item to a list at the top of a YAML file, in the file's own style. All other bytes stay.

use super::super::splice::end_lines;
use crate::diff::Line;
use crate::diff::Text;
use crate::yaml;

/// The file with an item at the end of the list `key`, which is made when there is none.
///
/// The item's lines are as they would stand at the left margin. `None` when the file is not plain block YAML of one
/// document.
pub(super) fn add(bytes: &[u8], key: &str, item: &[String]) -> Option<Vec<u8>> {
    let text = Text::of(bytes);
    let bodies = text.bodies();
    if !is_plain(&bodies) {
        return None;
    }
    let (at, head, indent) = place(&bodies, key)?;
    let usual = text.usual_end();
    let added: Vec<Vec<u8>> = head
        .into_iter()
        .map(String::into_bytes)
        .chain(item.iter().map(|line| yaml::indented(indent, line).into_bytes()))
        .collect();
    let mut lines = text.lines.clone();
    let empty = format!("{key}: []");
    if let Some(line) = lines
        .iter_mut()
        .find(|l| l.body.trim_ascii_end() == empty.as_bytes())
    {
        line.body = &line.body[..=key.len()];
    }
    let ended = text.is_ended();
    lines.splice(at..at, added.iter().map(|body| Line { body, end: usual }));
    end_lines(&mut lines, usual, ended);
    Some(Text { bom: text.bom, lines }.bytes())
}

/// Where the item goes, the line that opens the list when it must be made, and how far items are indented.
fn place(lines: &[&[u8]], key: &str) -> Option<(usize, Option<String>, usize)> {
    let opens = |line: &[u8]| {
        line.strip_prefix(key.as_bytes())
            .is_some_and(|rest| rest.starts_with(b":"))
    };
    let usual = lines
        .iter()
        .find(|l| l.trim_ascii_start().starts_with(b"- "))
        .map_or(0, |l| indent(l));
    let Some(open) = lines.iter().position(|l| opens(l)) else {
        return Some((end_of(lines, 0..lines.len()), Some(format!("{key}:")), usual));
    };
    let rest = lines[open][key.len() + 1..].trim_ascii();
    if !(rest.is_empty() || rest.starts_with(b"#") || rest == b"[]") {
        return None;
    }
    let is_over = |line: &&[u8]| {
        !(line.is_empty() || line.starts_with(b" ") || line.starts_with(b"-") || line.starts_with(b"#"))
    };
    let end = lines[open + 1..]
        .iter()
        .position(is_over)
        .map_or(lines.len(), |n| open + 1 + n);
    let first = lines[open + 1..end]
        .iter()
        .find(|l| l.trim_ascii_start().starts_with(b"-"));
    Some((end_of(lines, open..end), None, first.map_or(usual, |l| indent(l))))
}

/// One past the last line of a range that says something.
fn end_of(lines: &[&[u8]], range: std::ops::Range<usize>) -> usize {
    let says = |line: &[u8]| {
        let line = line.trim_ascii();
        !line.is_empty() && (!line.starts_with(b"#"))
    };
    let last = range.clone().rev().find(|at| says(lines[*at]));
    last.map_or(range.start, |at| at + 1)
}

fn is_plain(lines: &[&[u8]]) -> bool {
    let mut said = lines
        .iter()
        .map(|l| l.trim_ascii())
        .filter(|l| !l.is_empty() && !l.starts_with(b"#"));
    let first = said.find(|l| *l != b"---");
    first.is_some_and(|l| !l.starts_with(b"{"))
        && !said.any(|l| l == b"---" || l == b"...")
        && lines.iter().all(|l| std::str::from_utf8(l).is_ok())
}

fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|b| **b == b' ').count()
}
