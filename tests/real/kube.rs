//! The checks of a Kubernetes API server, on the world's and on the real one.

use crate::conformance::kube::ALL;
use crate::conformance::kube::Client;
use crate::namespace::Parts;
use crate::report::On;
use crate::report::Trial;
use crate::stage::cluster::Cluster;
use crate::stage::cluster::Http;
use recant::demo::kube_api::Alone;
use recant::demo::kube_api::KubeApi;
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The world's server, while it is asked.
struct World {
    http: Http,
    _server: KubeApi,
    _runtime: Runtime,
}

impl World {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let served = Arc::new(Alone::new(recant_sim::cluster::Cluster::new()));
        let server = runtime.block_on(KubeApi::start(0, served, None)).unwrap();
        Self {
            http: Http::new(&server.url(), None, b""),
            _server: server,
            _runtime: runtime,
        }
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    let world: Rc<OnceCell<World>> = Rc::default();
    let real: Rc<OnceCell<Cluster>> = Rc::default();
    let trial = |check: &str, on: On, parts, run: Box<dyn FnOnce(&Parts)>| Trial {
        suite: "kube",
        check: check.to_owned(),
        on,
        parts,
        long: false,
        run,
    };
    let mut trials = Vec::new();
    for (name, check) in ALL {
        let world = Rc::clone(&world);
        let run = move |_: &Parts| check(&world.get_or_init(World::start).http);
        trials.push(trial(name, On::World, &[], Box::new(run)));
    }
    for (name, check) in ALL {
        let real = Rc::clone(&real);
        let run = move |parts: &Parts| check(&real.get_or_init(|| Cluster::start(parts)).http as &dyn Client);
        trials.push(trial(name, On::Real, &["kubelite"], Box::new(run)));
    }
    trials
}
