//! recant itself: the program, with the rights that `deploy/rbac.yaml` gives it and no others.

use super::cluster::Cluster;
use super::room;
use super::within;
use crate::files;
use crate::process::Process;
use base64::Engine as _;
use serde_json::Value;
use serde_json::json;
use std::process::Command;
use tempfile::TempDir;

/// recant's own namespace.
const NAMESPACE: &str = "recant-system";

/// A running recant.
pub(crate) struct Recant {
    pub(crate) process: Process,
    _room: TempDir,
}

impl Recant {
    /// Installs it as `deploy/` does, with a forge, and runs it as its service account.
    pub(crate) fn start(cluster: &Cluster, url: &str, token: &str, flags: &[String]) -> Self {
        install(cluster);
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        cluster.http.apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "forge", "namespace": NAMESPACE },
            "data": { "token": encode(token) },
        }));
        cluster.http.apply(&forge(url, &json!({})));
        let room = room();
        let kubeconfig = within(&room, "kubeconfig");
        std::fs::write(&kubeconfig, cluster.kubeconfig_of(&service_account(cluster))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_recant"));
        command.arg("run").arg("--kubeconfig").arg(&kubeconfig);
        command.args([
            "--namespace",
            NAMESPACE,
            "--metrics-server",
            "http://127.0.0.1:9090",
        ]);
        command.args(["--cluster-name", "real", "--listen", "127.0.0.1:18080"]);
        command.args(flags).arg("--cache-dir").arg(within(&room, "cache"));
        command
            .env_remove("KUBECONFIG")
            .env_remove("RUST_LOG")
            .env("TMPDIR", room.path());
        let mut process = Process::start("recant", &mut command, within(&room, "recant.log"));
        process.wait_for_port(18080);
        Self { process, _room: room }
    }
}

/// The Forge for a Gitea, with what else its spec says.
pub(crate) fn forge(url: &str, more: &Value) -> Value {
    let mut spec = more.clone();
    spec["type"] = json!("gitea");
    spec["url"] = json!(url);
    spec["secretRef"] = json!({ "name": "forge" });
    json!({
        "apiVersion": "recant.dev/v1alpha1", "kind": "Forge", "spec": spec,
        "metadata": { "name": "gitea", "namespace": NAMESPACE },
    })
}

/// `kubectl apply -k deploy`, but for the Deployment.
pub(crate) fn install(cluster: &Cluster) {
    recant::manifests::crds()
        .iter()
        .for_each(|crd| cluster.http.apply(crd));
    for file in ["namespace.yaml", "rbac.yaml"] {
        let text = std::fs::read_to_string(files::root().join("deploy").join(file)).unwrap();
        files::documents(&text)
            .iter()
            .for_each(|object| cluster.http.apply(object));
    }
}

fn service_account(cluster: &Cluster) -> String {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts/recant/token");
    let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                          "spec": { "expirationSeconds": 7200 } });
    let token = cluster.http.must("POST", &path, &request);
    token["status"]["token"].as_str().unwrap().to_owned()
}
