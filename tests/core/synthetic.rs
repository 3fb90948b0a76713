//! Synthetic histories: what was changed is known, so the plan must undo just that, and what it calls proved must hold
//! by the real kustomize.
//!
//! A few by default; all of them, with the binary: `RECANT_HISTORIES=1000 cargo test -p recant-core --test synthetic`.
//! `RECANT_SEED` starts elsewhere. Every history has its own seed, which a failure names.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that runs another program and reports"
)]

#[path = "synthetic/changes.rs"]
mod changes;
#[path = "../dice.rs"]
mod dice;
#[path = "synthetic/fleet.rs"]
mod fleet;
#[path = "synthetic/oracle.rs"]
mod oracle;

use changes::COMMITS;
use changes::To;
use changes::make;
use dice::Dice;
use fleet::FEATURES;
use fleet::Files;
use fleet::Has;
use oracle::Oracle;
use recant_core::proof::Proof;
use recant_core::proof::prove;
use recant_core::revert::Form;
use recant_core::revert::FormPolicy;
use recant_core::revert::NoPlan;
use recant_core::revert::Plan;
use recant_core::revert::Undo;
use recant_core::revert::plan;
use recant_render::ObjectId;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;
use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

/// So many without being asked: enough to notice, quick enough for every run.
const FEW: u64 = 60;

/// A history: two states, and what head would be without the guilty changes.
struct History {
    good: Tree,
    head: Tree,
    want: Tree,
    root: Root,
    target: ObjectId,
}

impl History {
    /// The history of a seed; `None` when nothing in it is guilty.
    fn of(seed: u64) -> Option<Self> {
        let mut dice = Dice(seed);
        let mut has: Vec<Has> = FEATURES.into_iter().filter(|_| dice.one_in(2)).collect();
        has.push(Has::Always);
        let guilty = if has.contains(&Has::Helm) && dice.one_in(3) {
            To::Cache
        } else {
            To::Web
        };
        let good = fleet::fleet(&has, &mut dice);
        let (mut head, mut want) = (good.clone(), good.clone());
        let mut guilt = 0;
        for commit in COMMITS.iter().filter(|commit| has.contains(&commit.needs)) {
            let is_guilty = commit.to == guilty;
            if !dice.one_in(if is_guilty { 7 } else { 3 }) {
                continue;
            }
            let Some(changed) = made(&head, commit.changes) else {
                continue;
            };
            head = changed;
            if is_guilty {
                guilt += 1;
            } else {
                want = made(&want, commit.changes)?;
            }
        }
        (guilt > 0).then(|| Self::between(&good, &head, &want, guilty))
    }

    fn between(good: &Files, head: &Files, want: &Files, guilty: To) -> Self {
        let root = Root {
            path: "prod".to_owned(),
            flux: None,
        };
        let good = fleet::tree(good);
        let (kind, name) = if guilty == To::Cache {
            ("HelmRelease", "cache")
        } else {
            ("Deployment", "web")
        };
        let rendered = render(&good, &root);
        assert!(rendered.ok(), "{:?}", rendered.problems);
        let ids = rendered.objects.iter().map(recant_render::Object::id);
        let target = ids
            .into_iter()
            .find(|id| id.kind == kind && id.name.ends_with(name))
            .unwrap();
        Self {
            good,
            head: fleet::tree(head),
            want: fleet::tree(want),
            root,
            target,
        }
    }

    fn plan(&self, form: FormPolicy) -> Result<Plan, NoPlan> {
        let mut undo = Undo::new(&self.good, &self.head, &self.root, &self.target);
        undo.form = form;
        plan(&undo)
    }

    fn prove(&self, after: &Tree) -> Proof {
        let want = render(&self.good, &self.root).find(&self.target).unwrap().json();
        prove(&self.head, after, &want, &self.root, &self.target, &[])
    }

    /// How many lines differ between head and a tree, the longer side of each change counting.
    fn lines(&self, after: &Tree) -> usize {
        let count = |path: &String| {
            let lines = |tree: &Tree| {
                tree.text(path)
                    .unwrap_or_default()
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            let (was, is) = (lines(&self.head), lines(after));
            let old: Vec<&[u8]> = was.iter().map(String::as_bytes).collect();
            let new: Vec<&[u8]> = is.iter().map(String::as_bytes).collect();
            let hunks = recant_core::diff::hunks(&old, &new);
            hunks
                .iter()
                .map(|hunk| hunk.old.len().max(hunk.new.len()))
                .sum::<usize>()
        };
        self.head.changed(after).iter().map(count).sum()
    }
}

fn made(files: &Files, changes: &[changes::Change]) -> Option<Files> {
    let mut files = files.clone();
    changes
        .iter()
        .all(|change| make(&mut files, change))
        .then_some(files)
}

/// What came of all histories.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<&'static str, u32>,
    faults: Vec<String>,
    planned: Duration,
    renders: u32,
}

impl Tally {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn fault(&mut self, seed: u64, what: &str, diff: &str) {
        self.faults.push(format!("seed {seed}: {what}\n{diff}"));
    }
}

/// The shared form must undo exactly what was done, or do with less.
fn exact(seed: u64, history: &History, tally: &mut Tally) {
    let start = Instant::now();
    let plan = match history.plan(FormPolicy::SharedOnly) {
        Ok(plan) => plan,
        Err(none) => {
            let diff = diff(&history.good, &history.head);
            return tally.fault(seed, &format!("no plan: {none}"), &diff);
        }
    };
    tally.planned += start.elapsed();
    tally.renders += plan.renders;
    let after = plan.apply(&history.head);
    if after == history.want {
        tally.count("exactly what was changed");
        return;
    }
    let (got, known) = (history.lines(&after), history.lines(&history.want));
    if !history.prove(&after).restored {
        tally.fault(seed, "not restored", &plan.diff(&history.head));
    } else if got > known {
        let told = format!(
            "{got} lines where {known} do:\n{}",
            diff(&history.head, &history.want)
        );
        tally.fault(seed, &told, &plan.diff(&history.head));
    } else {
        tally.count("less than what was changed");
    }
}

/// Whatever form is chosen: what is called proved holds by the real kustomize.
fn proved(seed: u64, history: &History, oracle: Option<&Oracle>, tally: &mut Tally) {
    let Ok(plan) = history.plan(FormPolicy::Smallest) else {
        return;
    };
    let after = plan.apply(&history.head);
    let proof = history.prove(&after);
    if !proof.restored {
        return tally.fault(
            seed,
            "the chosen form does not restore",
            &plan.diff(&history.head),
        );
    }
    tally.count(match (plan.form, proof.holds()) {
        (Form::Revert, true) => "proved reverts",
        (Form::Pin, true) => "proved pins",
        (_, false) => "not separable, and said so",
    });
    if proof.holds()
        && let Some(oracle) = oracle
    {
        match oracle.holds(&history.good, &history.head, &after, &history.target) {
            Ok(()) => tally.count("proved plans that kustomize confirms"),
            Err(why) => tally.fault(
                seed,
                &format!("kustomize disagrees: {why}"),
                &plan.diff(&history.head),
            ),
        }
    }
}

fn diff(from: &Tree, to: &Tree) -> String {
    let changed = from.changed(to);
    let changes: Vec<recant_core::diff::Change<'_>> = changed
        .iter()
        .map(|path| recant_core::diff::Change {
            path,
            old: from.bytes(path),
            new: to.bytes(path),
        })
        .collect();
    String::from_utf8_lossy(&recant_core::diff::unified(&changes)).into_owned()
}

fn told(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn what_was_changed_is_undone_and_what_is_called_proved_holds() {
    let asked = told("RECANT_HISTORIES");
    let oracle = asked.and_then(|_| Oracle::installed());
    let first = told("RECANT_SEED").unwrap_or(1);
    let mut tally = Tally::default();
    let mut histories = 0;
    for seed in first.. {
        if histories == asked.unwrap_or(FEW) {
            break;
        }
        let Some(history) = History::of(seed) else {
            continue;
        };
        histories += 1;
        exact(seed, &history, &mut tally);
        proved(seed, &history, oracle.as_ref(), &mut tally);
    }
    eprintln!(
        "{histories} histories from seed {first}; {} renderings, {:.1?} planning",
        tally.renders, tally.planned
    );
    for (what, count) in &tally.counts {
        eprintln!("{count:>6}  {what}");
    }
    assert!(
        tally.faults.is_empty(),
        "{} faults\n{}",
        tally.faults.len(),
        tally.faults.join("\n\n")
    );
}
