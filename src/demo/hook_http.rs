//! The world's receivers of webhooks over HTTP: a proxy that answers for every host there is in the cluster.
//!
//! Never here: what a receiver says (that is `recant_sim::receiver`), an address other than loopback.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::IntoResponse;
use axum::response::Response;
use jiff::Timestamp;
use recant_sim::receiver::Receivers;
use recant_sim::receiver::Says;
use recant_sim::world::World;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

/// Whoever owns the receivers, and knows the time there.
pub trait Called: Send + Sync + 'static {
    /// Runs a job on them, alone. It may block for as long as another job runs.
    fn with(&self, job: &mut dyn FnMut(&mut Receivers, Timestamp));
    /// How long a time there is here.
    fn wait(&self, time: jiff::SignedDuration) -> Duration;
}

impl Called for Mutex<World> {
    fn with(&self, job: &mut dyn FnMut(&mut Receivers, Timestamp)) {
        let mut world = self.lock().unwrap_or_else(PoisonError::into_inner);
        let now = world.now();
        job(&mut world.receivers, now);
    }

    fn wait(&self, time: jiff::SignedDuration) -> Duration {
        time.unsigned_abs()
    }
}

/// The routes: everything is a call.
pub fn router(called: Arc<dyn Called>) -> Router {
    Router::new().fallback(call).with_state(called)
}

async fn call(State(called): State<Arc<dyn Called>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let host = uri
        .authority()
        .map_or_else(|| text("host"), |authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let (url, key) = (format!("http://{host}{path}"), text("idempotency-key").to_owned());
    let body = String::from_utf8_lossy(&body).into_owned();
    let asked = {
        let called = Arc::clone(&called);
        tokio::task::spawn_blocking(move || {
            let mut says = Says::Nothing;
            called.with(&mut |receivers, now| says = receivers.call(now, &url, &key, &body));
            says
        })
    };
    match asked.await.unwrap_or(Says::Nothing) {
        Says::Nothing => (StatusCode::BAD_GATEWAY, "connection refused").into_response(),
        Says::Answer { status, body, after } => {
            tokio::time::sleep(called.wait(after)).await;
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, body).into_response()
        }
    }
}
