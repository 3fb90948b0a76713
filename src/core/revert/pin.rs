//! The other form of undoing: lines added to the object's own kustomization that restore just this object.
//!
//! Every proposal is tried through the renderer before it is made; nothing here has to be right about kustomize.

pub(super) mod edit;
mod image;
mod json;
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
use recant_render::Object;
use recant_render::ObjectId;
use recant_render::roots_with;
use serde_json::Value;
use std::collections::BTreeMap;

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Finds a pin that moves nothing else, or says in plain words why there is none.
pub(super) fn pin(undo: &Undo<'_>, states: &States, reach: &Reach<'_, '_>) -> Result<Found, String> {
    let head = states
        .head
        .as_ref()
        .ok_or("the object does not exist at head, and a pin can only change what is there")?;
    let wanted = Wanted {
        good: states.good.json(),
        head: head.json(),
        written: written_name(undo, head),
        leaves: &states.leaves,
    };
    let want = subject::essence(&wanted.good);
    let spots = spots(undo)?;
    let mut moved = None;
    let candidates = spots
        .iter()
        .flat_map(|spot| wanted.candidates(spot).into_iter().map(move |c| (spot, c)));
    for (renders, (spot, candidate)) in (1..).zip(candidates) {
        let tree = undo.head.with(&spot.file, &candidate);
        if undo.essence(&tree).as_ref() != Some(&want) {
            continue;
        }
        let carriers: Vec<ObjectId> = undo.redeclared(&tree).into_iter().collect();
        if let Some(other) = reach.moves(&tree, &carriers) {
            moved.get_or_insert((spot, other));
            continue;
        }
        return Ok(Found {
            files: BTreeMap::from([(spot.file.clone(), Some(candidate))]),
            renders,
        });
    }
    let files: Vec<String> = spots.iter().map(|spot| format!("`{}`", spot.file)).collect();
    Err(match moved {
        Some((spot, other)) => format!("an entry in `{}` would also move {other}", spot.file),
        None => format!(
            "no `images` or `patches` entry in {} was found that restores {}",
            files.join(" or "),
            undo.target
        ),
    })
}

/// A file that a pin can be put into.
struct Spot<'a> {
    file: String,
    bytes: &'a [u8],
    /// The Flux Kustomization in it, by namespace and name; `None` for a kustomization.
    flux: Option<(String, String)>,
}

impl Spot<'_> {
    /// The file with one more item in `images` or `patches`.
    fn add(&self, bytes: &[u8], key: &str, item: &[String]) -> Option<Vec<u8>> {
        let Some((namespace, name)) = &self.flux else {
            return edit::add(bytes, key, item);
        };
        let is_it = |object: &Value| {
            let text = |pointer: &str| {
                object
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let there = text("/metadata/namespace");
            text("/apiVersion").starts_with("kustomize.toolkit.fluxcd.io/")
                && text("/metadata/name") == name
                && (there.is_empty() || there == namespace)
        };
        edit::add_to(bytes, &is_it, "spec", key, item)
    }
}

/// The root's own kustomization, and the Flux Kustomization that deploys it where the repository declares that.
fn spots<'a>(undo: &Undo<'a>) -> Result<Vec<Spot<'a>>, String> {
    let own = own_kustomization(undo).map(|(file, bytes)| Spot {
        file,
        bytes,
        flux: None,
    });
    let declared = declaration(undo);
    match own {
        Ok(own) => Ok([own].into_iter().chain(declared).collect()),
        Err(why) => declared.map(|spot| vec![spot]).ok_or(why),
    }
}

fn declaration<'a>(undo: &Undo<'a>) -> Option<Spot<'a>> {
    let found = roots_with(undo.head, &mut undo.cache.borrow_mut());
    let flux = subject::counterpart(undo.root, &found, &found)?.flux?;
    let file = flux.declared_in()?.to_owned();
    Some(Spot {
        bytes: undo.head.bytes(&file)?,
        file,
        flux: Some((flux.namespace, flux.name)),
    })
}

/// The object's name as it was written, before prefixes and suffixes.
fn written_name(undo: &Undo<'_>, object: &Object) -> Option<String> {
    let origin = object.origin("/metadata/name")?;
    let (file, _, start, end) = origin.sources().first().copied()?;
    let bytes = undo.head.bytes(file)?.get(start..end)?;
    let text = std::str::from_utf8(bytes).ok()?.trim().trim_matches(['"', '\'']);
    (!text.contains(char::is_whitespace)).then(|| text.to_owned())
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

/// What a pin is to bring about.
struct Wanted<'s> {
    good: Value,
    head: Value,
    written: Option<String>,
    leaves: &'s [Leaf],
}

impl Wanted<'_> {
    /// The file with an entry that may restore the object, most readable first.
    fn candidates(&self, spot: &Spot<'_>) -> Vec<Vec<u8>> {
        let images = image::entries(self.leaves).unwrap_or_default();
        let retagged = image::retag(spot.bytes, &images).filter(|_| spot.flux.is_none());
        let listed = images.iter().try_fold(spot.bytes.to_vec(), |file, image| {
            spot.add(&file, "images", &image.entry())
        });
        let listed = listed.filter(|_| !images.is_empty());
        let patched = self.patches().into_iter();
        let patched = patched.filter_map(|entry| spot.add(spot.bytes, "patches", &entry));
        retagged.into_iter().chain(listed).chain(patched).collect()
    }

    /// Items of `patches`: merged, then by operations, then with lists replaced. What is merged comes later when it
    /// is more than twice as long as the operations.
    fn patches(&self) -> Vec<Vec<String>> {
        let names = patch::names(&self.head, self.written.as_deref());
        let [merged, replaced] = patch::patches(&self.good, &self.head, &names)
            .map(|patches| patches.iter().map(entry).collect::<Vec<_>>());
        let operations = json::operations(&self.good, &self.head);
        let kind = self.head.get("kind").cloned().unwrap_or_default();
        let by_operations: Vec<Vec<String>> = names
            .iter()
            .map(|metadata| json::entry(&operations, &kind, metadata))
            .collect();
        let len = |entries: &[Vec<String>]| entries.first().map_or(0, Vec::len);
        let parts = if len(&merged) > 2 * len(&by_operations) {
            [by_operations, merged, replaced]
        } else {
            [merged, by_operations, replaced]
        };
        let mut out: Vec<Vec<String>> = Vec::new();
        for entry in parts.into_iter().flatten() {
            if !out.contains(&entry) {
                out.push(entry);
            }
        }
        out
    }
}

/// An inline strategic merge patch, as an item of `patches`.
fn entry(patch: &Value) -> Vec<String> {
    let body = yaml::lines(patch)
        .into_iter()
        .map(|line| yaml::indented(4, &line));
    ["- patch: |-".to_owned()].into_iter().chain(body).collect()
}
