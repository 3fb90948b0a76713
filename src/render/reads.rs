//! Which roots a change can reach, told from what kustomizations name, without rendering.
//!
//! Every text of a kustomization that could be a path counts as one: more may be named here than rendering reads,
//! never less.

#[cfg(test)]
mod tests;

use crate::Root;
use crate::Tree;
use crate::cache::Cache;
use crate::kustomization::FILE_NAMES;
use crate::origin::OriginId;
use crate::session::Found;
use crate::session::Session;
use crate::tree::Entry;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::json;
use crate::yaml::parse::Twice;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A longer text is no path.
const MAX_PATH: usize = 1024;

/// What directories of a tree name. Asked about many roots, each directory is looked at once.
#[derive(Debug)]
pub struct Readers<'t> {
    tree: &'t Tree,
    dirs: BTreeMap<String, Arc<Named>>,
}

/// What one directory names.
#[derive(Debug, Default)]
struct Named {
    /// Files, and paths where one may appear.
    paths: BTreeSet<String>,
    /// Other directories.
    dirs: BTreeSet<String>,
    /// Every file below it counts.
    is_walked: bool,
}

impl<'t> Readers<'t> {
    /// For the roots of a tree.
    pub fn new(tree: &'t Tree) -> Self {
        Self {
            tree,
            dirs: BTreeMap::new(),
        }
    }

    /// Whether rendering a root may look at one of these paths. `false` is certain.
    pub fn may_read(&mut self, root: &Root, paths: &BTreeSet<String>, cache: &mut Cache) -> bool {
        // What Flux leaves out of a directory is written anywhere above or below it.
        if root.flux.is_some() && paths.iter().any(|path| path.ends_with(".sourceignore")) {
            return true;
        }
        let (dir, own) = {
            let mut session = Session::new(self.tree, cache);
            let Found::Dir(dir) = session.find("", root.path.trim_start_matches('/')) else {
                return true;
            };
            let mut own = Named::default();
            if let Some(flux) = &root.flux {
                name_all(
                    &mut session,
                    &dir,
                    &json::from_json(&flux.spec, OriginId::None),
                    &mut own,
                );
            }
            own.paths.append(&mut session.reads);
            (dir, own)
        };
        let mut todo: Vec<String> = own.dirs.iter().cloned().chain([dir]).collect();
        let mut done = BTreeSet::new();
        if own.touches("", paths) {
            return true;
        }
        while let Some(dir) = todo.pop() {
            if !done.insert(dir.clone()) {
                continue;
            }
            let named = self.named(&dir, cache);
            if named.touches(&dir, paths) {
                return true;
            }
            todo.extend(named.dirs.iter().filter(|dir| !done.contains(*dir)).cloned());
        }
        false
    }

    fn named(&mut self, dir: &str, cache: &mut Cache) -> Arc<Named> {
        if let Some(known) = self.dirs.get(dir) {
            return Arc::clone(known);
        }
        let named = Arc::new(directory(self.tree, dir, cache));
        self.dirs.insert(dir.to_owned(), Arc::clone(&named));
        named
    }
}

impl Named {
    fn touches(&self, dir: &str, paths: &BTreeSet<String>) -> bool {
        let below = prefix(dir);
        let first = || paths.range(below.clone()..).next();
        // What is not there may become a directory.
        let within = |path: &String| {
            paths.contains(path)
                || paths
                    .range(prefix(path)..)
                    .next()
                    .is_some_and(|p| p.starts_with(&prefix(path)))
        };
        (self.is_walked && first().is_some_and(|path| path.starts_with(&below)))
            || self.paths.iter().any(within)
    }
}

/// What the kustomization of a directory names; without one, all that lies below, as Flux takes it.
fn directory(tree: &Tree, dir: &str, cache: &mut Cache) -> Named {
    let mut session = Session::new(tree, cache);
    let mut named = Named::default();
    let mut files = Vec::new();
    for name in FILE_NAMES {
        if let Found::File(path) = session.find(dir, name) {
            files.push(path);
        }
    }
    if files.is_empty() {
        named.is_walked = true;
        let below = prefix(dir);
        for (path, entry) in tree.below(&below) {
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            if FILE_NAMES.contains(&name) {
                named.dirs.insert(dir.to_owned());
            }
            if matches!(entry, Entry::Link(_)) {
                session.find("", path);
            }
        }
    }
    for file in files {
        for document in documents(&mut session, &file) {
            name_all(&mut session, dir, &document, &mut named);
            for more in configured(&mut session, dir, &document) {
                name_all(&mut session, dir, &more, &mut named);
            }
        }
    }
    named.paths.append(&mut session.reads);
    named
}

fn documents(session: &mut Session<'_>, path: &str) -> Vec<Node> {
    session.parse(path, Twice::Last).unwrap_or_default()
}

/// The configurations of transformers, which may name files of their own.
fn configured(session: &mut Session<'_>, dir: &str, kustomization: &Node) -> Vec<Node> {
    let entries = kustomization.as_map().unwrap_or_default().iter();
    let mut texts = Vec::new();
    for entry in entries.filter(|e| e.key.text.eq_ignore_ascii_case("transformers")) {
        texts.extend(
            entry
                .value
                .as_seq()
                .unwrap_or_default()
                .iter()
                .filter_map(Node::text),
        );
    }
    let mut out = Vec::new();
    for text in texts {
        if let Found::File(path) = session.find(dir, text) {
            out.extend(documents(session, &path));
        }
    }
    out
}

/// Notes every path that the texts of a value may mean, seen from a directory.
fn name_all(session: &mut Session<'_>, dir: &str, node: &Node, named: &mut Named) {
    match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .for_each(|entry| name_all(session, dir, &entry.value, named)),
        Kind::Seq(items) => items.iter().for_each(|item| name_all(session, dir, item, named)),
        Kind::Scalar(scalar) if scalar.text.contains('\n') => {
            for word in scalar.text.split_whitespace() {
                name(session, dir, word.trim_matches(['"', '\'', ',']), named);
            }
        }
        Kind::Scalar(scalar) => name(session, dir, &scalar.text, named),
    }
}

fn name(session: &mut Session<'_>, dir: &str, text: &str, named: &mut Named) {
    // `files: [key=path]`
    let after_key = text.split_once('=').map(|(_, path)| path);
    for path in [Some(text), after_key].into_iter().flatten() {
        if path.is_empty() || path.len() > MAX_PATH {
            continue;
        }
        if let Found::Dir(found) = session.find(dir, path)
            && found != dir
        {
            named.dirs.insert(found);
        }
    }
}

fn prefix(dir: &str) -> String {
    if dir.is_empty() {
        String::new()
    } else {
        format!("{dir}/")
    }
}
