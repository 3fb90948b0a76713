//! Traefik with its own Gateway API provider: it reads Gateways and HTTPRoutes, says in their statuses what it made of
//! them, and splits the requests by their weights.

use super::Repeated;
use super::cluster::Cluster;
use super::cluster::Http;
use super::mesh::load;
use super::mesh::load::Asked;
use super::mesh::load::Request;
use super::room;
use super::within;
use crate::namespace::Parts;
use crate::process::Process;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Where it takes requests: a Gateway's listener must name this port.
const WEB: u16 = 23400;
/// Where its own counters are scraped.
const METRICS: u16 = 23401;

/// A running Traefik under load.
pub(crate) struct Traefik {
    pub(crate) process: Process,
    _load: Repeated,
    _rounds: Repeated,
    _room: TempDir,
}

impl Traefik {
    /// Starts it; clients ask for every host that an HTTPRoute names.
    pub(crate) fn start(parts: &Parts, cluster: &Cluster) -> Self {
        let room = room();
        let mut command = Command::new(parts.file("traefik", "traefik"));
        command.args([
            "--providers.kubernetesgateway=true",
            &format!("--entrypoints.web.address=127.0.0.1:{WEB}"),
            &format!("--entrypoints.metrics.address=127.0.0.1:{METRICS}"),
            "--metrics.prometheus=true",
            "--metrics.prometheus.entrypoint=metrics",
            "--metrics.prometheus.addserviceslabels=true",
            "--global.checknewversion=false",
            "--global.sendanonymoususage=false",
        ]);
        command
            .env("KUBECONFIG", cluster.kubeconfig())
            .env("HOME", room.path());
        let mut process = Process::start("traefik", &mut command, within(&room, "traefik.log"));
        process.wait_for_port(WEB);
        let asked = Asked::default();
        Self {
            process,
            _load: load::send(WEB, Asked::clone(&asked)),
            _rounds: follow(cluster.client(), asked),
            _room: room,
        }
    }

    /// How many requests it has sent to a Service's pods so far, by the status of the answer.
    pub(crate) fn answered(&self, namespace: &str, service: &str, status: u16) -> u64 {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let exposed = async {
            let url = format!("http://127.0.0.1:{METRICS}/metrics");
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            client.get(url).send().await.unwrap().text().await.unwrap()
        };
        let text = runtime.block_on(exposed);
        let is_meant = |line: &&str| {
            line.starts_with("traefik_service_requests_total{")
                && line.contains(&format!("service=\"{namespace}-{service}-"))
                && line.contains(&format!("code=\"{status}\""))
        };
        let value = |line: &str| {
            line.rsplit_once(' ')
                .and_then(|(_, value)| value.parse::<f64>().ok())
        };
        text.lines().filter(is_meant).filter_map(value).sum::<f64>() as u64
    }
}

fn follow(cluster: Http, asked: Asked) -> Repeated {
    Repeated::every(Duration::from_millis(300), move || {
        let routes = cluster.list("/apis/gateway.networking.k8s.io/v1/httproutes");
        let hosts = routes.iter().flat_map(|route| {
            let hosts = route["spec"]["hostnames"].as_array().into_iter().flatten();
            hosts.filter_map(Value::as_str)
        });
        let requests = hosts.map(|host| Request {
            host: host.to_owned(),
            header: None,
        });
        *asked.lock().unwrap() = requests.collect();
    })
}
