//! The other form of undoing: lines added to the object's own kustomization that restore just this object.
//!
//! Every proposal is tried through the renderer before it is made; nothing here has to be right about kustomize.

mod edit;
mod image;
mod patch;
#[cfg(test)]
mod tests;

use super::States;
use super::Undo;
use super::find::Found;
use super::leaves::Leaf;
use super::reach::Reach;
use crate::subject;
use crate::yaml;
use serde_json::Value;
use std::collections::BTreeMap;

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Finds a pin that moves nothing else, or says in plain words why there is none.
pub(super) fn pin(undo: &Undo<'_>, states: &States, reach: &Reach<'_, '_>) -> Result<Found, String> {
    let head = states
        .head
        .as_ref()
        .ok_or("the object does not exist at head, and a pin can only change what is there")?;
    let (file, bytes) = own_kustomization(undo)?;
    let (good, head) = (states.good.json(), head.json());
    let want = subject::essence(&good);
    let mut moved = None;
    for (renders, candidate) in (1..).zip(candidates(bytes, &good, &head, &states.leaves)) {
        let tree = undo.head.with(&file, &candidate);
        if undo.essence(&tree).as_ref() != Some(&want) {
            continue;
        }
        if let Some(other) = reach.moves(&tree) {
            moved.get_or_insert(other);
            continue;
        }
        return Ok(Found {
            files: BTreeMap::from([(file, Some(candidate))]),
            renders,
        });
    }
    Err(match moved {
        Some(other) => format!("an entry in `{file}` would also move {other}"),
        None => format!(
            "no `images` or `patches` entry in `{file}` was found that restores {}",
            undo.target
        ),
    })
}

fn own_kustomization<'a>(undo: &Undo<'a>) -> Result<(String, &'a [u8]), String> {
    let dir: Vec<&str> = undo
        .root
        .path
        .split('/')
        .filter(|p| !matches!(*p, "" | "."))
        .collect();
    let found = NAMES.iter().find_map(|name| {
        let path = [dir.as_slice(), &[name]].concat().join("/");
        let bytes = undo.head.bytes(&path)?;
        Some((path, bytes))
    });
    found.ok_or_else(|| {
        format!(
            "`{}` has no kustomization.yaml of its own to put one in",
            undo.root.path
        )
    })
}

/// The kustomization with an entry that may restore the object, most readable first.
fn candidates(bytes: &[u8], good: &Value, head: &Value, leaves: &[Leaf]) -> Vec<Vec<u8>> {
    let images = image::entries(leaves).unwrap_or_default();
    let retagged = image::retag(bytes, &images);
    let listed = images.iter().try_fold(bytes.to_vec(), |file, image| {
        edit::add(&file, "images", &image.entry())
    });
    let listed = listed.filter(|_| !images.is_empty());
    let patches = patch::patches(good, head);
    let patched = patches
        .iter()
        .filter_map(|patch| edit::add(bytes, "patches", &entry(patch)));
    retagged.into_iter().chain(listed).chain(patched).collect()
}

/// An inline strategic merge patch, as an item of `patches`.
fn entry(patch: &Value) -> Vec<String> {
    let body = yaml::lines(patch)
        .into_iter()
        .map(|line| yaml::indented(4, &line));
    ["- patch: |-".to_owned()].into_iter().chain(body).collect()
}
