//! The data plane: nginx splits the requests of every apex Service by the weights of its TrafficSplit or HTTPRoute, and
//! a load generator sends them.

use super::Repeated;
use super::cluster::Http;
use super::room;
use super::within;
use crate::namespace::Parts;
use crate::process::Process;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

const PORT: u16 = 23200;
/// Requests a second to each apex.
const PER_S: u64 = 12;

/// What each apex' requests are split into: Services and their weights.
type Splits = BTreeMap<String, Vec<(String, i64)>>;

/// A running data plane under load.
pub(crate) struct Mesh {
    _load: Repeated,
    _rounds: Repeated,
    _process: Process,
    _room: TempDir,
}

impl Mesh {
    pub(crate) fn start(parts: &Parts, cluster: Http) -> Self {
        let room = room();
        let config = within(&room, "nginx.conf");
        std::fs::write(&config, configured(room.path(), &Splits::new(), &BTreeMap::new())).unwrap();
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
        let apexes: Arc<Mutex<Vec<String>>> = Arc::default();
        let rounds = follow(cluster, room.path().to_owned(), process.id(), Arc::clone(&apexes));
        Self {
            _load: load(apexes),
            _rounds: rounds,
            _process: process,
            _room: room,
        }
    }
}

/// Follows routes and endpoints: nginx reads its configuration again whenever they change.
fn follow(cluster: Http, dir: PathBuf, nginx: u32, apexes: Arc<Mutex<Vec<String>>>) -> Repeated {
    let mut last = String::new();
    Repeated::every(Duration::from_millis(300), move || {
        let (splits, endpoints) = (splits(&cluster), endpoints(&cluster));
        let text = configured(&dir, &splits, &endpoints);
        if text != last {
            std::fs::write(dir.join("nginx.conf"), &text).unwrap();
            drop(Command::new("kill").args(["-HUP", &nginx.to_string()]).status());
            last = text;
        }
        *apexes.lock().unwrap() = splits.into_keys().collect();
    })
}

fn splits(cluster: &Http) -> Splits {
    let mut splits = Splits::new();
    for split in cluster.list("/apis/split.smi-spec.io/v1alpha2/trafficsplits") {
        let apex = named(&split, &split["spec"]["service"]);
        splits.insert(apex, backends(&split, &split["spec"]["backends"], "service"));
    }
    for route in cluster.list("/apis/gateway.networking.k8s.io/v1/httproutes") {
        let of_services = route["spec"]["parentRefs"].as_array().into_iter().flatten();
        let of_services = of_services
            .filter(|parent| parent["kind"] == "Service")
            .map(|parent| &parent["name"]);
        let of_hosts = route["spec"]["hostnames"].as_array().into_iter().flatten();
        for apex in of_services.chain(of_hosts) {
            let last = route["spec"]["rules"]
                .as_array()
                .and_then(|rules| rules.last())
                .cloned()
                .unwrap_or_default();
            splits.insert(
                named(&route, apex),
                backends(&route, &last["backendRefs"], "name"),
            );
        }
    }
    splits
}

fn named(object: &Value, name: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["metadata"]["namespace"]), text(name))
}

fn backends(object: &Value, list: &Value, field: &str) -> Vec<(String, i64)> {
    let weight = |backend: &Value| match &backend["weight"] {
        Value::String(text) => text.parse().unwrap_or(0),
        other => other.as_i64().unwrap_or(1),
    };
    let list = list.as_array().into_iter().flatten();
    list.map(|backend| (named(object, &backend[field]), weight(backend)))
        .collect()
}

/// The ready addresses of every Service.
fn endpoints(cluster: &Http) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for slice in cluster.list("/apis/discovery.k8s.io/v1/endpointslices") {
        let service = named(&slice, &slice["metadata"]["labels"]["kubernetes.io/service-name"]);
        let Some(port) = slice["ports"][0]["port"].as_i64() else {
            continue;
        };
        for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
            if endpoint["conditions"]["ready"] == true {
                let address = endpoint["addresses"][0].as_str().unwrap_or_default();
                found
                    .entry(service.clone())
                    .or_default()
                    .push(format!("{address}:{port}"));
            }
        }
    }
    found.values_mut().for_each(|addresses| addresses.sort());
    found
}

fn configured(dir: &Path, splits: &Splits, endpoints: &BTreeMap<String, Vec<String>>) -> String {
    let dir = dir.display();
    let mut text = format!(
        "daemon off; user root; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;\n\
         events {{ worker_connections 512; }}\nhttp {{\n  access_log off; server_names_hash_bucket_size 128;\n  \
         client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; \
         uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\n  \
         server {{ listen 127.0.0.1:{PORT} default_server; return 404; }}\n"
    );
    for (service, addresses) in endpoints {
        let servers: String = addresses
            .iter()
            .map(|address| format!("server {address}; "))
            .collect();
        let _ = writeln!(text, "  upstream {} {{ {servers}}}", plain(service));
    }
    for (apex, backends) in splits {
        let there: Vec<_> = backends
            .iter()
            .filter(|(name, weight)| *weight > 0 && endpoints.contains_key(name))
            .collect();
        let Some(((last, _), others)) = there.split_last() else {
            continue;
        };
        let total: i64 = there.iter().map(|(_, weight)| weight).sum();
        let shares: String = others
            .iter()
            .map(|(name, weight)| format!("{:.2}% {}; ", *weight as f64 * 100.0 / total as f64, plain(name)))
            .collect();
        let at = plain(apex);
        let _ = writeln!(
            text,
            "  split_clients \"$request_id\" $to_{at} {{ {shares}* {}; }}",
            plain(last)
        );
        let _ = writeln!(
            text,
            "  server {{ listen 127.0.0.1:{PORT}; server_name {at}; location / {{ proxy_pass http://$to_{at}; }} }}"
        );
    }
    text + "}\n"
}

/// A name that nginx takes for a variable and for a host.
fn plain(name: &str) -> String {
    name.replace(['/', '-', '.'], "_")
}

/// So many requests a second to each apex; nobody waits for the answers.
fn load(apexes: Arc<Mutex<Vec<String>>>) -> Repeated {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    Repeated::every(Duration::from_millis(1000 / PER_S), move || {
        for apex in apexes.lock().unwrap().iter() {
            let request = client
                .get(format!("http://127.0.0.1:{PORT}/"))
                .header("Host", plain(apex));
            runtime.spawn(async move { request.send().await });
        }
    })
}
