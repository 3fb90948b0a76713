//! Every scenario in `tests/scenarios`, in the simulator: without a clock, and with recant stopping, blinded and
//! beginning again in the middle of everything.

use crate::files;
use recant::manifests;
use recant_sim::fault::Faults;
use recant_sim::scenario::Scenario;
use recant_sim::scenario::Verb;
use recant_sim::scenario::parse;
use recant_sim::simulation::Simulation;
use recant_sim::simulation::Start;
use std::fs;
use std::path::Path;

#[test]
fn every_scenario_plays_to_its_end() {
    for scenario in scenarios() {
        let name = scenario.name.clone();
        play(scenario, 1, Faults::none()).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

#[test]
fn crashes_and_blindness_change_no_end() {
    let until = "2026-01-05T09:20:00Z".parse().unwrap();
    for scenario in scenarios() {
        for seed in 0..10 {
            let faults = Faults::seeded(seed, 40, 40, until);
            play(scenario.clone(), seed, faults)
                .unwrap_or_else(|e| panic!("{} with seed {seed}: {e}", scenario.name));
        }
    }
}

fn scenarios() -> Vec<Scenario> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path
            .strip_prefix(env!("CARGO_MANIFEST_DIR"))
            .unwrap()
            .display()
            .to_string();
        parse(&name, &fs::read_to_string(path).unwrap()).unwrap_or_else(|e| panic!("{e}"))
    };
    files.iter().map(read).collect()
}

fn play(scenario: Scenario, seed: u64, faults: Faults) -> Result<(), String> {
    let (dir, path) = scenario
        .statements
        .iter()
        .find_map(|statement| match &statement.verb {
            Verb::Repo { dir, path } => Some((dir.clone(), path.clone())),
            _ => None,
        })
        .unwrap_or(("examples-repo".to_owned(), "clusters/my-cluster".to_owned()));
    let tree = files::tree(&dir);
    let crds = manifests::crds();
    let start = Start {
        seed,
        tree: &tree,
        path: &path,
        crds: &crds,
        faults,
    };
    let mut simulation = Simulation::new(&start, scenario)?;
    let done = simulation.run(|_| Ok(()));
    if done.is_err() {
        for told in &simulation.told {
            println!("{} {} {}", told.at, told.about, told.because);
        }
        for happening in &simulation.world.trace {
            println!("{happening}");
        }
    }
    done
}
