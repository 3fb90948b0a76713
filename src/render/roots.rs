//! Every place in a repository that something deploys.
//!
//! Flux Kustomizations are found in plain files and in what other roots render to; kustomization directories that
//! nothing pulls in and no Flux path names are roots of their own.

use crate::Root;
use crate::Tree;
use crate::cache::Cache;
use crate::flux;
use crate::kustomization;
use crate::kustomization::Decode;
use crate::kustomization::FILE_NAMES;
use crate::object::Object;
use crate::object::Rendered;
use crate::render::render_with;
use crate::session::Found;
use crate::session::Session;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

const FLUX: &str = "toolkit.fluxcd.io/";

/// How often roots may be found inside of roots.
const MAX_DEPTH: usize = 8;

/// Every deployable root of a tree, deduplicated, Flux's first.
pub fn roots(tree: &Tree) -> Vec<Root> {
    roots_with(tree, &mut Cache::default())
}

/// The same, with what other renderings have parsed already.
pub fn roots_with(tree: &Tree, cache: &mut Cache) -> Vec<Root> {
    let mut seen = Seen::default();
    let mut told = BTreeSet::new();
    for (path, _) in tree.iter().filter(|(path, _)| is_yaml(path)) {
        if tree.bytes(path).is_some_and(mentions_flux) {
            told.insert(path.split_once('/').map_or("", |(first, _)| first).to_owned());
            seen.plain_file(tree, path, cache);
        }
    }
    let top = top_directories(tree, cache);
    let mut todo: Vec<Root> = top.iter().map(|dir| plain(dir)).collect();
    todo.extend(seen.roots(tree, cache));
    let mut done: Vec<Root> = Vec::new();
    for _ in 0..MAX_DEPTH {
        for root in todo.drain(..) {
            if tells_of_flux(&told, &root) {
                seen.rendered(&render_with(tree, &root, cache));
            }
            done.push(root);
        }
        todo = seen
            .roots(tree, cache)
            .into_iter()
            .filter(|r| !done.contains(r))
            .collect();
        if todo.is_empty() {
            break;
        }
    }
    let mut all = seen.roots(tree, cache);
    let named: BTreeSet<String> = all.iter().map(|r| r.path.clone()).collect();
    all.extend(
        top.iter()
            .filter(|dir| !named.contains(*dir))
            .map(|dir| plain(dir)),
    );
    all
}

fn plain(dir: &str) -> Root {
    Root {
        path: dir.to_owned(),
        flux: None,
    }
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// Rendering is only worth its time when Flux objects lie where the root may reach: below the same first directory.
fn tells_of_flux(told: &BTreeSet<String>, root: &Root) -> bool {
    let first = root.path.split('/').next().unwrap_or_default();
    told.contains(first) || (first.is_empty() && !told.is_empty())
}

fn mentions_flux(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains(FLUX))
}

/// Flux objects found so far. A Kustomization is known by the place it is declared at: every cluster in a repository
/// has its own `apps`, often of the same path.
#[derive(Default)]
struct Seen {
    /// As they stand in files.
    plain: BTreeMap<Place, flux::Kustomization>,
    /// As other roots render them, which is what a cluster sees; one file may be rendered for several.
    rendered: BTreeMap<Place, Vec<flux::Kustomization>>,
    /// GitRepository objects by namespace and name.
    sources: BTreeMap<(String, String), Source>,
}

/// What a GitRepository says.
struct Source {
    url: String,
    ignore: Option<String>,
}

/// File and line.
type Place = (String, usize);

impl Seen {
    fn plain_file(&mut self, tree: &Tree, path: &str, cache: &mut Cache) {
        let mut session = Session::new(tree, cache);
        let documents = session.documents(path).unwrap_or_default();
        let arena = Arc::new(session.arena);
        for node in documents {
            let object = Object {
                node,
                tombs: Vec::new(),
                arena: Arc::clone(&arena),
            };
            self.object(&object, false);
        }
    }

    fn rendered(&mut self, rendered: &Rendered) {
        for object in &rendered.objects {
            self.object(object, true);
        }
    }

    /// Notes a Flux object.
    fn object(&mut self, object: &Object, is_rendered: bool) {
        let id = object.id();
        if !id.group.ends_with("toolkit.fluxcd.io") {
            return;
        }
        if let Ok(kustomization) = flux::Kustomization::from_object(object) {
            let place = object
                .place()
                .map_or_else(Place::default, |(file, line)| (file.to_owned(), line));
            if !is_rendered {
                self.plain.entry(place).or_insert(kustomization);
                return;
            }
            let known = self.rendered.entry(place).or_default();
            if !known.iter().any(|other| is_same(other, &kustomization)) {
                known.push(kustomization);
            }
        } else if id.kind == "GitRepository" {
            let json = object.json();
            let text = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            let source = Source {
                url: text("/spec/url").unwrap_or_default(),
                ignore: text("/spec/ignore"),
            };
            self.sources.insert((id.namespace, id.name), source);
        }
    }

    /// All of them; where one is rendered, not as its file has it.
    fn kustomizations(&self) -> impl Iterator<Item = &flux::Kustomization> {
        let plain = self
            .plain
            .iter()
            .filter(|(place, _)| !self.rendered.contains_key(*place));
        self.rendered.values().flatten().chain(plain.map(|(_, k)| k))
    }

    fn roots(&self, tree: &Tree, cache: &mut Cache) -> Vec<Root> {
        let mut session = Session::new(tree, cache);
        let mut roots: Vec<Root> = Vec::new();
        for flux in self.kustomizations().filter(|k| self.may_be_here(k)) {
            if let Found::Dir(dir) = session.find("", flux.path.trim_start_matches('/')) {
                let ignore = self
                    .source(flux, &flux.source.2)
                    .and_then(|source| source.ignore.clone());
                let files = flux::Files::Commit { ignore };
                let root = Root {
                    path: dir,
                    flux: Some(flux::Kustomization {
                        files,
                        ..flux.clone()
                    }),
                };
                if !roots.contains(&root) {
                    roots.push(root);
                }
            }
        }
        roots
    }

    /// Whether a Flux Kustomization's source can be this repository.
    ///
    /// `flux bootstrap` names the repository itself `flux-system`: a source with another URL is elsewhere.
    fn may_be_here(&self, flux: &flux::Kustomization) -> bool {
        let url = |name: &str| self.source(flux, name).map(|source| &source.url);
        match (url(&flux.source.2), url("flux-system")) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        }
    }

    /// The GitRepository of this name where a Flux Kustomization looks for it, or, since files may leave the namespace
    /// to a kustomization, anywhere.
    fn source(&self, flux: &flux::Kustomization, name: &str) -> Option<&Source> {
        let exact = self.sources.get(&(flux.source.1.clone(), name.to_owned()));
        exact.or_else(|| {
            self.sources
                .iter()
                .find(|((_, n), _)| n == name)
                .map(|(_, source)| source)
        })
    }
}

/// Whether two renderings of one declaration come to the same.
fn is_same(a: &flux::Kustomization, b: &flux::Kustomization) -> bool {
    (&a.namespace, &a.name, &a.path) == (&b.namespace, &b.name, &b.path) && a.renders_as(b)
}

/// Kustomization directories that no other kustomization pulls in.
fn top_directories(tree: &Tree, cache: &mut Cache) -> Vec<String> {
    let mut session = Session::new(tree, cache);
    let mut dirs = BTreeSet::new();
    let mut pulled = BTreeSet::new();
    for (path, _) in tree.iter() {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        if !FILE_NAMES.contains(&name) {
            continue;
        }
        let Some(k) = kustomization::read(&mut session, path, Decode::Flux) else {
            continue;
        };
        if !k.is_component {
            dirs.insert(dir.to_owned());
        }
        for entry in k.resources.iter().chain(&k.components) {
            if let Found::Dir(child) = session.find(dir, &entry.text) {
                pulled.insert(child);
            }
        }
    }
    dirs.difference(&pulled).cloned().collect()
}
