//! The scenarios of `tests/scenarios`, told on the real parts: the same text, the same expectations, recant's own program.

mod scene;

use crate::files;
use crate::namespace::Parts;
use crate::report::On;
use crate::report::Trial;
use crate::stage;
use crate::stage::cluster::Cluster;
use crate::stage::flux;
use crate::stage::flux::Flux;
use crate::stage::gitea;
use crate::stage::gitea::Gitea;
use crate::stage::mesh::Mesh;
use crate::stage::prometheus::Prometheus;
use crate::stage::recant::Recant;
use crate::stage::room;
use recant_render::Tree;
use recant_sim::fleet::point_at;
use recant_sim::scenario;
use recant_sim::scenario::Edit;
use recant_sim::scenario::Expectation;
use recant_sim::scenario::Scene as _;
use recant_sim::scenario::Verb;
use recant_sim::workload::behaviour::Behaviour;
use recant_sim::workload::behaviour::Fate;
use scene::Real;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;
use tempfile::TempDir;

const PARTS: &[&str] = &[
    "kubelite",
    "kustomize-controller",
    "gitea",
    "prometheus",
    "nginx",
    "crds",
];
/// The repository's name in Gitea.
const NAME: &str = "fleet";
/// How long what the simulator waits for may take longer on a busy machine.
const PATIENCE: u32 = 3;

/// What each run tells; the rest with `--long`.
const ALWAYS: &[&str] = &["bad-bump"];
const LONG: &[&str] = &[
    "patch-one-level-up",
    "image-missing",
    "closed-by-a-person",
    "two-workloads",
    "rolled-forward",
    "reverted-by-hand-during-analysis",
];

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &'static str, long: bool| Trial {
        suite: "story",
        check: name.to_owned(),
        on: On::Real,
        parts: PARTS,
        long,
        run: Box::new(move |parts: &Parts| tell(parts, name)),
    };
    let always = ALWAYS.iter().map(|name| trial(name, false));
    always.chain(LONG.iter().map(|name| trial(name, true))).collect()
}

/// Everything that a story needs, in the order in which it ends.
struct Told {
    recant: Recant,
    _mesh: Mesh,
    _prometheus: Prometheus,
    flux: Flux,
    gitea: Gitea,
    cluster: Cluster,
    clone: PathBuf,
    _room: TempDir,
}

fn tell(parts: &Parts, name: &str) {
    let file = format!("tests/scenarios/{name}.txt");
    let text = fs::read_to_string(files::root().join(&file)).unwrap();
    let scenario = scenario::parse(&file, &text).unwrap();
    let (began, mut told) = (Instant::now(), None);
    for statement in &scenario.statements {
        let told = told.get_or_insert_with(|| match &statement.verb {
            Verb::Repo { dir, path } => Told::begin(parts, dir, path),
            _ => Told::begin(parts, "examples-repo", "clusters/my-cluster"),
        });
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
    if let Some(told) = &told {
        told.was_allowed_everything();
    }
}

impl Told {
    fn begin(parts: &Parts, dir: &str, path: &str) -> Self {
        let cluster = Cluster::start(parts);
        let gitea = Gitea::start(parts);
        flux::definitions(parts, &cluster, "gateway-api");
        let split = fs::read_to_string(files::root().join("tests/real/trafficsplit.yaml")).unwrap();
        files::documents(&split)
            .iter()
            .for_each(|crd| cluster.http.apply(crd));
        let recant = Recant::start(&cluster, &gitea.url, &gitea.bot);
        let url = gitea.repository(NAME);
        let room = room();
        let clone = room.path().join(NAME);
        gitea::clone(&gitea, &url, &clone);
        first_commit(&clone, dir, path, &url);
        let flux = Flux::start(parts, &cluster);
        Flux::bootstrap(&cluster, &url, path);
        Self {
            recant,
            _mesh: Mesh::start(parts, cluster.client()),
            _prometheus: Prometheus::start(parts, cluster.client()),
            flux,
            gitea,
            cluster,
            clone,
            _room: room,
        }
    }

    fn carry_out(&mut self, verb: &Verb) -> Result<(), String> {
        match verb {
            Verb::Repo { .. } | Verb::Say(_) | Verb::Load { .. } => Ok(()),
            Verb::Image { image, behaviour } => {
                self.cluster.behaves(image, spelled(behaviour));
                Ok(())
            }
            Verb::Commit {
                message,
                author,
                edits,
            } => commit(&self.clone, message, author, edits),
            Verb::Wait(time) => {
                std::thread::sleep(time.unsigned_abs());
                Ok(())
            }
            Verb::Expect { what, within } => self.wait(what, within.unsigned_abs() * PATIENCE),
            Verb::Merge(_) => {
                let number = self.newest_open()?;
                self.gitea.merge(NAME, number)
            }
            Verb::Close => {
                let path = format!("/api/v1/repos/dana/{NAME}/pulls/{}", self.newest_open()?);
                self.gitea
                    .http
                    .must("PATCH", &path, &json!({ "state": "closed" }));
                Ok(())
            }
            other => Err(format!("not told on the real parts: {other:?}")),
        }
    }

    fn scene(&self) -> Real<'_> {
        Real {
            cluster: &self.cluster.http,
            gitea: &self.gitea,
            name: NAME,
            clone: &self.clone,
        }
    }

    fn wait(&self, what: &Expectation, longest: Duration) -> Result<(), String> {
        let until = Instant::now() + longest;
        loop {
            match what.check(&mut self.scene()) {
                Ok(()) => return Ok(()),
                Err(found) if Instant::now() > until => {
                    return Err(format!("expected within {longest:?}: {what:?}; {found}"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(300)),
            }
        }
    }

    fn newest_open(&self) -> Result<u64, String> {
        let pulls = self.scene().pulls()?;
        let open = pulls
            .iter()
            .filter(|pull| pull.state == "open")
            .map(|pull| pull.number);
        open.max()
            .ok_or_else(|| "there is no open pull request".to_owned())
    }

    /// What `deploy/rbac.yaml` gives is enough: nothing was refused for want of a right.
    fn was_allowed_everything(&self) {
        let mut refused: BTreeMap<String, usize> = BTreeMap::new();
        for request in self.cluster.requests() {
            let is_recant = request["user"]["username"] == "system:serviceaccount:recant-system:recant";
            if is_recant && request["responseStatus"]["code"] == 403 {
                let line = format!("{} {}", request["verb"], request["requestURI"]);
                *refused.entry(line).or_default() += 1;
            }
        }
        assert!(refused.is_empty(), "deploy/rbac.yaml lacks: {refused:#?}");
    }

    /// What helps to see why a story went wrong.
    fn show(&self) {
        eprintln!("recant:\n{}", self.recant.process.tail());
        eprintln!("kustomize-controller:\n{}", self.flux.process.tail());
        eprintln!("kubelite:\n{}", self.cluster.process.tail());
        for (api_version, kind) in [
            ("flagger.app/v1beta1", "Canary"),
            ("recant.dev/v1alpha1", "Revert"),
            ("recant.dev/v1alpha1", "Forge"),
            ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
            ("source.toolkit.fluxcd.io/v1", "GitRepository"),
        ] {
            for object in self.scene().objects(api_version, kind) {
                eprintln!(
                    "{}: {}",
                    object.reference(),
                    object.at("/status").unwrap_or(&Value::Null)
                );
            }
        }
    }
}

/// A behaviour as the control plane's stand-in for nodes reads it.
fn spelled(behaviour: &Behaviour) -> Value {
    let (fate, ready_s) = match behaviour.fate {
        Fate::Ready { after_s } => ("", after_s),
        Fate::NoImage => ("missing", 0.0),
        Fate::Crashes => ("crashes", 0.0),
        Fate::NeverReady => ("never-ready", 0.0),
    };
    json!({
        "success_pct": behaviour.success_pct, "error_status": behaviour.error_status,
        "latency_ms": behaviour.latency.median_ms, "ready_s": ready_s, "fate": fate,
    })
}

/// The repository as it stands, pointed at itself as `flux bootstrap` would.
fn first_commit(clone: &Path, dir: &str, path: &str, url: &str) {
    let tree = files::tree(dir);
    let pointed = point_at(&tree, path, url, "main");
    for (file, entry) in tree.iter() {
        if let recant_render::Entry::File(bytes) = entry {
            let bytes = pointed
                .get(file)
                .cloned()
                .flatten()
                .unwrap_or_else(|| bytes.to_vec());
            write(clone, file, &bytes);
        }
    }
    push(clone, "The fleet", "Dana <dana@example.com>").unwrap();
}

fn write(clone: &Path, file: &str, bytes: &[u8]) {
    let path = clone.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn push(clone: &Path, message: &str, author: &str) -> Result<(), String> {
    stage::git(clone, &["add", "-A"])?;
    stage::git(clone, &["commit", "-q", "--author", author, "-m", message])?;
    stage::git(clone, &["push", "-q", "origin", "main"]).map(drop)
}

/// A person commits on top of the head.
fn commit(clone: &Path, message: &str, author: &str, edits: &[Edit]) -> Result<(), String> {
    stage::git(clone, &["pull", "-q", "--ff-only", "origin", "main"])?;
    let mut files = BTreeMap::new();
    for edit in edits {
        let (Edit::Replace { file, .. } | Edit::Write { file, .. } | Edit::Delete { file }) = edit;
        let there = fs::read(clone.join(file)).ok().map(|bytes| (file.clone(), bytes));
        let (file, bytes) = scenario::edited(&Tree::of(there), &files, edit)?;
        files.insert(file, bytes);
    }
    for (file, bytes) in &files {
        match bytes {
            Some(bytes) => write(clone, file, bytes),
            None => fs::remove_file(clone.join(file)).map_err(|error| error.to_string())?,
        }
    }
    push(clone, message, author)
}
