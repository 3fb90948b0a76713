//! Other programs that render: kustomize, kubectl, helm. Found on the PATH, run on a copy of a tree's files.
//!
//! Never here: what comes out of them is taken for more than documents.

use anyhow::Context as _;
use anyhow::bail;
use recant_render::Entry;
use recant_render::Tree;
use recant_render::yaml::Document;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// The longest error of another program that is passed on, in bytes.
const MAX_ERROR: usize = 2_000;

/// What a kustomization may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LoadRestrictor {
    /// Files in or below its own directory, as kustomize does by default.
    #[value(name = "LoadRestrictionsRootOnly")]
    RootOnly,
    /// Every file of the repository, as Flux does.
    #[default]
    #[value(name = "LoadRestrictionsNone")]
    None,
}

impl LoadRestrictor {
    const fn name(self) -> &'static str {
        match self {
            Self::RootOnly => "LoadRestrictionsRootOnly",
            Self::None => "LoadRestrictionsNone",
        }
    }
}

/// The real kustomize, by itself or in kubectl.
#[derive(Clone, Debug)]
pub(super) struct Kustomize {
    program: PathBuf,
    verb: &'static str,
    /// How it is called: `kustomize build`, `kubectl kustomize`.
    pub(super) name: &'static str,
}

impl Kustomize {
    /// The one that is installed.
    pub(super) fn installed() -> Option<Self> {
        let named = |program: &str, verb, name| {
            Some(Self {
                program: on_path(program)?,
                verb,
                name,
            })
        };
        named("kustomize", "build", "kustomize build")
            .or_else(|| named("kubectl", "kustomize", "kubectl kustomize"))
    }

    /// Builds a directory of a tree, unsorted where the program can.
    ///
    /// # Errors
    /// What the program says when it fails.
    pub(super) fn build(
        &self,
        tree: &Tree,
        path: &str,
        restrictor: LoadRestrictor,
    ) -> anyhow::Result<Vec<Value>> {
        let copy = copied(tree)?;
        let mut command = Command::new(&self.program);
        command
            .arg(self.verb)
            .args(["--load-restrictor", restrictor.name()]);
        if let Some(helm) = on_path("helm") {
            command.arg("--enable-helm").arg("--helm-command").arg(helm);
        }
        command.arg(copy.path().join(path));
        let output = run(&mut command, self.name)?;
        documents(&output, self.name)
    }
}

/// What `helm template` makes of a chart in a tree.
///
/// # Errors
/// What helm says when it fails.
pub(super) fn helm_template(
    helm: &Path,
    tree: &Tree,
    chart: &str,
    (name, namespace): (&str, &str),
    values: &Value,
) -> anyhow::Result<Vec<Value>> {
    let copy = copied(tree)?;
    let file = copy.path().join(".recant-values.json");
    fs::write(&file, values.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    let mut command = Command::new(helm);
    command.args(["template", name, "--namespace", namespace, "--values"]);
    command.arg(&file).arg(copy.path().join(chart));
    let output = run(&mut command, "helm template")?;
    documents(&output, "helm template")
}

/// Where a program is, if it is installed.
pub(super) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let all = std::env::split_paths(&path).map(|dir| dir.join(program));
    all.into_iter().find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// A tree as files on disk. Links out of it are left out: the program would follow them.
fn copied(tree: &Tree) -> anyhow::Result<TempDir> {
    let dir = TempDir::new().context("cannot make a temporary directory")?;
    for (path, entry) in tree.iter() {
        let file = dir.path().join(path);
        let failed = || format!("cannot write {}", file.display());
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).with_context(failed)?;
        }
        match entry {
            Entry::File(bytes) => fs::write(&file, bytes).with_context(failed)?,
            Entry::Link(target) if stays_inside(path, target) => {
                std::os::unix::fs::symlink(&**target, &file).with_context(failed)?;
            }
            Entry::Link(_) => {}
        }
    }
    Ok(dir)
}

/// Whether a link of a tree leads nowhere outside of it.
fn stays_inside(path: &str, target: &str) -> bool {
    let mut depth = path.matches('/').count() as i64;
    for part in target.split('/') {
        match part {
            ".." => depth -= 1,
            "" | "." => {}
            _ => depth += 1,
        }
        if depth < 0 {
            return false;
        }
    }
    !target.starts_with('/')
}

fn run(command: &mut Command, name: &str) -> anyhow::Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("cannot run {name}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let told: String = told.trim().chars().take(MAX_ERROR).collect();
    bail!("{name} fails: {told}")
}

fn documents(bytes: &[u8], name: &str) -> anyhow::Result<Vec<Value>> {
    let unread = |problem| anyhow::anyhow!("what {name} prints cannot be read: {problem}");
    let documents = Document::read(bytes).map_err(unread)?;
    let values: Result<Vec<Value>, _> = documents.iter().map(Document::json).collect();
    Ok(values
        .map_err(unread)?
        .into_iter()
        .filter(|value| !value.is_null())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::stays_inside;

    #[test]
    fn links_out_of_the_tree_are_told() {
        let table = [
            ("a/b", "c", true),
            ("a/b", "../c", true),
            ("a/b", "../../c", false),
            ("a", "../c", false),
            ("a", "/etc/passwd", false),
            ("a/b/c", "d/../../../x", true),
            ("a/b", "c/../../../x", false),
        ];
        for (path, target, inside) in table {
            assert_eq!(stays_inside(path, target), inside, "{path} -> {target}");
        }
    }
}
