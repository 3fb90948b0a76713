//! `docs/flagger.md` says what recant does with each of Flagger's fields and behaviours, and which test shows it: every
//! row names one, and every name that it gives is that of a test or of a story.

use crate::files;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of all test functions below a directory.
fn functions(dir: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let tests = text
                .split("#[test]")
                .skip(1)
                .chain(text.split("#[tokio::test").skip(1));
            names.extend(tests.filter_map(first_function));
        }
    }
}

/// The function that an attribute belongs to.
fn first_function(after: &str) -> Option<String> {
    let (_, rest) = after.split_once("fn ")?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    Some(rest[..end].to_owned())
}

/// The cells of a row, which may hold an escaped bar.
fn cells(row: &str) -> Vec<String> {
    let row = row.replace("\\|", "\u{1}");
    let cells = row.trim_matches('|').split('|');
    cells.map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The rows of all tables, without their headings: line and cells.
fn rows(page: &str) -> Vec<(usize, Vec<String>)> {
    let lines: Vec<&str> = page.lines().collect();
    let is_rule = |line: &str| line.starts_with("|-");
    let is_heading = |at: usize| lines.get(at + 1).is_some_and(|next| is_rule(next));
    let all = lines.iter().enumerate();
    let rows = all.filter(|(at, line)| line.starts_with('|') && !is_rule(line) && !is_heading(*at));
    rows.map(|(at, line)| (at + 1, cells(line))).collect()
}

#[test]
fn every_row_about_flagger_names_tests_that_there_are() {
    let root = files::root();
    let mut names = BTreeSet::new();
    for dir in ["src", "tests"] {
        functions(&root.join(dir), &mut names);
    }
    let is_there = |name: &str| names.contains(name) || root.join("tests/scenarios").join(name).is_file();
    let page = fs::read_to_string(root.join("docs/flagger.md")).unwrap();
    let rows = rows(&page);
    assert!(rows.len() > 150, "only {} rows were read", rows.len());
    let mut wrong = Vec::new();
    for (line, cells) in &rows {
        let shown = quoted(cells.last().unwrap());
        if cells.iter().any(String::is_empty) || shown.is_empty() {
            wrong.push(format!("{line}: an empty cell, or no test"));
        }
        let missing = shown.iter().filter(|name| !is_there(name));
        wrong.extend(missing.map(|name| format!("{line}: there is no test {name}")));
    }
    // In prose, a name is told from other words by its length.
    for (at, line) in page
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('|'))
    {
        let long = |name: &&str| name.matches('_').count() > 3 || name.ends_with(".txt");
        let missing = quoted(line)
            .into_iter()
            .filter(long)
            .filter(|name| !is_there(name));
        wrong.extend(missing.map(|name| format!("{}: there is no test {name}", at + 1)));
    }
    assert!(wrong.is_empty(), "docs/flagger.md:\n{}", wrong.join("\n"));
}
