//! What the offline verbs are pointed at: a repository, a root in it, an object.

use crate::repo::local;
use anyhow::Context as _;
use anyhow::bail;
use recant_render::Cache;
use recant_render::ObjectId;
use recant_render::Rendered;
use recant_render::Root;
use recant_render::Tree;
use recant_render::roots_with;
use std::path::Path;
use std::path::PathBuf;

/// A path in a repository as the tree names it: relative to its root, without `.` and `..`.
pub(super) fn clean(path: &Path) -> anyhow::Result<String> {
    let mut parts: Vec<&str> = Vec::new();
    let text = path
        .to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))?;
    for part in text.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            parts
                .pop()
                .with_context(|| format!("{text} leads out of the repository"))?;
        } else {
            parts.push(part);
        }
    }
    Ok(parts.join("/"))
}

/// The root at a path, with Flux's layer when a Flux Kustomization of the tree deploys it.
pub(super) fn root(tree: &Tree, path: &str) -> anyhow::Result<Root> {
    root_with(tree, path, &mut Cache::default())
}

/// The same, with what other renderings have parsed already.
pub(super) fn root_with(tree: &Tree, path: &str, cache: &mut Cache) -> anyhow::Result<Root> {
    if !path.is_empty() && !tree.is_dir(path) {
        bail!("there is no directory `{path}` in the repository; name the directory of a root");
    }
    let all = roots_with(tree, cache);
    let deployed = all.iter().find(|root| root.path == path).cloned();
    Ok(deployed.unwrap_or_else(|| Root {
        path: path.to_owned(),
        flux: None,
    }))
}

/// The directory on disk that is rendered from, and the path to render in it.
///
/// Without `repo` it is the Git repository that the path is in; without one, the current directory when the path is
/// below it, else the path itself.
pub(super) fn on_disk(repo: Option<&Path>, path: &Path) -> anyhow::Result<(PathBuf, String)> {
    if let Some(dir) = repo {
        let top = local::open(dir)
            .ok()
            .and_then(|git| git.workdir().map(Path::to_owned));
        return Ok((top.unwrap_or_else(|| dir.to_owned()), clean(path)?));
    }
    let full = std::path::absolute(path)?
        .canonicalize()
        .with_context(|| format!("there is no directory {}", path.display()))?;
    let git = local::open(&full)
        .ok()
        .and_then(|git| git.workdir().map(Path::to_owned));
    let here = std::env::current_dir()?.canonicalize()?;
    let top = match git {
        Some(top) => top.canonicalize()?,
        None if full.starts_with(&here) => here,
        None => full.clone(),
    };
    let below = full.strip_prefix(&top).unwrap_or(Path::new("")).to_owned();
    Ok((top, clean(&below)?))
}

/// `KIND/NAMESPACE/NAME`, or `KIND/NAME` where that is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    kind: String,
    namespace: Option<String>,
    name: String,
}

impl std::str::FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match *parts {
            [kind, namespace, name] => (kind, Some(namespace), name),
            [kind, name] => (kind, None, name),
            _ => return Err("name it as KIND/NAMESPACE/NAME or KIND/NAME".to_owned()),
        };
        if kind.is_empty() || name.is_empty() {
            return Err("kind and name must not be empty; name it as KIND/NAMESPACE/NAME".to_owned());
        }
        Ok(Self {
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

impl Wanted {
    /// The one rendered object that is meant. An object whose namespace is left to whoever applies it is found by any.
    pub(super) fn find(&self, rendered: &Rendered) -> anyhow::Result<Option<ObjectId>> {
        let ids = rendered.objects.iter().map(recant_render::Object::id);
        let named: Vec<ObjectId> = ids
            .filter(|id| id.kind.eq_ignore_ascii_case(&self.kind) && id.name == self.name)
            .collect();
        let in_namespace = |wanted: &str| {
            let all = named.iter().filter(|id| id.namespace == wanted);
            all.cloned().collect::<Vec<_>>()
        };
        let found = match &self.namespace {
            None => named,
            Some(namespace) => match in_namespace(namespace) {
                exact if !exact.is_empty() => exact,
                _ => in_namespace(""),
            },
        };
        if let [first, second, ..] = found.as_slice() {
            let (a, b) = (told(first), told(second));
            bail!("`{self}` is not one object but several: {a}, {b}; name its namespace");
        }
        Ok(found.into_iter().next())
    }

    /// What there is of that kind, or of any, to choose from instead.
    pub(super) fn others(&self, rendered: &Rendered) -> String {
        let ids: Vec<ObjectId> = rendered.objects.iter().map(recant_render::Object::id).collect();
        let same = |id: &&ObjectId| id.kind.eq_ignore_ascii_case(&self.kind);
        let near: Vec<String> = ids.iter().filter(same).take(8).map(ToString::to_string).collect();
        let any = ids.iter().take(8).map(ToString::to_string).collect();
        let listed: Vec<String> = if near.is_empty() { any } else { near };
        match listed.len() {
            0 => "nothing is rendered there".to_owned(),
            _ => format!("there is {}", listed.join(", ")),
        }
    }
}

fn told(id: &ObjectId) -> String {
    format!("{id} ({})", id.api_version())
}
