//! The control plane: one process, and a client of its administrator.

use super::room;
use super::within;
use crate::conformance::kube::Answer;
use crate::conformance::kube::Client;
use crate::namespace::Parts;
use crate::process::Process;
use reqwest::Certificate;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The API server's port.
const PORT: u16 = 16443;
/// The administrator's token.
const TOKEN: &str = "real-admin";

/// A control plane.
pub(crate) struct Cluster {
    pub(crate) http: Http,
    pub(crate) process: Process,
    room: TempDir,
}

impl Cluster {
    /// Starts one; nodes answer in the pods' name. etcd and kube-apiserver come from `KUBEBUILDER_ASSETS` if that is set.
    pub(crate) fn start(parts: &Parts) -> Self {
        let room = room();
        let behaviours = within(&room, "behaviours.json");
        std::fs::write(&behaviours, "{}").unwrap();
        let mut command = Command::new(parts.file("kubelite", "kubelite"));
        command
            .arg("-dir")
            .arg(room.path())
            .arg("-behaviours")
            .arg(&behaviours);
        command.args(["-serve", "-audit", "-token", TOKEN, "-port", &PORT.to_string()]);
        if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS") {
            command.arg("-assets").arg(assets);
        }
        let mut process = Process::start("kubelite", &mut command, within(&room, "kubelite.log"));
        process.wait_for_words("READY");
        let ca = std::fs::read(within(&room, "certs/apiserver.crt")).unwrap();
        let http = Http::new(&format!("https://127.0.0.1:{PORT}"), Some(TOKEN), &ca);
        Self { http, process, room }
    }

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        within(&self.room, "kubeconfig")
    }

    /// A kubeconfig for somebody else.
    pub(crate) fn kubeconfig_of(&self, token: &str) -> String {
        std::fs::read_to_string(self.kubeconfig())
            .unwrap()
            .replace(TOKEN, token)
    }

    /// Another client of the administrator.
    pub(crate) fn client(&self) -> Http {
        let ca = std::fs::read(within(&self.room, "certs/apiserver.crt")).unwrap();
        Http::new(&format!("https://127.0.0.1:{PORT}"), Some(TOKEN), &ca)
    }

    /// How an image behaves from now on, or after `config ` the pods with this word in a ConfigMap: `success_pct`,
    /// `error_status`, `latency_ms`, `ready_s`, `fate`.
    pub(crate) fn behaves(&self, image: &str, how: Value) {
        let path = within(&self.room, "behaviours.json");
        let mut all: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        all[image] = how;
        std::fs::write(path, all.to_string()).unwrap();
    }

    /// One JSON object for each request that was made: who, what, with which answer.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(within(&self.room, "audit.log")).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

/// A client of an API server.
pub(crate) struct Http {
    client: reqwest::Client,
    base: String,
    token: Option<String>,
    runtime: Arc<Runtime>,
}

impl Http {
    /// `ca` is a PEM bundle; empty for a server that speaks plain HTTP.
    pub(crate) fn new(base: &str, token: Option<&str>, ca: &[u8]) -> Self {
        recant::tls::install();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(30));
        for certificate in Certificate::from_pem_bundle(ca).unwrap_or_default() {
            builder = builder.add_root_certificate(certificate);
        }
        Self {
            client: builder.build().unwrap(),
            base: base.to_owned(),
            token: token.map(str::to_owned),
            runtime: Arc::new(Runtime::new().unwrap()),
        }
    }
}

impl Client for Http {
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let (status, text) = self.runtime.block_on(async {
            let response = request.body(body.to_owned()).send().await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        });
        Answer {
            status,
            lines: text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect(),
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
        }
    }
}
