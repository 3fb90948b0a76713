//! Puts lines of one file into another. All other bytes stay where they are.

#[cfg(test)]
mod tests;

use crate::diff::Line;
use crate::diff::Text;
use std::ops::Range;

/// A file that is there on both sides, as lines.
#[derive(Clone, Debug)]
pub(super) struct Pair<'t> {
    pub(super) good: Text<'t>,
    pub(super) head: Text<'t>,
}

/// Head's file, with runs of its lines replaced by runs of the good file's.
///
/// A restored line is ended as the line it replaces, or as most of head's are. Byte order mark and final newline
/// stay as head has them.
pub(super) fn splice(pair: &Pair<'_>, mut edits: Vec<(Range<usize>, Range<usize>)>) -> Vec<u8> {
    edits.sort_by_key(|(head, good)| (head.start, head.end, good.start));
    let usual = if pair.head.lines.is_empty() {
        pair.good.usual_end()
    } else {
        pair.head.usual_end()
    };
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut at = 0;
    for (head, good) in edits {
        lines.extend(&pair.head.lines[at..head.start.max(at)]);
        let replaced = &pair.head.lines[head.clone()];
        for (nth, line) in pair.good.lines[good].iter().enumerate() {
            let end = replaced.get(nth).map_or(usual, |l| l.end);
            lines.push(Line { body: line.body, end });
        }
        at = head.end.max(at);
    }
    lines.extend(&pair.head.lines[at..]);
    let is_ended = if pair.head.lines.is_empty() {
        pair.good.is_ended()
    } else {
        pair.head.is_ended()
    };
    end_lines(&mut lines, usual, is_ended);
    Text {
        bom: pair.head.bom,
        lines,
    }
    .bytes()
}

/// Ends every line that is not, but for the last one of a file without a final newline.
pub(super) fn end_lines<'a>(lines: &mut [Line<'a>], usual: &'a [u8], is_ended: bool) {
    for line in lines.iter_mut().filter(|l| l.end.is_empty()) {
        line.end = usual;
    }
    if let Some(last) = lines.last_mut().filter(|_| !is_ended) {
        last.end = b"";
    }
}
