//! `recant render`: what a directory of a repository renders to, as a stream of YAML documents.

use crate::cli::place;
use crate::repo::local;
use anyhow::Context as _;
use anyhow::bail;
use recant_core::yaml;
use recant_render::Rendered;
use recant_render::Root;
use recant_render::Severity;
use recant_render::Tree;
use recant_render::flux::Kustomization;
use recant_render::render;
use recant_render::yaml::Document;
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

/// Renders a directory as Flux would (`kustomize build --load-restrictor LoadRestrictionsNone`, unsorted).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directory to render; from the repository's root when --repo is given.
    path: PathBuf,
    /// The repository; without it the one PATH is in. Nothing outside of it is read.
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// A commit, branch or tag; without it the working directory as it is.
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
    /// A file with the Flux Kustomization whose layer is put on top.
    #[arg(long, value_name = "FILE")]
    kustomization: Option<PathBuf>,
}

/// Prints the documents to `out`, and warnings to `notes`.
pub(super) fn run(args: &Args, out: &mut impl Write, notes: &mut impl Write) -> anyhow::Result<ExitCode> {
    let (tree, path) = tree(args, notes)?;
    if !path.is_empty() && !tree.is_dir(&path) {
        bail!("there is no directory `{path}` in the repository");
    }
    let flux = args.kustomization.as_deref().map(kustomization).transpose()?;
    let rendered = render(&tree, &Root { path, flux });
    for problem in &rendered.problems {
        let mark = if problem.severity == Severity::Warning {
            "!"
        } else {
            "✗"
        };
        writeln!(notes, "{mark} {problem}")?;
    }
    if !rendered.ok() {
        return Ok(ExitCode::FAILURE);
    }
    out.write_all(stream(&rendered).as_bytes())
        .context("cannot print")?;
    Ok(ExitCode::SUCCESS)
}

fn tree(args: &Args, notes: &mut impl Write) -> anyhow::Result<(Tree, String)> {
    let Some(rev) = &args.rev else {
        let (top, path) = place::on_disk(args.repo.as_deref(), &args.path)?;
        let (tree, skipped) = local::directory(&top)?;
        for file in skipped {
            writeln!(notes, "! {file}")?;
        }
        return Ok((tree, path));
    };
    match &args.repo {
        Some(dir) => Ok((
            local::revision(&local::open(dir)?, rev)?,
            place::clean(&args.path)?,
        )),
        None => {
            let (top, path) = place::on_disk(None, &args.path)?;
            Ok((local::revision(&local::open(&top)?, rev)?, path))
        }
    }
}

fn kustomization(file: &Path) -> anyhow::Result<Kustomization> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let at = |problem: recant_render::Problem| anyhow::anyhow!(problem.at(&file.display().to_string(), None));
    let documents = Document::read(&bytes).map_err(at)?;
    let values: Vec<Value> = documents
        .iter()
        .map(Document::json)
        .collect::<Result<_, _>>()
        .map_err(at)?;
    let mut found = values
        .iter()
        .filter_map(|value| Kustomization::from_json(value).ok());
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
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

/// The objects as a stream. One that would not be read again as the same is written as JSON, which is YAML too.
fn stream(rendered: &Rendered) -> String {
    let texts: Vec<String> = rendered
        .objects
        .iter()
        .map(|object| document(&object.json()))
        .collect();
    texts.join("---\n")
}

fn document(value: &Value) -> String {
    let text = yaml::document(value);
    let again = Document::read(text.as_bytes()).ok();
    let same = again.is_some_and(|docs| docs.len() == 1 && docs[0].json().as_ref() == Ok(value));
    if same { text } else { format!("{value}\n") }
}
