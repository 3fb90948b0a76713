//! What changed between two trees, as a unified diff: the one people read, and the one `git apply` takes.

use recant_render::Entry;
use recant_render::Tree;
use similar::ChangeTag;
use similar::TextDiff;
use std::fmt::Write;

/// Lines shown around a change.
const CONTEXT_LINES: usize = 3;

/// One file that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiff {
    /// Its path.
    pub path: String,
    /// Whether it came, went or changed.
    pub kind: Kind,
    /// Where it changed; empty for binary files.
    pub hunks: Vec<Hunk>,
    /// Whether one side is not text.
    pub binary: bool,
}

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its content changed.
    Changed,
}

/// A stretch of changed lines, with what stands around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// `@@ -1,2 +1,3 @@`.
    pub header: String,
    /// The lines, in order.
    pub lines: Vec<Line>,
}

/// One line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the old file, from 1; none when it is new.
    pub old: Option<usize>,
    /// Its number in the new file, from 1; none when it is gone.
    pub new: Option<usize>,
    /// Its text, without the line break.
    pub text: String,
    /// Whether the file ends here without a line break.
    pub unfinished: bool,
}

impl Line {
    /// `+`, `-` or a space.
    pub fn sign(&self) -> char {
        match (self.old, self.new) {
            (None, _) => '+',
            (_, None) => '-',
            _ => ' ',
        }
    }
}

impl FileDiff {
    /// The numbers of lines added and removed.
    pub fn counts(&self) -> (usize, usize) {
        let lines = || self.hunks.iter().flat_map(|hunk| &hunk.lines);
        let added = lines().filter(|line| line.sign() == '+').count();
        (added, lines().filter(|line| line.sign() == '-').count())
    }
}

/// All files that differ, in order of path.
pub fn diff(old: &Tree, new: &Tree) -> Vec<FileDiff> {
    let file = |path: String| {
        let (before, after) = (old.get(&path), new.get(&path));
        let kind = match (before, after) {
            (None, _) => Kind::Added,
            (_, None) => Kind::Deleted,
            _ => Kind::Changed,
        };
        let texts = text(before).zip(text(after));
        FileDiff {
            kind,
            binary: texts.is_none(),
            hunks: texts
                .map(|(before, after)| hunks(before, after))
                .unwrap_or_default(),
            path,
        }
    };
    old.changed(new).into_iter().map(file).collect()
}

/// The text of a file; empty where there is none, `None` where it is not text.
fn text(entry: Option<&Entry>) -> Option<&str> {
    match entry {
        None => Some(""),
        Some(Entry::Link(target)) => Some(target),
        Some(Entry::File(bytes)) => std::str::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0')),
    }
}

fn hunks(before: &str, after: &str) -> Vec<Hunk> {
    let diff = TextDiff::from_lines(before, after);
    let mut hunks = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT_LINES).iter_hunks() {
        let line = |change: similar::Change<&str>| Line {
            old: change
                .old_index()
                .filter(|_| change.tag() != ChangeTag::Insert)
                .map(|i| i + 1),
            new: change
                .new_index()
                .filter(|_| change.tag() != ChangeTag::Delete)
                .map(|i| i + 1),
            text: change.value().trim_end_matches('\n').to_owned(),
            unfinished: change.missing_newline(),
        };
        hunks.push(Hunk {
            header: hunk.header().to_string(),
            lines: hunk.iter_changes().map(line).collect(),
        });
    }
    hunks
}

/// The diff as one text.
pub fn unified(files: &[FileDiff]) -> String {
    let mut text = String::new();
    for file in files {
        write_file(&mut text, file).expect("writing to a String cannot fail");
    }
    text
}

fn write_file(text: &mut String, file: &FileDiff) -> std::fmt::Result {
    let path = &file.path;
    writeln!(text, "diff --git a/{path} b/{path}")?;
    match file.kind {
        Kind::Added => writeln!(text, "new file mode 100644")?,
        Kind::Deleted => writeln!(text, "deleted file mode 100644")?,
        Kind::Changed => {}
    }
    if file.binary {
        return writeln!(text, "Binary files a/{path} and b/{path} differ");
    }
    if file.hunks.is_empty() {
        return Ok(());
    }
    match file.kind {
        Kind::Added => writeln!(text, "--- /dev/null\n+++ b/{path}")?,
        Kind::Deleted => writeln!(text, "--- a/{path}\n+++ /dev/null")?,
        Kind::Changed => writeln!(text, "--- a/{path}\n+++ b/{path}")?,
    }
    for hunk in &file.hunks {
        writeln!(text, "{}", hunk.header)?;
        for line in &hunk.lines {
            writeln!(text, "{}{}", line.sign(), line.text)?;
            if line.unfinished {
                writeln!(text, "\\ No newline at end of file")?;
            }
        }
    }
    Ok(())
}
