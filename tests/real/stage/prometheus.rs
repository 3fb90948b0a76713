//! Prometheus: it scrapes each pod's proxy, as Linkerd's are scraped.

use super::Repeated;
use super::cluster::Http;
use super::room;
use super::within;
use crate::namespace::Parts;
use crate::process::Process;
use serde_json::Value;
use serde_json::json;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The port that examples-repo names.
const PORT: u16 = 9090;

/// Debian's build of Prometheus cannot ask an API server for pods: a file tells it of them.
const CONFIG: &str = r#"
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- job_name: pods
  file_sd_configs: [{files: ["@PODS@"], refresh_interval: 1s}]
- job_name: ingress
  honor_labels: true
  static_configs: [{targets: ["127.0.0.1:10254"]}]
- job_name: traefik
  static_configs: [{targets: ["127.0.0.1:23401"]}]
"#;

/// A running Prometheus.
pub(crate) struct Prometheus {
    _pods: Repeated,
    _process: Process,
    _room: TempDir,
}

impl Prometheus {
    pub(crate) fn start(parts: &Parts, cluster: Http) -> Self {
        let room = room();
        let (config, pods) = (within(&room, "prometheus.yml"), within(&room, "pods.json"));
        std::fs::write(&config, CONFIG.replace("@PODS@", pods.to_str().unwrap())).unwrap();
        let mut command = Command::new(parts.file("prometheus", "usr/bin/prometheus"));
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", within(&room, "data").display()));
        command
            .arg(format!("--web.listen-address=127.0.0.1:{PORT}"))
            .arg("--log.level=warn");
        let mut process = Process::start("prometheus", &mut command, within(&room, "prometheus.log"));
        process.wait_for_port(PORT);
        let pods = Repeated::every(Duration::from_millis(500), move || {
            let targets: Vec<Value> = cluster.list("/api/v1/pods").iter().filter_map(target).collect();
            let new = pods.with_extension("new");
            std::fs::write(&new, Value::from(targets).to_string()).unwrap();
            std::fs::rename(&new, &pods).unwrap();
        });
        Self {
            _pods: pods,
            _process: process,
            _room: room,
        }
    }
}

/// A pod's proxy, with the labels that Linkerd's and Flagger's own Prometheus give it.
fn target(pod: &Value) -> Option<Value> {
    let ip = pod["status"]["podIP"].as_str()?;
    let (namespace, name) = (&pod["metadata"]["namespace"], &pod["metadata"]["name"]);
    let owner = pod["metadata"]["ownerReferences"][0]["name"]
        .as_str()
        .unwrap_or_default();
    let deployment = owner.rsplit_once('-').map_or(owner, |(deployment, _)| deployment);
    Some(json!({
        "targets": [format!("{ip}:4191")],
        "labels": {
            "namespace": namespace, "pod": name, "deployment": deployment,
            "kubernetes_namespace": namespace, "kubernetes_pod_name": name,
        },
    }))
}
