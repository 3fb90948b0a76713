//! The data plane: nginx splits the requests of every apex Service as its TrafficSplit, HTTPRoute or Ingresses say, and
//! a load generator sends them.

mod count;
pub(super) mod load;
mod nginx;
mod routes;

use super::Repeated;
use super::cluster::Http;
use super::room;
use super::within;
use crate::namespace::Parts;
use crate::process::Process;
use count::Counts;
use load::Asked;
use load::Request;
use routes::Apex;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const PORT: u16 = 23200;

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
        let asked = Asked::default();
        let rounds = follow(
            cluster,
            room.path().to_owned(),
            process.id(),
            Asked::clone(&asked),
        );
        Self {
            _load: load::send(PORT, asked),
            _rounds: rounds,
            _counts: Counts::start(room.path().join(nginx::COUNTED)),
            _process: process,
            _room: room,
        }
    }
}

/// Follows routes and endpoints: nginx reads its configuration again whenever they change.
fn follow(cluster: Http, dir: PathBuf, nginx: u32, asked: Asked) -> Repeated {
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
        *asked.lock().unwrap() = requests(&found);
    })
}

/// Everybody asks for every apex, and once more with the header where one decides.
fn requests(apexes: &[Apex]) -> Vec<Request> {
    let asked = |apex: &Apex| {
        let host = nginx::plain(&apex.name);
        let with = apex.with.as_ref();
        let insider = with.map(|with| Request {
            host: host.clone(),
            header: Some((with.header.clone(), with.value.clone())),
        });
        [Some(Request { host, header: None }), insider]
    };
    apexes.iter().flat_map(asked).flatten().collect()
}
