//! What `recant run` serves: health for the kubelet, metrics for Prometheus, and an overview for people. It reads a
//! [`Board`] and a [`Meter`] that the controller writes; it calls no adapter and changes nothing.

use crate::controller::Told;
use crate::meter;
use crate::meter::Meter;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::response::IntoResponse;
use axum::routing::get;
use maud::DOCTYPE;
use maud::Markup;
use maud::html;
use recant_core::object::ObjectRef;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The last word about every object.
#[derive(Default)]
pub struct Board {
    words: Mutex<BTreeMap<ObjectRef, Told>>,
}

impl Board {
    /// Notes what the controller did about an object.
    pub fn note(&self, told: &Told) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.insert(told.about.clone(), told.clone());
    }

    fn words(&self) -> Vec<Told> {
        self.words
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }
}

/// What is shown.
#[derive(Clone)]
pub struct Shown {
    /// The last word about every object.
    pub board: Arc<Board>,
    /// The metrics.
    pub meter: Arc<Meter>,
}

/// Serves until told to stop.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(listener: TcpListener, shown: Shown, stop: CancellationToken) -> std::io::Result<()> {
    let pages = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(async || (StatusCode::OK, "ok")))
        .route("/metrics", get(metrics))
        .route("/", get(overview))
        .with_state(shown);
    axum::serve(listener, pages)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

async fn metrics(State(shown): State<Shown>) -> impl IntoResponse {
    ([(CONTENT_TYPE, meter::CONTENT_TYPE)], shown.meter.text())
}

async fn overview(State(shown): State<Shown>) -> Html<String> {
    Html(page(&shown.board.words()).into_string())
}

fn page(words: &[Told]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content="5";
                title { "recant" }
                style { (include_str!("web/overview.css")) }
            }
            body {
                h1 { "recant" }
                @if words.is_empty() {
                    p { "No Canary has been looked at yet." }
                } @else {
                    table {
                        thead { tr { th { "Object" } th { "Since" } th { "Reason" } th { "What it says" } } }
                        tbody {
                            @for told in words {
                                // Commit statuses link here.
                                tr id=(format!("{}/{}", told.about.namespace, told.about.name)) {
                                    td { (told.about.to_string()) }
                                    td { (told.at.strftime("%F %T").to_string()) }
                                    td { (told.because.name()) }
                                    td { (told.because.to_string()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
