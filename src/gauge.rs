//! Metric providers: one file for each, which says what is asked and how the answer is read.
//!
//! A credential is read from the Secret that the query names, goes into the requests to that provider's own address,
//! and nowhere else: redirects are not followed, and errors hold neither credentials nor the rest of an address. "No
//! data" is an answer of its own, apart from a server that is away and from a query it does not take.

mod ask;
mod aws;
mod cloudwatch;
mod datadog;
mod dynatrace;
mod graphite;
mod http;
mod influxdb;
mod newrelic;
mod prometheus;
mod splunk;
mod stackdriver;

pub use aws::Aws;
pub use aws::Identity;
pub use stackdriver::Google;

use crate::clock::Clock;
use crate::credential::Secret;
use crate::gauge::ask::Ask;
use crate::gauge::http::Http;
use crate::port::Answered;
use crate::port::Cluster;
use crate::port::Gauge;
use crate::port::PortError;
use recant_core::provider::ProviderKind;
use recant_core::query::MetricQuery;
use std::sync::Arc;
use std::time::Duration;

/// How long a provider may take for an answer, as with Flagger.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What holds for all queries.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The Prometheus for queries that name no server.
    pub metrics_server: String,
    /// An HTTP proxy: from outside a cluster, the names of its services mean nothing.
    pub proxy: Option<String>,
    /// How long a provider may take for an answer (InfluxDB: three times that).
    pub timeout: Duration,
    /// What time it is.
    pub clock: Clock,
    /// Amazon's cloud.
    pub aws: Aws,
    /// Google's cloud.
    pub google: Google,
}

impl Settings {
    /// The usual ones, with this Prometheus.
    pub fn new(metrics_server: impl Into<String>) -> Self {
        Self {
            metrics_server: metrics_server.into(),
            proxy: None,
            timeout: TIMEOUT,
            clock: Clock::Wall,
            aws: Aws::default(),
            google: Google::default(),
        }
    }
}

/// All providers.
pub struct Gauges {
    cluster: Arc<dyn Cluster>,
    settings: Settings,
    http: Http,
}

impl Gauges {
    /// The providers, with the Secrets of this cluster.
    ///
    /// # Errors
    /// When the proxy makes no sense.
    pub fn new(cluster: Arc<dyn Cluster>, settings: Settings) -> Result<Self, PortError> {
        let http = Http::new(settings.proxy.as_deref())?;
        Ok(Self {
            cluster,
            settings,
            http,
        })
    }

    async fn ask(&self, query: &MetricQuery) -> Result<Option<f64>, PortError> {
        let provider = &query.provider;
        let secret = match &provider.secret {
            Some(name) => Some(Secret::read(self.cluster.as_ref(), name).await?),
            None => None,
        };
        let ask = Ask {
            query,
            secret: secret.as_ref(),
            now: self.settings.clock.now(),
        };
        let timeout = self.timeout(provider.kind);
        let (request, read): (_, fn(&[u8]) -> _) = match provider.kind {
            ProviderKind::Prometheus => {
                let server = &self.settings.metrics_server;
                (prometheus::request(&ask, server)?, prometheus::read)
            }
            ProviderKind::Datadog => (datadog::request(&ask)?, datadog::read),
            ProviderKind::NewRelic => (newrelic::request(&ask)?, newrelic::read),
            ProviderKind::Graphite => (graphite::request(&ask)?, graphite::read),
            ProviderKind::InfluxDb => (influxdb::request(&ask)?, influxdb::read),
            ProviderKind::Dynatrace => (dynatrace::request(&ask)?, dynatrace::read),
            ProviderKind::Splunk => (splunk::request(&ask)?, splunk::read),
            ProviderKind::CloudWatch => {
                let request = cloudwatch::request(&ask, &self.settings.aws, &self.http, timeout);
                (request.await?, cloudwatch::read)
            }
            ProviderKind::Stackdriver => {
                let request = stackdriver::request(&ask, &self.settings.google, &self.http, timeout);
                (request.await?, stackdriver::read)
            }
        };
        let (shown, body) = self.http.send(request, provider, timeout).await?;
        let value = read(&body).map_err(|why| PortError::Invalid(format!("{shown}: {why}")))?;
        Ok(value.filter(|value| !value.is_nan()))
    }

    /// InfluxDB gets three times as long, as with Flagger.
    fn timeout(&self, kind: ProviderKind) -> Duration {
        let times = if kind == ProviderKind::InfluxDb { 3 } else { 1 };
        self.settings.timeout * times
    }
}

impl Gauge for Gauges {
    fn query<'a>(&'a self, query: &'a MetricQuery) -> Answered<'a, Option<f64>> {
        Box::pin(self.ask(query))
    }
}
