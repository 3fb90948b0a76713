//! What stands on stage before the story begins: repository, kinds, Flux, and recant's way to the forge.

use crate::demo::bare::BareGit;
use crate::demo::example;
use crate::manifests;
use anyhow::Context as _;
use jiff::Timestamp;
use recant_core::baseline::RECANT_API;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_render::Tree;
use recant_sim::fleet::REPO;
use recant_sim::fleet::point_at;
use recant_sim::git::Content;
use recant_sim::git::Git;
use recant_sim::git::NewCommit;
use recant_sim::workload::behaviour::Behaviour;
use recant_sim::workload::behaviour::Fate;
use recant_sim::workload::behaviour::Latency;
use recant_sim::world::World;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

/// recant's own namespace in the demo's cluster.
pub(crate) const NAMESPACE: &str = "recant-system";

/// Where the repository of a demo comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// examples-repo, built into the program.
    Example,
    /// A Git repository of the user's; it is cloned, and not changed.
    Repository(PathBuf),
}

/// Makes the demo's bare repository.
///
/// # Errors
/// What is wrong with the user's repository, and what to do.
pub(crate) fn repository(source: &Source, at: &Path, now: Timestamp) -> anyhow::Result<BareGit> {
    match source {
        Source::Repository(dir) => Ok(BareGit::clone_of(dir, None, at)?),
        Source::Example => {
            let mut git = BareGit::init(at, "main")?;
            let first = commit(
                &mut git,
                Vec::new(),
                Content::Tree(example::tree()),
                "The fleet",
                now,
            )?;
            git.set_branch("main", None, Some(&first))?;
            Ok(git)
        }
    }
}

/// A world around the repository, with Flux pointed at a directory of it.
///
/// # Errors
/// When the directory is not there, or the world refuses something.
pub(crate) fn world(
    seed: u64,
    git: BareGit,
    forge: &str,
    token: &str,
    path: &str,
    now: Timestamp,
) -> anyhow::Result<World> {
    let mut world = World::new(seed, now);
    world.forge = recant_sim::forge::Forge::new(forge);
    world.repos.insert(REPO.to_owned(), Box::new(git));
    world.people();
    let url = world.forge.url_of(REPO).0;
    let branch = world.branch().map_err(anyhow::Error::msg)?;
    let tree = world.head_tree().map_err(anyhow::Error::msg)?;
    if !tree.is_dir(path.trim_matches('/')) {
        let dirs = clusters(&tree).join(", ");
        anyhow::bail!("--path {path}: branch {branch} has no such directory; it has {dirs}");
    }
    bootstrap_commit(&mut world, &tree, path, &url, &branch, now)?;
    world.install(&manifests::crds()).map_err(anyhow::Error::msg)?;
    world.install_mesh().context("the mesh's kinds")?;
    for object in [namespace(), secret(token), forge_object(forge)] {
        let write = Write::Create(Object(object));
        world
            .cluster
            .write(now, "recant-demo", &write)
            .context("the demo's own objects")?;
    }
    world.bootstrap(&url, &branch, path).context("Flux")?;
    Ok(world)
}

/// The directories a person may have meant: those below `clusters/`, else those at the top.
fn clusters(tree: &Tree) -> Vec<String> {
    let below = |prefix: &str| -> Vec<String> {
        let dirs = tree
            .iter()
            .filter_map(|(path, _)| path.strip_prefix(prefix)?.split_once('/').map(|(dir, _)| dir));
        let dirs: std::collections::BTreeSet<_> = dirs.collect();
        dirs.into_iter().map(|dir| format!("{prefix}{dir}")).collect()
    };
    let found = below("clusters/");
    if found.is_empty() { below("") } else { found }
}

/// What `flux bootstrap` does to a repository: its own GitRepository names the repository where it is now.
fn bootstrap_commit(
    world: &mut World,
    tree: &Tree,
    path: &str,
    url: &str,
    branch: &str,
    now: Timestamp,
) -> anyhow::Result<()> {
    let files = point_at(tree, path, url, branch);
    if files.is_empty() {
        return Ok(());
    }
    let head = world.head().map_err(anyhow::Error::msg)?;
    let git = world.git().map_err(anyhow::Error::msg)?;
    let id = commit(
        git.as_mut(),
        vec![head.clone()],
        Content::Files(files),
        "Point Flux at the demo's forge",
        now,
    )?;
    git.set_branch(branch, Some(&head), Some(&id))?;
    Ok(())
}

fn commit(
    git: &mut dyn Git,
    parents: Vec<String>,
    content: Content,
    message: &str,
    now: Timestamp,
) -> anyhow::Result<String> {
    Ok(git.commit(&NewCommit {
        parents,
        content,
        author: "recant demo".to_owned(),
        email: "demo@recant.invalid".to_owned(),
        message: format!("{message}\n"),
        date_s: now.as_second(),
    })?)
}

fn namespace() -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
}

fn secret(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let token = base64::engine::general_purpose::STANDARD.encode(token);
    json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
           "metadata": {"name": "forge", "namespace": NAMESPACE}, "data": BTreeMap::from([("token", token)])})
}

fn forge_object(url: &str) -> serde_json::Value {
    json!({"apiVersion": RECANT_API, "kind": "Forge", "metadata": {"name": "demo", "namespace": NAMESPACE},
           "spec": {"type": "gitea", "url": url, "secretRef": {"name": "forge"}}})
}

/// How images behave when no story says so: a word in the tag does.
pub(crate) fn words(world: &mut World) {
    let failing = Behaviour {
        success_pct: 70.0,
        ..Behaviour::default()
    };
    let slow = Latency {
        median_ms: 700.0,
        p99_ms: 1500.0,
    };
    let table = [
        ("bad", failing),
        (
            "slow",
            Behaviour {
                latency: slow,
                ..Behaviour::default()
            },
        ),
        (
            "crash",
            Behaviour {
                fate: Fate::Crashes,
                ..Behaviour::default()
            },
        ),
        (
            "missing",
            Behaviour {
                fate: Fate::NoImage,
                ..Behaviour::default()
            },
        ),
    ];
    for (word, behaviour) in table {
        world.behaviours.set_word(word, behaviour);
    }
}
