//! The metric providers against small servers that are stricter than the real ones: they look at path, query, headers
//! and body, and answer in the shapes of the published APIs.

mod clouds;
mod errors;
mod prometheus;
mod providers;

use crate::forge_clients::bound::Objects;
use recant::clock::Clock;
use recant::gauge::Gauges;
use recant::gauge::Settings;
use recant::port::Gauge;
use recant::port::PortError;
use recant_core::object::ObjectRef;
use recant_core::provider::Provider;
use recant_core::provider::ProviderKind;
use recant_core::query::MetricQuery;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

/// The time it is for the providers: 2026-01-01T00:00:00Z.
const NOW_S: i64 = 1_767_225_600;

fn provider(kind: ProviderKind, address: &str) -> Provider {
    Provider {
        kind,
        address: address.to_owned(),
        secret: Some(ObjectRef::new("v1", "Secret", "ops", "creds")),
        ..Provider::default()
    }
}

fn query(provider: Provider, query: &str) -> MetricQuery {
    MetricQuery {
        provider,
        query: query.to_owned(),
        interval_ms: 60_000,
    }
}

/// Settings with a clock that stands at [`NOW_S`].
fn settings(metrics_server: &str) -> Settings {
    Settings {
        // So slow that it stands still.
        clock: Clock::Fast {
            start: jiff::Timestamp::from_second(NOW_S).unwrap(),
            since: Instant::now(),
            speed: 1e-9,
        },
        ..Settings::new(metrics_server)
    }
}

/// Providers with a Secret `ops/creds` of these values.
fn with_settings(secret: &[(&str, &str)], settings: Settings) -> Gauges {
    let cluster = Objects::default();
    cluster.put_secret("ops", "creds", secret);
    Gauges::new(Arc::new(cluster), settings).unwrap()
}

fn gauges(secret: &[(&str, &str)], metrics_server: &str, timeout: Duration) -> Gauges {
    let settings = Settings {
        timeout,
        ..settings(metrics_server)
    };
    with_settings(secret, settings)
}

async fn ask(secret: &[(&str, &str)], asked: MetricQuery) -> Result<Option<f64>, PortError> {
    gauges(secret, "", Duration::from_secs(5)).query(&asked).await
}
