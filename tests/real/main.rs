//! recant and its world against the real parts: kube-apiserver, kustomize-controller, Gitea, Prometheus, nginx, Flagger.
//!
//! `cargo test --features real --test real [-- [--list] [--long] [WORDS…]]` runs what has one of the words in its name.
//! With `--group=NAME` it runs what of that is in one group: so it calls itself. Everything runs in namespaces of Linux's: of the network, so that no port is taken and nothing is reached from
//! outside, and of processes, so that nothing outlives this one. Never here: a check that passes because a part is
//! missing.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test program says what it does"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod adapter;
#[path = "../conformance/mod.rs"]
mod conformance;
#[path = "../it/files.rs"]
#[expect(dead_code, reason = "not everything that the other tests need is needed here")]
mod files;
mod flagger;
mod flux;
mod forge;
mod groups;
mod kube;
mod loadtester;
mod namespace;
mod process;
mod query;
mod report;
mod stage;
mod story;

use namespace::Gate;
use report::Trial;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (flags, words): (Vec<String>, Vec<String>) =
        words.into_iter().partition(|word| word.starts_with('-'));
    let long = flags.iter().any(|flag| flag == "--long");
    let group = flags.iter().find_map(|flag| flag.strip_prefix("--group="));
    let is_chosen = |trial: &Trial| {
        group.is_none_or(|group| trial.group() == group) && trial.is_meant(&words) && (long || !trial.long)
    };
    let chosen: Vec<Trial> = trials().into_iter().filter(is_chosen).collect();
    if flags.iter().any(|flag| flag == "--list") {
        chosen.iter().for_each(|trial| println!("{}: test", trial.name()));
        return ExitCode::SUCCESS;
    }
    if chosen.is_empty() {
        eprintln!("no test has such a name; --list shows the names");
        return ExitCode::FAILURE;
    }
    if let Some(parts) = namespace::inside() {
        return report::run(chosen, &parts);
    }
    let began = Instant::now();
    match Gate::open(&chosen).and_then(|gate| groups::run(&gate, &chosen)) {
        Ok(said) => report::tell(&chosen, &said, began),
        Err(why) => {
            eprintln!("the real parts cannot be run: {why}");
            ExitCode::FAILURE
        }
    }
}

fn trials() -> Vec<Trial> {
    kube::trials()
        .into_iter()
        .chain(forge::trials())
        .chain(adapter::trials())
        .chain(query::trials())
        .chain(flux::trials())
        .chain(story::trials())
        .chain(flagger::trials())
        .chain(loadtester::trials())
        .collect()
}
