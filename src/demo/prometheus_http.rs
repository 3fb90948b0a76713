//! The world's metrics over HTTP, as Prometheus serves them: instant queries, readiness, and what it is.
//!
//! Never here: what a query means (that is `recant_sim::gauge`), range queries, an address other than loopback.

use axum::Json;
use axum::Router;
use axum::extract::RawForm;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use recant_sim::gauge::Gauge;
use recant_sim::gauge::Reply;
use recant_sim::world::World;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Whoever owns the metrics, and knows the time there.
pub trait Measured: Send + Sync + 'static {
    /// Runs a job on them, alone. It may block for as long as another job runs.
    fn with(&self, job: &mut dyn FnMut(&Gauge, Timestamp));
}

impl Measured for Mutex<World> {
    fn with(&self, job: &mut dyn FnMut(&Gauge, Timestamp)) {
        let world = self.lock().unwrap_or_else(PoisonError::into_inner);
        job(&world.gauge, world.now());
    }
}

/// The routes of the API.
pub fn router(measured: Arc<dyn Measured>) -> Router {
    Router::new()
        .route("/api/v1/query", get(query).post(query))
        .route("/api/v1/status/buildinfo", get(build_info))
        .route("/-/ready", get(|| async { "recant demo's metrics are ready.\n" }))
        .route(
            "/-/healthy",
            get(|| async { "recant demo's metrics are healthy.\n" }),
        )
        .fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found\n") })
        .with_state(measured)
}

/// Parameters come in the URL or, with POST, in the body.
async fn query(State(measured): State<Arc<dyn Measured>>, RawForm(form): RawForm) -> Response {
    let parameters: BTreeMap<String, String> = url::form_urlencoded::parse(&form).into_owned().collect();
    let asked = tokio::task::spawn_blocking(move || answer(&*measured, &parameters)).await;
    let broken = || {
        let body =
            json!({"status": "error", "errorType": "internal", "error": "the world is broken; see the log"});
        (500, body)
    };
    let (status, body) = asked.unwrap_or_else(|_| broken());
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}

fn answer(measured: &dyn Measured, parameters: &BTreeMap<String, String>) -> Reply {
    let query = parameters.get("query").map_or("", String::as_str);
    let at = match parameters.get("time").filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => match time(text) {
            Some(at) => Some(at),
            None => return bad_time(text),
        },
    };
    let mut reply = None;
    measured.with(&mut |gauge, now| reply = Some(gauge.handle(query, at.unwrap_or(now))));
    reply.unwrap_or_else(|| {
        (
            503,
            json!({"status": "error", "errorType": "unavailable", "error": "not ready"}),
        )
    })
}

/// Seconds since 1970, with a fraction or without, or RFC 3339.
fn time(text: &str) -> Option<Timestamp> {
    match text.parse::<f64>() {
        Ok(seconds) => Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok(),
        Err(_) => text.parse().ok(),
    }
}

fn bad_time(text: &str) -> Reply {
    let error = format!("invalid parameter \"time\": cannot parse \"{text}\" to a valid timestamp");
    (
        400,
        json!({"status": "error", "errorType": "bad_data", "error": error}),
    )
}

async fn build_info() -> Json<serde_json::Value> {
    let version = env!("CARGO_PKG_VERSION");
    Json(json!({
        "status": "success",
        "data": {"application": "recant demo", "version": version, "revision": "", "branch": "", "goVersion": ""},
    }))
}
