//! What a plan does and why, in words.

use super::Job;
use recant_core::proof::Proof;
use recant_core::revert::Automation;
use recant_core::revert::Form;
use recant_core::revert::Plan;
use serde_json::Value;
use std::io::Write;

/// What and why, for people.
pub(super) fn words(job: &Job, plan: &Plan, proof: &Proof, notes: &mut impl Write) -> anyhow::Result<()> {
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
    for carrier in &plan.carriers {
        writeln!(
            notes,
            "note: the edit is written into {carrier}, which changes for it"
        )?;
    }
    for line in &plan.automation {
        writeln!(notes, "{}", automation(line))?;
    }
    proof_words(plan, proof, notes)
}

fn automation(line: &Automation) -> String {
    let place = format!(
        "{}:{} is written by the image policy {}",
        line.file, line.line, line.policy
    );
    match (line.release(), &line.exclusion) {
        (Some(release), Some(exclusion)) => format!(
            "note: {place}; ImageRepository {} is told to leave the tag out. {}",
            exclusion.repository,
            sentence(&release)
        ),
        (Some(release), None) => format!("note: {place}; its marker is taken out. {}", sentence(&release)),
        (None, _) => format!("note: {place}, which will write it again"),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
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

pub(super) fn named(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}
