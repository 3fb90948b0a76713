//! The trials, run one after another, and what came of them as a table.

use crate::namespace::Parts;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Instant;

/// What a check runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum On {
    /// The world in memory.
    World,
    /// The real part.
    Real,
}

/// One check on one thing.
pub(crate) struct Trial {
    /// What is checked against what, such as `kube`.
    pub(crate) suite: &'static str,
    pub(crate) check: String,
    pub(crate) on: On,
    /// The parts it needs.
    pub(crate) parts: &'static [&'static str],
    /// Only with `--long`.
    pub(crate) long: bool,
    pub(crate) run: Box<dyn FnOnce(&Parts)>,
}

impl Trial {
    pub(crate) fn name(&self) -> String {
        format!("{} {:?}: {}", self.suite, self.on, self.check)
    }

    pub(crate) fn is_meant(&self, words: &[String]) -> bool {
        words.is_empty() || words.iter().any(|word| self.name().contains(word.as_str()))
    }
}

/// Runs them all, and prints the table.
pub(crate) fn run(trials: Vec<Trial>, parts: &Parts) -> ExitCode {
    let began = Instant::now();
    let mut table: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    let mut failed = Vec::new();
    if trials.is_empty() {
        eprintln!("no test has such a name");
        return ExitCode::FAILURE;
    }
    for trial in trials {
        let (suite, check, on, name) = (trial.suite, trial.check.clone(), trial.on, trial.name());
        let start = Instant::now();
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| (trial.run)(parts)));
        let word = if ended.is_ok() { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({:.1} s)", start.elapsed().as_secs_f64());
        if ended.is_err() {
            failed.push(name);
        }
        note(table.entry(suite).or_default(), check, on, word);
    }
    print(&table);
    println!(
        "{} failed, in {:.0} s{}",
        failed.len(),
        began.elapsed().as_secs_f64(),
        failed
            .iter()
            .map(|name| format!("\n    {name}"))
            .collect::<String>()
    );
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A check, and what came of it on either.
struct Row {
    check: String,
    world: &'static str,
    real: &'static str,
}

fn note(rows: &mut Vec<Row>, check: String, on: On, word: &'static str) {
    if !rows.iter().any(|row| row.check == check) {
        rows.push(Row {
            check: check.clone(),
            world: "–",
            real: "–",
        });
    }
    let row = rows
        .iter_mut()
        .find(|row| row.check == check)
        .expect("it was put there");
    *(match on {
        On::World => &mut row.world,
        On::Real => &mut row.real,
    }) = word;
}

fn print(table: &BTreeMap<&str, Vec<Row>>) {
    println!("\n| suite | check | world | real |\n|---|---|---|---|");
    for (suite, rows) in table {
        for row in rows {
            println!("| {suite} | {} | {} | {} |", row.check, row.world, row.real);
        }
    }
}
