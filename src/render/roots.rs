//! Every place in a repository that something deploys.
//!
//! Flux Kustomizations are found in plain files and in what other roots render to; kustomization directories that
//! nothing pulls in and no Flux path names are roots of their own.

use crate::Root;
use crate::Tree;
use crate::cache::Cache;
use crate::flux;
use crate::kustomization::FILE_NAMES;
use crate::object::Object;
use crate::object::Rendered;
use crate::reads::Readers;
use crate::render::render_with;
use crate::session::Found;
use crate::session::Session;
use crate::tree::Entry;
use crate::tree::is_yaml;
use crate::yaml::parse::Twice;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The groups of Kustomization and GitRepository: other objects of Flux say nothing about roots.
const FLUX: [&str; 2] = ["kustomize.toolkit.fluxcd.io/", "source.toolkit.fluxcd.io/"];

/// How often roots may be found inside of roots.
const MAX_DEPTH: usize = 8;

/// The roots of so many trees are remembered: the good one, head, and some candidates.
const TREES: usize = 6;

/// Every deployable root of a tree, deduplicated, Flux's first.
pub fn roots(tree: &Tree) -> Vec<Root> {
    find(tree, &mut Cache::default())
}

/// The same, with what other renderings have parsed already.
pub fn roots_with(tree: &Tree, cache: &mut Cache) -> Arc<Vec<Root>> {
    if let Some(known) = known(tree, cache) {
        return known;
    }
    let all = Arc::new(find(tree, cache));
    if let Some(found) = cache.roots.back_mut() {
        found.roots = Arc::clone(&all);
    }
    all
}

fn find(tree: &Tree, cache: &mut Cache) -> Vec<Root> {
    let mut seen = Seen::default();
    let mut told = BTreeSet::new();
    for (path, _) in tree.iter().filter(|(path, _)| is_yaml(path)) {
        if tree.bytes(path).is_some_and(mentions_flux) {
            told.insert(path.to_owned());
            seen.plain_file(tree, path, cache);
        }
    }
    let top = top_directories(tree, cache);
    let mut readers = Readers::new(tree);
    let mut todo: Vec<Root> = top.iter().map(|dir| plain(dir)).collect();
    todo.extend(seen.roots(tree, cache));
    let mut done = Roots::default();
    let mut reads = BTreeSet::new();
    for _ in 0..MAX_DEPTH {
        for root in todo.drain(..) {
            // Rendering is only worth its time when the root may read a file with Flux objects.
            if !told.is_empty() && readers.may_read(&root, &told, cache) {
                let mut rendered = render_with(tree, &root, cache);
                seen.rendered(&rendered);
                reads.append(&mut rendered.reads);
            }
            done.add(root);
        }
        todo = seen.roots(tree, cache);
        todo.retain(|root| !done.has(root));
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
    if cache.roots.len() == TREES {
        cache.roots.pop_front();
    }
    cache.roots.push_back(Known {
        tree: tree.clone(),
        roots: Arc::default(),
        rendered: Rendered {
            reads,
            ..Rendered::default()
        },
    });
    all
}

/// The roots of a tree, and what they were found by.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    tree: Tree,
    roots: Arc<Vec<Root>>,
    /// Nothing but what was read to find roots inside of roots.
    rendered: Rendered,
}

/// The roots of a tree that was asked about before, when what differs now has no part in finding them.
fn known(tree: &Tree, cache: &mut Cache) -> Option<Arc<Vec<Root>>> {
    let all = std::mem::take(&mut cache.roots);
    let at = all.iter().rposition(|known| known.is_for(tree, cache));
    cache.roots = all;
    // The one that was asked for last goes last.
    let known = cache.roots.remove(at?)?;
    let roots = Arc::clone(&known.roots);
    cache.roots.push_back(known);
    Some(roots)
}

impl Known {
    fn is_for(&self, tree: &Tree, cache: &mut Cache) -> bool {
        self.tree.changed(tree).iter().all(|path| {
            let (Some(was), Some(is)) = (self.tree.bytes(path), tree.bytes(path)) else {
                return false;
            };
            let tells = path.ends_with(".sourceignore")
                || (is_yaml(path) && (mentions_flux(was) || mentions_flux(is)));
            let is_kustomization = FILE_NAMES.contains(&path.rsplit('/').next().unwrap_or_default());
            let told = tells || self.rendered.looks_at(path);
            !told && (!is_kustomization || pulls(&self.tree, path, cache) == pulls(tree, path, cache))
        })
    }
}

/// Roots by their path: there may be thousands.
#[derive(Default)]
struct Roots(BTreeMap<String, Vec<Root>>);

impl Roots {
    fn has(&self, root: &Root) -> bool {
        self.0.get(&root.path).is_some_and(|known| known.contains(root))
    }

    /// Whether it is new.
    fn add(&mut self, root: Root) -> bool {
        let is_new = !self.has(&root);
        if is_new {
            self.0.entry(root.path.clone()).or_default().push(root);
        }
        is_new
    }
}

fn plain(dir: &str) -> Root {
    Root {
        path: dir.to_owned(),
        flux: None,
    }
}

fn mentions_flux(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| FLUX.iter().any(|group| text.contains(group)))
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
        let mut known = Roots::default();
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
                if known.add(root.clone()) {
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
    let mut dirs = BTreeSet::new();
    let mut pulled = BTreeSet::new();
    for (path, _) in tree.iter() {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        if !FILE_NAMES.contains(&name) {
            continue;
        }
        let Some((is_component, entries)) = pulls(tree, path, cache) else {
            continue;
        };
        if !is_component {
            dirs.insert(dir.to_owned());
        }
        let mut session = Session::new(tree, cache);
        for entry in entries {
            if let Found::Dir(child) = session.find(dir, &entry) {
                pulled.insert(child);
            }
        }
    }
    dirs.difference(&pulled).cloned().collect()
}

/// Whether a kustomization is a component, and what it pulls in.
fn pulls(tree: &Tree, path: &str, cache: &mut Cache) -> Option<(bool, Vec<String>)> {
    let Some(Entry::File(bytes)) = tree.get(path) else {
        return None;
    };
    let documents = cache.documents(path, bytes, Twice::Last);
    let Some(document) = documents.as_ref().as_ref().ok()?.first() else {
        return Some((false, Vec::new()));
    };
    let fields = document.as_map().unwrap_or_default().iter();
    let pulling = fields.filter(|field| {
        ["resources", "bases", "components"]
            .iter()
            .any(|name| field.key.text.eq_ignore_ascii_case(name))
    });
    let entries = pulling
        .flat_map(|field| field.value.as_seq().unwrap_or_default())
        .filter_map(|entry| entry.text().map(str::to_owned));
    Some((document.str_at(&["kind"]) == "Component", entries.collect()))
}
