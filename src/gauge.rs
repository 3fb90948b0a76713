//! Metric providers.

mod prometheus;

pub use prometheus::Prometheus;
