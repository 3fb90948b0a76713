//! Files as lines, what changed between two of them, and the patch that says so.
//!
//! Lines are bytes: nothing here decodes, and what is put together again from the same lines is the same file.
//! Never here: what a line means.

use similar::Algorithm;
use similar::DiffOp;
use similar::DiffTag;
use similar::capture_diff_slices;
use std::ops::Range;

#[cfg(test)]
mod tests;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One line: its body, and the bytes that end it (none at the end of a file without a final newline).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The line without its end.
    pub body: &'a [u8],
    /// `\n`, `\r\n` or nothing.
    pub end: &'a [u8],
}

/// A file as lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text<'a> {
    /// Whether it opens with a byte order mark.
    pub bom: bool,
    /// Its lines, in order.
    pub lines: Vec<Line<'a>>,
}

impl<'a> Text<'a> {
    /// Splits a file into lines.
    pub fn of(bytes: &'a [u8]) -> Self {
        let (bom, rest) = match bytes.strip_prefix(BOM) {
            Some(rest) => (true, rest),
            None => (false, bytes),
        };
        let lines = rest.split_inclusive(|b| *b == b'\n').map(split_end).collect();
        Self { bom, lines }
    }

    /// The file again.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = if self.bom { BOM.to_vec() } else { Vec::new() };
        for line in &self.lines {
            out.extend(line.body);
            out.extend(line.end);
        }
        out
    }

    /// The bodies of the lines.
    pub fn bodies(&self) -> Vec<&'a [u8]> {
        self.lines.iter().map(|l| l.body).collect()
    }

    /// How most of its lines end.
    pub fn usual_end(&self) -> &'static [u8] {
        let crlf = self.lines.iter().filter(|l| l.end == b"\r\n").count();
        if crlf * 2 > self.lines.len() {
            b"\r\n"
        } else {
            b"\n"
        }
    }

    /// Whether the last line is ended; an empty file counts as ended.
    pub fn is_ended(&self) -> bool {
        self.lines.last().is_none_or(|l| !l.end.is_empty())
    }
}

fn split_end(line: &[u8]) -> Line<'_> {
    let at = if line.ends_with(b"\r\n") {
        line.len() - 2
    } else if line.ends_with(b"\n") {
        line.len() - 1
    } else {
        line.len()
    };
    let (body, end) = line.split_at(at);
    Line { body, end }
}

/// A run of lines that was replaced by another; one of the two may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// The lines of the old file.
    pub old: Range<usize>,
    /// The lines of the new one.
    pub new: Range<usize>,
}

/// What changed between two lists of lines, split as finely as lines can be told apart.
///
/// A run that was replaced by another is split where both have a line of the same key (`image:` and `image:`), and
/// else line by line where both are equally long.
pub fn hunks(old: &[&[u8]], new: &[&[u8]]) -> Vec<Hunk> {
    changes(old, new)
        .into_iter()
        .flat_map(|hunk| split(hunk, old, new))
        .collect()
}

fn changes<T: Eq + std::hash::Hash + Ord>(old: &[T], new: &[T]) -> Vec<Hunk> {
    capture_diff_slices(Algorithm::Myers, old, new)
        .iter()
        .filter(|op| op.tag() != DiffTag::Equal)
        .map(|op| Hunk {
            old: op.old_range(),
            new: op.new_range(),
        })
        .collect()
}

fn split(hunk: Hunk, old: &[&[u8]], new: &[&[u8]]) -> Vec<Hunk> {
    if hunk.old.is_empty() || hunk.new.is_empty() {
        return vec![hunk];
    }
    let key_of = |lines: &[&[u8]]| lines.iter().map(|l| key(l).to_vec()).collect::<Vec<_>>();
    let (old_keys, new_keys) = (key_of(&old[hunk.old.clone()]), key_of(&new[hunk.new.clone()]));
    let mut out = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &old_keys, &new_keys) {
        let mut part = Hunk {
            old: hunk.old.start + op.old_range().start..hunk.old.start + op.old_range().end,
            new: hunk.new.start + op.new_range().start..hunk.new.start + op.new_range().end,
        };
        out.extend(remarks(&mut part, old, new));
        if part.old.len() == part.new.len() {
            let pairs = part.old.zip(part.new);
            out.extend(pairs.map(|(o, n)| Hunk {
                old: o..o + 1,
                new: n..n + 1,
            }));
        } else {
            out.push(part);
        }
    }
    out.retain(|h| old[h.old.clone()] != new[h.new.clone()]);
    out
}

/// Takes comments and empty lines off the top of the longer side while the other is shorter: they came, or went, for
/// themselves, and the lines below them replace each other.
fn remarks(part: &mut Hunk, old: &[&[u8]], new: &[&[u8]]) -> Vec<Hunk> {
    let is_remark = |line: &[u8]| line.trim_ascii().is_empty() || line.trim_ascii().starts_with(b"#");
    let mut out = Vec::new();
    while !part.old.is_empty() && part.new.len() > part.old.len() && is_remark(new[part.new.start]) {
        out.push(Hunk {
            old: part.old.start..part.old.start,
            new: part.new.start..part.new.start + 1,
        });
        part.new.start += 1;
    }
    while !part.new.is_empty() && part.old.len() > part.new.len() && is_remark(old[part.old.start]) {
        out.push(Hunk {
            old: part.old.start..part.old.start + 1,
            new: part.new.start..part.new.start,
        });
        part.old.start += 1;
    }
    out
}

/// A line up to its first colon (or, in a list of variables, equals sign): what names it among its neighbours.
fn key(line: &[u8]) -> &[u8] {
    let colon = line.windows(2).position(|w| w == b": ");
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let equals = line.iter().position(|b| *b == b'=');
    let equals = equals.filter(|at| *at > 0 && line[..*at].iter().all(is_name));
    match colon.or(equals) {
        Some(at) => &line[..=at],
        None => line,
    }
}

/// A file before and after; `None` where it does not exist.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Its path.
    pub path: &'a str,
    /// The bytes before.
    pub old: Option<&'a [u8]>,
    /// The bytes after.
    pub new: Option<&'a [u8]>,
}

/// A unified diff that `git apply` takes. Files are told as regular ones (mode 100644).
pub fn unified(changes: &[Change<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for change in changes.iter().filter(|c| c.old != c.new) {
        header(change, &mut out);
        body(change, &mut out);
    }
    out
}

fn header(change: &Change<'_>, out: &mut Vec<u8>) {
    let (a, b) = (quoted("a/", change.path), quoted("b/", change.path));
    out.extend(format!("diff --git {a} {b}\n").bytes());
    match (change.old, change.new) {
        (None, _) => out.extend(b"new file mode 100644\n"),
        (_, None) => out.extend(b"deleted file mode 100644\n"),
        (Some(_), Some(_)) => (),
    }
    if change.old.unwrap_or_default() == change.new.unwrap_or_default() {
        return;
    }
    let name = |there: bool, name: &str| {
        if there {
            name.to_owned()
        } else {
            "/dev/null".to_owned()
        }
    };
    let (a, b) = (name(change.old.is_some(), &a), name(change.new.is_some(), &b));
    out.extend(format!("--- {a}\n+++ {b}\n").bytes());
}

/// A path as Git prints it: quoted as in C when it holds anything unusual.
fn quoted(prefix: &str, path: &str) -> String {
    let plain = |b: u8| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\';
    if path.bytes().all(plain) {
        // A trailing tab or space would be lost on the `---` line.
        return format!("{prefix}{path}");
    }
    let mut out = format!("\"{prefix}");
    for byte in path.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            _ if plain(byte) => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out + "\""
}

fn body(change: &Change<'_>, out: &mut Vec<u8>) {
    let lines = |bytes: Option<&'_ [u8]>| {
        let bytes = bytes.unwrap_or_default().to_vec();
        let lines = bytes.split_inclusive(|b| *b == b'\n');
        lines.map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let (old, new) = (lines(change.old), lines(change.new));
    let ops = capture_diff_slices(Algorithm::Myers, &old, &new);
    for group in similar::group_diff_ops(ops, 3) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        let span = |start: Range<usize>, end: Range<usize>| {
            let len = end.end - start.start;
            let start = if len == 0 { start.start } else { start.start + 1 };
            format!("{start},{len}")
        };
        let olds = span(first.old_range(), last.old_range());
        let news = span(first.new_range(), last.new_range());
        out.extend(format!("@@ -{olds} +{news} @@\n").bytes());
        group.iter().for_each(|op| hunk(op, &old, &new, out));
    }
}

fn hunk(op: &DiffOp, old: &[Vec<u8>], new: &[Vec<u8>], out: &mut Vec<u8>) {
    let mut push = |mark: u8, lines: &[Vec<u8>]| {
        for line in lines {
            out.push(mark);
            out.extend(line);
            if !line.ends_with(b"\n") {
                out.extend(b"\n\\ No newline at end of file\n");
            }
        }
    };
    if op.tag() == DiffTag::Equal {
        push(b' ', &old[op.old_range()]);
        return;
    }
    push(b'-', &old[op.old_range()]);
    push(b'+', &new[op.new_range()]);
}
