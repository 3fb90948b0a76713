//! What is told of a proposal: the edit as a diff, its digest, and what the proof says in plain words.

use super::Goal;
use super::Part;
use crate::diff;
use crate::diff::Change;
use crate::forge::SharedReverts;
use crate::proof::Proof;
use crate::pull::record::PlanRecord;
use crate::revert::Plan;
use crate::template;
use recant_render::Tree;
use recant_render::render;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Where the values that go back come from at head.
pub(super) fn origins(head: &Tree, goal: &Goal<'_>, plan: &Plan) -> Vec<String> {
    let (root, id) = &goal.place;
    let rendered = render(head, root);
    let object = rendered.find(id);
    let of = |pointer: &str| {
        let origin = object?.origin(pointer)?;
        let sources = origin.sources();
        let places: Vec<String> = sources
            .iter()
            .map(|(file, line, ..)| format!("{file}:{line}"))
            .collect();
        let by = match &origin {
            recant_render::Origin::Derived { op, .. } => format!(" ({op})"),
            recant_render::Origin::Src { .. } | recant_render::Origin::External { .. } => String::new(),
        };
        Some(format!("{}{by}", places.join(", ")))
    };
    plan.leaves
        .iter()
        .map(|leaf| of(&leaf.pointer).unwrap_or_default())
        .collect()
}

/// The files that differ, with what they are to be.
pub(in crate::pull) fn changed(before: &Tree, after: &Tree) -> BTreeMap<String, Option<Vec<u8>>> {
    let paths = before.changed(after).into_iter();
    paths
        .map(|path| {
            let bytes = after.bytes(&path).map(<[u8]>::to_vec);
            (path, bytes)
        })
        .collect()
}

/// The edit as a patch that `git apply` takes.
pub(super) fn unified(before: &Tree, after: &Tree) -> String {
    let paths = before.changed(after);
    let change = |path: &String| (path.clone(), before.bytes(path), after.bytes(path));
    let changes: Vec<_> = paths.iter().map(change).collect();
    let changes: Vec<_> = changes
        .iter()
        .map(|(path, old, new)| Change {
            path,
            old: *old,
            new: *new,
        })
        .collect();
    String::from_utf8_lossy(&diff::unified(&changes)).into_owned()
}

pub(super) fn record(
    parts: &[Part],
    files: &BTreeMap<String, Option<Vec<u8>>>,
    diff: &str,
    shared: SharedReverts,
) -> PlanRecord {
    let count = |mark: char, header: &str| {
        diff.lines()
            .filter(|l| l.starts_with(mark) && !l.starts_with(header))
            .count()
    };
    let (lines_added, lines_removed) = (count('+', "+++ "), count('-', "--- "));
    let doubts = parts
        .iter()
        .flat_map(|part| doubts(&part.proof))
        .collect::<Vec<_>>();
    let may = |proof: &Proof| {
        let listed = shared == SharedReverts::Propose && proof.restored && proof.doubts.is_empty();
        proof.holds() || listed
    };
    PlanRecord {
        digest: digest(files),
        files: files.keys().cloned().collect(),
        lines_added,
        lines_removed,
        proof: if doubts.is_empty() {
            proof_words(parts)
        } else {
            doubts.join("; ")
        },
        proved: parts.iter().all(|part| may(&part.proof)),
    }
}

/// Tells one edit from another: a hash over what it writes.
pub(in crate::pull) fn digest(files: &BTreeMap<String, Option<Vec<u8>>>) -> String {
    let texts: BTreeMap<_, _> = files
        .iter()
        .map(|(path, bytes)| (path, bytes.as_ref().map(|b| String::from_utf8_lossy(b))))
        .collect();
    template::hash(&serde_json::to_value(texts).unwrap_or(Value::Null))
}

fn proof_words(parts: &[Part]) -> String {
    let roots: BTreeSet<_> = parts.iter().flat_map(|part| &part.proof.roots).collect();
    match roots.len() {
        1 => "restored; no other object changes in the one root that reads what is edited".to_owned(),
        n => format!("restored; no other object changes in the {n} roots that read what is edited"),
    }
}

/// What a proof leaves open, in plain words.
pub(in crate::pull) fn doubts(proof: &Proof) -> Vec<String> {
    let mut doubts = Vec::new();
    if !proof.restored {
        doubts.push("the object does not come back as it was".to_owned());
    }
    doubts.extend(proof.collateral.iter().map(|moved| {
        let which = if moved.sibling {
            "the same object"
        } else {
            "another object"
        };
        format!("{which} moves too: {} in {}", moved.object, moved.root)
    }));
    doubts.extend(proof.doubts.iter().cloned());
    doubts
}
