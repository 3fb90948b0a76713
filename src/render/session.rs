//! What one rendering carries along: the tree it reads, the arena it fills, the problems it finds.

use crate::accumulate::Built;
use crate::cache::Cache;
use crate::flux::ignore::Ignore;
use crate::origin::Arena;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::tree::Entry;
use crate::tree::Tree;
use crate::yaml::Node;
use crate::yaml::parse::Twice;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// How many symbolic links one path may go through.
const MAX_LINKS: usize = 40;

/// How many kustomization directories one rendering may build, repeats included.
const MAX_DIRECTORIES: usize = 20_000;

/// How deep kustomizations may pull one another in.
const MAX_CHAIN: usize = 128;

/// How many values transformers may copy in one rendering.
const MAX_COPIED: usize = 2_000_000;

/// How deep a value may be nested after transformers have put it somewhere.
const MAX_DEPTH: usize = 300;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    File(String),
    Dir(String),
    Missing,
    /// In the tree, but left out of Flux's artifact.
    Left,
    /// Through `..` or a link, out of the tree.
    Outside,
    /// Links in a circle.
    Loop,
}

pub(crate) struct Session<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) cache: &'t mut Cache,
    pub(crate) arena: Arena,
    pub(crate) problems: Vec<Problem>,
    pub(crate) reads: BTreeSet<String>,
    /// What Flux leaves out of the tree.
    pub(crate) ignore: Option<Ignore>,
    /// Directories that several kustomizations pull in, as they were built.
    pub(crate) built: BTreeMap<String, Built>,
    /// The directories that were entered, in order.
    entered: Vec<String>,
    copied: usize,
}

impl<'t> Session<'t> {
    pub(crate) fn new(tree: &'t Tree, cache: &'t mut Cache) -> Self {
        Self {
            tree,
            cache,
            arena: Arena::default(),
            problems: Vec::new(),
            reads: BTreeSet::new(),
            ignore: None,
            built: BTreeMap::new(),
            entered: Vec::new(),
            copied: 0,
        }
    }

    /// Records a problem, at the place an origin leads to unless it has one.
    pub(crate) fn problem(&mut self, problem: Problem, at: OriginId) {
        let problem = match self.arena.place(at) {
            Some((file, line)) => problem.at(file, Some(line)),
            None => problem,
        };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Records what went wrong, if anything did.
    pub(crate) fn check(&mut self, result: Result<(), Problem>, at: OriginId) {
        if let Err(problem) = result {
            self.problem(problem, at);
        }
    }

    /// Whether one more directory may be built, at the end of a chain of that length.
    pub(crate) fn enter(&mut self, path: &str, chain: usize) -> Result<(), Problem> {
        self.entered.push(path.to_owned());
        if chain > MAX_CHAIN {
            return Err(Problem::unsupported(format!(
                "kustomizations pull one another in {MAX_CHAIN} deep"
            )));
        }
        if self.entered.len() > MAX_DIRECTORIES {
            return Err(Problem::unsupported(format!(
                "more than {MAX_DIRECTORIES} kustomizations to build; the same ones are pulled in again and again"
            )));
        }
        Ok(())
    }

    /// The directories that were entered, in order.
    pub(crate) fn entered(&self) -> &[String] {
        &self.entered
    }

    /// Whether a value may be copied to a place `depth` levels deep.
    pub(crate) fn copy(&mut self, value: &Node, depth: usize) -> Result<(), Problem> {
        let (size, nested) = value.extent();
        self.copied += size;
        if self.copied > MAX_COPIED {
            return Err(Problem::unsupported("patches and replacements copy too much"));
        }
        if depth + nested > MAX_DEPTH {
            return Err(Problem::unsupported(format!(
                "values would be nested more than {MAX_DEPTH} deep"
            )));
        }
        Ok(())
    }

    /// What stands at `path`, seen from `dir`; symbolic links followed, everything looked at noted.
    pub(crate) fn find(&mut self, dir: &str, path: &str) -> Found {
        let path = match self.follow(dir, path) {
            Ok(path) => path,
            Err(found) => return found,
        };
        let found = if self.tree.bytes(&path).is_some() {
            if self.is_ignored(&path) {
                Found::Left
            } else {
                Found::File(path.clone())
            }
        } else if path.is_empty() || self.tree.is_dir(&path) {
            return Found::Dir(path);
        } else {
            Found::Missing
        };
        self.reads.insert(path);
        found
    }

    /// The path from the root of the tree, without `.`, `..` and links. An error is what stands there instead.
    fn follow(&mut self, dir: &str, path: &str) -> Result<String, Found> {
        let mut todo: Vec<String> = parts(path);
        todo.reverse();
        let mut here = parts(dir);
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == ".." {
                here.pop().ok_or(Found::Outside)?;
                continue;
            }
            here.push(part);
            let Some(target) = self.link(&here) else { continue };
            if self.ignore.is_some() {
                return Err(Found::Left);
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(Found::Loop);
            }
            if target.starts_with('/') {
                return Err(Found::Outside);
            }
            here.pop();
            todo.extend(parts(target).into_iter().rev());
        }
        Ok(here.join("/"))
    }

    /// The target of a symbolic link.
    fn link(&mut self, at: &[String]) -> Option<&'t str> {
        if !self.tree.may_have_links() {
            return None;
        }
        let path = at.join("/");
        let Some(Entry::Link(target)) = self.tree.get(&path) else {
            return None;
        };
        self.reads.insert(path);
        Some(target)
    }

    /// Whether a file of the tree does not reach Flux's artifact.
    pub(crate) fn is_ignored(&mut self, path: &str) -> bool {
        let Some(ignore) = &self.ignore else { return false };
        self.reads.extend(Ignore::files(path));
        ignore.hides(self.tree, path)
    }

    /// The bytes of a file, seen from `dir`, and its path.
    pub(crate) fn load(&mut self, dir: &str, path: &str) -> Result<(String, &'t [u8]), Problem> {
        match self.find(dir, path) {
            Found::File(path) => match self.tree.bytes(&path) {
                Some(bytes) => Ok((path, bytes)),
                None => Err(Problem::error(format!("`{path}` cannot be read"))),
            },
            Found::Dir(_) => Err(Problem::error(format!(
                "`{path}` is a directory; a file is needed"
            ))),
            Found::Missing if is_remote(path) => Err(remote(path)),
            Found::Missing => Err(Problem::error(format!(
                "there is no file `{path}`; add it or take the entry out"
            ))),
            Found::Left => Err(left(path)),
            Found::Outside => Err(Problem::error(format!("`{path}` leads out of the repository"))),
            Found::Loop => Err(Problem::error(format!(
                "`{path}` goes through symbolic links in a circle"
            ))),
        }
    }

    /// The documents of a file of resources.
    pub(crate) fn documents(&mut self, path: &str) -> Result<Vec<Node>, Problem> {
        self.parse(path, Twice::Fault)
    }

    /// The documents of a file; how keys that stand twice count depends on what it is read as.
    pub(crate) fn parse(&mut self, path: &str, twice: Twice) -> Result<Vec<Node>, Problem> {
        let Some(Entry::File(bytes)) = self.tree.get(path) else {
            return Err(Problem::error(format!("`{path}` cannot be read")));
        };
        let file = self.arena.file(path);
        match self.cache.documents(path, bytes, twice).as_ref() {
            Ok(documents) => Ok(documents.iter().map(|d| d.in_file(file)).collect()),
            Err(fault) => Err(Problem::error(fault.message.clone()).at(path, Some(fault.line))),
        }
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|p| !p.is_empty() && *p != ".")
        .map(str::to_owned)
        .collect()
}

/// The problem of what is in the repository, but not where Flux builds.
pub(crate) fn left(path: &str) -> Problem {
    Problem::error(format!(
        "Flux leaves `{path}` out of its artifact: it is a symbolic link, or .sourceignore or spec.ignore of the \
         GitRepository name it"
    ))
}

/// Whether a resource that is not in the tree names something on the network.
pub(crate) fn is_remote(path: &str) -> bool {
    path.contains("://")
        || path.starts_with("git@")
        || path.starts_with("git::")
        || path.contains("?ref=")
        || path.contains("//")
        || path.contains(".git/")
        || path.ends_with(".git")
        || path.starts_with("github.com/")
        || path.starts_with("github.com:")
        || path.starts_with("gh:")
}

/// The problem of what would have to be fetched.
pub(crate) fn remote(path: &str) -> Problem {
    Problem::unsupported(format!(
        "`{path}` is remote; it is not fetched here, render with the kustomize binary"
    ))
}
