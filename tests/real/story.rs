//! The scenarios of `tests/scenarios`, told on the real parts: the same text, the same expectations, recant's own program.

mod fleet;
mod gateway;
mod hand;
mod protected;
mod scene;
mod told;

use crate::files;
use crate::namespace::Parts;
use crate::report::On;
use crate::report::Trial;
use crate::stage::gitea;
use recant_sim::scenario;
use std::fs;
use std::time::Instant;
use told::Told;

/// The parts of a story; one needs the first, too.
const PARTS: &[&str] = WITH_TRAEFIK.split_at(1).1;
const WITH_TRAEFIK: &[&str] = &[
    "traefik",
    "kubelite",
    "kustomize-controller",
    "gitea",
    "prometheus",
    "nginx",
    "crds",
];

/// What each run tells; the rest with `--long`.
const ALWAYS: &[&str] = &[
    "bad-bump",
    "two-repositories",
    "router-gateway-api",
    "strategy-ab-testing-nginx",
    "strategy-blue-green",
];
const LONG: &[&str] = &[
    "router-smi",
    "router-nginx",
    "strategy-ab-testing",
    "patch-one-level-up",
    "image-missing",
    "closed-by-a-person",
    "commit-statuses",
    "two-workloads",
    "rolled-forward",
    "reverted-by-hand-during-analysis",
    "config-is-reverted",
    "generated-config-is-reverted",
    "common-mode-hold",
];

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &'static str, long: bool| story(name, long, move |parts| tell(parts, name));
    let always = ALWAYS.iter().map(|name| trial(name, false));
    always
        .chain([story(
            "a protected branch takes what its rule lets in",
            false,
            protected::tell,
        )])
        .chain(LONG.iter().map(|name| trial(name, true)))
        .chain([Trial {
            parts: WITH_TRAEFIK,
            ..story("traefik's own Gateway API provider", true, gateway::tell)
        }])
        .collect()
}

fn story(name: &str, long: bool, run: impl FnOnce(&Parts) + 'static) -> Trial {
    Trial {
        suite: "story",
        check: name.to_owned(),
        on: On::Real,
        parts: PARTS,
        long,
        run: Box::new(run),
    }
}

fn tell(parts: &Parts, name: &str) {
    let file = format!("tests/scenarios/{name}.txt");
    let text = fs::read_to_string(files::root().join(&file)).unwrap();
    tell_text(parts, &file, &text, |_| {});
}

/// Tells a story, after something was prepared on its stage, and returns the stage as it is in the end.
fn tell_text(parts: &Parts, file: &str, text: &str, prepare: impl FnOnce(&Told)) -> Told {
    // The hosts of repositories are Gitea's.
    let text = text.replace("http://git.example/demo/", &format!("{}/dana/", gitea::url()));
    let scenario = scenario::parse(file, &text).unwrap();
    let began = Instant::now();
    let mut told = Told::begin(parts, &scenario, &text);
    prepare(&told);
    for statement in &scenario.statements {
        if let Err(why) = told.carry_out(&statement.verb) {
            told.show();
            panic!("{file}:{}: {why}", statement.line);
        }
        println!(
            "  {:5.1} s  {file}:{}",
            began.elapsed().as_secs_f64(),
            statement.line
        );
    }
    told.was_allowed_everything();
    told
}
