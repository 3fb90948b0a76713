//! Flagger's metrics: names, labels and values as its dashboards and alerts know them. The label `name` is the
//! target's, not the Canary's.

use super::Labels;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use recant_core::canary::status::Phase;
use recant_core::canary::status::Status;
use recant_core::object::Object;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The buckets of Prometheus' Go client, in seconds.
const BUCKETS_S: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(super) type Durations = Family<Labels, Histogram, fn() -> Histogram>;

/// Durations by label.
pub(super) fn durations() -> Durations {
    Family::new_with_constructor(|| Histogram::new(BUCKETS_S))
}

/// A gauge of whole numbers by label.
type Gauges = Family<Labels, Gauge>;

pub(super) struct Flagger {
    total: Gauges,
    status: Gauges,
    weight: Gauges,
    analysis: Family<Labels, Gauge<f64, AtomicU64>>,
    duration: Durations,
    successes: Family<Labels, Counter>,
    failures: Family<Labels, Counter>,
}

impl Flagger {
    pub(super) fn register(registry: &mut Registry, mesh_provider: &str) -> Self {
        let new = Self {
            total: Family::default(),
            status: Family::default(),
            weight: Family::default(),
            analysis: Family::default(),
            duration: durations(),
            successes: Family::default(),
            failures: Family::default(),
        };
        let info = Gauges::default();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let labels = vec![("version", version), ("mesh_provider", mesh_provider.to_owned())];
        info.get_or_create(&labels).set(1);
        registry.register(
            "flagger_info",
            "Version and mesh provider of the controller",
            info,
        );
        registry.register(
            "flagger_canary_total",
            "Canaries in a namespace",
            new.total.clone(),
        );
        registry.register(
            "flagger_canary_status",
            "Last analysis: 0 running, 1 successful, 2 failed",
            new.status.clone(),
        );
        registry.register(
            "flagger_canary_weight",
            "Share of the traffic in percent",
            new.weight.clone(),
        );
        registry.register(
            "flagger_canary_metric_analysis",
            "Value of a metric at the last check",
            new.analysis.clone(),
        );
        registry.register(
            "flagger_canary_duration_seconds",
            "Seconds that one look at a running analysis took",
            new.duration.clone(),
        );
        // The suffix _total comes with the format.
        registry.register(
            "flagger_canary_successes",
            "Promoted revisions",
            new.successes.clone(),
        );
        registry.register(
            "flagger_canary_failures",
            "Failed revisions",
            new.failures.clone(),
        );
        new
    }

    /// Notes a look at a Canary.
    pub(super) fn looked(&self, before: &Object, after: &Object, took: Duration) {
        let (was, is) = (Status::of(before), Status::of(after));
        if matches!(was.phase, Phase::Progressing | Phase::WaitingPromotion) {
            self.duration
                .get_or_create(&of_target(after))
                .observe(took.as_secs_f64());
        }
        let ended = was.phase != is.phase;
        // A Canary whose run was stopped by a revert is in phase Succeeded too.
        if ended && is.phase == Phase::Succeeded && !is.is("Reverted") {
            self.successes.get_or_create(&of_run(after)).inc();
        }
        if ended && is.phase == Phase::Failed {
            self.failures.get_or_create(&of_run(after)).inc();
        }
    }

    /// Tells the gauges what is known of all Canaries.
    pub(super) fn tell<'a>(&self, canaries: impl Iterator<Item = &'a Object>) {
        self.total.clear();
        self.status.clear();
        self.weight.clear();
        self.analysis.clear();
        let mut totals: BTreeMap<String, i64> = BTreeMap::new();
        for canary in canaries {
            *totals.entry(canary.namespace().to_owned()).or_default() += 1;
            self.tell_one(canary);
        }
        for (namespace, total) in totals {
            self.total
                .get_or_create(&vec![("namespace", namespace)])
                .set(total);
        }
    }

    fn tell_one(&self, canary: &Object) {
        let status = Status::of(canary);
        let value = match status.phase {
            Phase::Progressing => 0,
            Phase::Failed => 2,
            _ => 1,
        };
        self.status.get_or_create(&of_target(canary)).set(value);
        let target = canary.str("/spec/targetRef/name");
        for (workload, weight) in [
            (format!("{target}-primary"), 100 - status.canary_weight),
            (target.to_owned(), status.canary_weight),
        ] {
            let labels = vec![
                ("workload", workload),
                ("namespace", canary.namespace().to_owned()),
            ];
            self.weight.get_or_create(&labels).set(weight);
        }
        for check in status.analysis.iter().flat_map(|run| &run.checks) {
            // What was not measured has no value: an old one would be a lie.
            let Some(value) = check.value() else { continue };
            let mut labels = of_target(canary);
            labels.push(("metric", check.name.clone()));
            let unit = if is_builtin_duration(canary, &check.name) {
                0.001
            } else {
                1.0
            };
            self.analysis.get_or_create(&labels).set(value * unit);
        }
    }
}

/// Flagger tells its built-in duration in seconds here, and in milliseconds everywhere else.
fn is_builtin_duration(canary: &Object, name: &str) -> bool {
    let metrics = canary.at("/spec/analysis/metrics").and_then(Value::as_array);
    let given = |metric: &Value, field: &str| {
        metric
            .get(field)
            .is_some_and(|value| !value.is_null() && *value != "")
    };
    let own = metrics
        .into_iter()
        .flatten()
        .find(|metric| metric.get("name").and_then(Value::as_str) == Some(name));
    name == "request-duration" && own.is_some_and(|m| !given(m, "templateRef") && !given(m, "query"))
}

fn of_target(canary: &Object) -> Labels {
    vec![
        ("name", canary.str("/spec/targetRef/name").to_owned()),
        ("namespace", canary.namespace().to_owned()),
    ]
}

fn of_run(canary: &Object) -> Labels {
    let analysis = |field: &str| canary.at(&format!("/spec/analysis/{field}"));
    let iterates = analysis("iterations")
        .and_then(Value::as_f64)
        .is_some_and(|n| n > 0.0);
    let matches = analysis("match")
        .and_then(Value::as_array)
        .is_some_and(|m| !m.is_empty());
    let strategy = match (iterates, matches) {
        (true, true) => "ab-testing",
        (true, false) => "blue-green",
        (false, _) => "canary",
    };
    let skipped = canary.at("/spec/skipAnalysis") == Some(&Value::Bool(true));
    let mut labels = of_target(canary);
    labels.push(("deployment_strategy", strategy.to_owned()));
    labels.push((
        "analysis_status",
        if skipped { "skipped" } else { "completed" }.to_owned(),
    ));
    labels
}
