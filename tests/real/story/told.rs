//! A stage on which a story is told: everything that it needs, and how each statement is carried out there.

use super::fleet;
use super::hand;
use super::scene::Real;
use crate::files;
use crate::namespace::Parts;
use crate::stage::cluster::Cluster;
use crate::stage::flux;
use crate::stage::flux::Flux;
use crate::stage::gitea;
use crate::stage::gitea::Gitea;
use crate::stage::hooks::Hooks;
use crate::stage::mesh::Mesh;
use crate::stage::prometheus::Prometheus;
use crate::stage::recant::Recant;
use crate::stage::room;
use recant_sim::scenario::Expectation;
use recant_sim::scenario::Scenario;
use recant_sim::scenario::Scene as _;
use recant_sim::scenario::Verb;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;
use tempfile::TempDir;

/// The repository's name in Gitea.
pub(super) const NAME: &str = "fleet";
/// How long what the simulator waits for may take longer on a busy machine.
const PATIENCE: u32 = 3;

/// Everything, in the order in which it ends.
pub(super) struct Told {
    recant: Recant,
    _mesh: Mesh,
    _prometheus: Prometheus,
    flux: Flux,
    pub(super) gitea: Gitea,
    hooks: Hooks,
    cluster: Cluster,
    clone: PathBuf,
    room: TempDir,
}

impl Told {
    /// Starts it all, with the repository that the story names.
    pub(super) fn begin(parts: &Parts, scenario: &Scenario, text: &str) -> Self {
        let named = scenario
            .statements
            .iter()
            .find_map(|statement| match &statement.verb {
                Verb::Repo { dir, path } => Some((dir.as_str(), path.as_str())),
                _ => None,
            });
        let (dir, path) = named.unwrap_or(("examples-repo", "clusters/my-cluster"));
        let cluster = Cluster::start(parts);
        let gitea = Gitea::start(parts);
        let hooks = Hooks::start(text);
        flux::definitions(parts, &cluster, "gateway-api");
        let split = fs::read_to_string(files::root().join("tests/real/trafficsplit.yaml")).unwrap();
        files::documents(&split)
            .iter()
            .for_each(|crd| cluster.http.apply(crd));
        let flags = flags(scenario);
        let recant = Recant::start(&cluster, &gitea.url, &gitea.bot, &flags);
        let url = gitea.repository(NAME);
        let room = room();
        let clone = room.path().join(NAME);
        gitea::clone(&gitea, &url, &clone);
        fleet::first_commit(&clone, dir, path, &url);
        gitea.wait_for_content(NAME);
        let flux = Flux::start(parts, &cluster);
        Flux::bootstrap(&cluster, &url, path);
        Self {
            recant,
            _mesh: Mesh::start(parts, cluster.client()),
            _prometheus: Prometheus::start(parts, cluster.client()),
            flux,
            gitea,
            hooks,
            cluster,
            clone,
            room,
        }
    }

    pub(super) fn carry_out(&mut self, verb: &Verb) -> Result<(), String> {
        let http = &self.cluster.http;
        match verb {
            // The first three are known from the beginning; and there is load on everything.
            Verb::Repo { .. } | Verb::MeshProvider(_) | Verb::Setting(..) => Ok(()),
            Verb::Load { .. } | Verb::Say(_) => Ok(()),
            Verb::Image { image, behaviour } => {
                self.cluster.behaves(image, hand::spelled(behaviour));
                Ok(())
            }
            Verb::Config { word, behaviour } => {
                self.cluster
                    .behaves(&format!("config {word}"), hand::spelled(behaviour));
                Ok(())
            }
            Verb::Commit {
                message,
                author,
                edits,
            } => fleet::commit(&self.clone, message, author, edits),
            Verb::Repository { name, edits } => {
                let name = name.rsplit('/').next().unwrap_or_default();
                let (url, clone) = (self.gitea.repository(name), self.room.path().join(name));
                gitea::clone(&self.gitea, &url, &clone);
                fleet::first(&clone, edits)?;
                self.gitea.wait_for_content(name);
                Ok(())
            }
            Verb::Wait(time) => {
                std::thread::sleep(time.unsigned_abs());
                Ok(())
            }
            Verb::Expect { what, within } => self.wait(what, within.unsigned_abs() * PATIENCE),
            Verb::Merge(style) => self.gitea.merge(NAME, self.newest_open()?, *style),
            Verb::Close => {
                let path = self.pull_path(self.newest_open()?);
                self.gitea
                    .http
                    .must("PATCH", &path, &json!({ "state": "closed" }));
                Ok(())
            }
            Verb::Push { message, edits } => {
                let pull = self.gitea.http.get(&self.pull_path(self.newest_open()?));
                let branch = pull.unwrap_or_default()["head"]["ref"].clone();
                fleet::push_to(&self.clone, branch.as_str().unwrap_or_default(), message, edits)
            }
            Verb::Hook { url, says } => {
                self.hooks.with(|receivers| receivers.set(url, says.clone()));
                Ok(())
            }
            Verb::Gate { key, open } => {
                self.hooks.with(|receivers| receivers.gate(key, *open));
                Ok(())
            }
            Verb::Annotate {
                kind,
                name,
                key,
                value,
            } => hand::annotate(http, kind, name, key, value),
            Verb::Ask { verb, canary, reason } => hand::asks(http, *verb, canary, reason),
            Verb::Resume { canary } => hand::resumes(http, canary),
            Verb::Forge(spec) => hand::forge(http, &self.gitea, spec),
            Verb::Flagger(_) => Err(format!("not told on the real parts: {verb:?}")),
        }
    }

    pub(super) const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn pull_path(&self, number: u64) -> String {
        format!("/api/v1/repos/dana/{NAME}/pulls/{number}")
    }

    fn scene(&self) -> Real<'_> {
        Real {
            cluster: &self.cluster.http,
            gitea: &self.gitea,
            hooks: &self.hooks,
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

    pub(super) fn newest_open(&self) -> Result<u64, String> {
        let pulls = self.scene().pulls()?;
        let open = pulls
            .iter()
            .filter(|pull| pull.state == "open")
            .map(|pull| pull.number);
        open.max()
            .ok_or_else(|| "there is no open pull request".to_owned())
    }

    /// What `deploy/rbac.yaml` gives is enough: nothing was refused for want of a right.
    pub(super) fn was_allowed_everything(&self) {
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
    pub(super) fn show(&self) {
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

/// What the story says of recant's options, as the program takes them.
fn flags(scenario: &Scenario) -> Vec<String> {
    let provider = scenario.mesh_provider().unwrap_or("linkerd");
    let settings = scenario
        .statements
        .iter()
        .filter_map(|statement| match &statement.verb {
            Verb::Setting(name, value) => Some(format!("--{name}={value}")),
            _ => None,
        });
    [format!("--mesh-provider={provider}")]
        .into_iter()
        .chain(settings)
        .collect()
}
