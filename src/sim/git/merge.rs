//! Three-way merge: of two trees per file, and of two versions of a text by line.

use recant_render::Entry;
use recant_render::Tree;
use similar::Algorithm;
use similar::DiffOp;
use similar::capture_diff_slices;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Merges what `ours` and `theirs` made of `base`. The error lists the paths that conflict, in order.
pub fn trees(base: &Tree, ours: &Tree, theirs: &Tree) -> Result<Tree, Vec<String>> {
    let mut merged = ours.clone();
    let mut conflicts = Vec::new();
    let mine: BTreeSet<String> = base.changed(ours).into_iter().collect();
    for path in base.changed(theirs) {
        let (old, our, their) = (base.get(&path), ours.get(&path), theirs.get(&path));
        if !mine.contains(&path) {
            merged = merged.with_entry(&path, their.cloned());
        } else if our != their {
            match entries(old, our, their) {
                Some(entry) => merged = merged.with_entry(&path, Some(entry)),
                None => conflicts.push(path),
            }
        }
    }
    conflicts.extend(
        merged
            .iter()
            .map(|(path, _)| path.to_owned())
            .filter(|path| merged.is_dir(path)),
    );
    conflicts.sort();
    conflicts.dedup();
    if conflicts.is_empty() {
        Ok(merged)
    } else {
        Err(conflicts)
    }
}

/// A file both sides changed; `None` where that is a conflict.
fn entries(base: Option<&Entry>, ours: Option<&Entry>, theirs: Option<&Entry>) -> Option<Entry> {
    let text = |entry: Option<&Entry>| match entry {
        Some(Entry::File(bytes)) => std::str::from_utf8(bytes).ok().map(str::to_owned),
        Some(Entry::Link(_)) | None => None,
    };
    let merged = texts(&text(base)?, &text(ours)?, &text(theirs)?)?;
    Some(Entry::File(Arc::from(merged.as_bytes())))
}

/// Merges two versions of a text by line; `None` where changes overlap or touch and are not the same.
pub fn texts(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let base: Vec<&str> = base.split_inclusive('\n').collect();
    let mut ours = hunks(&base, ours).into_iter().peekable();
    let mut theirs = hunks(&base, theirs).into_iter().peekable();
    let mut merged = String::new();
    let mut done = 0;
    while ours.peek().is_some() || theirs.peek().is_some() {
        let (mut mine, mut other) = (Vec::new(), Vec::new());
        let from = ours
            .peek()
            .into_iter()
            .chain(theirs.peek())
            .map(|h| h.old.start)
            .min()?;
        let mut to = from;
        loop {
            if let Some(hunk) = ours.next_if(|hunk| hunk.old.start <= to) {
                to = to.max(hunk.old.end);
                mine.push(hunk);
            } else if let Some(hunk) = theirs.next_if(|hunk| hunk.old.start <= to) {
                to = to.max(hunk.old.end);
                other.push(hunk);
            } else {
                break;
            }
        }
        merged.extend(base[done..from].iter().copied());
        merged.push_str(&settle(&base, from..to, &mine, &other)?);
        done = to;
    }
    merged.extend(base[done..].iter().copied());
    Some(merged)
}

struct Hunk<'t> {
    old: Range<usize>,
    new: Vec<&'t str>,
}

fn hunks<'t>(base: &[&str], text: &'t str) -> Vec<Hunk<'t>> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    capture_diff_slices(Algorithm::Myers, base, &lines)
        .iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| Hunk {
            old: op.old_range(),
            new: lines[op.new_range()].to_vec(),
        })
        .collect()
}

/// What becomes of a stretch of the base, given each side's changes in it.
fn settle(base: &[&str], span: Range<usize>, ours: &[Hunk<'_>], theirs: &[Hunk<'_>]) -> Option<String> {
    let mine = applied(base, span.clone(), ours);
    let other = applied(base, span, theirs);
    match (ours.is_empty(), theirs.is_empty()) {
        (true, _) => Some(other),
        (_, true) => Some(mine),
        _ => (mine == other).then_some(mine),
    }
}

fn applied(base: &[&str], span: Range<usize>, hunks: &[Hunk<'_>]) -> String {
    let mut text = String::new();
    let mut done = span.start;
    for hunk in hunks {
        text.extend(base[done..hunk.old.start].iter().copied());
        text.extend(hunk.new.iter().copied());
        done = hunk.old.end;
    }
    text.extend(base[done..span.end].iter().copied());
    text
}
