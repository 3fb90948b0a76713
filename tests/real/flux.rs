//! The world's Flux beside kustomize-controller: the same commits for both, and then the same objects, labels,
//! inventories and conditions.

use crate::files;
use crate::namespace::Parts;
use crate::report::On;
use crate::report::Trial;
use crate::stage;
use crate::stage::cluster::Cluster;
use crate::stage::flux::Flux;
use crate::stage::room;
use jiff::Timestamp;
use recant_core::object::Object;
use recant_render::Tree;
use recant_sim::git::Content;
use recant_sim::git::MemoryGit;
use recant_sim::git::NewCommit;
use recant_sim::world::World;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;
use tempfile::TempDir;

const URL: &str = "http://git.example/acme/fleet.git";
/// How long kustomize-controller may take for one commit.
const LONGEST: Duration = Duration::from_secs(60);

/// What is compared: kinds, and the namespaces they are in.
const KINDS: &[(&str, &str)] = &[
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial {
        suite: "flux",
        check: "the commits of flux.txt leave the same".to_owned(),
        on: On::Real,
        parts: &["kubelite", "kustomize-controller", "crds"],
        long: false,
        run: Box::new(compare),
    }]
}

fn compare(parts: &Parts) {
    let text = fs::read_to_string(files::root().join("tests/real/flux.txt")).unwrap();
    let mut commits = text
        .split("=== ")
        .skip(1)
        .map(|part| part.split_once('\n').unwrap());
    let (first, tree) = commits.next().unwrap();
    let mut imagined = Imagined::start(tree);
    let mut real = Real::start(parts, tree);
    settle(&mut imagined, &real, first);
    for (name, tree) in commits {
        imagined.commit(tree);
        real.commit(tree);
        settle(&mut imagined, &real, name);
    }
}

/// Waits until the real cluster is as the world is two minutes after the commit.
fn settle(imagined: &mut Imagined, real: &Real, name: &str) {
    let wanted = imagined.after_two_minutes();
    let until = Instant::now() + LONGEST;
    loop {
        let found = real.seen();
        if found == wanted {
            return println!("  {name}: the same");
        }
        if Instant::now() > until {
            eprintln!("kustomize-controller:\n{}", real.flux.process.tail());
            for key in wanted.keys().chain(found.keys()) {
                let (wanted, found) = (wanted.get(key), found.get(key));
                assert_eq!(wanted, found, "after {name}, {key}: the world's, the real one's");
            }
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// What there is, by kind, namespace and name.
type Seen = BTreeMap<String, Value>;

struct Imagined {
    world: World,
    commits: Vec<String>,
}

impl Imagined {
    fn start(tree: &str) -> Self {
        let start = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let mut world = World::new(1, start);
        let repo = Box::new(MemoryGit::new("main"));
        world.repos.insert("acme/fleet".to_owned(), repo);
        world.mirrors.insert(URL.to_owned(), "acme/fleet".to_owned());
        let mut made = Self {
            world,
            commits: Vec::new(),
        };
        made.commit(tree);
        made.world.bootstrap(URL, "main", "./clusters/demo").unwrap();
        made
    }

    fn commit(&mut self, tree: &str) {
        let date_s = self.world.now().as_second();
        let git = self.world.repos.get_mut("acme/fleet").unwrap();
        let head = git.head("main");
        let new = NewCommit {
            parents: head.clone().into_iter().collect(),
            content: Content::Tree(Tree::fixture(tree)),
            author: "Dana".to_owned(),
            email: "dana@example.com".to_owned(),
            message: "more\n".to_owned(),
            date_s,
        };
        let id = git.commit(&new).unwrap();
        git.set_branch("main", head.as_deref(), Some(&id)).unwrap();
        self.commits.push(id);
    }

    fn after_two_minutes(&mut self) -> Seen {
        let to = self.world.now().as_second() + 120;
        self.world.advance(Timestamp::from_second(to).unwrap());
        let all = KINDS
            .iter()
            .flat_map(|(api_version, kind)| self.world.cluster.list(api_version, kind, ""));
        seen(all, &self.commits)
    }
}

/// In the order in which it ends.
struct Real {
    flux: Flux,
    cluster: Cluster,
    clone: PathBuf,
    commits: Vec<String>,
    _room: TempDir,
}

impl Real {
    fn start(parts: &Parts, tree: &str) -> Self {
        let cluster = Cluster::start(parts);
        let room = room();
        let clone = room.path().join("fleet.git");
        stage::git(room.path(), &["init", "-q", "fleet.git"]).unwrap();
        let flux = Flux::start_with(
            parts,
            &cluster,
            &format!("url.{}.insteadOf={URL}", clone.display()),
        );
        let mut made = Self {
            cluster,
            flux,
            clone,
            commits: Vec::new(),
            _room: room,
        };
        made.commit(tree);
        Flux::bootstrap(&made.cluster, URL, "./clusters/demo");
        made
    }

    fn commit(&mut self, tree: &str) {
        for entry in fs::read_dir(&self.clone).unwrap().map(Result::unwrap) {
            if entry.file_name() != ".git" {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
        for (file, entry) in Tree::fixture(tree).iter() {
            let path = self.clone.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if let recant_render::Entry::File(bytes) = entry {
                fs::write(path, bytes).unwrap();
            }
        }
        stage::git(&self.clone, &["add", "-A"]).unwrap();
        stage::git(&self.clone, &["commit", "-q", "-m", "more"]).unwrap();
        let id = stage::git(&self.clone, &["rev-parse", "HEAD"]).unwrap();
        self.commits
            .push(String::from_utf8(id).unwrap().trim().to_owned());
    }

    fn seen(&self) -> Seen {
        let listed = |(api_version, kind): &(&str, &str)| {
            let all = self.cluster.http.plural(api_version, kind, "").unwrap();
            let (api_version, kind) = ((*api_version).to_owned(), (*kind).to_owned());
            self.cluster.http.list(&all).into_iter().map(move |mut item| {
                item["apiVersion"] = api_version.clone().into();
                item["kind"] = kind.clone().into();
                Object(item)
            })
        };
        seen(KINDS.iter().flat_map(listed), &self.commits)
    }
}

/// What of the objects must be the same; a commit is called by its place in the row.
fn seen(objects: impl Iterator<Item = Object>, commits: &[String]) -> Seen {
    let of_flux = |object: &Object| {
        object.0["kind"] == "Kustomization" || object.label("kustomize.toolkit.fluxcd.io/name").is_some()
    };
    let shown = objects.filter(of_flux).map(|object| {
        let text = match object.0["kind"].as_str() {
            Some("Kustomization") => kustomization(&object),
            _ => applied(&object),
        };
        let mut text = text.to_string();
        for (i, commit) in commits.iter().enumerate() {
            text = text.replace(commit, &format!("commit {i}"));
        }
        (
            object.reference().to_string(),
            serde_json::from_str(&text).unwrap(),
        )
    });
    shown.collect()
}

fn kustomization(object: &Object) -> Value {
    let at = |pointer: &str| object.at(pointer).cloned().unwrap_or_default();
    let conditions = at("/status/conditions");
    let condition = |kind: &str| {
        let mut all = conditions.as_array().into_iter().flatten();
        all.find(|c| c["type"] == kind).cloned().unwrap_or_default()
    };
    let (ready, healthy, reconciling) = (condition("Ready"), condition("Healthy"), condition("Reconciling"));
    // The words of a failure are the renderer's or the API server's; that it failed, and where, is not.
    let message = match ready["status"] == "True" || ready["reason"] == "DependencyNotReady" {
        true => ready["message"].clone(),
        false => Value::Null,
    };
    json!({
        "ready": [ready["status"], ready["reason"], message],
        "healthy": [healthy["status"], healthy["reason"]],
        "reconciling": [reconciling["status"], reconciling["reason"], reconciling["message"]],
        "applied": at("/status/lastAppliedRevision"), "attempted": at("/status/lastAttemptedRevision"),
        "inventory": at("/status/inventory/entries"),
        "is observed": object.int("/status/observedGeneration") == Some(object.generation()),
        "finalizers": at("/metadata/finalizers"),
        "labels": at("/metadata/labels"),
    })
}

fn applied(object: &Object) -> Value {
    let at = |pointer: &str| object.at(pointer).cloned().unwrap_or_default();
    let managers = at("/metadata/managedFields");
    let appliers = managers
        .as_array()
        .into_iter()
        .flatten()
        .filter(|m| m["operation"] == "Apply");
    let appliers: Vec<&Value> = appliers.map(|m| &m["manager"]).collect();
    json!({
        "data": at("/data"), "labels": at("/metadata/labels"),
        "images": at("/spec/template/spec/containers/0/image"), "ports": at("/spec/ports"),
        "appliers": appliers,
    })
}
