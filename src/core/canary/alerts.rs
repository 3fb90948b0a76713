//! Alerts: what people are told through chats, with Flagger's messages, severities and fields, and with what Flagger
//! leaves out: image, Git revision, the failed metric with value and threshold, the pull request.
//!
//! Never here: whether an alert arrives. Nothing waits for one.

use crate::alert::Alert;
use crate::alert::Severity;
use crate::canary::spec::API_VERSION;
use crate::canary::spec::Analysis;
use crate::canary::turn::Turn;
use crate::effect::Effect;
use crate::object::ObjectRef;
use crate::reason::Check;
use crate::reason::Outcome;
use crate::reason::Reason;
use crate::reason::short_revision;
use serde_json::Value;

type Fields = Vec<(String, String)>;

impl Turn<'_> {
    /// Tells the Canary's alert providers, or recant's own where it names none. Like Flagger, with the Canary's
    /// settings (`with_settings`) where something begins.
    pub(super) fn alert(&mut self, severity: Severity, message: impl Into<String>, with_settings: bool) {
        let mut fields = self.common_fields();
        if with_settings {
            fields.extend(self.setting_fields());
        }
        self.send_alert(severity, message.into(), fields);
    }

    /// Tells that a run failed: whatever failed it, a metric, a hook, the pods or the primary.
    pub(super) fn alert_failure(&mut self, because: &Reason) {
        let (message, check) = match because {
            Reason::AnalysisFailed { check, failed_checks } => (
                format!("Failed checks threshold reached {failed_checks}"),
                Some(check),
            ),
            Reason::ProgressDeadlineExceeded { detail } => {
                (format!("Progress deadline exceeded {detail}"), None)
            }
            Reason::PromotionFailed { detail } => {
                (format!("Promotion failed, primary not ready: {detail}"), None)
            }
            other => (other.to_string(), None),
        };
        let mut fields = self.common_fields();
        fields.extend(check.into_iter().flat_map(check_fields));
        self.send_alert(Severity::Error, message, fields);
    }

    /// Tells that a pull request waits for a person.
    pub(super) fn alert_pull(&mut self, url: &str) {
        let mut fields = self.common_fields();
        let run = self.status.analysis.as_ref();
        let failure = run.and_then(|run| run.failure.as_ref());
        if let Some(Reason::AnalysisFailed { check, .. }) = failure {
            fields.extend(check_fields(check));
        }
        fields.push(field("Pull request", url));
        self.send_alert(
            Severity::Warn,
            "Revert proposed, a pull request is waiting for review.".to_owned(),
            fields,
        );
    }

    fn send_alert(&mut self, severity: Severity, message: String, fields: Fields) {
        let about = self.canary.reference();
        let alerts = &self.spec.analysis.alerts;
        let mut providers: Vec<Option<ObjectRef>> = alerts
            .iter()
            .filter(|alert| severity >= alert.severity)
            .map(|alert| {
                Some(self.provider(alert.provider_ref.namespace.as_deref(), &alert.provider_ref.name))
            })
            .collect();
        if alerts.is_empty() && self.settings.alerts {
            providers.push(None);
        }
        for provider in providers {
            self.said.push(Effect::Alert(Alert {
                about: about.clone(),
                provider,
                severity,
                message: message.clone(),
                fields: fields.clone(),
            }));
        }
    }

    fn provider(&self, namespace: Option<&str>, name: &str) -> ObjectRef {
        let own = self.canary.namespace();
        let namespace = namespace
            .filter(|namespace| !namespace.is_empty())
            .filter(|_| !self.settings.no_cross_namespace_refs);
        ObjectRef::new(API_VERSION, "AlertProvider", namespace.unwrap_or(own), name)
    }

    /// What every alert says. `Cluster` is Flagger's.
    fn common_fields(&self) -> Fields {
        let mut fields = Vec::new();
        if !self.settings.cluster_name.is_empty() {
            fields.push(field("Cluster", &self.settings.cluster_name));
        }
        let images = self.images();
        if !images.is_empty() {
            fields.push(field("Image", &images));
        }
        let run = self.status.analysis.as_ref();
        if let Some(run) = run.filter(|run| !run.revision.is_empty()) {
            fields.push(field("Revision", &short_revision(&run.revision)));
        }
        fields
    }

    /// The images of the target's containers.
    fn images(&self) -> String {
        let containers = self
            .target
            .at("/spec/template/spec/containers")
            .and_then(Value::as_array);
        let images = containers
            .into_iter()
            .flatten()
            .filter_map(|c| c.get("image")?.as_str());
        images.collect::<Vec<_>>().join(", ")
    }

    /// Flagger's fields about the Canary's settings.
    fn setting_fields(&self) -> Fields {
        let spec = self.spec;
        let target = &spec.target_ref;
        let mut fields = vec![
            field(
                "Target",
                &format!("{}/{}", target.kind, self.dotted(&target.name)),
            ),
            field("Failed checks threshold", &spec.analysis.threshold().to_string()),
            field(
                "Progress deadline",
                &format!("{}s", spec.progress_deadline_seconds),
            ),
        ];
        if let Some(routing) = routing(&spec.analysis) {
            fields.push(field("Traffic routing", &routing));
        }
        fields
    }
}

/// How the traffic moves, in Flagger's words.
fn routing(analysis: &Analysis) -> Option<String> {
    if analysis.iterations.is_some_and(|n| n > 0) {
        let is_ab = !analysis.r#match.is_empty();
        return Some(if is_ab { "A/B Testing" } else { "Blue/Green" }.to_owned());
    }
    if analysis.step_weight > 0 {
        let (step, max) = (analysis.step_weight, analysis.max_weight);
        return Some(format!("Weight step: {step} max: {max}"));
    }
    if analysis.step_weights.is_empty() {
        return None;
    }
    let steps = analysis
        .step_weights
        .iter()
        .map(i64::to_string)
        .collect::<Vec<_>>();
    Some(format!(
        "Weight steps: {} max: {}",
        steps.join(","),
        analysis.max_weight
    ))
}

/// The check that failed. A value only where one was measured.
fn check_fields(check: &Check) -> Fields {
    if matches!(check.outcome, Outcome::Refused(_) | Outcome::Unanswered(_)) {
        return vec![field("Failed check", &check.to_string())];
    }
    let mut fields = vec![field("Failed metric", &check.name)];
    match check.value() {
        Some(value) => fields.push(field("Value", &check.measure(value))),
        None => fields.push(field("Value", &format!("not measured: {check}"))),
    }
    fields.push(field("Threshold", &check.threshold()));
    fields
}

fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
