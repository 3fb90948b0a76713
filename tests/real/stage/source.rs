//! source-controller's part, done by the harness: what Git has at a branch becomes an archive that is served, and the
//! GitRepository's status says so, as the real one would write it.

use super::Repeated;
use super::cluster::Http;
use super::git;
use super::room;
use axum::extract::Path as UrlPath;
use axum::extract::State;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

const PORT: u16 = 28185;
const ALL: &str = "/apis/source.toolkit.fluxcd.io/v1/gitrepositories";

type Archives = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// The source of every GitRepository, for as long as this lives.
pub(crate) struct Sources {
    _rounds: Repeated,
    _runtime: tokio::runtime::Runtime,
}

impl Sources {
    /// `config` is a setting of git, such as `url.DIR.insteadOf=URL`; empty for none.
    pub(crate) fn start(cluster: Http, config: &str) -> Self {
        let archives = Archives::default();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let app = axum::Router::new()
            .route("/{*path}", axum::routing::get(archive))
            .with_state(Arc::clone(&archives));
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(("127.0.0.1", PORT)))
            .unwrap();
        runtime.spawn(async move { axum::serve(listener, app).await });
        let room = room();
        let config = config.to_owned();
        let rounds = Repeated::every(Duration::from_secs(1), move || {
            round(&cluster, &room, &archives, &config)
        });
        Self {
            _rounds: rounds,
            _runtime: runtime,
        }
    }
}

async fn archive(
    State(archives): State<Archives>,
    UrlPath(path): UrlPath<String>,
) -> Result<Vec<u8>, axum::http::StatusCode> {
    let found = archives.lock().unwrap().get(&path).cloned();
    found.ok_or(axum::http::StatusCode::NOT_FOUND)
}

fn round(cluster: &Http, room: &TempDir, archives: &Archives, config: &str) {
    for source in cluster.list(ALL) {
        if source["spec"]["suspend"] == true {
            continue;
        }
        let status =
            fetched(&source, room.path(), archives, config).unwrap_or_else(|why| failed(&source, &why));
        if !says(&source["status"], &status) {
            let (namespace, name) = (
                text(&source, "/metadata/namespace"),
                text(&source, "/metadata/name"),
            );
            let path = format!(
                "/apis/source.toolkit.fluxcd.io/v1/namespaces/{namespace}/gitrepositories/{name}/status"
            );
            cluster.json("PATCH", &path, &json!({ "status": status }));
        }
    }
}

/// Whether a status says all that already, whenever it said so.
fn says(old: &Value, new: &Value) -> bool {
    let of = |status: &Value| {
        let ready = status["conditions"]
            .as_array()
            .and_then(|all| all.iter().find(|c| c["type"] == "Ready"));
        let ready = ready.cloned().unwrap_or_default();
        (
            status["artifact"]["revision"].clone(),
            status["observedGeneration"].clone(),
            status["lastHandledReconcileAt"].clone(),
            ready["status"].clone(),
            ready["message"].clone(),
        )
    };
    of(old) == of(new)
}

fn fetched(source: &Value, room: &Path, archives: &Archives, config: &str) -> Result<Value, String> {
    let url = text(source, "/spec/url");
    let branch = match text(source, "/spec/ref/branch") {
        "" => "master",
        branch => branch,
    };
    let dir = room.join(digest(url.as_bytes()));
    if !dir.exists() {
        git(room, &["init", "-q", "--bare", dir.to_str().unwrap_or_default()])?;
    }
    let refs = format!("+refs/heads/{branch}:refs/heads/{branch}");
    let config = if config.is_empty() {
        "core.bare=true"
    } else {
        config
    };
    git(&dir, &["-c", config, "fetch", "-q", url, &refs])?;
    let commit = String::from_utf8_lossy(&git(&dir, &["rev-parse", branch])?)
        .trim()
        .to_owned();
    let path = format!(
        "gitrepository/{}/{}/{commit}.tar.gz",
        text(source, "/metadata/namespace"),
        text(source, "/metadata/name")
    );
    let mut archives = archives.lock().unwrap();
    if !archives.contains_key(&path) {
        archives.insert(path.clone(), git(&dir, &["archive", "--format=tar.gz", &commit])?);
    }
    let bytes = &archives[&path];
    let revision = format!("{branch}@sha1:{commit}");
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let message = format!("stored artifact for revision '{revision}'");
    let condition = |kind: &str| condition(source, kind, "True", "Succeeded", &message, &now);
    Ok(json!({
        "artifact": {
            "digest": format!("sha256:{}", digest(bytes)),
            "lastUpdateTime": now, "path": path, "revision": revision, "size": bytes.len(),
            "url": format!("http://127.0.0.1:{PORT}/{path}"),
        },
        "conditions": [condition("Ready"), condition("ArtifactInStorage")],
        "observedGeneration": source["metadata"]["generation"],
        "lastHandledReconcileAt": source["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"],
    }))
}

fn failed(source: &Value, why: &str) -> Value {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({
        "conditions": [condition(source, "Ready", "False", "GitOperationFailed", why, &now)],
        "observedGeneration": source["metadata"]["generation"],
    })
}

fn condition(source: &Value, kind: &str, status: &str, reason: &str, message: &str, now: &str) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now,
            "observedGeneration": source["metadata"]["generation"] })
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The SHA-256 of some bytes, in hexadecimal digits.
fn digest(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
