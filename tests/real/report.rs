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

impl Trial {
    /// Trials of one group run one after another, on one stage.
    pub(crate) fn group(&self) -> String {
        match self.suite {
            "story" => format!("story {}", self.check),
            suite => suite.to_owned(),
        }
    }

    /// What is printed of it when it ended well.
    fn is_ok_in(&self, line: &str) -> bool {
        line.starts_with(&format!("test {} ... ok", self.name()))
    }
}

/// Runs them all, one after another.
pub(crate) fn run(trials: Vec<Trial>, parts: &Parts) -> ExitCode {
    let mut all_ok = ExitCode::SUCCESS;
    for trial in trials {
        let (name, start) = (trial.name(), Instant::now());
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| (trial.run)(parts)));
        let word = if ended.is_ok() { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({:.1} s)", start.elapsed().as_secs_f64());
        if ended.is_err() {
            all_ok = ExitCode::FAILURE;
        }
    }
    all_ok
}

/// Prints what came of them, as a table. What did not say that it ended well has failed.
pub(crate) fn tell(trials: &[Trial], said: &str, began: Instant) -> ExitCode {
    let mut table: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    let mut failed = Vec::new();
    for trial in trials {
        let is_ok = said.lines().any(|line| trial.is_ok_in(line));
        let word = if is_ok { "ok" } else { "FAILED" };
        if !is_ok {
            failed.push(trial.name());
        }
        note(
            table.entry(trial.suite).or_default(),
            &trial.check,
            trial.on,
            word,
        );
    }
    print(&table);
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} passed, {} failed, in {seconds:.0} s",
        trials.len() - failed.len(),
        failed.len()
    );
    failed.iter().for_each(|name| println!("    {name}"));
    match failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// A check, and what came of it on either.
struct Row {
    check: String,
    world: &'static str,
    real: &'static str,
}

fn note(rows: &mut Vec<Row>, check: &str, on: On, word: &'static str) {
    if !rows.iter().any(|row| row.check == check) {
        rows.push(Row {
            check: check.to_owned(),
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
