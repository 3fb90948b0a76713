//! `recant blame`: for every field of a rendered object, the line it was written on, what it went through, and who last
//! touched that line.

mod field;
mod print;
#[cfg(test)]
mod tests;
mod trail;

use crate::cli::place;
use crate::cli::place::Wanted;
use crate::cli::source::Read;
use crate::cli::source::Source;
use crate::repo::blame::Lines;
use anyhow::bail;
use recant_render::Cache;
use recant_render::Object;
use recant_render::ObjectId;
use recant_render::Rendered;
use recant_render::Root;
use recant_render::Severity;
use recant_render::render_with;
use recant_render::scan;
use serde_json::json;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;
use trail::Told;

/// Says where every field of a rendered object comes from: file and line, the value as it is written there, the
/// transformers it went through, and the commit and author that last touched the line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// The object: Deployment/prod/web.
    #[arg(value_name = "KIND/NS/NAME")]
    target: Wanted,
    /// Only this field and what is below: spec.replicas, `spec.template.spec.containers[name=web].image`, /spec/replicas.
    field: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Explains one object. An error is the user's: a path, object or field that is not there.
pub(super) fn run(args: &Args, out: &mut impl Write, notes: &mut impl Write) -> anyhow::Result<ExitCode> {
    let read = args.source.read(notes)?;
    let root = args.source.root(&read, place::root)?;
    let rendered = rendered(&read, &root, notes)?;
    let object = found(&rendered, &args.target, &root)?;
    let value = object.json();
    let within = args
        .field
        .as_deref()
        .map(|field| field::pointer(field, &value))
        .transpose()?;
    let mut told = trail::told(object, &value, within.as_deref().unwrap_or_default());
    if told.fields.is_empty() && told.deleted.is_empty() {
        let field = args.field.as_deref().unwrap_or_default();
        bail!(
            "{} has no field `{field}`{}",
            object.id(),
            field::near(field, &value)
        );
    }
    attribute(&mut told, &read)?;
    if args.json {
        writeln!(out, "{}", as_json(&told, &object.id(), &root, &read))?;
    } else {
        print::print(&told, &title(&object.id(), &root, &read), print::width(), out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn rendered(read: &Read, root: &Root, notes: &mut impl Write) -> anyhow::Result<Rendered> {
    let mut cache = Cache::default();
    let beyond = scan(&read.tree, root, &mut cache).beyond;
    if let Some(first) = beyond.first() {
        bail!("{first}; what another program renders has no origins");
    }
    let rendered = render_with(&read.tree, root, &mut cache);
    for problem in &rendered.problems {
        if problem.severity == Severity::Warning {
            writeln!(notes, "! {problem}")?;
        } else {
            bail!("{problem}");
        }
    }
    Ok(rendered)
}

fn found<'r>(rendered: &'r Rendered, target: &Wanted, root: &Root) -> anyhow::Result<&'r Object> {
    let id = target.find(rendered)?;
    match id.and_then(|id| rendered.find(&id)) {
        Some(object) => Ok(object),
        None => bail!(
            "`{}` renders no `{target}`; {}",
            named(&root.path),
            target.others(rendered)
        ),
    }
}

/// Finds out who last touched each line.
fn attribute(told: &mut Told, read: &Read) -> anyhow::Result<()> {
    let Some(repo) = &read.repo else { return Ok(()) };
    let mut wanted: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for place in told.places() {
        wanted.entry(place.file.clone()).or_default().insert(place.line);
    }
    let mut lines = Lines::new(repo, read.commit)?;
    let mut touched = BTreeMap::new();
    for (file, wanted) in wanted {
        let bytes = read.tree.bytes(&file).unwrap_or_default();
        let known = lines.touched(&file, bytes, wanted)?;
        touched.insert(file, known);
    }
    told.places_mut(|place| {
        place.text = trail::as_written(&read.tree, place);
        place.touch = touched
            .get(&place.file)
            .and_then(|lines| lines.get(&place.line))
            .cloned();
    });
    Ok(())
}

fn title(id: &ObjectId, root: &Root, read: &Read) -> String {
    let state = match &read.commit {
        Some(commit) => format!("at {}", &commit.to_string()[..8]),
        None => "as on disk".to_owned(),
    };
    let flux = root.flux.as_ref().map_or_else(String::new, |flux| {
        format!(", by Kustomization/{}/{}", flux.namespace, flux.name)
    });
    format!("{id} in {}{flux}, {state}", named(&root.path))
}

fn as_json(told: &Told, id: &ObjectId, root: &Root, read: &Read) -> serde_json::Value {
    json!({
        "object": {
            "apiVersion": id.api_version(), "kind": id.kind, "namespace": id.namespace, "name": id.name,
        },
        "root": named(&root.path),
        "commit": read.commit.map(|commit| commit.to_string()),
        "fields": told.fields.iter().map(trail::Field::json).collect::<Vec<_>>(),
        "deleted": told.deleted.iter().map(trail::Deleted::json).collect::<Vec<_>>(),
    })
}

fn named(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}
