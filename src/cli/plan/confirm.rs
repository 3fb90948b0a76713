//! What other programs say of a plan: the real kustomize, and helm for charts that lie in the repository.

use super::Job;
use crate::cli::compare;
use crate::cli::program;
use crate::cli::program::Kustomize;
use crate::cli::program::LoadRestrictor;
use anyhow::bail;
use recant_core::revert::Plan;
use recant_core::subject;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render_with;
use serde_json::Value;
use serde_json::json;

/// So many differing fields are shown.
const SHOWN: usize = 12;
const SIDES: (&str, &str) = ("the good state", "head with the edit");

/// What there is to add to a plan and its proof.
#[derive(Default)]
pub(super) struct Said {
    /// The program that rendered the same.
    pub(super) confirmed_by: Option<&'static str>,
    /// What is known of the chart of a HelmRelease, when it lies in the repository.
    pub(super) chart: Option<Value>,
    pub(super) notes: Vec<String>,
    /// What speaks against the proof.
    pub(super) doubts: Vec<String>,
}

/// Asks kustomize, when that is wanted, and helm, when there is something to ask.
///
/// # Errors
/// When kustomize is wanted and not there, fails, or renders something else.
pub(super) fn all(job: &Job, plan: &Plan, kustomize: bool) -> anyhow::Result<Said> {
    let mut said = Said::default();
    if kustomize {
        confirm(job, plan, &mut said)?;
    }
    if job.target.kind == "HelmRelease" {
        chart(job, plan, &mut said);
    }
    Ok(said)
}

fn confirm(job: &Job, plan: &Plan, said: &mut Said) -> anyhow::Result<()> {
    let Some(program) = Kustomize::installed() else {
        bail!("--confirm needs kustomize or kubectl, and neither is on the PATH");
    };
    let after = plan.apply(&job.head);
    let object = |tree: &Tree, root: &Root| -> anyhow::Result<Value> {
        let objects = program.build(&read_by(job, tree, root), &root.path, LoadRestrictor::None)?;
        let is = |object: &Value, namespaced: bool| {
            let text = |pointer: &str| {
                object
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let id = &job.target;
            let here = text("/metadata/namespace") == id.namespace;
            text("/kind") == id.kind && text("/metadata/name") == id.name && (here || !namespaced)
        };
        let found = |namespaced| objects.iter().find(|object| is(object, namespaced));
        match found(true).or_else(|| found(false)) {
            Some(object) => Ok(subject::essence(object)),
            None => bail!("{} renders no {} in `{}`", program.name, job.target, root.path),
        }
    };
    let (good, now) = (object(&job.good, &job.good_root)?, object(&after, &job.root)?);
    let differ = compare::fields(&good, &now, SIDES);
    if !differ.is_empty() {
        let shown: Vec<&str> = differ.iter().take(SHOWN).map(String::as_str).collect();
        bail!(
            "not confirmed: {} does not render {} alike:\n  {}",
            program.name,
            job.target,
            shown.join("\n  ")
        );
    }
    let layer = if job.root.flux.is_some() {
        " (without what Flux puts on top)"
    } else {
        ""
    };
    said.notes
        .push(format!("confirmed: {} renders it as it was{layer}", program.name));
    said.confirmed_by = Some(program.name);
    Ok(())
}

/// Only the files that a root reads: a copy of a large repository would take longer than all else.
fn read_by(job: &Job, tree: &Tree, root: &Root) -> Tree {
    let rendered = render_with(tree, root, &mut job.cache.borrow_mut());
    let read = tree.iter().filter(|(path, _)| rendered.looks_at(path));
    Tree::new(read.map(|(path, entry)| (path.to_owned(), entry.clone())))
}

/// A chart in the repository makes the workload out of the HelmRelease: it must make the same of it.
fn chart(job: &Job, plan: &Plan, said: &mut Said) {
    let want = job.want();
    let text = |pointer: &str| want.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let path = text("/spec/chart/spec/chart")
        .trim_start_matches("./")
        .trim_end_matches('/');
    let is_here = text("/spec/chart/spec/sourceRef/kind") == "GitRepository"
        && job.head.get(&format!("{path}/Chart.yaml")).is_some();
    if !is_here {
        return;
    }
    let Some(helm) = program::on_path("helm") else {
        said.notes.push(format!(
            "unproved: what the chart `{path}` makes of it; helm is not on the PATH"
        ));
        said.chart = Some(json!({ "path": path, "proved": false, "why": "helm is not on the PATH" }));
        return;
    };
    let values = want.pointer("/spec/values").cloned().unwrap_or_else(|| json!({}));
    let name = (job.target.name.as_str(), job.target.namespace.as_str());
    let below = format!("{path}/");
    let made = |tree: &Tree| {
        let chart = tree
            .below(&below)
            .map(|(path, entry)| (path.to_owned(), entry.clone()));
        program::helm_template(&helm, &Tree::new(chart), path, name, &values)
    };
    let why = match (made(&job.good), made(&plan.apply(&job.head))) {
        (Ok(was), Ok(is)) => {
            let differ = compare::differences(&was, &is, SIDES);
            differ.first().map(|first| {
                format!("the chart `{path}` has changed and makes something else of it: {first}")
            })
        }
        (Err(error), _) | (_, Err(error)) => Some(format!("the chart `{path}`: {error:#}")),
    };
    said.chart = Some(json!({ "path": path, "proved": why.is_none(), "why": why }));
    match why {
        None => said
            .notes
            .push(format!("the chart `{path}` makes the same of it as it did")),
        Some(why) => said.doubts.push(why),
    }
}
