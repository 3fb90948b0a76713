//! The metrics of the world: live counters, the samples a Prometheus would have scraped from them, and PromQL.
//!
//! Whoever makes traffic calls [`Gauge::add`] and [`Gauge::observe`]; [`Gauge::scrape`] takes a sample of everything
//! at regular instants; [`Gauge::handle`] answers instant queries over the samples as Prometheus' HTTP API does.
//! Never here: HTTP, a clock, range queries, recording rules.

mod aggregate;
mod answer;
mod binary;
mod eval;
mod function;
mod histogram;
mod range;
mod select;
mod value;

#[cfg(test)]
mod tests;

pub use answer::Reply;
pub use value::Labels;
pub use value::Point;
pub use value::Sample;
pub use value::Value;

use crate::clock;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::collections::VecDeque;

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The text is no PromQL: Prometheus' `bad_data`.
    #[error("invalid parameter \"query\": parse error: {0}")]
    Parse(String),
    /// It cannot be evaluated on these data: Prometheus' `execution`.
    #[error("{0}")]
    Execution(String),
}

/// How samples are taken and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scrapes {
    /// Seconds between two scrapes.
    pub every_s: u32,
    /// Seconds a sample is kept.
    pub retention_s: u32,
    /// Seconds an instant selector looks back for the newest sample.
    pub lookback_s: u32,
}

impl Default for Scrapes {
    fn default() -> Self {
        Self {
            every_s: 5,
            retention_s: 3600,
            lookback_s: 300,
        }
    }
}

/// Counters and histograms as they are now, and the samples scraped so far.
#[derive(Clone, Debug, Default)]
pub struct Gauge {
    scrapes: Scrapes,
    next_scrape_ms: Option<i64>,
    counters: BTreeMap<Labels, f64>,
    histograms: BTreeMap<Labels, Histogram>,
    /// Samples by metric name and labels.
    series: BTreeMap<String, BTreeMap<Labels, VecDeque<Sample>>>,
}

#[derive(Clone, Debug)]
struct Histogram {
    bounds: &'static [f64],
    /// One count for each bound, and one for what is above all of them; not cumulative.
    counts: Vec<u64>,
    sum: f64,
}

impl Gauge {
    /// A gauge without any series.
    pub fn new(scrapes: Scrapes) -> Self {
        Self {
            scrapes,
            ..Self::default()
        }
    }

    /// Adds to a counter, which starts at 0.
    pub fn add(&mut self, labels: &Labels, by: f64) {
        match self.counters.get_mut(labels) {
            Some(counter) => *counter += by,
            None => {
                self.counters.insert(labels.clone(), by);
            }
        }
    }

    /// Records observations in a histogram of these upper bounds (ascending, without +Inf). `labels` carry the base
    /// name, from which `_bucket`, `_count` and `_sum` follow.
    pub fn observe(&mut self, labels: &Labels, bounds: &'static [f64], values: &[f64]) {
        if !self.histograms.contains_key(labels) {
            let empty = Histogram {
                bounds,
                counts: vec![0; bounds.len() + 1],
                sum: 0.0,
            };
            self.histograms.insert(labels.clone(), empty);
        }
        let Some(histogram) = self.histograms.get_mut(labels) else {
            return;
        };
        for value in values {
            let bucket = histogram.bounds.partition_point(|bound| bound < value);
            histogram.counts[bucket] += 1;
            histogram.sum += value;
        }
    }

    /// Takes away every live series with this label, as when a pod is gone. Its samples stay until they are too old;
    /// at the next scrape it is marked stale.
    pub fn forget(&mut self, label: &str, value: &str) {
        self.counters.retain(|labels, _| labels.get(label) != value);
        self.histograms.retain(|labels, _| labels.get(label) != value);
    }

    /// Scrapes, if it is time to: at the multiples of `every_s` since 1970.
    pub fn scrape(&mut self, now: Timestamp) {
        let now_ms = now.as_millisecond();
        let every_ms = i64::from(self.scrapes.every_s.max(1)) * 1000;
        if self.next_scrape_ms.is_some_and(|next| now_ms < next) {
            return;
        }
        self.next_scrape_ms = Some((now_ms.div_euclid(every_ms) + 1) * every_ms);
        let seen = self.exposed();
        self.mark_stale(now_ms, &seen);
        for (labels, value) in seen {
            self.push(labels, Sample::new(now_ms, value));
        }
        self.drop_old(now_ms);
    }

    /// Puts one sample into a series, as a remote write would. Samples must come in order of time.
    pub fn push(&mut self, labels: Labels, sample: Sample) {
        let name = labels.name().to_owned();
        self.series
            .entry(name)
            .or_default()
            .entry(labels)
            .or_default()
            .push_back(sample);
    }

    /// Everything a scrape sees, histograms spelled out.
    fn exposed(&self) -> BTreeMap<Labels, f64> {
        let mut seen = self.counters.clone();
        for (labels, histogram) in &self.histograms {
            histogram.expose(labels, &mut seen);
        }
        seen
    }

    fn mark_stale(&mut self, now_ms: i64, seen: &BTreeMap<Labels, f64>) {
        for series in self.series.values_mut() {
            for (labels, samples) in series.iter_mut() {
                let alive = samples.back().is_some_and(|last| !last.is_stale());
                if alive && !seen.contains_key(labels) {
                    samples.push_back(Sample::stale(now_ms));
                }
            }
        }
    }

    fn drop_old(&mut self, now_ms: i64) {
        let oldest = now_ms - i64::from(self.scrapes.retention_s) * 1000;
        for series in self.series.values_mut() {
            for samples in series.values_mut() {
                while samples.front().is_some_and(|sample| sample.at_ms < oldest) {
                    samples.pop_front();
                }
            }
            series.retain(|_, samples| !samples.is_empty());
        }
        self.series.retain(|_, series| !series.is_empty());
    }

    /// The value of an instant query.
    pub fn query(&self, query: &str, at: Timestamp) -> Result<Value, QueryError> {
        let worded = |message: String| QueryError::Parse(message.replace('\'', "\""));
        let expr = promql_parser::parser::parse(query).map_err(worded)?;
        eval::Eval::new(self, at.as_millisecond()).expr(&expr)
    }

    /// The number a query comes to, or none when there is no data: of several series the last one's, as Flagger reads
    /// an answer.
    pub fn number(&self, query: &str, at: Timestamp) -> Result<Option<f64>, QueryError> {
        let number = match self.query(query, at)? {
            Value::Scalar(number) => Some(number),
            Value::Vector(points) => points.last().map(|point| point.value),
            Value::Text(_) | Value::Matrix(_) => None,
        };
        Ok(number.filter(|number| !number.is_nan()))
    }

    /// The HTTP status and the body that Prometheus' `/api/v1/query` answers with.
    pub fn handle(&self, query: &str, at: Timestamp) -> Reply {
        answer::reply(self.query(query, at), clock::seconds(at))
    }
}

impl Histogram {
    fn expose(&self, labels: &Labels, seen: &mut BTreeMap<Labels, f64>) {
        let base = labels.name();
        let bucket = labels.with("__name__", &format!("{base}_bucket"));
        let mut below = 0;
        for (i, count) in self.counts.iter().enumerate() {
            below += count;
            let le = self.bounds.get(i).map_or("+Inf".to_owned(), f64::to_string);
            seen.insert(bucket.with("le", &le), below as f64);
        }
        seen.insert(labels.with("__name__", &format!("{base}_count")), below as f64);
        seen.insert(labels.with("__name__", &format!("{base}_sum")), self.sum);
    }
}
