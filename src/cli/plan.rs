//! `recant plan`: the smallest proved revert, offline. The diff goes to stdout, what is to be said of it to stderr.

use crate::cli::place;
use crate::cli::place::Wanted;
use crate::repo::local;
use anyhow::bail;
use recant_core::proof;
use recant_core::proof::Collateral;
use recant_core::proof::Proof;
use recant_core::revert::Form;
use recant_core::revert::FormPolicy;
use recant_core::revert::NoPlan;
use recant_core::revert::Plan;
use recant_core::revert::Undo;
use recant_core::revert::plan;
use recant_render::Object;
use recant_render::ObjectId;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;
use serde_json::Value;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Finds the smallest edit that brings one object back to its good state, and proves that nothing else moves.
///
/// The diff on stdout is for `git apply`. Exit code 0: proved. 3: there is an edit, but others move with it. 4: nothing
/// to revert. 5: Git cannot say it. 1: an error.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The repository.
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// The last good commit, branch or tag.
    #[arg(long, value_name = "REV")]
    good: String,
    /// What is to be edited.
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    head: String,
    /// The directory that renders the object, from the repository's root.
    #[arg(long, value_name = "PATH")]
    path: PathBuf,
    /// The object: Deployment/prod/web.
    #[arg(long = "for", value_name = "KIND/NS/NAME")]
    target: Wanted,
    /// Smallest: undo the lines, or pin the object in its own kustomization when the lines serve others too.
    #[arg(long, value_enum, default_value = "smallest")]
    form: FormArg,
    /// Another directory that is deployed, though nothing in the repository says so; may be repeated.
    #[arg(long = "root", value_name = "PATH")]
    roots: Vec<PathBuf>,
    /// Leave the marker of Flux image automation in the lines that go back: it will write them again.
    #[arg(long)]
    no_hold: bool,
    /// Print everything as one JSON object instead of the diff.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FormArg {
    Smallest,
    Pin,
    Shared,
}

impl From<FormArg> for FormPolicy {
    fn from(form: FormArg) -> Self {
        match form {
            FormArg::Smallest => Self::Smallest,
            FormArg::Pin => Self::PreferPin,
            FormArg::Shared => Self::SharedOnly,
        }
    }
}

/// What was asked, looked up.
struct Job {
    good: Tree,
    head: Tree,
    root: Root,
    target: ObjectId,
    more_roots: Vec<Root>,
}

/// Plans, proves and prints. An error is the user's: a repository, revision, path or object that is not there.
pub(super) fn run(args: &Args, out: &mut impl Write, notes: &mut impl Write) -> anyhow::Result<ExitCode> {
    let job = look_up(args)?;
    let mut undo = Undo::new(&job.good, &job.head, &job.root, &job.target);
    undo.form = args.form.into();
    undo.hold_automation = !args.no_hold;
    undo.more_roots = &job.more_roots;
    let plan = match plan(&undo) {
        Ok(plan) => plan,
        Err(none) => return no_plan(args, &job, &none, out, notes),
    };
    let proof = prove(&job, &plan);
    let code = if proof.holds() { 0 } else { 3 };
    if args.json {
        writeln!(out, "{}", told(&job, &plan, &proof, code))?;
    } else {
        out.write_all(&plan.patch(&job.head))?;
        words(&job, &plan, &proof, notes)?;
    }
    Ok(ExitCode::from(code))
}

fn look_up(args: &Args) -> anyhow::Result<Job> {
    let repo = local::open(&args.repo)?;
    let [good, head] = local::revisions(&repo, [&args.good, &args.head])?;
    let root = place::root(&head, &place::clean(&args.path)?)?;
    let (was, is) = (render(&good, &root), render(&head, &root));
    let target = match args.target.find(&was)? {
        Some(id) => id,
        None => match args.target.find(&is)? {
            Some(id) => id,
            // What does not render says itself what is wrong with it, in the planner's words.
            None if !was.ok() || !is.ok() => bail!(
                "`{}` is not found in `{}`: {}",
                args.target,
                root.path,
                was.problems
                    .iter()
                    .chain(&is.problems)
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; ")
            ),
            None => bail!(
                "`{}` renders no `{}`; {}",
                if root.path.is_empty() { "." } else { &root.path },
                args.target,
                args.target.others(&was)
            ),
        },
    };
    let more = |path: &PathBuf| place::root(&head, &place::clean(path)?);
    let more_roots = args.roots.iter().map(more).collect::<anyhow::Result<_>>()?;
    Ok(Job {
        good,
        head,
        root,
        target,
        more_roots,
    })
}

fn prove(job: &Job, plan: &Plan) -> Proof {
    let want = render(&job.good, &job.root)
        .find(&job.target)
        .map(Object::json)
        .unwrap_or_default();
    let after = plan.apply(&job.head);
    proof::prove(&job.head, &after, &want, &job.root, &job.target, &job.more_roots)
}

fn no_plan(
    args: &Args,
    job: &Job,
    none: &NoPlan,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let (verdict, code) = match none {
        NoPlan::NothingToRevert => ("nothingToRevert", 4),
        NoPlan::NotInGit { .. } => ("notInGit", 5),
        NoPlan::Absent { .. } => ("absent", 5),
        NoPlan::GaveUp { .. } => ("gaveUp", 5),
        NoPlan::Unrenderable { .. } => bail!("{none}"),
    };
    if args.json {
        let why = none.to_string();
        let object = job.target.to_string();
        writeln!(
            out,
            "{}",
            json!({ "verdict": verdict, "exit": code, "object": object, "why": why })
        )?;
    } else {
        writeln!(notes, "{none}")?;
    }
    Ok(ExitCode::from(code))
}

/// Everything, for tools.
fn told(job: &Job, plan: &Plan, proof: &Proof, code: u8) -> Value {
    let collateral = |c: &Collateral| {
        json!({
            "root": c.root,
            "group": c.object.group,
            "kind": c.object.kind,
            "namespace": c.object.namespace,
            "name": c.object.name,
            "sibling": c.sibling,
        })
    };
    json!({
        "verdict": if proof.holds() { "proved" } else { "notSeparable" },
        "exit": code,
        "object": job.target.to_string(),
        "root": job.root.path,
        "form": plan.form,
        "files": plan.files.keys().collect::<Vec<_>>(),
        "lines": plan.lines,
        "linesAdded": plan.lines_added(),
        "linesRemoved": plan.lines_removed(),
        "fields": plan.leaves,
        "proof": {
            "holds": proof.holds(),
            "restored": proof.restored,
            "roots": proof.roots,
            "collateral": proof.collateral.iter().map(collateral).collect::<Vec<_>>(),
            "doubts": proof.doubts,
        },
        "automation": plan.automation,
        "kept": plan.kept,
        "notes": plan.notes,
        "renders": plan.renders,
        "diff": plan.diff(&job.head),
    })
}

/// What and why, for people.
fn words(job: &Job, plan: &Plan, proof: &Proof, notes: &mut impl Write) -> anyhow::Result<()> {
    let value = |v: &Option<Value>| v.as_ref().map_or_else(|| "(absent)".to_owned(), plain);
    writeln!(notes, "{} in {}", job.target, named(&job.root.path))?;
    for leaf in &plan.leaves {
        writeln!(
            notes,
            "  {}: {} → {}",
            leaf.pointer,
            value(&leaf.head),
            value(&leaf.good)
        )?;
    }
    let form = match plan.form {
        Form::Revert => "revert",
        Form::Pin => "pin",
    };
    writeln!(notes, "{form}: {}", counted(plan.lines.len(), "line"))?;
    let mut places: Vec<String> = plan
        .lines
        .iter()
        .map(|l| format!("{}:{}", l.file, l.head_line))
        .collect();
    places.dedup();
    for place in places {
        writeln!(notes, "  {place}")?;
    }
    for note in &plan.notes {
        writeln!(notes, "note: {note}")?;
    }
    for line in &plan.automation {
        writeln!(notes, "{}", automation(line))?;
    }
    proof_words(plan, proof, notes)
}

fn automation(line: &recant_core::revert::Automation) -> String {
    let place = format!(
        "{}:{} is written by the image policy {}",
        line.file, line.line, line.policy
    );
    if line.held {
        format!(
            "note: {place}; its marker is taken out. To release it put `{}` back",
            line.marker
        )
    } else {
        format!("note: {place}, which will write it again")
    }
}

fn proof_words(plan: &Plan, proof: &Proof, notes: &mut impl Write) -> anyhow::Result<()> {
    let readers = counted(proof.roots.len(), "root");
    if proof.holds() {
        writeln!(
            notes,
            "proved: it comes back as it was, and no other object changes in {readers}"
        )?;
    } else {
        writeln!(notes, "not proved, in {readers}:")?;
    }
    for root in &proof.roots {
        writeln!(notes, "  {root}")?;
    }
    if !proof.restored {
        writeln!(notes, "the object does not come back as it was")?;
    }
    let (siblings, others): (Vec<_>, Vec<_>) = proof.collateral.iter().partition(|c| c.sibling);
    for (title, moved) in [
        ("siblings move too (the same object elsewhere)", siblings),
        ("others move too", others),
    ] {
        if !moved.is_empty() {
            writeln!(notes, "{title}:")?;
        }
        for c in moved {
            writeln!(notes, "  {} in {}", c.object, c.root)?;
        }
    }
    for doubt in &proof.doubts {
        writeln!(notes, "doubt: {doubt}")?;
    }
    if !proof.collateral.is_empty() && plan.form == Form::Revert && plan.notes.is_empty() {
        writeln!(
            notes,
            "--form pin looks for an edit of its own kustomization that restores just this object"
        )?;
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn named(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}
