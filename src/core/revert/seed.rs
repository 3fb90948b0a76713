//! A first guess at the culprit lines: where the fields that differ come from.

use super::leaves::Leaf;
use recant_render::Object;
use recant_render::Origin;
use recant_render::Tree;
use std::collections::BTreeSet;

/// Lines of files, counted from 1.
pub(super) type Lines = BTreeSet<(String, usize)>;

/// The lines of a tree that an object's leaves come from, and those that took something out of it.
pub(super) fn lines<'l>(tree: &Tree, object: &Object, leaves: impl Iterator<Item = &'l Leaf>) -> Lines {
    let mut out = Lines::new();
    let mut add = |origin: Origin| {
        origin
            .sources()
            .into_iter()
            .for_each(|source| place(tree, source, &mut out))
    };
    for leaf in leaves {
        let mut pointer = leaf.pointer.as_str();
        loop {
            if let Some(origin) = object.origin(pointer) {
                add(origin);
                break;
            }
            let Some((parent, _)) = pointer.rsplit_once('/') else {
                break;
            };
            pointer = parent;
        }
        let near = |tomb: &str| tomb.starts_with(&leaf.pointer) || leaf.pointer.starts_with(tomb);
        for tomb in object.tombstones().filter(|t| near(&t.pointer)) {
            tomb.by.into_iter().chain(tomb.was).for_each(&mut add);
        }
    }
    out
}

fn place(tree: &Tree, (file, line, start, end): (&str, usize, usize, usize), out: &mut Lines) {
    let inside = tree
        .bytes(file)
        .and_then(|bytes| bytes.get(start..end))
        .unwrap_or_default();
    let more = inside.iter().filter(|b| **b == b'\n').count();
    out.extend((line..=line + more).map(|line| (file.to_owned(), line)));
}
