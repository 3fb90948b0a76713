//! `tests/crds`: manifests that any server which has recant's definitions must take or refuse.

use crate::files;
use serde_json::Value;
use std::fs;

/// One document of `tests/crds`.
pub(crate) struct Case {
    /// Whether it must be let in.
    pub(crate) accept: bool,
    /// Why.
    pub(crate) why: String,
    /// The field that the refusal names.
    pub(crate) at: Option<String>,
    /// What is stored, by JSON pointer.
    pub(crate) stored: Vec<(String, Value)>,
    /// The JSON pointers to what is unknown, and dropped.
    pub(crate) dropped: Vec<String>,
    /// The manifest.
    pub(crate) object: Value,
}

/// The whole table.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for path in files::below("tests/crds", "yaml") {
        let text = fs::read_to_string(files::root().join(&path)).unwrap();
        for document in text.split("\n---\n") {
            cases.push(case(document, &path));
        }
    }
    cases
}

fn case(document: &str, path: &str) -> Case {
    let mut case = Case {
        accept: path.contains("/accept/"),
        why: String::new(),
        at: None,
        stored: Vec::new(),
        dropped: Vec::new(),
        object: files::documents(document).remove(0),
    };
    for line in document.lines().filter_map(|line| line.strip_prefix("# ")) {
        if let Some(field) = line.strip_prefix("at: ") {
            case.at = Some(field.to_owned());
        } else if let Some(rest) = line.strip_prefix("stored: ") {
            let (pointer, value) = rest.split_once(" = ").unwrap();
            case.stored
                .push((pointer.to_owned(), serde_json::from_str(value).unwrap()));
        } else if let Some(pointer) = line.strip_prefix("dropped: ") {
            case.dropped.push(pointer.to_owned());
        } else {
            case.why = line.to_owned();
        }
    }
    case
}
