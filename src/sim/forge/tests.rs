#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::git::Content;
use crate::git::MemoryGit;
use crate::git::NewCommit;
use recant_core::effect::PullText;
use recant_core::effect::PullWishes;
use recant_core::effect::StatusState;
use recant_core::query::Branch;
use recant_core::query::Pull;
use recant_core::query::PullState;
use recant_render::Tree;
use serde_json::Value;
use serde_json::json;

const REPO: &str = "demo/fleet";
const APP: &str =
    "//- /app.yaml\nkind: Deployment\nname: podinfo\nreplicas: 2\nimage: podinfo:2\nport: 80\nhost: a\n";

/// A forge with one repository: `main`, and `fix` one commit ahead of it.
struct World {
    forge: Forge,
    repos: Repos,
    clock_s: i64,
}

impl World {
    fn new() -> Self {
        let mut forge = Forge::new("http://127.0.0.1:3000/");
        forge.grant("ada", Role::Admin);
        forge.grant("recant", Role::Writer);
        forge.protect(REPO, "main", &["ada"]);
        let repos = Repos::from([(REPO.to_owned(), Box::new(MemoryGit::new("main")) as Box<dyn Git>)]);
        let mut world = Self {
            forge,
            repos,
            clock_s: 1_800_000_000,
        };
        world.commit("main", &[], Tree::fixture(APP));
        let root = world.head("main");
        let fixed = world
            .tree("main")
            .with("app.yaml", &edited(APP, "podinfo:2", "podinfo:1"));
        world.commit("fix", &[&root], fixed);
        world
    }

    fn by<'a>(&mut self, user: &'a str) -> By<'a> {
        self.clock_s += 1;
        By {
            user,
            now: Timestamp::from_second(self.clock_s).unwrap(),
        }
    }

    fn git(&mut self) -> &mut dyn Git {
        self.repos.get_mut(REPO).unwrap().as_mut()
    }

    fn head(&mut self, branch: &str) -> String {
        self.git().head(branch).unwrap()
    }

    fn tree(&mut self, branch: &str) -> Tree {
        let head = self.head(branch);
        self.git().tree(&head).unwrap()
    }

    fn commit(&mut self, branch: &str, parents: &[&str], tree: Tree) -> String {
        self.clock_s += 1;
        let new = NewCommit {
            parents: parents.iter().map(|id| (*id).to_owned()).collect(),
            content: Content::Tree(tree),
            author: "Ada".to_owned(),
            email: "ada@example.org".to_owned(),
            message: format!("on {branch}\n"),
            date_s: self.clock_s,
        };
        let git = self.git();
        let id = git.commit(&new).unwrap();
        git.set_branch(branch, git.head(branch).as_deref(), Some(&id))
            .unwrap();
        id
    }

    /// Moves `main` on by an edit of the same file.
    fn move_main(&mut self, from: &str, to: &str) -> String {
        let head = self.head("main");
        let tree = self.tree("main");
        let text = tree.text("app.yaml").unwrap().replace(from, to);
        self.commit("main", &[&head], tree.with("app.yaml", text.as_bytes()))
    }

    fn text(&self) -> PullText {
        PullText {
            branch: self.branch(),
            base: "main".to_owned(),
            title: "Revert podinfo".to_owned(),
            body: "why".to_owned(),
            labels: vec!["recant".to_owned()],
            wishes: PullWishes::default(),
        }
    }

    fn branch(&self) -> Branch {
        Branch {
            repo: self.forge.url_of(REPO),
            name: "fix".to_owned(),
        }
    }

    fn open(&mut self) -> Pull {
        let (by, text) = (self.by("recant"), self.text());
        self.forge.open(&self.repos, by, &text).unwrap()
    }

    fn pull(&mut self) -> Pull {
        let (now, branch) = (self.by("ada").now, self.branch());
        self.forge.pulls(&self.repos, now, &branch).unwrap().remove(0)
    }

    fn merge(&mut self, style: Style) -> Result<String, Refusal> {
        let by = self.by("ada");
        self.forge.merge(&mut self.repos, by, REPO, 1, style)
    }

    fn ask(&mut self, user: &str, line: &str, body: Value) -> (u16, Value) {
        let (method, target) = line.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method: method.to_owned(),
            path: format!("/api/v1{path}"),
            query: query.to_owned(),
            user: Some(user.to_owned()).filter(|user| !user.is_empty()),
            body: if body.is_null() {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            },
        };
        let now = self.by("ada").now;
        let response = self.forge.handle(&mut self.repos, now, &request);
        match response.body {
            Body::Json(json) => (response.status, json),
            Body::Text(text) => (response.status, Value::from(text)),
            Body::Empty => (response.status, Value::Null),
        }
    }
}

fn edited(fixture: &str, from: &str, to: &str) -> Vec<u8> {
    Tree::fixture(&fixture.replace(from, to))
        .bytes("app.yaml")
        .unwrap()
        .to_vec()
}

#[test]
fn opening_twice_opens_one_and_an_open_head_moves_with_its_branch() {
    let mut world = World::new();
    let first = world.open();
    assert_eq!(first.state, PullState::Open);
    assert_eq!(first.url, "http://127.0.0.1:3000/demo/fleet/pulls/1");
    assert_eq!(world.open().number, first.number);
    let head = world.head("fix");
    let tree = world.tree("fix").with("more.yaml", b"x: 1\n");
    let moved = world.commit("fix", &[&head], tree);
    assert_eq!(world.pull().head, moved);
}

#[test]
fn every_style_merges_what_the_branch_changed_and_keeps_what_main_gained() {
    let styles = [
        (
            Style::Merge,
            2,
            "Merge pull request 'Revert podinfo' (#1) from fix into main",
        ),
        (Style::Squash, 1, "Revert podinfo (#1)"),
        (Style::Rebase, 1, "on fix"),
        (
            Style::RebaseMerge,
            2,
            "Merge pull request 'Revert podinfo' (#1) from fix into main",
        ),
    ];
    for (style, parents, subject) in styles {
        let mut world = World::new();
        world.open();
        let gained = world.move_main("kind: Deployment", "kind: StatefulSet");
        let merged = world.merge(style).unwrap();
        let commit = world.git().show(&merged).unwrap();
        assert_eq!(commit.parents.len(), parents, "{style:?}");
        assert_eq!(commit.parents[0], gained, "{style:?}");
        assert_eq!(commit.subject(), subject, "{style:?}");
        assert_eq!(world.head("main"), merged, "{style:?}");
        let text = world.tree("main").text("app.yaml").unwrap().to_owned();
        assert!(
            text.contains("StatefulSet") && text.contains("podinfo:1"),
            "{style:?}: {text}"
        );
        assert_eq!(world.pull().state, PullState::Merged(merged), "{style:?}");
        assert_eq!(world.merge(style).unwrap_err().status, 405, "{style:?}: twice");
    }
}

#[test]
fn a_merged_branch_goes_on_request_but_not_while_another_pull_request_needs_it() {
    let mut world = World::new();
    world.open();
    let main = world.head("main");
    world.git().set_branch("stage", None, Some(&main)).unwrap();
    let second = json!({ "head": "fix", "base": "stage", "title": "t" });
    assert_eq!(world.ask("recant", "POST /repos/demo/fleet/pulls", second).0, 201);
    for (number, kept) in [(1, true), (2, false)] {
        let line = format!("POST /repos/demo/fleet/pulls/{number}/merge");
        let merge = json!({ "Do": "merge", "delete_branch_after_merge": true });
        assert_eq!(world.ask("recant", &line, merge).0, 200);
        assert_eq!(world.git().head("fix").is_some(), kept, "after {number}");
    }
}

#[test]
fn a_fast_forward_needs_a_base_without_commits_of_its_own() {
    let mut world = World::new();
    world.open();
    let head = world.head("fix");
    let mut ahead = World::new();
    ahead.open();
    ahead.move_main("kind", "Kind");
    assert_eq!(ahead.merge(Style::FastForwardOnly).unwrap_err().status, 409);
    assert_eq!(world.merge(Style::FastForwardOnly), Ok(head));
}

#[test]
fn a_conflict_is_seen_before_the_merge_and_refuses_it() {
    let mut world = World::new();
    world.open();
    world.move_main("podinfo:2", "podinfo:3");
    let (_, pull) = world.ask("", "GET /repos/demo/fleet/pulls/1", Value::Null);
    assert_eq!(pull["mergeable"], json!(false));
    let before = world.head("main");
    assert_eq!(world.merge(Style::Merge).unwrap_err().status, 405);
    assert_eq!(world.head("main"), before);
}

#[test]
fn a_push_of_the_head_into_the_base_counts_as_a_merge() {
    let mut world = World::new();
    world.open();
    let main = world.head("main");
    let fix = world.head("fix");
    let tree = world.tree("fix");
    let joined = world.commit("main", &[&main, &fix], tree.clone());
    world.commit("main", &[&joined], tree.with("later.yaml", b""));
    assert_eq!(world.pull().state, PullState::Merged(joined));
}

#[test]
fn a_branch_set_back_to_an_old_commit_is_not_merged_by_that() {
    let mut world = World::new();
    world.open();
    let (main, fix) = (world.head("main"), world.head("fix"));
    world.git().set_branch("fix", Some(&fix), Some(&main)).unwrap();
    assert_eq!(world.pull().state, PullState::Open);
}

#[test]
fn deleting_the_branch_closes_and_closing_is_final_until_reopened() {
    let mut world = World::new();
    world.open();
    let fix = world.head("fix");
    world.git().set_branch("fix", Some(&fix), None).unwrap();
    let pull = world.pull();
    assert_eq!((pull.state, pull.head), (PullState::Closed, fix.clone()));
    world.git().set_branch("fix", None, Some(&fix)).unwrap();
    assert_eq!(world.pull().state, PullState::Closed);
    let (status, pull) = world.ask(
        "recant",
        "PATCH /repos/demo/fleet/pulls/1",
        json!({ "state": "open" }),
    );
    assert_eq!((status, &pull["state"]), (201, &json!("open")));
    let by = world.by("recant");
    world.forge.close(by, REPO, 1, "superseded").unwrap();
    let (_, comments) = world.ask("", "GET /repos/demo/fleet/issues/1/comments", Value::Null);
    assert_eq!(comments[0]["body"], "superseded");
    assert_eq!(world.merge(Style::Merge).unwrap_err().status, 404);
}

#[test]
fn a_status_said_twice_stands_once_and_the_worst_context_counts() {
    let mut world = World::new();
    let commit = world.head("main");
    let mut say = |context: &str, state| {
        let status = CommitStatus {
            repo: world.forge.url_of(REPO),
            commit: commit.clone(),
            context: context.to_owned(),
            state,
            description: "text".to_owned(),
            url: String::new(),
        };
        let by = world.by("recant");
        world.forge.set_status(&world.repos, by, &status).unwrap();
    };
    say("a", StatusState::Pending);
    say("a", StatusState::Failure);
    say("a", StatusState::Failure);
    say("b", StatusState::Success);
    let (_, all) = world.ask(
        "",
        &format!("GET /repos/demo/fleet/statuses/{commit}"),
        Value::Null,
    );
    assert_eq!(all.as_array().unwrap().len(), 3);
    let (_, combined) = world.ask("", "GET /repos/demo/fleet/commits/main/status", Value::Null);
    assert_eq!(
        (&combined["state"], &combined["total_count"]),
        (&json!("failure"), &json!(2))
    );
}

#[test]
fn a_repository_is_known_by_its_clone_url_only_under_the_forges_own_address() {
    let forge = Forge::new("http://127.0.0.1:3000");
    let name = |url: &str| forge.name_of(&RepoUrl(url.to_owned()));
    assert_eq!(
        name("http://127.0.0.1:3000/demo/fleet.git").as_deref(),
        Some(REPO)
    );
    assert_eq!(name("http://127.0.0.1:3000/demo/fleet").as_deref(), Some(REPO));
    for other in [
        "http://127.0.0.1:30001/demo/fleet",
        "http://127.0.0.1:3000/fleet",
        "http://127.0.0.1:3000/a/b/c",
    ] {
        assert_eq!(name(other), None, "{other}");
    }
}

#[test]
fn only_those_named_push_to_a_protected_branch() {
    let forge = World::new().forge;
    assert!(forge.may_push(REPO, "main", "ada").is_ok());
    assert!(forge.may_push(REPO, "recant/x", "recant").is_ok());
    let refused = forge.may_push(REPO, "main", "recant").unwrap_err();
    assert_eq!(refused.message, "Not allowed to push to protected branch main");
    assert_eq!(
        forge.may_push(REPO, "recant/x", "stranger").unwrap_err().status,
        403
    );
}

#[test]
fn what_cannot_be_done_is_refused_with_giteas_codes() {
    let pulls = "POST /repos/demo/fleet/pulls";
    let good = json!({ "head": "fix", "base": "main", "title": "t" });
    let cases = [
        ("recant", pulls, good.clone(), 201, ""),
        ("recant", pulls, good.clone(), 409, "already exists"),
        ("", pulls, good.clone(), 401, "token is required"),
        (
            "recant",
            pulls,
            json!({ "head": "main", "base": "main", "title": "t" }),
            422,
            "no changes",
        ),
        (
            "recant",
            pulls,
            json!({ "head": "fix", "base": "main" }),
            422,
            "[Title]: Required",
        ),
        (
            "recant",
            pulls,
            json!({ "head": "nope", "base": "main", "title": "t" }),
            404,
            "couldn't be found",
        ),
        ("recant", pulls, json!([1]), 422, "[]"),
        (
            "recant",
            "GET /repos/demo/nope",
            Value::Null,
            404,
            "couldn't be found",
        ),
        (
            "recant",
            "GET /repos/demo/fleet/pulls/9",
            Value::Null,
            404,
            "couldn't be found",
        ),
        (
            "reader",
            "POST /repos/demo/fleet/pulls/1/merge",
            json!({ "Do": "merge" }),
            405,
            "not allowed to merge",
        ),
        (
            "reader",
            "POST /repos/demo/fleet/statuses/main",
            json!({ "state": "success" }),
            403,
            "permission",
        ),
        (
            "reader",
            "PATCH /repos/demo/fleet/pulls/1",
            json!({ "title": "x" }),
            403,
            "",
        ),
        (
            "recant",
            "POST /repos/demo/fleet/pulls/1/merge",
            json!({ "Do": "magic" }),
            405,
            "magic",
        ),
        (
            "recant",
            "POST /repos/demo/fleet/pulls/1/merge",
            json!({ "Do": "merge", "head_commit_id": "0" }),
            409,
            "head out of date",
        ),
        (
            "recant",
            "DELETE /repos/demo/fleet/branches/main",
            Value::Null,
            403,
            "default branch",
        ),
        (
            "recant",
            "POST /repos/demo/fleet/labels",
            json!({ "name": "x", "color": "red" }),
            422,
            "color",
        ),
    ];
    let mut world = World::new();
    for (user, line, body, status, words) in cases {
        let (got, answer) = world.ask(user, line, body.clone());
        assert_eq!(got, status, "{user} {line} {body}: {answer}");
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{line} {body}: {message}");
    }
}
