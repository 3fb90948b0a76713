//! What an ingress controller counts, as ingress-nginx exposes it.

use crate::stage::Repeated;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::BufRead as _;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

/// ingress-nginx' own port for it.
pub(crate) const PORT: u16 = 10254;

/// The labels of a series, how many requests, and their seconds together.
type Counted = Arc<Mutex<BTreeMap<String, (u64, f64)>>>;

/// The counters, for as long as this lives.
pub(super) struct Counts {
    _rounds: Repeated,
    _runtime: tokio::runtime::Runtime,
}

impl Counts {
    /// Follows nginx' log.
    pub(super) fn start(log: PathBuf) -> Self {
        let counted = Counted::default();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", PORT));
        let listener = runtime.block_on(listener).unwrap();
        let shown = Arc::clone(&counted);
        let metrics = move || async move { exposed(&shown) };
        let app = axum::Router::new().route("/metrics", axum::routing::get(metrics));
        runtime.spawn(async move { axum::serve(listener, app).await });
        let mut reader = None;
        let mut line = String::new();
        let rounds = Repeated::every(Duration::from_millis(200), move || {
            if reader.is_none() {
                reader = std::fs::File::open(&log).ok().map(BufReader::new);
            }
            let Some(reader) = &mut reader else { return };
            // The last line may not be whole yet.
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) && line.ends_with('\n') {
                count(&counted, &line);
                line.clear();
            }
        });
        Self {
            _rounds: rounds,
            _runtime: runtime,
        }
    }
}

fn count(counted: &Counted, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [status, seconds, upstream, namespace, ingress, canary] = words[..] else {
        return;
    };
    let canary = if upstream == canary { canary } else { "" };
    let labels =
        format!(r#"namespace="{namespace}",ingress="{ingress}",canary="{canary}",status="{status}""#);
    let mut counted = counted.lock().unwrap();
    let (total, sum) = counted.entry(labels).or_default();
    *total += 1;
    *sum += seconds.parse().unwrap_or(0.0);
}

fn exposed(counted: &Counted) -> String {
    let mut text = String::new();
    for (labels, (total, sum)) in counted.lock().unwrap().iter() {
        let time = "nginx_ingress_controller_response_duration_seconds";
        let _ = writeln!(text, "nginx_ingress_controller_requests{{{labels}}} {total}");
        let _ = writeln!(
            text,
            "{time}_sum{{{labels}}} {sum}\n{time}_count{{{labels}}} {total}"
        );
    }
    text
}
