//! The checks of a forge's REST API, on the world's and on Gitea.

#[path = "../it/forge/server.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "what the other tests need is not all needed here"
)]
pub(crate) mod server;

use crate::conformance::forge::Client;
use crate::conformance::forge::Pulls;
use crate::conformance::forge::STEPS;
use crate::conformance::forge::step;
use crate::namespace::Parts;
use crate::report::On;
use crate::report::Trial;
use crate::stage::gitea::Gitea;
use crate::stage::room;
use server::PERSON;
use server::REPO;
use server::Server;
use std::cell::RefCell;
use std::rc::Rc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A forge, while its steps are taken.
struct Taken<F> {
    client: Client,
    pulls: Pulls,
    dir: TempDir,
    runtime: Runtime,
    _forge: F,
}

impl<F> Taken<F> {
    fn take(&mut self, name: &str) {
        let taken = step(name, &self.client, self.dir.path(), &mut self.pulls);
        self.runtime.block_on(taken);
    }
}

fn world() -> Taken<Server> {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Server::start("//- /README.md\nhello\n"));
    Taken {
        client: Client::new(&server.url, PERSON, REPO),
        pulls: Pulls::default(),
        dir: room(),
        runtime,
        _forge: server,
    }
}

fn real(parts: &Parts) -> Taken<Gitea> {
    let gitea = Gitea::start(parts);
    gitea.empty_repository("checked");
    Taken {
        client: Client::new(&gitea.url, &gitea.person, "dana/checked"),
        pulls: Pulls::default(),
        dir: room(),
        runtime: Runtime::new().unwrap(),
        _forge: gitea,
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    let worlds: Rc<RefCell<Option<Taken<Server>>>> = Rc::default();
    let reals: Rc<RefCell<Option<Taken<Gitea>>>> = Rc::default();
    let trial = |name: &str, on: On, parts, run: Box<dyn FnOnce(&Parts)>| Trial {
        suite: "forge",
        check: name.to_owned(),
        on,
        parts,
        long: false,
        run,
    };
    let on_world = STEPS.iter().map(|name| {
        let worlds = Rc::clone(&worlds);
        let run = move |_: &Parts| worlds.borrow_mut().get_or_insert_with(world).take(name);
        trial(name, On::World, &[], Box::new(run))
    });
    let on_real = STEPS.iter().map(|name| {
        let reals = Rc::clone(&reals);
        let run = move |parts: &Parts| reals.borrow_mut().get_or_insert_with(|| real(parts)).take(name);
        trial(name, On::Real, &["gitea"], Box::new(run))
    });
    on_world.chain(on_real).collect()
}
