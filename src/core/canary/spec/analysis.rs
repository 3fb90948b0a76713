//! `spec.analysis`: how the traffic grows, and who is told.

use super::Metric;
use super::SessionAffinity;
use super::TemplateRef;
use super::Webhook;
use crate::alert::Severity;
use crate::duration;
use jiff::SignedDuration;
use serde::Deserialize;

/// `spec.analysis`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// Time between checks.
    pub interval: Option<String>,
    /// Failed checks before the rollback.
    #[serde(default)]
    pub threshold: i64,
    /// Iterations of A/B and blue/green.
    pub iterations: Option<i64>,
    /// The largest weight of the canary, in percent.
    #[serde(default)]
    pub max_weight: i64,
    /// How much the weight grows a step, in percent.
    #[serde(default)]
    pub step_weight: i64,
    /// Explicit weights, in percent.
    #[serde(default)]
    pub step_weights: Vec<i64>,
    /// How much the traffic goes back to the primary a step, in percent; all at once when 0.
    #[serde(default)]
    pub step_weight_promotion: i64,
    /// Whether traffic is mirrored first.
    #[serde(default)]
    pub mirror: bool,
    /// The share of the traffic that is mirrored, in percent, where the router can choose (Istio); 100 when absent.
    pub mirror_weight: Option<i64>,
    /// Ready share of the primary's replicas, in percent.
    pub primary_ready_threshold: Option<i64>,
    /// Ready share of the canary's replicas, in percent.
    pub canary_ready_threshold: Option<i64>,
    /// Conditions of A/B testing.
    #[serde(default)]
    pub r#match: Vec<serde_json::Value>,
    /// The checks.
    #[serde(default)]
    pub metrics: Vec<Metric>,
    /// Who is told.
    #[serde(default)]
    pub alerts: Vec<AlertRef>,
    /// The hooks.
    #[serde(default)]
    pub webhooks: Vec<Webhook>,
    /// Session affinity.
    pub session_affinity: Option<SessionAffinity>,
}

/// Somebody to be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertRef {
    /// The alert's name.
    pub name: String,
    /// What is told: this and worse.
    #[serde(default)]
    pub severity: Severity,
    /// The AlertProvider.
    pub provider_ref: TemplateRef,
}

impl Analysis {
    /// Time between checks: Flagger takes 60 s where none can be read, and at least 10 s.
    pub fn interval(&self) -> SignedDuration {
        let asked = self.interval.as_deref().and_then(duration::parse);
        asked
            .unwrap_or(SignedDuration::from_secs(60))
            .max(SignedDuration::from_secs(10))
    }

    /// The longest time that a metric looks back over.
    pub fn window(&self) -> SignedDuration {
        let windows = self
            .metrics
            .iter()
            .filter_map(|metric| duration::parse(metric.interval()));
        windows.max().unwrap_or_default()
    }

    /// Failed checks before the rollback: at least 1.
    pub fn threshold(&self) -> i64 {
        self.threshold.max(1)
    }

    /// The largest weight in percent: the last of `stepWeights`, else `maxWeight`, else 100.
    pub fn max_weight(&self) -> i64 {
        match self.step_weights.last() {
            Some(last) => (*last).min(100),
            None if self.max_weight <= 0 => 100,
            None => self.max_weight.min(100),
        }
    }

    /// The weight after `weight` percent: by `stepWeight`, else by `stepWeights`. It never passes 100. A weight that
    /// is not among `stepWeights` (they were changed meanwhile) goes on at the next greater one.
    pub fn next_weight(&self, weight: i64) -> i64 {
        if self.step_weight > 0 || self.step_weights.is_empty() {
            return (weight + self.step_weight.max(1)).min(100);
        }
        let steps = &self.step_weights;
        let after = steps.iter().position(|step| *step == weight).map(|at| at + 1);
        let next = after.map_or_else(|| steps.iter().find(|step| **step > weight), |at| steps.get(at));
        next.copied().unwrap_or(100).clamp(0, 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use serde_json::json;

    fn analysis(value: Value) -> Analysis {
        serde_json::from_value(value).expect("an analysis")
    }

    #[test]
    fn an_interval_that_cannot_be_read_is_a_minute_and_none_is_shorter_than_ten_seconds() {
        for (text, seconds) in [
            (json!("30s"), 30),
            (json!("2m"), 120),
            (json!("10s"), 10),
            (json!("1s"), 10),
            (json!("1mfoo"), 60),
            (json!(""), 60),
            (Value::Null, 60),
        ] {
            let interval = analysis(json!({"interval": text})).interval();
            assert_eq!(interval, SignedDuration::from_secs(seconds), "{text}");
        }
    }

    #[test]
    fn one_failed_check_is_enough_where_no_threshold_is_given() {
        for (threshold, least) in [(-1, 1), (0, 1), (1, 1), (5, 5)] {
            assert_eq!(analysis(json!({"threshold": threshold})).threshold(), least);
        }
    }

    #[test]
    fn weights_grow_by_step_or_along_the_steps_and_never_past_a_hundred() {
        let by = |step: i64| json!({"stepWeight": step});
        let along = |steps: &[i64]| json!({"stepWeights": steps});
        for (spec, from, to) in [
            (by(20), 0, 20),
            (by(20), 40, 60),
            (by(60), 60, 100),
            (along(&[5, 30, 80]), 0, 5),
            (along(&[5, 30, 80]), 5, 30),
            (along(&[5, 30, 80]), 10, 30),
            (along(&[5, 30, 80]), 80, 100),
            (along(&[5, 150]), 5, 100),
        ] {
            assert_eq!(analysis(spec.clone()).next_weight(from), to, "{spec} from {from}");
        }
    }

    #[test]
    fn the_greatest_weight_is_the_last_step_or_what_is_said_or_everything() {
        for (spec, most) in [
            (json!({"stepWeights": [5, 30], "maxWeight": 80}), 30),
            (json!({"stepWeights": [5, 130]}), 100),
            (json!({"stepWeight": 5, "maxWeight": 50}), 50),
            (json!({"stepWeight": 5, "maxWeight": 130}), 100),
            (json!({"stepWeight": 5}), 100),
        ] {
            assert_eq!(analysis(spec.clone()).max_weight(), most, "{spec}");
        }
    }
}
