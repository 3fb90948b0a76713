//! What `render` and `blame` read: a working directory or a commit, a directory in it, Flux's layer on top.

use crate::cli::place;
use crate::repo::local;
use anyhow::Context as _;
use anyhow::bail;
use git2::Oid;
use recant_render::Root;
use recant_render::Tree;
use recant_render::flux::Files;
use recant_render::flux::Kustomization;
use recant_render::yaml::Document;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

/// Where from.
#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// The directory to render; from the repository's root when --repo is given.
    path: PathBuf,
    /// The repository; without it the one PATH is in. Nothing outside of it is read.
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// A commit, branch or tag; without it the working directory as it is.
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
    /// A directory of the repository that nothing is read outside of.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// A file with the Flux Kustomization whose layer is put on top, and, for spec.ignore, its GitRepository.
    #[arg(long, value_name = "FILE")]
    kustomization: Option<PathBuf>,
    /// Values for postBuild.substituteFrom: ConfigMaps and Secrets, or a map of names and values. What is not given
    /// stays as it is written.
    #[arg(long, value_name = "FILE")]
    vars: Option<PathBuf>,
}

/// What was read.
pub(super) struct Read {
    /// Its files.
    pub(super) tree: Tree,
    /// The directory in it.
    pub(super) path: String,
    /// The repository on disk, when there is one.
    pub(super) repo: Option<git2::Repository>,
    /// The commit; `None` for a working directory.
    pub(super) commit: Option<Oid>,
    jailed: bool,
}

impl Source {
    /// Reads the files. What was left out is told to `notes`.
    pub(super) fn read(&self, notes: &mut impl Write) -> anyhow::Result<Read> {
        let mut read = match &self.rev {
            Some(rev) => self.commit(rev)?,
            None => self.directory(notes)?,
        };
        if let Some(root) = &self.root {
            let dir = place::clean(root)?;
            let inside = |path: &str| dir.is_empty() || path == dir || path.starts_with(&format!("{dir}/"));
            if !inside(&read.path) {
                bail!("`{}` lies outside of --root {}", read.path, root.display());
            }
            let kept = read.tree.iter().filter(|(path, _)| inside(path));
            read.tree = Tree::new(kept.map(|(path, entry)| (path.to_owned(), entry.clone())));
            read.jailed = true;
        }
        if !read.path.is_empty() && !read.tree.is_dir(&read.path) {
            bail!("there is no directory `{}` in the repository", read.path);
        }
        Ok(read)
    }

    fn commit(&self, rev: &str) -> anyhow::Result<Read> {
        let (repo, path) = match &self.repo {
            Some(dir) => (local::open(dir)?, place::clean(&self.path)?),
            None => {
                let (top, path) = place::on_disk(None, &self.path)?;
                (local::open(&top)?, path)
            }
        };
        let commit = local::commit(&repo, rev)?;
        Ok(Read {
            tree: local::files(&repo, commit, rev)?,
            path,
            repo: Some(repo),
            commit: Some(commit),
            jailed: false,
        })
    }

    fn directory(&self, notes: &mut impl Write) -> anyhow::Result<Read> {
        let (top, path) = place::on_disk(self.repo.as_deref(), &self.path)?;
        let (tree, skipped) = local::directory(&top)?;
        for file in skipped {
            writeln!(notes, "! {file}")?;
        }
        let repo = local::open(&top).ok();
        // A directory below the repository's own would give other paths than Git has.
        let repo = repo.filter(|repo| {
            let work = repo.workdir().and_then(|work| work.canonicalize().ok());
            work.is_some() && work == top.canonicalize().ok()
        });
        Ok(Read {
            tree,
            path,
            repo,
            commit: None,
            jailed: false,
        })
    }

    /// The root with Flux's layer, if one is given; else what `found` makes of the path.
    pub(super) fn root(
        &self,
        read: &Read,
        found: impl Fn(&Tree, &str) -> anyhow::Result<Root>,
    ) -> anyhow::Result<Root> {
        let mut root = match &self.kustomization {
            None => found(&read.tree, &read.path)?,
            Some(file) => Root {
                path: read.path.clone(),
                flux: Some(kustomization(file)?),
            },
        };
        if let Some(file) = &self.vars {
            let Some(flux) = &mut root.flux else {
                bail!("--vars gives values to a Flux Kustomization; name its file with --kustomization");
            };
            flux.vars = variables(file)?;
        }
        Ok(root)
    }
}

impl Read {
    /// What to say beside the problems of a rendering.
    pub(super) fn hint(&self) -> Option<&'static str> {
        self.jailed.then_some("nothing outside of --root was read")
    }
}

fn documents(file: &Path) -> anyhow::Result<Vec<Value>> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let at = |problem: recant_render::Problem| anyhow::anyhow!(problem.at(&file.display().to_string(), None));
    let documents = Document::read(&bytes).map_err(at)?;
    documents
        .iter()
        .map(Document::json)
        .collect::<Result<_, _>>()
        .map_err(at)
}

fn kustomization(file: &Path) -> anyhow::Result<Kustomization> {
    let values = documents(file)?;
    let mut found = values
        .iter()
        .filter_map(|value| Kustomization::from_json(value).ok());
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(Kustomization {
            files: Files::Commit {
                ignore: ignore_of(&one, &values),
            },
            ..one
        }),
        (None, _) => bail!(
            "{} holds no Flux Kustomization (kustomize.toolkit.fluxcd.io)",
            file.display()
        ),
        (Some(_), Some(_)) => bail!(
            "{} holds several Flux Kustomizations; one is needed",
            file.display()
        ),
    }
}

/// `spec.ignore` of the GitRepository that a Kustomization names, when the same file holds it.
fn ignore_of(flux: &Kustomization, values: &[Value]) -> Option<String> {
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let is_source = |value: &&Value| {
        let id = (text(value, "/kind"), text(value, "/metadata/name"));
        let (kind, namespace, name) = &flux.source;
        let here =
            text(value, "/metadata/namespace").is_none_or(|own| own == *namespace || namespace.is_empty());
        id == (Some(kind.clone()), Some(name.clone())) && here
    };
    text(values.iter().find(is_source)?, "/spec/ignore")
}

/// The values of a file: of ConfigMaps and Secrets as Flux takes them (later ones win), or of a plain map.
fn variables(file: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut out = BTreeMap::new();
    for document in documents(file)? {
        let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
        let part = |name: &str| {
            document
                .get(name)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let (encoded, plain) = match kind {
            "ConfigMap" => (serde_json::Map::new(), part("data")),
            "Secret" => (part("data"), part("stringData")),
            _ => {
                let map = document.as_object().cloned();
                let map = map.with_context(|| format!("{} is no map of names and values", file.display()))?;
                (serde_json::Map::new(), map)
            }
        };
        for (name, value) in encoded {
            let value =
                decoded(&value).with_context(|| format!("{}: `{name}` is no base64 text", file.display()))?;
            out.insert(name, value);
        }
        for (name, value) in plain {
            match value {
                Value::String(text) => out.insert(name, text),
                Value::Bool(_) | Value::Number(_) => out.insert(name, value.to_string()),
                _ => bail!("{}: `{name}` must be a text", file.display()),
            };
        }
    }
    Ok(out)
}

fn decoded(value: &Value) -> Option<String> {
    use base64::Engine as _;
    let text: String = value.as_str()?.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    String::from_utf8(bytes).ok()
}
