//! The promises are worth something only if they can be broken: each is, here, by hand.

use super::*;
use crate::fleet::BOT;
use crate::forge::By;
use crate::forge::Role;
use crate::git::Content;
use crate::git::Git;
use crate::git::MemoryGit;
use crate::git::NewCommit;
use recant_core::baseline::RECANT_API;
use recant_core::effect::PullText;
use recant_core::effect::PullWishes;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::query::Branch;
use recant_core::template;
use recant_core::template::Naming;
use recant_render::Tree;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

const OWN: &str = "recant/revert/flux-system-1";

/// A world with one commit, and a Canary in this phase with this weight on its route.
fn world(phase: &str, weight: i64) -> World {
    let mut world = World::new(1, "2026-01-05T09:00:00Z".parse().expect("a time"));
    let mut git = MemoryGit::new("main");
    let first = commit(
        &mut git,
        None,
        "dana",
        &[("a.yaml", "a: 1\n"), ("b.yaml", "b: 1\n")],
    );
    git.set_branch("main", None, Some(&first)).expect("a branch");
    world.repos.insert(crate::fleet::REPO.to_owned(), Box::new(git));
    world.people();
    world.install_mesh().expect("the mesh's kinds");
    for (group, kind, plural) in [
        ("flagger.app/v1beta1", "Canary", "canaries"),
        ("recant.dev/v1alpha1", "Baseline", "baselines"),
        ("recant.dev/v1alpha1", "Revert", "reverts"),
    ] {
        world.install(&[crd(group, kind, plural)]).expect("a kind");
    }
    put(
        &mut world,
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}}),
    );
    for name in ["web", "web-primary"] {
        put(&mut world, deployment(name, "1"));
    }
    put(
        &mut world,
        json!({"apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": "web", "namespace": "test"},
        "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        "status": {"phase": phase}}),
    );
    put(
        &mut world,
        json!({"apiVersion": "split.smi-spec.io/v1alpha1", "kind": "TrafficSplit",
        "metadata": {"name": "web", "namespace": "test"},
        "spec": {"service": "web", "backends": [
            {"service": "web-canary", "weight": weight.to_string()},
            {"service": "web-primary", "weight": (100 - weight).to_string()}]}}),
    );
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
        {"name": "web", "image": "web:1"}]}});
    let snapshot = json!({"template": template, "templateHash": template::hash(&template),
        "since": "2026-01-05T09:00:00Z"});
    put(
        &mut world,
        json!({"apiVersion": "recant.dev/v1alpha1", "kind": "Baseline",
        "metadata": {"name": "web", "namespace": "test"}, "spec": {"canary": "web", "promoted": snapshot}}),
    );
    world
}

fn crd(api_version: &str, kind: &str, plural: &str) -> Value {
    let (group, version) = api_version.split_once('/').expect("a group");
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
            "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

fn deployment(name: &str, version: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "test"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "web", "image": format!("web:{version}")}]}}}})
}

fn put(world: &mut World, object: Value) {
    let now = world.now();
    world
        .cluster
        .write(now, "test", &Write::Create(Object(object)))
        .expect("the API server takes it");
}

fn commit(git: &mut dyn Git, parent: Option<&str>, author: &str, files: &[(&str, &str)]) -> String {
    let files: BTreeMap<String, Option<Vec<u8>>> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), Some(text.as_bytes().to_vec())))
        .collect();
    let content = match parent {
        Some(_) => Content::Files(files),
        None => Content::Tree(Tree::of(
            files.into_iter().filter_map(|(path, bytes)| Some((path, bytes?))),
        )),
    };
    git.commit(&NewCommit {
        parents: parent.map(str::to_owned).into_iter().collect(),
        content,
        author: author.to_owned(),
        email: "x@example.com".to_owned(),
        message: "m\n".to_owned(),
        date_s: 0,
    })
    .expect("a commit")
}

/// recant pushes an edit of these files to a branch of its own.
fn pushed(world: &mut World, files: &[(&str, &str)]) {
    let head = world.head().expect("a head");
    let git = world.git().expect("the repository");
    let id = commit(git.as_mut(), Some(&head), BOT, files);
    git.set_branch(OWN, None, Some(&id)).expect("a branch");
}

fn planned(world: &mut World, files: &[&str]) {
    put(
        world,
        json!({"apiVersion": "recant.dev/v1alpha1", "kind": "Revert",
        "metadata": {"name": "flux-system-1", "namespace": "test"},
        "status": {"phase": "Planned", "branch": OWN, "plan": {"files": files}, "next": {"does": "OpenPull",
            "branch": OWN, "expect": ""}}}),
    );
}

fn broken(mut world: World) -> String {
    Promises::new(&["hush-hush"])
        .check(&mut world)
        .expect_err("a broken promise")
}

#[test]
fn a_route_that_still_sends_requests_to_a_failed_canary_is_told() {
    let told = broken(world("Failed", 10));
    assert!(told.contains("Failed") && told.contains("canary 10"), "{told}");
}

#[test]
fn a_primary_that_runs_what_is_not_on_record_is_told() {
    let told = broken(world("Succeeded", 0));
    assert!(told.contains("not on record"), "{told}");
}

/// A world in which the primary is as it should be.
fn sound() -> World {
    let mut world = world("Succeeded", 0);
    set_primary(&mut world, "1");
    Promises::default().check(&mut world).expect("a sound world");
    world
}

/// The primary gets the target's template with this version, as recant would write it, and the record says so.
fn set_primary(world: &mut World, version: &str) {
    let now = world.now();
    let get = |world: &World, api: &str, kind: &str, name: &str| {
        world
            .cluster
            .get(&ObjectRef::new(api, kind, "test", name))
            .expect("the object")
    };
    let mut target = get(world, "apps/v1", "Deployment", "web");
    target.0["spec"]["template"]["spec"]["containers"][0]["image"] = json!(format!("web:{version}"));
    world
        .cluster
        .write(now, "test", &Write::Update(target))
        .expect("the target");
    let template = template::of(&get(world, "apps/v1", "Deployment", "web"));
    let mut baseline = get(world, RECANT_API, "Baseline", "web");
    baseline.set("/spec/promoted/template", template.clone());
    baseline.set("/spec/promoted/templateHash", json!(template::hash(&template)));
    world
        .cluster
        .write(now, "test", &Write::Update(baseline))
        .expect("the record");
    let primary = get(world, "apps/v1", "Deployment", "web-primary");
    world
        .cluster
        .write(
            now,
            "test",
            &Write::Delete {
                name: primary.reference(),
                uid: primary.uid().to_owned(),
            },
        )
        .expect("the old one goes");
    let mut primary = Object(deployment("web-primary", version));
    let naming = Naming {
        target: "web".to_owned(),
        label: Some(("app".to_owned(), "web".to_owned())),
        ..Naming::default()
    };
    let id = template::hash(&template);
    primary.set(
        "/spec/template",
        naming.primary_of(&template, &id, &BTreeSet::new()),
    );
    world
        .cluster
        .write(now, "test", &Write::Create(primary))
        .expect("the primary");
}

#[test]
fn a_template_that_was_promoted_without_a_measurement_is_told() {
    let mut world = sound();
    let mut promises = Promises::default();
    promises.check(&mut world).expect("a sound world");
    set_primary(&mut world, "2");
    let told = promises.check(&mut world).expect_err("a broken promise");
    assert!(told.contains("never measured"), "{told}");
}

#[test]
fn a_file_that_is_not_in_the_plan_is_told() {
    let mut world = sound();
    planned(&mut world, &["a.yaml"]);
    pushed(&mut world, &[("a.yaml", "a: 2\n")]);
    Promises::default().check(&mut world).expect("as planned");
    let mut world = sound();
    planned(&mut world, &["a.yaml"]);
    pushed(&mut world, &[("a.yaml", "a: 2\n"), ("b.yaml", "b: 2\n")]);
    let told = broken(world);
    assert!(told.contains("changes b.yaml"), "{told}");
}

#[test]
fn a_push_of_recants_to_the_deployed_branch_is_told() {
    let mut world = sound();
    let head = world.head().expect("a head");
    let git = world.git().expect("the repository");
    let id = commit(git.as_mut(), Some(&head), BOT, &[("a.yaml", "a: 2\n")]);
    git.set_branch("main", Some(&head), Some(&id)).expect("a branch");
    let told = broken(world);
    assert!(told.contains("pushed to the deployed branch"), "{told}");
}

/// recant opens a pull request from its branch, with this body.
fn opened(world: &mut World, body: &str) -> u64 {
    world.forge.grant(BOT, Role::Writer);
    let text = PullText {
        branch: Branch {
            repo: world.forge.url_of(crate::fleet::REPO),
            name: OWN.to_owned(),
        },
        base: "main".to_owned(),
        title: "t".to_owned(),
        body: body.to_owned(),
        labels: Vec::new(),
        wishes: PullWishes::default(),
    };
    let by = By {
        user: BOT,
        now: world.now(),
    };
    let World { forge, repos, .. } = world;
    forge.open(repos, by, &text).expect("a pull request").number
}

#[test]
fn a_secret_in_a_pull_request_is_told() {
    let mut world = sound();
    planned(&mut world, &["a.yaml"]);
    pushed(&mut world, &[("a.yaml", "a: 2\n")]);
    opened(&mut world, "by hush-hush");
    let told = broken(world);
    assert!(told.contains("a secret is told"), "{told}");
}

#[test]
fn a_pull_request_without_a_revert_is_told() {
    let mut world = sound();
    pushed(&mut world, &[("a.yaml", "a: 2\n")]);
    opened(&mut world, "by nobody");
    let told = broken(world);
    assert!(told.contains("no Revert says so"), "{told}");
}

#[test]
fn a_pull_request_that_comes_back_after_a_person_closed_it_is_told() {
    let mut world = sound();
    planned(&mut world, &["a.yaml"]);
    pushed(&mut world, &[("a.yaml", "a: 2\n")]);
    let mut promises = Promises::default();
    let number = opened(&mut world, "please");
    promises.check(&mut world).expect("open");
    let by = By {
        user: crate::fleet::PERSON,
        now: world.now(),
    };
    world
        .forge
        .close(by, crate::fleet::REPO, number, "no")
        .expect("closed");
    promises.check(&mut world).expect("closed");
    opened(&mut world, "please, please");
    let told = promises.check(&mut world).expect_err("a broken promise");
    assert!(told.contains("a person has closed one"), "{told}");
}

#[test]
fn a_push_over_a_persons_commit_is_told() {
    let mut world = sound();
    planned(&mut world, &["a.yaml"]);
    pushed(&mut world, &[("a.yaml", "a: 2\n")]);
    let mut promises = Promises::default();
    promises.check(&mut world).expect("as planned");
    for (author, version) in [("dana", "3"), (BOT, "2")] {
        let git = world.git().expect("the repository");
        let head = git.head(OWN).expect("a head");
        let text = format!("a: {version}\n");
        let id = commit(git.as_mut(), Some(&head), author, &[("a.yaml", &text)]);
        git.set_branch(OWN, Some(&head), Some(&id)).expect("a branch");
        let found = promises.check(&mut world);
        assert_eq!(found.is_err(), author == BOT, "{found:?}");
    }
}

#[test]
fn two_pull_requests_for_one_change_are_told() {
    let mut world = sound();
    planned(&mut world, &["a.yaml"]);
    pushed(&mut world, &[("a.yaml", "a: 2\n")]);
    opened(&mut world, "<!-- recant:revert cluster=a undoes=c1 digest=d -->");
    let head = world.head().expect("a head");
    let git = world.git().expect("the repository");
    let id = commit(git.as_mut(), Some(&head), "dana", &[("a.yaml", "a: 4\n")]);
    git.set_branch("other", None, Some(&id)).expect("a branch");
    let text = PullText {
        branch: Branch {
            repo: world.forge.url_of(crate::fleet::REPO),
            name: "other".to_owned(),
        },
        base: "main".to_owned(),
        title: "t".to_owned(),
        body: "<!-- recant:revert cluster=b undoes=c1 digest=d -->".to_owned(),
        labels: Vec::new(),
        wishes: PullWishes::default(),
    };
    let by = By {
        user: crate::fleet::PERSON,
        now: world.now(),
    };
    let World { forge, repos, .. } = &mut world;
    forge.open(repos, by, &text).expect("a pull request");
    let told = broken(world);
    assert!(told.contains("two pull requests undo c1"), "{told}");
}
