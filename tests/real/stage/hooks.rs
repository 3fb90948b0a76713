//! Receivers of webhooks: they stand at every host that a story names, and answer as the story says.

use jiff::SignedDuration;
use jiff::Timestamp;
use recant::demo::hook_http;
use recant::demo::hook_http::Called;
use recant_sim::receiver::Receivers;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

/// The receivers, for as long as this lives.
pub(crate) struct Hooks {
    held: Arc<Held>,
    _runtime: tokio::runtime::Runtime,
}

struct Held(Mutex<Receivers>);

impl Called for Held {
    fn with(&self, job: &mut dyn FnMut(&mut Receivers, Timestamp)) {
        job(&mut self.0.lock().unwrap(), Timestamp::now());
    }

    fn wait(&self, time: SignedDuration) -> Duration {
        time.unsigned_abs()
    }
}

impl Hooks {
    /// `text` is the story's: its URLs name the hosts.
    pub(crate) fn start(text: &str) -> Self {
        name_hosts(text);
        let held = Arc::new(Held(Mutex::default()));
        let app = hook_http::router(Arc::clone(&held) as Arc<dyn Called>);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 80));
        let listener = runtime.block_on(listener).unwrap();
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            held,
            _runtime: runtime,
        }
    }

    pub(crate) fn with<R>(&self, job: impl FnOnce(&mut Receivers) -> R) -> R {
        job(&mut self.held.0.lock().unwrap())
    }
}

/// Here every host that has no address otherwise is this machine.
fn name_hosts(text: &str) {
    let urls = text.split("http://").skip(1);
    let hosts: BTreeSet<&str> = urls
        .filter_map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric() && !"-.".contains(c))
                .next()
        })
        .filter(|host| host.parse::<std::net::IpAddr>().is_err())
        .collect();
    // The file is what /etc/hosts is here: it must stay the same one.
    let path = Path::new(crate::namespace::ROOM).join("hosts");
    let mut names = fs::read_to_string(&path).unwrap();
    for host in hosts {
        names += &format!("127.0.0.1 {host}\n");
    }
    fs::write(&path, names).unwrap();
}
