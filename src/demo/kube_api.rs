//! The in-memory cluster over HTTP, so that kubectl and kube use it as they use any other.
//!
//! Never here: what a request means (that is the cluster's), or a listener that is not on loopback.

mod stream;
mod wire;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use jiff::Timestamp;
use recant_sim::cluster::Body;
use recant_sim::cluster::Cluster;
use serde_json::json;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Who owns the cluster that is served.
pub trait Served: Send + Sync {
    /// Does the work on the cluster, at the time it is there now, with nobody else at it. Afterwards, receivers of
    /// [`changed`](Self::changed) must learn of a new resourceVersion.
    fn with(&self, work: &mut dyn FnMut(&mut Cluster, Timestamp));
    /// The cluster's resourceVersion, whenever it changes.
    fn changed(&self) -> watch::Receiver<u64>;
}

/// A cluster of its own, at wall-clock time, that collects garbage after every request.
pub struct Alone {
    cluster: Mutex<Cluster>,
    version: watch::Sender<u64>,
}

impl Alone {
    /// Owns a cluster.
    pub fn new(cluster: Cluster) -> Self {
        let version = watch::Sender::new(cluster.resource_version());
        Self {
            cluster: Mutex::new(cluster),
            version,
        }
    }
}

impl Served for Alone {
    fn with(&self, work: &mut dyn FnMut(&mut Cluster, Timestamp)) {
        let mut cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        work(&mut cluster, now);
        cluster.collect(now);
        self.version.send_if_modified(|version| {
            let before = std::mem::replace(version, cluster.resource_version());
            before != *version
        });
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}

/// A running API server. Dropping it ends it, watches and all.
pub struct KubeApi {
    address: SocketAddr,
    ended: CancellationToken,
}

impl KubeApi {
    /// Serves on a port of 127.0.0.1 (0: any free one). With a token, only to those who bring it, as a bearer token or
    /// as the first segment of the path.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(port: u16, served: Arc<dyn Served>, token: Option<String>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let ended = CancellationToken::new();
        let app = router(served, token, ended.clone());
        let until = ended.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(listener, app).with_graceful_shutdown(until).await });
        Ok(Self { address, ended })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for KubeApi {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

/// A kubeconfig for a server, as YAML. The token goes into the URL: kubectl sends no credentials over plain HTTP.
pub fn kubeconfig(url: &str, token: Option<&str>) -> String {
    let server = token.map_or_else(|| url.to_owned(), |token| format!("{url}/{token}"));
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "recant-demo", "cluster": { "server": server } }],
        "users": [{ "name": "recant-demo", "user": {} }],
        "contexts": [{
            "name": "recant-demo",
            "context": { "cluster": "recant-demo", "user": "recant-demo", "namespace": "default" },
        }],
        "current-context": "recant-demo",
    });
    serde_yaml::to_string(&config).expect("plain JSON can be written as YAML")
}

struct App {
    served: Arc<dyn Served>,
    token: Option<String>,
    ended: CancellationToken,
}

/// The API server as a service; watches end when `ended` is cancelled.
pub fn router(served: Arc<dyn Served>, token: Option<String>, ended: CancellationToken) -> Router {
    let app = Arc::new(App { served, token, ended });
    Router::new().fallback(move |request: axum::extract::Request| {
        let app = Arc::clone(&app);
        async move { answer(&app, request).await }
    })
}

async fn answer(app: &App, request: axum::extract::Request) -> axum::response::Response {
    let read = wire::read(request, app.token.as_deref()).await;
    let request = match read {
        Ok(request) => request,
        Err(refused) => return refused.into_response(),
    };
    let mut response = None;
    app.served
        .with(&mut |cluster, now| response = Some(cluster.handle(now, &request)));
    let Some(response) = response else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let body = match response.body {
        Body::Json(document) => axum::body::Body::from(document.to_string()),
        Body::Text(text) => axum::body::Body::from(text),
        Body::Watch(watch) => stream::body(Arc::clone(&app.served), *watch, app.ended.clone()),
    };
    let mut built = axum::http::Response::builder()
        .status(response.status)
        .header(header::CONTENT_TYPE, response.content_type)
        .header(header::CACHE_CONTROL, "no-cache, private");
    for warning in &response.warnings {
        built = built.header("Warning", format!("299 - {}", json!(warning)));
    }
    built
        .body(body)
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
