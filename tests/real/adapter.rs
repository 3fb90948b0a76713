//! recant's own clients of Git and of a forge, on the world's forge and on Gitea: what they ask for comes about, once.

#[path = "../it/forge_clients/bound.rs"]
#[expect(dead_code, reason = "what the other tests need is not all needed here")]
mod bound;

use crate::forge::server;
use crate::namespace::Parts;
use crate::report::On;
use crate::report::Trial;
use crate::stage;
use crate::stage::cluster::Http;
use crate::stage::gitea;
use crate::stage::gitea::Gitea;
use crate::stage::room;
use recant::forge::Bindings;
use recant::forge::Hosts;
use recant::port::Forge as _;
use recant::port::PortError;
use recant::port::Repo as _;
use recant::repo::Git2;
use recant::repo::Settings;
use recant_core::effect::CommitStatus;
use recant_core::effect::PullComment;
use recant_core::effect::PullText;
use recant_core::effect::PullWishes;
use recant_core::effect::Push;
use recant_core::effect::StatusState;
use recant_core::object::ObjectRef;
use recant_core::query::Branch;
use recant_core::query::CommitRef;
use recant_core::query::PullState;
use recant_core::query::RepoUrl;
use serde_json::Value;
use serde_json::json;
use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const FILES: &[(&str, &str)] = &[("app.yaml", "image: podinfo:2\n"), ("other.yaml", "a: 1\n")];
const BRANCH: &str = "recant/revert/podinfo";

type Step = fn(&mut Clients);

/// What is done, in one order: each step builds on those before.
const STEPS: &[(&str, Step)] = &[
    ("a commit is pushed once, over nobody's", pushing),
    ("a protected branch takes no push", protected),
    ("a pull request is opened once, with its label", opening),
    ("its words and its comment are kept up to date", telling),
    ("a status stands once for each context", judging),
    ("it is closed once, and another is opened", closing),
    ("a person merges it, and its branch goes", merging),
    ("what the token may do is seen", allowed),
    ("an unknown token is denied, and not told", denied),
];

/// What the world's forge has no place for.
const REAL: &[(&str, Step)] = &[("reviewers, assignees and a draft are asked for", wishing)];

pub(crate) fn trials() -> Vec<Trial> {
    let world: Rc<RefCell<Option<Clients>>> = Rc::default();
    let real: Rc<RefCell<Option<Clients>>> = Rc::default();
    let trial = |name: &str, on: On, parts, run: Box<dyn FnOnce(&Parts)>| Trial {
        suite: "adapter",
        check: name.to_owned(),
        on,
        parts,
        long: false,
        run,
    };
    let mut trials = Vec::new();
    for (name, step) in STEPS {
        let world = Rc::clone(&world);
        let run = move |_: &Parts| step(world.borrow_mut().get_or_insert_with(Clients::of_world));
        trials.push(trial(name, On::World, &[], Box::new(run)));
    }
    for (name, step) in STEPS.iter().chain(REAL) {
        let real = Rc::clone(&real);
        let run =
            move |parts: &Parts| step(real.borrow_mut().get_or_insert_with(|| Clients::of_gitea(parts)));
        trials.push(trial(name, On::Real, &["gitea"], Box::new(run)));
    }
    trials
}

/// recant's clients, a person who looks on, and what was made so far.
struct Clients {
    git: Git2,
    forge: Hosts,
    url: String,
    /// `owner/name`.
    name: String,
    person: Http,
    base: String,
    made: String,
    number: u64,
    runtime: Runtime,
    _cache: TempDir,
    _forge: Box<dyn Any>,
}

impl Clients {
    fn of_world() -> Self {
        let runtime = Runtime::new().unwrap();
        let files: String = FILES
            .iter()
            .map(|(file, text)| format!("//- /{file}\n{text}"))
            .collect();
        let forge = runtime.block_on(server::Server::start(&files));
        let person = Http::new(&forge.url, Some(server::PERSON), b"");
        let url = forge.url.clone();
        Self::of(
            &url,
            server::REPO,
            server::RECANT,
            person,
            runtime,
            Box::new(forge),
        )
    }

    fn of_gitea(parts: &Parts) -> Self {
        let forge = Gitea::start(parts);
        let url = forge.repository("clients");
        let room = room();
        let clone = room.path().join("clients");
        gitea::clone(&forge, &url, &clone);
        for (file, text) in FILES {
            std::fs::write(clone.join(file), text).unwrap();
        }
        stage::git(&clone, &["add", "-A"]).unwrap();
        stage::git(&clone, &["commit", "-q", "-m", "first"]).unwrap();
        stage::git(&clone, &["push", "-q", "origin", "main"]).unwrap();
        forge.wait_for_content("clients");
        let person = Http::new(&forge.url, Some(&forge.person), b"");
        let (url, token) = (forge.url.clone(), forge.bot.clone());
        let runtime = Runtime::new().unwrap();
        Self::of(&url, "dana/clients", &token, person, runtime, Box::new(forge))
    }

    fn of(url: &str, name: &str, token: &str, person: Http, runtime: Runtime, forge: Box<dyn Any>) -> Self {
        let cache = room();
        let (git, hosts) = clients(url, token, &cache);
        let mut made = Self {
            git,
            forge: hosts,
            url: url.to_owned(),
            name: name.to_owned(),
            person,
            base: String::new(),
            made: String::new(),
            number: 0,
            runtime,
            _cache: cache,
            _forge: forge,
        };
        made.base = made.ask(made.git.head(&made.branch("main"))).unwrap().unwrap();
        made
    }

    fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        self.runtime.block_on(question)
    }

    fn repo(&self) -> RepoUrl {
        RepoUrl(format!("{}/{}.git", self.url, self.name))
    }

    fn branch(&self, name: &str) -> Branch {
        Branch {
            repo: self.repo(),
            name: name.to_owned(),
        }
    }

    fn push(&self) -> Push {
        Push {
            branch: self.branch(BRANCH),
            base: self.base.clone(),
            expect: None,
            files: [("app.yaml".to_owned(), Some(b"image: podinfo:1\n".to_vec()))].into(),
            message: "Revert podinfo to 1\n".to_owned(),
            date_s: 1_800_000_000,
            author: None,
            by_forge: false,
        }
    }

    fn text(&self, title: &str) -> PullText {
        PullText {
            branch: self.branch(BRANCH),
            base: "main".to_owned(),
            title: title.to_owned(),
            body: "It failed.".to_owned(),
            labels: vec!["recant".to_owned()],
            wishes: PullWishes::default(),
        }
    }

    /// What a person sees.
    fn seen(&self, path: &str) -> Value {
        let path = format!("/api/v1/repos/{}{path}", self.name);
        self.person
            .get(&path)
            .unwrap_or_else(|| panic!("{path}: no answer"))
    }

    fn pull(&self) -> Value {
        self.seen(&format!("/pulls/{}", self.number))
    }

    fn state(&self) -> PullState {
        let pulls = self.ask(self.forge.pulls(&self.branch(BRANCH))).unwrap();
        pulls[0].state.clone()
    }
}

fn clients(url: &str, token: &str, cache: &TempDir) -> (Git2, Hosts) {
    let objects = bound::Objects::default();
    objects.put(bound::forge("recant-system", "host", "gitea", url));
    objects.put(bound::secret("recant-system", token));
    let bindings = Arc::new(Bindings::new(Arc::new(objects), "recant-system"));
    let git = Git2::new(Settings::new(cache.path()), Arc::clone(&bindings) as _).unwrap();
    (git, Hosts::new(bindings))
}

fn pushing(on: &mut Clients) {
    let push = on.push();
    on.made = on.ask(on.git.push(&push)).unwrap();
    assert_eq!(on.ask(on.git.push(&push)).unwrap(), on.made, "done twice");
    assert_eq!(
        on.ask(on.git.head(&push.branch)).unwrap().as_deref(),
        Some(on.made.as_str())
    );
    let tree = |commit: &str| {
        let (repo, commit) = (on.repo(), commit.to_owned());
        on.ask(on.git.tree(&CommitRef { repo, commit })).unwrap()
    };
    assert_eq!(tree(&on.base).changed(&tree(&on.made)), ["app.yaml"]);
    let other = Push {
        message: "Another revert\n".to_owned(),
        ..push
    };
    let over = on.ask(on.git.push(&other));
    assert!(matches!(over, Err(PortError::Stale(_))), "{over:?}");
}

fn protected(on: &mut Clients) {
    let push = Push {
        branch: on.branch("main"),
        expect: Some(on.base.clone()),
        ..on.push()
    };
    let pushed = on.ask(on.git.push(&push));
    assert!(matches!(pushed, Err(PortError::Denied(_))), "{pushed:?}");
    let head = on.ask(on.git.head(&push.branch)).unwrap();
    assert_eq!(head.as_deref(), Some(on.base.as_str()));
}

fn opening(on: &mut Clients) {
    let text = on.text("Revert podinfo to 1");
    let pull = on.ask(on.forge.open(&text)).unwrap();
    assert_eq!((&pull.head, &pull.state), (&on.made, &PullState::Open));
    assert_eq!(on.ask(on.forge.open(&text)).unwrap().number, pull.number);
    on.number = pull.number;
    let seen = on.pull();
    assert_eq!(
        (&seen["user"]["login"], &seen["title"]),
        (&json!("recant"), &json!("Revert podinfo to 1"))
    );
    assert_eq!(seen["labels"][0]["name"], "recant");
    assert_eq!(seen["labels"].as_array().map(Vec::len), Some(1));
}

fn telling(on: &mut Clients) {
    let text = on.text("Revert podinfo to 1, again");
    on.ask(on.forge.update(on.number, &text)).unwrap();
    assert_eq!(on.pull()["title"], text.title.as_str());
    for words in ["two canaries wait", "nobody waits"] {
        let comment = PullComment {
            branch: text.branch.clone(),
            number: on.number,
            marker: "<!-- recant:1 -->".to_owned(),
            body: format!("<!-- recant:1 -->\n{words}"),
        };
        on.ask(on.forge.comment(&comment)).unwrap();
        let comments = on.ask(on.forge.comments(&text.branch, on.number)).unwrap();
        assert_eq!(comments, [comment.body]);
    }
}

fn judging(on: &mut Clients) {
    let status = |state, context: &str| CommitStatus {
        repo: on.repo(),
        commit: on.made.clone(),
        context: format!("recant/real/test/{context}"),
        state,
        description: "5/5 checks failed".to_owned(),
        url: String::new(),
    };
    for (state, context, posted) in [
        (StatusState::Pending, "a", 1),
        (StatusState::Pending, "a", 1),
        (StatusState::Failure, "b", 2),
        (StatusState::Success, "a", 3),
        (StatusState::Success, "a", 3),
    ] {
        on.ask(on.forge.status(&status(state, context))).unwrap();
        let all = on.seen(&format!("/statuses/{}", on.made));
        assert_eq!(all.as_array().map(Vec::len), Some(posted), "{state:?} {context}");
    }
}

fn closing(on: &mut Clients) {
    let branch = on.branch(BRANCH);
    for _ in 0..2 {
        on.ask(on.forge.close(&branch, on.number, "Superseded.")).unwrap();
    }
    assert_eq!(on.state(), PullState::Closed);
    let comments = on.ask(on.forge.comments(&branch, on.number)).unwrap();
    assert_eq!(
        comments
            .iter()
            .filter(|body| body.contains("Superseded."))
            .count(),
        1
    );
    let first = on.number;
    on.number = on
        .ask(on.forge.open(&on.text("Revert podinfo to 1")))
        .unwrap()
        .number;
    assert!(on.number > first, "a closed one is not taken for open");
}

fn merging(on: &mut Clients) {
    let path = format!("/api/v1/repos/{}/pulls/{}/merge", on.name, on.number);
    let merged = (0..40).any(|_| {
        // Gitea answers 405 for as long as it still looks at a pull request.
        std::thread::sleep(Duration::from_millis(250));
        on.person.json("POST", &path, &json!({ "Do": "merge" })).status == 200
    });
    assert!(merged, "nobody could merge it");
    let head = on.ask(on.git.head(&on.branch("main"))).unwrap().unwrap();
    assert_eq!(on.state(), PullState::Merged(head.clone()));
    let log = on.ask(on.git.log(&on.repo(), &on.base, &head)).unwrap();
    assert!(
        log.iter().any(|commit| commit.id == on.made),
        "the commit is on main"
    );
    on.ask(on.git.delete_branch(&on.branch(BRANCH), &on.made))
        .unwrap();
    assert_eq!(on.ask(on.git.head(&on.branch(BRANCH))).unwrap(), None);
}

fn allowed(on: &mut Clients) {
    let name = ObjectRef::new("recant.dev/v1alpha1", "Forge", "recant-system", "host");
    let access = on.ask(on.forge.access(&name)).unwrap();
    assert_eq!(access.login, "recant");
    assert_eq!(access.missing, Vec::<String>::new());
    let of = on.ask(on.forge.of(&on.repo())).unwrap();
    assert!(of.is_some(), "the repository is bound to the Forge");
}

fn denied(on: &mut Clients) {
    let cache = room();
    let (git, forge) = clients(&on.url, "wrong-token", &cache);
    let head = on.ask(git.head(&on.branch("main"))).map(drop);
    let pulls = on.ask(forge.pulls(&on.branch("main"))).map(drop);
    for answer in [head, pulls] {
        let Err(PortError::Denied(why)) = &answer else {
            panic!("{answer:?}")
        };
        assert!(!why.contains("wrong-token"), "{why}");
    }
}

fn wishing(on: &mut Clients) {
    let branch = on.branch("recant/revert/other");
    let base = on.ask(on.git.head(&on.branch("main"))).unwrap().unwrap();
    let push = Push {
        branch: branch.clone(),
        base,
        files: [("other.yaml".to_owned(), Some(b"a: 0\n".to_vec()))].into(),
        ..on.push()
    };
    on.ask(on.git.push(&push)).unwrap();
    let wishes = PullWishes {
        reviewers: vec!["dana".to_owned()],
        assign_authors_of: vec![on.base.clone()],
        draft: true,
        auto_merge: false,
    };
    let text = PullText {
        branch,
        wishes,
        ..on.text("Revert other")
    };
    on.number = on.ask(on.forge.open(&text)).unwrap().number;
    let seen = on.pull();
    assert_eq!(seen["draft"], true, "{}", seen["title"]);
    assert_eq!(seen["requested_reviewers"][0]["login"], "dana");
    assert_eq!(seen["assignees"][0]["login"], "dana");
    let again = PullText {
        title: "Revert other, again".to_owned(),
        ..text
    };
    on.ask(on.forge.update(on.number, &again)).unwrap();
    let seen = on.pull();
    assert_eq!(
        (&seen["draft"], &seen["title"]),
        (&json!(true), &json!("WIP: Revert other, again"))
    );
    let pulls = on.ask(on.forge.pulls(&again.branch)).unwrap();
    assert_eq!(
        pulls[0].title, again.title,
        "a draft's title is told without the mark"
    );
}
