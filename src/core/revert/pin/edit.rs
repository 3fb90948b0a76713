//! Adds an item to a list at the top of a YAML file, in the file's own style. All other bytes stay.

use super::super::splice::end_lines;
use crate::diff::Line;
use crate::diff::Text;
use crate::yaml;
use recant_render::yaml::Document;
use serde_json::Value;
use std::ops::Range;

/// The file with an item at the end of the list `key`, which is made when there is none.
///
/// The item's lines are as they would stand at the left margin. `None` when the file is not plain block YAML of one
/// document.
pub(in super::super) fn add(bytes: &[u8], key: &str, item: &[String]) -> Option<Vec<u8>> {
    let text = Text::of(bytes);
    let bodies = text.bodies();
    if !is_plain(&bodies) {
        return None;
    }
    put(&text, place(&bodies, 0..bodies.len(), 0, key)?, key, item)
}

/// The same in one document of a file, a level deeper: in the map `parent` of the document that `is_it`.
pub(in super::super) fn add_to(
    bytes: &[u8],
    is_it: &dyn Fn(&Value) -> bool,
    parent: &str,
    key: &str,
    item: &[String],
) -> Option<Vec<u8>> {
    let text = Text::of(bytes);
    let bodies = text.bodies();
    let document = documents(&bodies).into_iter().find(|range| {
        let own = bodies[range.clone()].join(&b'\n');
        let read = Document::read(&own).unwrap_or_default();
        let [document] = read.as_slice() else { return false };
        document.json().is_ok_and(|value| is_it(&value))
    })?;
    if !is_plain(&bodies[document.clone()]) {
        return None;
    }
    let opens = |line: &&[u8]| {
        let rest = line
            .strip_prefix(parent.as_bytes())
            .and_then(|rest| rest.strip_prefix(b":"));
        rest.is_some_and(|rest| rest.trim_ascii().is_empty() || rest.trim_ascii().starts_with(b"#"))
    };
    let open = document.start + bodies[document.clone()].iter().position(opens)?;
    let is_over = |line: &&[u8]| says(line) && indent(line) == 0;
    let below = &bodies[open + 1..document.end];
    let end = open + 1 + below.iter().position(is_over).unwrap_or(below.len());
    let first = bodies[open + 1..end].iter().find(|line| says(line))?;
    let place = place(&bodies, open + 1..end, indent(first), key)?;
    put(&text, place, key, item)
}

/// The lines of each document.
fn documents(lines: &[&[u8]]) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    let marks = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with(b"---"));
    starts.extend(marks.map(|(at, _)| at + 1));
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([lines.len()]);
    starts.iter().zip(ends).map(|(start, end)| *start..end).collect()
}

fn put(text: &Text<'_>, place: Place, key: &str, item: &[String]) -> Option<Vec<u8>> {
    let usual = text.usual_end();
    let head = place.opener.into_iter().map(String::into_bytes);
    let added: Vec<Vec<u8>> = head
        .chain(
            item.iter()
                .map(|line| yaml::indented(place.indent, line).into_bytes()),
        )
        .collect();
    let mut lines = text.lines.clone();
    if let Some(line) = place.empty.and_then(|at| lines.get_mut(at)) {
        let colon = line
            .body
            .windows(key.len() + 1)
            .position(|w| w == format!("{key}:").as_bytes())?;
        line.body = &line.body[..=colon + key.len()];
    }
    let ended = text.is_ended();
    lines.splice(
        place.at..place.at,
        added.iter().map(|body| Line { body, end: usual }),
    );
    end_lines(&mut lines, usual, ended);
    Some(Text { bom: text.bom, lines }.bytes())
}

/// Where an item goes.
struct Place {
    at: usize,
    /// The line that opens the list, when it must be made.
    opener: Option<String>,
    /// A list that is there and written as `[]`.
    empty: Option<usize>,
    /// How far items are indented.
    indent: usize,
}

/// The place for an item of the list `key`, whose key stands so far from the margin in these lines.
fn place(lines: &[&[u8]], range: Range<usize>, margin: usize, key: &str) -> Option<Place> {
    let value = |line: &'_ [u8]| {
        let rest = line
            .get(margin..)?
            .strip_prefix(key.as_bytes())?
            .strip_prefix(b":")?;
        (indent(line) == margin).then(|| rest.trim_ascii().to_vec())
    };
    let usual = margin + offset(lines);
    let Some(open) = range.clone().find(|at| value(lines[*at]).is_some()) else {
        return Some(Place {
            at: end_of(lines, range),
            opener: Some(yaml::indented(margin, &format!("{key}:"))),
            empty: None,
            indent: usual,
        });
    };
    let rest = value(lines[open])?;
    let empty = rest == b"[]";
    if !(rest.is_empty() || rest.starts_with(b"#") || empty) {
        return None;
    }
    let is_over = |line: &&[u8]| {
        let inside = indent(line) > margin || (indent(line) == margin && line[margin..].starts_with(b"-"));
        says(line) && !inside
    };
    let below = &lines[open + 1..range.end];
    let end = open + 1 + below.iter().position(is_over).unwrap_or(below.len());
    let first = lines[open + 1..end]
        .iter()
        .find(|l| l.trim_ascii_start().starts_with(b"-"));
    Some(Place {
        at: end_of(lines, open..end),
        opener: None,
        empty: empty.then_some(open),
        indent: first.map_or(usual, |l| indent(l)),
    })
}

/// How far the file indents items below the key of their list.
fn offset(lines: &[&[u8]]) -> usize {
    let is_item = |line: &[u8]| line.trim_ascii_start().starts_with(b"- ");
    let pairs = lines.iter().zip(lines.iter().skip(1));
    let first = pairs.into_iter().find(|(key, item)| {
        key.trim_ascii_end().ends_with(b":") && !is_item(key) && is_item(item) && indent(item) >= indent(key)
    });
    first.map_or(0, |(key, item)| indent(item) - indent(key))
}

fn says(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.is_empty() && !line.starts_with(b"#")
}

/// One past the last line of a range that says something.
fn end_of(lines: &[&[u8]], range: Range<usize>) -> usize {
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
