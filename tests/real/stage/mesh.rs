//! The data plane: nginx splits the requests of every apex Service as its TrafficSplit, HTTPRoute or Ingresses say, and
//! a load generator sends them.

mod count;
mod nginx;
mod routes;

use super::Repeated;
use super::cluster::Http;
use super::room;
use super::within;
use crate::namespace::Parts;
use crate::process::Process;
use count::Counts;
use routes::Apex;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

const PORT: u16 = 23200;
/// Requests a second to each apex; and as many more with the header, where one decides.
const PER_S: u64 = 12;

/// A running data plane under load.
pub(crate) struct Mesh {
    _load: Repeated,
    _rounds: Repeated,
    _counts: Counts,
    _process: Process,
    _room: TempDir,
}

impl Mesh {
    pub(crate) fn start(parts: &Parts, cluster: Http) -> Self {
        let room = room();
        let config = within(&room, "nginx.conf");
        std::fs::write(
            &config,
            nginx::configured(room.path(), &[], &nginx::Endpoints::new()),
        )
        .unwrap();
        let mut command = Command::new(parts.file("nginx", "usr/sbin/nginx"));
        command
            .arg("-p")
            .arg(room.path())
            .arg("-e")
            .arg(within(&room, "error.log"))
            .arg("-c")
            .arg(&config);
        let mut process = Process::start("nginx", &mut command, within(&room, "nginx.log"));
        process.wait_for_port(PORT);
        let apexes: Arc<Mutex<Vec<Apex>>> = Arc::default();
        let rounds = follow(cluster, room.path().to_owned(), process.id(), Arc::clone(&apexes));
        Self {
            _load: load(apexes),
            _rounds: rounds,
            _counts: Counts::start(room.path().join(nginx::COUNTED)),
            _process: process,
            _room: room,
        }
    }
}

/// Follows routes and endpoints: nginx reads its configuration again whenever they change.
fn follow(cluster: Http, dir: PathBuf, nginx: u32, apexes: Arc<Mutex<Vec<Apex>>>) -> Repeated {
    let mut last = String::new();
    Repeated::every(Duration::from_millis(300), move || {
        let (found, endpoints) = (routes::read(&cluster), routes::endpoints(&cluster));
        let text = nginx::configured(&dir, &found, &endpoints);
        if text != last {
            std::fs::write(dir.join("nginx.conf"), &text).unwrap();
            drop(Command::new("kill").args(["-HUP", &nginx.to_string()]).status());
            last = text;
        }
        routes::accept(&cluster);
        *apexes.lock().unwrap() = found;
    })
}

/// So many requests a second to each apex; nobody waits for the answers.
fn load(apexes: Arc<Mutex<Vec<Apex>>>) -> Repeated {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    Repeated::every(Duration::from_millis(1000 / PER_S), move || {
        for apex in apexes.lock().unwrap().iter() {
            let request = || {
                client
                    .get(format!("http://127.0.0.1:{PORT}/"))
                    .header("Host", nginx::plain(&apex.name))
            };
            let insider = apex
                .with
                .as_ref()
                .map(|with| request().header(&with.header, &with.value));
            for request in [Some(request()), insider].into_iter().flatten() {
                runtime.spawn(async move { request.send().await });
            }
        }
    })
}
