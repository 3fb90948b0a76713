//! From what was measured to a verdict: which query asks for a metric, and whether its answer is good.
//!
//! All metrics are evaluated at every tick and shown, not only the first that fails. "No data" and "could not ask"
//! are outcomes of their own. Never here: a credential, and what a failed check leads to.

mod builtin;
mod fill;
mod words;

#[cfg(test)]
mod tests;

use crate::canary::spec::Metric;
use crate::canary::spec::Range;
use crate::canary::spec::Spec;
use crate::duration;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::provider::Provider;
use crate::provider::ProviderKind;
use crate::query::MetricQuery;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::Why;
use crate::reason::Check;
use crate::reason::Outcome;
use crate::reason::Reason;
use crate::settings::Settings;
use builtin::Builtin;
use fill::Model;
pub use words::halted;

/// The MetricTemplates that the metrics of a Canary refer to.
pub fn templates(settings: &Settings, canary: &Object, spec: &Spec) -> Vec<Query> {
    let metrics = spec.analysis.metrics.iter();
    metrics
        .filter_map(|metric| match source(settings, canary, spec, metric) {
            Source::Template(name) => Some(Query::Object(name)),
            _ => None,
        })
        .collect()
}

/// What must be asked to evaluate the metrics of a Canary, once their templates have been seen.
pub fn ask(settings: &Settings, canary: &Object, spec: &Spec, seen: &Observation) -> Vec<Query> {
    let metrics = spec.analysis.metrics.iter();
    metrics
        .filter_map(|metric| query(settings, canary, spec, metric, seen).ok())
        .map(Query::Metric)
        .collect()
}

/// A metric that this engine cannot measure, whatever is measured: better said before an analysis than by failing it.
pub fn unsupported(settings: &Settings, canary: &Object, spec: &Spec, seen: &Observation) -> Option<Reason> {
    spec.analysis.metrics.iter().find_map(|metric| {
        let Source::Template(name) = source(settings, canary, spec, metric) else {
            return None;
        };
        let Observed::Known(Some(template)) = seen.object(&name) else {
            return None;
        };
        let value = template.str("/spec/provider/type");
        let hint = ProviderKind::of(value).err()?;
        Some(Reason::Unsupported {
            field: format!("{name} spec.provider.type"),
            value: value.to_owned(),
            hint: hint.to_owned(),
        })
    })
}

/// Evaluates all metrics of a Canary.
pub fn checks(settings: &Settings, canary: &Object, spec: &Spec, seen: &Observation) -> Vec<Check> {
    spec.analysis
        .metrics
        .iter()
        .map(|metric| check(settings, canary, spec, metric, seen))
        .collect()
}

/// The check that a failed tick is put down to: the first that measured something bad; where none did, the first that
/// did not pass.
pub fn worst(checks: &[Check]) -> Option<&Check> {
    let bad = checks
        .iter()
        .find(|check| matches!(check.outcome, Outcome::Fail(_) | Outcome::Refused(_)));
    bad.or_else(|| checks.iter().find(|check| !check.passed()))
}

fn check(settings: &Settings, canary: &Object, spec: &Spec, metric: &Metric, seen: &Observation) -> Check {
    let unit = Unit::of(&source(settings, canary, spec, metric), metric);
    let range = unit.range(metric.range());
    let (outcome, query) = match query(settings, canary, spec, metric, seen) {
        Err(why) => (Outcome::Unknown(why), String::new()),
        Ok(query) => {
            let outcome = match seen.metric(&query) {
                Observed::Unknown(why) => Outcome::Unknown(why),
                Observed::Known(None) => Outcome::NoData,
                Observed::Known(Some(value)) => judge(unit.value(*value), range),
            };
            (outcome, query.query)
        }
    };
    Check {
        name: metric.name.clone(),
        outcome,
        range,
        query,
    }
}

fn judge(value: f64, range: Range) -> Outcome {
    if value.is_nan() {
        return Outcome::NoData;
    }
    let good = range.min.is_none_or(|min| value >= min) && range.max.is_none_or(|max| value <= max);
    if good {
        Outcome::Pass(value)
    } else {
        Outcome::Fail(value)
    }
}

/// What the number that a query comes to means.
#[derive(Clone, Copy)]
enum Unit {
    /// A number as it is.
    Plain,
    /// A built-in duration: so many of it are a millisecond. Flagger counts whole milliseconds only, of the measured
    /// value and of the threshold.
    Duration { to_ms: f64 },
}

impl Unit {
    fn of(source: &Source, metric: &Metric) -> Self {
        match source {
            Source::Builtin(builtin) if metric.name == "request-duration" => {
                Self::Duration { to_ms: builtin.to_ms }
            }
            _ => Self::Plain,
        }
    }

    fn value(self, measured: f64) -> f64 {
        match self {
            Self::Plain => measured,
            Self::Duration { to_ms } => (measured * to_ms).trunc(),
        }
    }

    fn range(self, range: Range) -> Range {
        match self {
            Self::Plain => range,
            Self::Duration { .. } => Range {
                min: range.min.map(f64::trunc),
                max: range.max.map(f64::trunc),
            },
        }
    }
}

/// Where the query of a metric comes from.
#[derive(Clone, Debug)]
enum Source {
    /// A MetricTemplate.
    Template(ObjectRef),
    /// The Canary itself.
    Inline,
    /// Flagger's table.
    Builtin(&'static Builtin),
    /// Nowhere; why.
    Nowhere(String),
}

/// Where the query of a metric comes from: its template before its own query before the table.
fn source(settings: &Settings, canary: &Object, spec: &Spec, metric: &Metric) -> Source {
    if let Some(template) = &metric.template_ref {
        let own = canary.namespace();
        let namespace = template
            .namespace
            .as_deref()
            .filter(|n| !n.is_empty())
            .unwrap_or(own);
        if settings.no_cross_namespace_refs && namespace != own {
            return Source::Nowhere(format!(
                "metric {}: templateRef.namespace {namespace}: references to other namespaces are off \
                 (--no-cross-namespace-refs)",
                metric.name
            ));
        }
        let api = crate::canary::spec::API_VERSION;
        return Source::Template(ObjectRef::new(api, "MetricTemplate", namespace, &template.name));
    }
    if metric.query.as_deref().is_some_and(|query| !query.is_empty()) {
        return Source::Inline;
    }
    if !matches!(metric.name.as_str(), "request-success-rate" | "request-duration") {
        return Source::Nowhere(format!(
            "metric {} is neither built in (request-success-rate, request-duration) nor has it a query or a templateRef",
            metric.name
        ));
    }
    let provider = || spec.provider.as_deref().unwrap_or(&settings.mesh_provider);
    builtin::of(settings, spec).map_or_else(
        || {
            Source::Nowhere(format!(
                "metric {}: provider {} has no built-in metrics here: use a templateRef",
                metric.name,
                provider()
            ))
        },
        Source::Builtin,
    )
}

/// The query of a metric.
fn query(
    settings: &Settings,
    canary: &Object,
    spec: &Spec,
    metric: &Metric,
    seen: &Observation,
) -> Result<MetricQuery, Why> {
    let own = || Provider::prometheus(spec.metrics_server.as_deref().unwrap_or_default());
    let (provider, text, named) = match source(settings, canary, spec, metric) {
        Source::Nowhere(why) => return Err(Why::Invalid(why)),
        Source::Template(name) => {
            let template = match seen.object(&name) {
                Observed::Known(Some(template)) => template,
                Observed::Known(None) => return Err(Why::Invalid(format!("{name} not found: create it"))),
                Observed::Unknown(why) => return Err(why),
            };
            let text = template.str("/spec/query").to_owned();
            (Provider::of(template)?, text, format!("{name}: spec.query"))
        }
        Source::Inline => {
            let text = metric.query.clone().unwrap_or_default();
            (own(), text, format!("metric {}: query", metric.name))
        }
        Source::Builtin(builtin) => {
            let text = builtin.query(&metric.name).unwrap_or_default().to_owned();
            (own(), text, format!("metric {}: query", metric.name))
        }
    };
    let model = model(canary, spec, metric);
    let filled = fill::fill(&text, &model).map_err(|why| Why::Invalid(format!("{named}: {why}")))?;
    Ok(MetricQuery {
        query: in_one_line(provider.kind, filled),
        provider,
        interval_ms: interval_ms(metric)?,
    })
}

fn interval_ms(metric: &Metric) -> Result<i64, Why> {
    let interval = metric.interval();
    let parsed = duration::parse(interval).map(|d| d.as_millis());
    parsed.and_then(|ms| i64::try_from(ms).ok()).ok_or_else(|| {
        Why::Invalid(format!(
            "metric {}: interval {interval:?} is no duration: write 30s or 1m",
            metric.name
        ))
    })
}

/// Prometheus and Graphite get their queries in one line, as Flagger sends them. In other languages line ends count.
fn in_one_line(kind: ProviderKind, query: String) -> String {
    match kind {
        ProviderKind::Prometheus | ProviderKind::Graphite => {
            query.split_whitespace().collect::<Vec<_>>().join(" ")
        }
        _ => query.trim().to_owned(),
    }
}

/// What Flagger's template functions come to for a Canary.
fn model<'a>(canary: &'a Object, spec: &'a Spec, metric: &'a Metric) -> Model<'a> {
    let target = spec.target_ref.name.as_str();
    let or_target = |name: &'a str| if name.is_empty() { target } else { name };
    Model {
        functions: [
            ("name", canary.name()),
            ("namespace", canary.namespace()),
            ("target", target),
            ("service", spec.apex_name()),
            ("ingress", or_target(canary.str("/spec/ingressRef/name"))),
            ("route", or_target(canary.str("/spec/routeRef/name"))),
            ("interval", metric.interval()),
        ],
        variables: &metric.template_variables,
    }
}
