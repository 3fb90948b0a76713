//! What of a root only other programs can do, and what a load restriction forbids: found before rendering, by reading
//! the kustomizations it is made of and nothing else.

#[cfg(test)]
mod tests;

use crate::Root;
use crate::Tree;
use crate::accumulate;
use crate::cache::Cache;
use crate::inline;
use crate::kustomization;
use crate::kustomization::Decode;
use crate::kustomization::Kustomization;
use crate::kustomization::decode::Text;
use crate::problem::Problem;
use crate::problem::Severity;
use crate::session::Found;
use crate::session::Session;
use crate::session::is_remote;
use crate::session::remote;
use crate::yaml::parse;
use crate::yaml::parse::Twice;
use std::collections::BTreeSet;

/// What a scan found.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// What is not rendered here: remote bases and files, charts that are inflated, plugins and functions.
    pub beyond: Vec<Problem>,
    /// What `LoadRestrictionsRootOnly`, kustomize's default, does not let a kustomization read: files that are not in
    /// or below its own directory. Flux has no such restriction.
    pub restricted: Vec<Problem>,
}

/// Reads the kustomizations that a root is made of.
pub fn scan(tree: &Tree, root: &Root, cache: &mut Cache) -> Scope {
    let mut scan = Scan {
        session: Session::new(tree, cache),
        seen: BTreeSet::new(),
        scope: Scope::default(),
    };
    if let Found::Dir(dir) = scan.session.find("", root.path.trim_start_matches('/')) {
        match &root.flux {
            Some(_) => scan.deployed(&dir),
            None => scan.directory(&dir, Decode::Strict),
        }
    }
    let mut scope = scan.scope;
    let unsupported = |problem: &Problem| problem.severity == Severity::Unsupported;
    scope
        .beyond
        .extend(scan.session.problems.into_iter().filter(unsupported));
    scope
}

struct Scan<'t> {
    session: Session<'t>,
    seen: BTreeSet<String>,
    scope: Scope,
}

impl Scan<'_> {
    /// The path of a Flux Kustomization: where it has no kustomization, those that lie topmost below it.
    fn deployed(&mut self, dir: &str) {
        match kustomization::find_file(&mut self.session, dir) {
            Ok(None) => {
                for entry in crate::flux::layer::generate(&mut self.session, dir).resources {
                    if let Found::Dir(child) = self.session.find(dir, &entry.text) {
                        self.directory(&child, Decode::Strict);
                    }
                }
            }
            _ => self.directory(dir, Decode::Flux),
        }
    }

    fn directory(&mut self, dir: &str, decode: Decode) {
        if !self.seen.insert(dir.to_owned()) {
            return;
        }
        let Ok(Some(file)) = kustomization::find_file(&mut self.session, dir) else {
            return;
        };
        let Some(k) = kustomization::read(&mut self.session, &file, decode) else {
            return;
        };
        for (field, origin) in &k.unsupported {
            self.session.problem(accumulate::unsupported(field), *origin);
        }
        for entry in k.resources.iter().chain(&k.components) {
            match self.session.find(dir, &entry.text) {
                Found::Dir(child) => self.directory(&child, Decode::Strict),
                Found::Missing if is_remote(&entry.text) => {
                    self.session.problem(remote(&entry.text), entry.origin)
                }
                _ => self.restrict(dir, entry),
            }
        }
        for entry in files(&k) {
            let path = entry
                .text
                .split_once('=')
                .map_or(entry.text.as_str(), |(_, path)| path);
            if self.session.find(dir, path) == Found::Missing && is_remote(path) {
                self.session.problem(remote(path), entry.origin);
            }
            self.restrict(dir, entry);
        }
        for entry in &k.transformers {
            self.transformer(dir, entry);
        }
    }

    /// Only configurations of kustomize's own transformers are run here.
    fn transformer(&mut self, dir: &str, entry: &Text) {
        let documents = if entry.text.contains('\n') {
            let place = inline::place(&self.session, entry);
            parse::documents(entry.text.as_bytes(), &place, Twice::Fault).unwrap_or_default()
        } else {
            match self.session.find(dir, &entry.text) {
                Found::File(path) => self.session.documents(&path).unwrap_or_default(),
                Found::Dir(_) => {
                    self.session
                        .problem(accumulate::unsupported("transformers"), entry.origin);
                    return;
                }
                Found::Missing if is_remote(&entry.text) => {
                    self.session.problem(remote(&entry.text), entry.origin);
                    return;
                }
                _ => return,
            }
        };
        for document in documents
            .iter()
            .filter(|d| d.str_at(&["apiVersion"]) != "builtin")
        {
            let kind = document.str_at(&["kind"]);
            let problem = Problem::unsupported(format!(
                "transformer {kind} is a plugin; use the kustomize binary"
            ));
            self.session.problem(problem, document.origin);
        }
    }

    fn restrict(&mut self, dir: &str, entry: &Text) {
        let path = entry
            .text
            .split_once('=')
            .map_or(entry.text.as_str(), |(_, path)| path);
        let Found::File(file) = self.session.find(dir, path) else {
            return;
        };
        if dir.is_empty() || file.starts_with(&format!("{dir}/")) {
            return;
        }
        let problem = Problem::error(format!(
            "`{file}` is not in or below `{dir}`; LoadRestrictionsRootOnly forbids to read it"
        ));
        let place = self
            .session
            .arena
            .place(entry.origin)
            .map(|(file, line)| (file.to_owned(), line));
        self.scope.restricted.push(match place {
            Some((file, line)) => problem.at(&file, Some(line)),
            None => problem,
        });
    }
}

/// The files that a kustomization names beside its resources.
fn files(k: &Kustomization) -> Vec<&Text> {
    let patches = k
        .patches
        .iter()
        .chain(&k.patches_json6902)
        .map(|patch| &patch.path);
    let generators = k.config_map_generator.iter().chain(&k.secret_generator);
    let generated = generators.flat_map(|g| g.files.iter().chain(&g.envs));
    let named = k
        .configurations
        .iter()
        .chain(&k.patches_strategic_merge)
        .chain(&k.transformers);
    patches
        .chain(generated)
        .chain(named)
        .filter(|text| !text.is_empty() && !text.text.contains('\n'))
        .collect()
}
