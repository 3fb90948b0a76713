//! What a failed check is called in an event: Flagger's sentences, so that whoever matches on them still does.

use super::Source;
use super::source;
use crate::canary::spec::Spec;
use crate::object::Object;
use crate::reason::Check;
use crate::reason::Outcome;
use crate::settings::Settings;

/// The event of a check that did not pass.
pub fn halted(settings: &Settings, canary: &Object, spec: &Spec, check: &Check) -> String {
    let metric = spec
        .analysis
        .metrics
        .iter()
        .find(|metric| metric.name == check.name);
    let source = metric.map(|metric| source(settings, canary, spec, metric));
    let (name, namespace) = (&check.name, canary.namespace());
    match (&check.outcome, source) {
        (
            Outcome::Pass(_)
            | Outcome::Fail(_)
            | Outcome::Agreed
            | Outcome::Refused(_)
            | Outcome::Unanswered(_),
            _,
        )
        | (Outcome::NoData, None) => {
            format!("Halt {}.{namespace} advancement {check}", canary.name())
        }
        (Outcome::NoData, Some(Source::Builtin(builtin))) => format!(
            "Halt advancement no values found for {} metric {name} probably {}.{namespace} is not receiving traffic",
            builtin.provider, spec.target_ref.name
        ),
        (Outcome::NoData, Some(Source::Inline | Source::Nowhere(_))) => {
            format!("Halt advancement no values found for metric: {name}")
        }
        (Outcome::NoData, Some(Source::Template(_))) => {
            format!("Halt advancement no values found for custom metric: {name}: no values found")
        }
        (Outcome::Unknown(why), Some(Source::Builtin(_))) => {
            format!("Prometheus query failed: {name}: {why}")
        }
        (Outcome::Unknown(why), Some(Source::Inline)) => {
            format!("Prometheus query failed for {name}: {why}")
        }
        (Outcome::Unknown(why), Some(Source::Nowhere(_))) => {
            format!("Metric query failed for no usable metrics template and query were configured: {why}")
        }
        (Outcome::Unknown(why), Some(Source::Template(_)) | None) => {
            format!("Metric query failed for {name}: {why}")
        }
    }
}
