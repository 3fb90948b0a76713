//! `examples-repo/` in the world: Flux applies it, as a real one would.

use crate::files;
use jiff::Timestamp;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_render::Tree;
use recant_sim::flux::KUSTOMIZE;
use recant_sim::git::Content;
use recant_sim::git::Git;
use recant_sim::git::MemoryGit;
use recant_sim::git::NewCommit;
use recant_sim::world::World;
use std::fs;

const URL: &str = "https://git.example.com/you/fleet.git";

fn tree() -> Tree {
    Tree::of(files::below("examples-repo", "yaml").into_iter().map(|path| {
        let bytes = fs::read(files::root().join(&path)).unwrap();
        (path.trim_start_matches("examples-repo/").to_owned(), bytes)
    }))
}

fn commit(git: &mut dyn Git, tree: Tree, message: &str, date_s: i64) {
    let head = git.head("main");
    let new = NewCommit {
        parents: head.clone().into_iter().collect(),
        content: Content::Tree(tree),
        author: "Dev".to_owned(),
        email: "dev@example.com".to_owned(),
        message: message.to_owned(),
        date_s,
    };
    let id = git.commit(&new).unwrap();
    git.set_branch("main", head.as_deref(), Some(&id)).unwrap();
}

fn world() -> World {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut world = World::new(1, start);
    let mut git = MemoryGit::new("main");
    commit(&mut git, tree(), "everything", start.as_second());
    world.repos.insert("you/fleet".to_owned(), Box::new(git));
    world.mirrors.insert(URL.to_owned(), "you/fleet".to_owned());
    world.install_mesh().unwrap();
    for path in files::below("deploy/crds", "yaml") {
        let text = fs::read_to_string(files::root().join(path)).unwrap();
        for definition in files::documents(&text) {
            let object = Object(definition);
            world.cluster.apply(start, "recant", true, &object).unwrap();
        }
    }
    world.bootstrap(URL, "main", "./clusters/my-cluster").unwrap();
    world
}

fn run(world: &mut World, seconds: i64) {
    let to = Timestamp::from_second(world.now().as_second() + seconds).unwrap();
    world.advance(to);
}

fn ready(world: &World, name: &str) -> String {
    let name = ObjectRef::new(KUSTOMIZE, "Kustomization", "flux-system", name);
    let object = world.cluster.get(&name).unwrap();
    let conditions = object.at("/status/conditions").unwrap().as_array().unwrap();
    let ready = conditions
        .iter()
        .find(|condition| condition["type"] == "Ready")
        .unwrap();
    format!(
        "{} {}",
        ready["status"].as_str().unwrap(),
        ready["message"].as_str().unwrap()
    )
}

#[test]
fn every_kustomization_becomes_ready_and_podinfo_runs() {
    let mut world = world();
    run(&mut world, 60);
    for name in ["flux-system", "infrastructure", "apps"] {
        let ready = ready(&world, name);
        assert!(
            ready.starts_with("True Applied revision: main@sha1:"),
            "{name}: {ready}"
        );
    }
    let canaries = world.cluster.list("flagger.app/v1beta1", "Canary", "");
    assert!(!canaries.is_empty());
    for canary in canaries {
        let target = ObjectRef::new(
            "apps/v1",
            "Deployment",
            canary.namespace(),
            canary.str("/spec/targetRef/name"),
        );
        let deployment = world.cluster.get(&target).unwrap();
        assert_eq!(deployment.int("/status/readyReplicas"), Some(1), "{target}");
        let label = deployment.label("kustomize.toolkit.fluxcd.io/name");
        assert_eq!(label, Some("apps"));
    }
}

#[test]
fn applying_the_same_again_touches_nothing_and_leaves_replicas_to_whoever_scales() {
    let mut world = world();
    run(&mut world, 60);
    let podinfo = ObjectRef::new("apps/v1", "Deployment", "test", "podinfo");
    let scale = Write::Patch {
        name: podinfo.clone(),
        resource_version: String::new(),
        patch: serde_json::json!({"spec": {"replicas": 0}}),
    };
    world.cluster.write(world.now(), "recant", &scale).unwrap();
    run(&mut world, 30);
    let before = world.cluster.get(&podinfo).unwrap();
    run(&mut world, 700);
    let after = world.cluster.get(&podinfo).unwrap();
    assert_eq!(after.resource_version(), before.resource_version());
    assert_eq!(after.int("/spec/replicas"), Some(0));
}

#[test]
fn a_world_that_has_settled_is_written_to_no_more() {
    let mut world = world();
    run(&mut world, 70);
    let version = world.cluster.resource_version();
    run(&mut world, 45);
    assert_eq!(world.cluster.resource_version(), version);
}
