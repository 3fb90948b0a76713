//! `recant render`: what a directory of a repository renders to, as a stream of YAML documents.

use crate::cli::compare;
use crate::cli::program::Kustomize;
use crate::cli::program::LoadRestrictor;
use crate::cli::source::Read;
use crate::cli::source::Source;
use anyhow::Context as _;
use anyhow::bail;
use recant_core::yaml;
use recant_render::Cache;
use recant_render::Object;
use recant_render::Problem;
use recant_render::Rendered;
use recant_render::Root;
use recant_render::Severity;
use recant_render::render_with;
use recant_render::scan;
use recant_render::yaml::Document;
use serde_json::Value;
use std::io::Write;
use std::process::ExitCode;

/// What stands before an object that another program rendered.
const UNAVAILABLE: &str = "# origins: unavailable\n";

/// Renders a directory as Flux would (`kustomize build --load-restrictor LoadRestrictionsNone`, unsorted).
///
/// What is out of scope (remote bases, charts, plugins) goes to the kustomize or kubectl that is installed; where each
/// field came from is then not known, and every object says so.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// The order of the objects: that of the files, as Flux has it, or that of `kustomize build`.
    #[arg(long, value_enum, default_value = "none")]
    reorder: Reorder,
    /// What a kustomization may read.
    #[arg(long, value_enum, default_value = "LoadRestrictionsNone")]
    load_restrictor: LoadRestrictor,
    /// Render with the kustomize or kubectl that is installed, too, and fail when they differ.
    #[arg(long)]
    paranoid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Reorder {
    None,
    Legacy,
}

/// Prints the documents to `out`, and warnings to `notes`.
pub(super) fn run(args: &Args, out: &mut impl Write, notes: &mut impl Write) -> anyhow::Result<ExitCode> {
    let read = args.source.read(notes)?;
    let root = args.source.root(&read, |_, path| {
        Ok(Root {
            path: path.to_owned(),
            flux: None,
        })
    })?;
    let mut cache = Cache::default();
    let scope = scan(&read.tree, &root, &mut cache);
    if args.load_restrictor == LoadRestrictor::RootOnly && !scope.restricted.is_empty() {
        tell(&scope.restricted, &read, notes)?;
        return Ok(ExitCode::FAILURE);
    }
    if !scope.beyond.is_empty() {
        return elsewhere(args, &read, &root, &scope.beyond, (out, notes));
    }
    let mut rendered = render_with(&read.tree, &root, &mut cache);
    tell(&rendered.problems, &read, notes)?;
    if !rendered.ok() {
        return Ok(ExitCode::FAILURE);
    }
    if args.paranoid {
        let same = compared(args, &read, &root, &rendered, notes)?;
        if !same {
            return Ok(ExitCode::FAILURE);
        }
    }
    if args.reorder == Reorder::Legacy {
        rendered.sort_legacy();
    }
    let texts: Vec<String> = rendered
        .objects
        .iter()
        .map(|object| document(&object.json()))
        .collect();
    out.write_all(texts.join("---\n").as_bytes())
        .context("cannot print")?;
    Ok(ExitCode::SUCCESS)
}

fn tell(problems: &[Problem], read: &Read, notes: &mut impl Write) -> anyhow::Result<()> {
    for problem in problems {
        let mark = if problem.severity == Severity::Warning {
            "!"
        } else {
            "✗"
        };
        writeln!(notes, "{mark} {problem}")?;
    }
    let failed = problems.iter().any(|p| p.severity != Severity::Warning);
    if let Some(hint) = read.hint().filter(|_| failed) {
        writeln!(notes, "  {hint}")?;
    }
    Ok(())
}

/// Has another program render what is out of scope here.
fn elsewhere(
    args: &Args,
    read: &Read,
    root: &Root,
    beyond: &[Problem],
    (out, notes): (&mut impl Write, &mut impl Write),
) -> anyhow::Result<ExitCode> {
    for problem in beyond {
        writeln!(notes, "! {problem}")?;
    }
    if root.flux.is_some() {
        bail!(
            "Flux's layer can only be put on what is rendered here; take out what is named above, or render without --kustomization"
        );
    }
    let Some(program) = Kustomize::installed() else {
        bail!(
            "this needs kustomize or kubectl, and neither is on the PATH; install one, or take out what is named above"
        );
    };
    writeln!(notes, "! rendered by {}: origins are unavailable", program.name)?;
    let objects = program.build(&read.tree, &read.path, args.load_restrictor)?;
    let texts: Vec<String> = objects
        .iter()
        .map(|object| format!("{UNAVAILABLE}{}", document(object)))
        .collect();
    out.write_all(texts.join("---\n").as_bytes())
        .context("cannot print")?;
    Ok(ExitCode::SUCCESS)
}

/// Whether the program that is installed renders the same.
fn compared(
    args: &Args,
    read: &Read,
    root: &Root,
    rendered: &Rendered,
    notes: &mut impl Write,
) -> anyhow::Result<bool> {
    if root.flux.is_some() {
        bail!(
            "--paranoid compares with kustomize, which knows no Flux Kustomization; leave --kustomization out"
        );
    }
    let Some(program) = Kustomize::installed() else {
        bail!("--paranoid needs kustomize or kubectl, and neither is on the PATH");
    };
    let ours: Vec<Value> = rendered.objects.iter().map(Object::json).collect();
    let theirs = program.build(&read.tree, &read.path, args.load_restrictor)?;
    let told = compare::differences(&ours, &theirs, ("recant", program.name));
    for line in &told {
        writeln!(notes, "✗ {line}")?;
    }
    if told.is_empty() {
        writeln!(
            notes,
            "✔ {} renders the same {} objects",
            program.name,
            ours.len()
        )?;
    }
    Ok(told.is_empty())
}

/// One object. One that would not be read again as the same is written as JSON, which is YAML too.
fn document(value: &Value) -> String {
    let text = yaml::document(value);
    let again = Document::read(text.as_bytes()).ok();
    let same = again.is_some_and(|docs| docs.len() == 1 && docs[0].json().as_ref() == Ok(value));
    if same { text } else { format!("{value}\n") }
}
