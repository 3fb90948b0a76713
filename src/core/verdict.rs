//! From what was measured to a verdict: which query asks for a metric, and whether its answer is good.
//!
//! All metrics are evaluated at every tick and shown, not only the first that fails. "No data" and "could not ask"
//! are outcomes of their own.

use crate::canary::spec::Metric;
use crate::canary::spec::Spec;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::MetricQuery;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::Why;
use crate::reason::Check;
use crate::reason::Outcome;
use crate::settings::Settings;

/// What must be seen to evaluate the metrics of a Canary.
pub fn ask(settings: &Settings, canary: &Object, spec: &Spec, seen: &Observation) -> Vec<Query> {
    let mut wanted = Vec::new();
    for metric in &spec.analysis.metrics {
        if let Some(template) = template_name(canary, metric) {
            wanted.push(Query::Object(template));
        }
        if let Ok(query) = query(settings, canary, spec, metric, seen) {
            wanted.push(Query::Metric(query));
        }
    }
    wanted
}

/// Evaluates all metrics of a Canary.
pub fn checks(settings: &Settings, canary: &Object, spec: &Spec, seen: &Observation) -> Vec<Check> {
    spec.analysis
        .metrics
        .iter()
        .map(|metric| check(settings, canary, spec, metric, seen))
        .collect()
}

fn check(settings: &Settings, canary: &Object, spec: &Spec, metric: &Metric, seen: &Observation) -> Check {
    let range = metric.range();
    let (outcome, query) = match query(settings, canary, spec, metric, seen) {
        Err(why) => (Outcome::Unknown(why), String::new()),
        Ok(query) => {
            let outcome = match seen.metric(&query) {
                Observed::Unknown(why) => Outcome::Unknown(why),
                Observed::Known(None) => Outcome::NoData,
                Observed::Known(Some(value)) => judge(*value * scale(settings, spec, metric), range),
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

fn judge(value: f64, range: crate::canary::spec::Range) -> Outcome {
    let good = range.min.is_none_or(|min| value >= min) && range.max.is_none_or(|max| value <= max);
    if good {
        Outcome::Pass(value)
    } else {
        Outcome::Fail(value)
    }
}

/// The query of a metric.
fn query(
    settings: &Settings,
    canary: &Object,
    spec: &Spec,
    metric: &Metric,
    seen: &Observation,
) -> Result<MetricQuery, Why> {
    let own = || spec.metrics_server.clone().unwrap_or_default();
    if let Some(name) = template_name(canary, metric) {
        return templated(canary, spec, metric, &name, seen);
    }
    let text = match &metric.query {
        Some(inline) => inline.clone(),
        None => builtin(settings, spec, &metric.name)
            .ok_or_else(|| {
                Why::Invalid(format!(
                    "metric {} is neither built in (request-success-rate, request-duration) nor has it a query or a templateRef",
                    metric.name
                ))
            })?
            .to_owned(),
    };
    Ok(MetricQuery {
        address: own(),
        query: fill(&text, canary, spec, metric)?,
    })
}

fn templated(
    canary: &Object,
    spec: &Spec,
    metric: &Metric,
    name: &ObjectRef,
    seen: &Observation,
) -> Result<MetricQuery, Why> {
    let template = match seen.object(name) {
        Observed::Known(Some(template)) => template,
        Observed::Known(None) => return Err(Why::Invalid(format!("{name} not found: create it"))),
        Observed::Unknown(why) => return Err(why),
    };
    match template.str("/spec/provider/type") {
        "prometheus" => {}
        other => {
            let detail = format!("{name}: spec.provider.type {other} is not supported: use prometheus");
            return Err(Why::Invalid(detail));
        }
    }
    let address = template.str("/spec/provider/address").to_owned();
    Ok(MetricQuery {
        address,
        query: fill(template.str("/spec/query"), canary, spec, metric)?,
    })
}

fn template_name(canary: &Object, metric: &Metric) -> Option<ObjectRef> {
    let template = metric.template_ref.as_ref()?;
    let namespace = template
        .namespace
        .as_deref()
        .unwrap_or_else(|| canary.namespace());
    Some(ObjectRef::new(
        crate::canary::spec::API_VERSION,
        "MetricTemplate",
        namespace,
        &template.name,
    ))
}

/// Whether the mesh's own metrics are asked. Flagger asks Linkerd's whenever the controller's provider is Linkerd.
fn on_linkerd(settings: &Settings, spec: &Spec) -> bool {
    let own = spec.provider.as_deref().unwrap_or_default();
    settings.mesh_provider.contains("linkerd") || own == "linkerd"
}

/// Flagger's built-in queries, for Linkerd and for the HTTP metrics of the workload itself.
fn builtin(settings: &Settings, spec: &Spec, name: &str) -> Option<&'static str> {
    Some(match (name, on_linkerd(settings, spec)) {
        ("request-success-rate", true) => {
            r#"sum(rate(response_total{namespace="{{ namespace }}",deployment=~"{{ target }}",classification!="failure",direction="inbound"}[{{ interval }}])) / sum(rate(response_total{namespace="{{ namespace }}",deployment=~"{{ target }}",direction="inbound"}[{{ interval }}])) * 100"#
        }
        ("request-duration", true) => {
            r#"histogram_quantile(0.99, sum(rate(response_latency_ms_bucket{namespace="{{ namespace }}",deployment=~"{{ target }}",direction="inbound"}[{{ interval }}])) by (le))"#
        }
        ("request-success-rate", false) => {
            r#"sum(rate(http_request_duration_seconds_count{kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)",status!~"5.*"}[{{ interval }}])) / sum(rate(http_request_duration_seconds_count{kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[{{ interval }}])) * 100"#
        }
        ("request-duration", false) => {
            r#"histogram_quantile(0.99, sum(rate(http_request_duration_seconds_bucket{kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[{{ interval }}])) by (le))"#
        }
        _ => return None,
    })
}

/// What a built-in query's answer is multiplied with to be in the unit of its threshold (%, ms).
fn scale(settings: &Settings, spec: &Spec, metric: &Metric) -> f64 {
    let seconds = metric.query.is_none() && metric.template_ref.is_none() && !on_linkerd(settings, spec);
    if seconds && metric.name == "request-duration" {
        1000.0
    } else {
        1.0
    }
}

/// Fills Flagger's template functions in: `{{ namespace }}`, `{{ target }}`, `{{ variables.x }}` …
fn fill(text: &str, canary: &Object, spec: &Spec, metric: &Metric) -> Result<String, Why> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (inner, tail) = after.split_once("}}").ok_or_else(|| {
            Why::Invalid(format!(
                "metric {}: the query has a {{{{ without a }}}}",
                metric.name
            ))
        })?;
        let name = inner.trim().trim_matches('-').trim();
        out.push_str(&value(name, canary, spec, metric)?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn value(name: &str, canary: &Object, spec: &Spec, metric: &Metric) -> Result<String, Why> {
    let value = match name {
        "name" => canary.name(),
        "namespace" => canary.namespace(),
        "target" => &spec.target_ref.name,
        "service" => spec.apex_name(),
        "interval" => metric.interval(),
        "ingress" => canary.str("/spec/ingressRef/name"),
        "route" => canary.str("/spec/routeRef/name"),
        other => {
            let variable = other
                .strip_prefix("variables.")
                .and_then(|name| metric.template_variables.get(name));
            return variable.cloned().ok_or_else(|| {
                Why::Invalid(format!(
                    "metric {}: the query uses {{{{ {other} }}}}, which is not known: set it in templateVariables",
                    metric.name
                ))
            });
        }
    };
    Ok(value.to_owned())
}
