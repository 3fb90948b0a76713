//! Every scenario in `tests/scenarios`, in the simulator: without a clock, and with recant stopping, blinded and
//! beginning again in the middle of everything. recant is held to its promises after every second.
//!
//! `RECANT_SEEDS=100 cargo test crashes_and_blindness` plays more of them.

use crate::files;
use jiff::SignedDuration;
use recant::manifests;
use recant_core::baseline::RECANT_API;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::reason::Reason;
use recant_core::settings::Settings;
use recant_sim::check::Promises;
use recant_sim::fault::Faults;
use recant_sim::scenario::Scenario;
use recant_sim::scenario::Statement;
use recant_sim::scenario::Verb;
use recant_sim::scenario::parse;
use recant_sim::simulation::Company;
use recant_sim::simulation::Simulation;
use recant_sim::simulation::Start;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

/// What stands in the cluster's Secrets, and is nobody's business.
const TOKEN: &str = "c2VjcmV0LXRva2Vu";

#[test]
fn every_scenario_plays_to_its_end() {
    let plays = scenarios()
        .into_iter()
        .map(|scenario| (scenario, 1, Faults::none(), Company::Alone));
    play_all(plays.collect());
}

#[test]
fn crashes_and_blindness_change_no_end() {
    let seeds = std::env::var("RECANT_SEEDS").ok().and_then(|n| n.parse().ok());
    let until = "2026-01-05T09:20:00Z".parse().unwrap();
    // A chat message is sent once, as Flagger sends it: one that a crash swallows is not sent again.
    let is_heard = |scenario: &Scenario| !scenario.name.ends_with("/alerts.txt");
    let plays = scenarios().into_iter().filter(is_heard).flat_map(|scenario| {
        let faults = move |seed| {
            let faults = Faults::seeded(seed, 40, 40, until).losing(20);
            (scenario.clone(), seed, faults, Company::Alone)
        };
        (0..seeds.unwrap_or(1)).map(faults)
    });
    play_all(plays.collect());
}

/// The lives of pull requests: the stories that are played in company.
const LIVES: [&str; 8] = [
    "bad-bump",
    "branch-moves-on",
    "closed-by-a-person",
    "merged-by-squash",
    "reverted-by-hand-after-failure",
    "rolled-forward",
    "taken-over",
    "two-workloads",
];

fn lives() -> impl Iterator<Item = Scenario> {
    let is_life = |scenario: &Scenario| {
        let is = |life: &&str| scenario.name.ends_with(&format!("/{life}.txt"));
        LIVES.iter().any(is)
    };
    let lives: Vec<Scenario> = scenarios().into_iter().filter(is_life).collect();
    assert_eq!(lives.len(), LIVES.len());
    lives.into_iter()
}

/// Two replicas that decide at the same moment on what both saw, and no lease between them: the same ends, and one
/// pull request.
#[test]
fn two_replicas_at_once_change_no_end() {
    let until = "2026-01-05T09:20:00Z".parse().unwrap();
    let plays = lives().enumerate().flat_map(|(at, scenario)| {
        let faults = Faults::seeded(at as u64, 20, 0, until).losing(20);
        [(scenario.clone(), Faults::none()), (scenario, faults)]
    });
    play_all(
        plays
            .map(|(scenario, faults)| (scenario, 1, faults, Company::Twin))
            .collect(),
    );
}

/// Effects that are done and never answered: nothing is done twice.
#[test]
fn answers_that_are_lost_change_no_end() {
    let until = "2026-01-05T09:20:00Z".parse().unwrap();
    let faults = |seed| Faults::seeded(seed, 0, 0, until).losing(150);
    let plays = lives()
        .zip(1..)
        .map(|(scenario, seed)| (scenario, seed, faults(seed), Company::Alone));
    play_all(plays.collect());
}

/// A host whose answers are a commit behind, one minute or more in three: an old head is waited for, and never judged.
/// Before the pull request, it renders what was promoted; right after the merge, what failed.
#[test]
fn a_mirror_that_lags_changes_no_end_and_accuses_nobody() {
    let bump = lives().find(|life| life.name.ends_with("/bad-bump.txt")).unwrap();
    let is_merge = |statement: &Statement| matches!(statement.verb, Verb::Merge(_));
    let merge = bump.statements.iter().position(is_merge).unwrap();
    for (lag_s, merged_after_s) in [(60, 0), (150, 0), (120, 60)] {
        let mut story = bump.clone();
        let line = story.statements[merge].line;
        let verb = Verb::Wait(SignedDuration::from_secs(merged_after_s));
        story.statements.insert(merge, Statement { line, verb });
        let played = played(story, 1, Faults::none().lagging(lag_s), Company::Alone).unwrap();
        let accusing = played.told.iter().find(|told| {
            matches!(
                told.because,
                Reason::WrittenBack { .. } | Reason::Superseded { .. }
            )
        });
        assert!(
            accusing.is_none(),
            "{lag_s} s, merged after {merged_after_s} s: {accusing:?}"
        );
    }
}

/// Another cluster that deploys the same directory, under its own name or as a copy; or one with a directory of its own
/// from which the same is deployed, where shared lines go back where they stand: still one pull request.
#[test]
fn several_clusters_on_one_repository_share_a_pull_request() {
    let of = |company| lives().map(move |scenario| (scenario, 1, Faults::none(), company));
    // That story merges at once; to the cluster whose analysis ends after that, nothing is left to be undone.
    let waits = |scenario: &Scenario| !scenario.name.ends_with("/merged-by-squash.txt");
    let beside = of(Company::Neighbour).filter(move |(scenario, ..)| waits(scenario));
    let beside = beside.map(|(mut scenario, seed, faults, company)| {
        let policy = parse("policy", r#"forge "{\"sharedReverts\": \"Propose\"}""#).unwrap();
        let at = scenario
            .statements
            .iter()
            .position(|said| matches!(said.verb, Verb::Image { .. }))
            .unwrap();
        scenario.statements.splice(at..at, policy.statements);
        (scenario, seed, faults, company)
    });
    play_all(
        of(Company::Sister)
            .chain(of(Company::Fork))
            .chain(beside)
            .collect(),
    );
}

/// What one cluster's edit does not restore in another has a pull request of its own, and only that.
#[test]
fn clusters_that_need_different_edits_have_a_pull_request_each() {
    let directory: &[&str] = &["apps/my-cluster/kustomization.yaml"];
    let pins: &[&str] = &["clusters/my-cluster/apps.yaml", "clusters/neighbour/apps.yaml"];
    let overlays: &[&str] = &[
        "apps/my-cluster/kustomization.yaml",
        "apps/neighbour/kustomization.yaml",
    ];
    for (name, company, expected) in [
        ("two-overlays", Company::Alone, &overlays[..1]),
        ("two-overlays", Company::Sister, &overlays[..1]),
        ("two-overlays", Company::Neighbour, overlays),
        ("two-clusters-one-directory", Company::Sister, directory),
        ("two-clusters-one-directory", Company::Neighbour, pins),
    ] {
        let is_it = |scenario: &Scenario| scenario.name.ends_with(&format!("/{name}.txt"));
        let story = scenarios().into_iter().find(is_it).unwrap();
        let mut simulation = played(story, 1, Faults::none(), company).unwrap();
        let mut files: Vec<String> = Vec::new();
        for pull in simulation.world.pull_requests() {
            let git = simulation.world.git().unwrap();
            let tree = |commit: &str| git.tree(commit).unwrap();
            files.push(tree(&pull.merge_base).changed(&tree(&pull.head)).join(" "));
        }
        files.sort();
        assert_eq!(files, expected, "{name}, {company:?}");
    }
}

#[test]
fn stopping_before_any_effect_of_a_revert_changes_no_end() {
    let lives = ["rolled-forward", "reverted-by-hand-after-failure"];
    let of_a_life = |scenario: &Scenario| {
        lives
            .iter()
            .any(|life| scenario.name.ends_with(&format!("{life}.txt")))
    };
    let plays = scenarios().into_iter().filter(of_a_life).flat_map(|scenario| {
        (0..14).map(move |n| {
            let faults = Faults::before_revert_effect(n);
            (scenario.clone(), 1, faults, Company::Alone)
        })
    });
    let plays: Vec<_> = plays.collect();
    assert_eq!(plays.len(), 14 * lives.len());
    play_all(plays);
}

/// Plays on all cores; says of each play that fails how to see it again.
fn play_all(plays: Vec<(Scenario, u64, Faults, Company)>) {
    let next = AtomicUsize::new(0);
    let play_on = || {
        let mut failed = Vec::new();
        while let Some((scenario, seed, faults, company)) = plays.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = play(scenario.clone(), *seed, faults.clone(), *company) {
                failed.push(format!(
                    "{} with seed {seed}, {company:?}: {error}",
                    scenario.name
                ));
            }
        }
        failed
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let failed: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(play_on)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

pub(crate) fn scenarios() -> Vec<Scenario> {
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

fn play(scenario: Scenario, seed: u64, faults: Faults, company: Company) -> Result<(), String> {
    played(scenario, seed, faults, company).map(drop)
}

/// Plays a story to its end, and returns the world as it is then.
pub(crate) fn played(
    scenario: Scenario,
    seed: u64,
    faults: Faults,
    company: Company,
) -> Result<Simulation, String> {
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
        settings: settings(&scenario),
        company,
    };
    let mut simulation = Simulation::new(&start, scenario)?;
    let now = simulation.world.now();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "forge", "namespace": "flux-system"}, "data": {"token": TOKEN}});
    simulation
        .world
        .cluster
        .write(now, "setup", &Write::Create(Object(secret)))
        .map_err(|e| e.to_string())?;
    let mut promises = Promises::new(&[TOKEN]);
    let done = simulation.run(|world| promises.check(world));
    if done.is_err() {
        for told in &simulation.told {
            eprintln!("{} {} {}", told.at, told.about, told.because);
        }
        for happening in &simulation.world.trace {
            eprintln!("{happening}");
        }
        for revert in simulation.world.cluster.list(RECANT_API, "Revert", "") {
            eprintln!("{}", revert.0);
        }
    }
    done.map(|()| simulation)
}

/// What the story says of recant's options.
fn settings(scenario: &Scenario) -> Settings {
    let mut settings = Settings::default();
    for statement in &scenario.statements {
        match &statement.verb {
            Verb::Setting(name, value) if name == "storm-changes" => {
                settings.storm_changes = value.parse().unwrap();
            }
            Verb::Setting(name, value) if name == "include-label-prefix" => {
                settings.include_label_prefix = vec![value.clone()];
            }
            Verb::Setting(name, _) => panic!("{}: there is no setting {name}", scenario.name),
            _ => {}
        }
    }
    settings
}
