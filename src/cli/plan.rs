//! `recant plan`: the smallest proved revert, offline. The diff goes to stdout, what is to be said of it to stderr.

mod confirm;
mod words;

use crate::cli::place;
use crate::cli::place::Wanted;
use crate::repo::local;
use anyhow::bail;
use confirm::Said;
use recant_core::proof::Claim;
use recant_core::proof::Collateral;
use recant_core::proof::Proof;
use recant_core::proof::prove_with;
use recant_core::revert::Automation;
use recant_core::revert::FormPolicy;
use recant_core::revert::NoPlan;
use recant_core::revert::Plan;
use recant_core::revert::Undo;
use recant_core::revert::plan;
use recant_core::subject;
use recant_render::Cache;
use recant_render::Object;
use recant_render::ObjectId;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render_with;
use recant_render::roots_with;
use serde_json::Value;
use serde_json::json;
use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Finds the smallest edit that brings one object back to its good state, and proves that nothing else moves.
///
/// The diff on stdout is for `git apply`. Exit code 0: proved. 3: there is an edit, but others move with it. 4: nothing
/// to revert. 5: Git cannot say it. 1: an error, or --confirm disagrees.
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
    /// Have the kustomize or kubectl that is installed render the good state and head with the edit, too, and fail when
    /// the object is not the same in both. Not done unasked: the proof stands by itself, in a fraction of the time.
    #[arg(long)]
    confirm: bool,
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
    /// At head.
    root: Root,
    /// In the good state: the Flux Kustomization that deploys it may have changed since.
    good_root: Root,
    target: ObjectId,
    more_roots: Vec<Root>,
    cache: RefCell<Cache>,
}

/// Plans, proves and prints. An error is the user's: a repository, revision, path or object that is not there.
pub(super) fn run(args: &Args, out: &mut impl Write, notes: &mut impl Write) -> anyhow::Result<ExitCode> {
    let job = look_up(args)?;
    let mut undo = Undo::new(&job.good, &job.head, &job.root, &job.target).with_cache(job.cache.take());
    undo.form = args.form.into();
    undo.hold_automation = !args.no_hold;
    undo.more_roots = &job.more_roots;
    let found = plan(&undo);
    job.cache.replace(undo.into_cache());
    let plan = match found {
        Ok(plan) => plan,
        Err(none) => return no_plan(args, &job, &none, out, notes),
    };
    let mut proof = prove(&job, &plan);
    let said = confirm::all(&job, &plan, args.confirm)?;
    proof.doubts.extend(said.doubts.clone());
    let code = if proof.holds() { 0 } else { 3 };
    if args.json {
        writeln!(out, "{}", told(&job, &plan, &proof, &said, code))?;
    } else {
        out.write_all(&plan.patch(&job.head))?;
        words::words(&job, &plan, &proof, notes)?;
        for note in &said.notes {
            writeln!(notes, "{note}")?;
        }
    }
    Ok(ExitCode::from(code))
}

fn look_up(args: &Args) -> anyhow::Result<Job> {
    let repo = local::open(&args.repo)?;
    let [good, head] = local::revisions(&repo, [&args.good, &args.head])?;
    let mut cache = Cache::default();
    let path = place::clean(&args.path)?;
    let root = place::root_with(&head, &path, &mut cache)?;
    let (here, there) = (roots_with(&head, &mut cache), roots_with(&good, &mut cache));
    let good_root = subject::counterpart(&root, &here, &there).unwrap_or_else(|| root.clone());
    let (was, is) = (
        render_with(&good, &good_root, &mut cache),
        render_with(&head, &root, &mut cache),
    );
    let target = match args.target.find(&was)? {
        Some(id) => id,
        None => match args.target.find(&is)? {
            Some(id) => id,
            // What does not render says itself what is wrong with it, in the planner's words.
            None if !was.ok() || !is.ok() => bail!(
                "`{}` is not found in `{}`: {}",
                args.target,
                words::named(&root.path),
                was.problems
                    .iter()
                    .chain(&is.problems)
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; ")
            ),
            None => bail!(
                "`{}` renders no `{}`; {}",
                words::named(&root.path),
                args.target,
                args.target.others(&was)
            ),
        },
    };
    let more = |path: &PathBuf| place::root_with(&head, &place::clean(path)?, &mut cache);
    let more_roots = args.roots.iter().map(more).collect::<anyhow::Result<_>>()?;
    Ok(Job {
        good,
        head,
        root,
        good_root,
        target,
        more_roots,
        cache: RefCell::new(cache),
    })
}

impl Job {
    /// The whole object as the good state renders it.
    fn want(&self) -> Value {
        let rendered = render_with(&self.good, &self.good_root, &mut self.cache.borrow_mut());
        rendered.find(&self.target).map(Object::json).unwrap_or_default()
    }
}

fn prove(job: &Job, plan: &Plan) -> Proof {
    let claim = Claim {
        head: &job.head,
        after: &plan.apply(&job.head),
        want: &job.want(),
        root: &job.root,
        target: &job.target,
        more_roots: &job.more_roots,
        carriers: &plan.carriers,
    };
    prove_with(&claim, &mut job.cache.borrow_mut())
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

fn automation(line: &Automation) -> Value {
    let mut told = json!(line);
    told["release"] = json!(line.release());
    told
}

/// Everything, for tools.
fn told(job: &Job, plan: &Plan, proof: &Proof, said: &Said, code: u8) -> Value {
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
        "confirmedBy": said.confirmed_by,
        "chart": said.chart,
        "automation": plan.automation.iter().map(automation).collect::<Vec<_>>(),
        "carriers": plan.carriers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "kept": plan.kept,
        "notes": plan.notes,
        "renders": plan.renders,
        "diff": plan.diff(&job.head),
    })
}
