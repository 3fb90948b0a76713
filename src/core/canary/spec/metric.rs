//! One of `spec.analysis.metrics`: what is measured, and what is good.

use super::TemplateRef;
use serde::Deserialize;

/// One check of the analysis.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// `request-success-rate`, `request-duration`, or the name of an own query.
    pub name: String,
    /// The range the query looks back over; `1m` when absent.
    pub interval: Option<String>,
    /// Old form of a threshold: the least success rate, or the most of anything else.
    pub threshold: Option<f64>,
    /// What is good.
    pub threshold_range: Option<Range>,
    /// An inline PromQL query.
    pub query: Option<String>,
    /// A MetricTemplate.
    pub template_ref: Option<TemplateRef>,
    /// Variables of the MetricTemplate.
    #[serde(default)]
    pub template_variables: std::collections::BTreeMap<String, String>,
}

/// The values that are good, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, serde::Serialize)]
pub struct Range {
    /// The least good value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest good value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

impl Metric {
    /// The range of good values. Flagger reads the old `threshold` as the least success rate or the most of
    /// anything else; with neither, nothing above 0 is good.
    pub fn range(&self) -> Range {
        match (self.threshold_range, self.threshold) {
            (Some(range), _) => range,
            (None, Some(least)) if self.name == "request-success-rate" => Range {
                min: Some(least),
                max: None,
            },
            (None, threshold) => Range {
                min: None,
                max: Some(threshold.unwrap_or(0.0)),
            },
        }
    }

    /// The range the query looks back over.
    pub fn interval(&self) -> &str {
        self.interval.as_deref().filter(|i| !i.is_empty()).unwrap_or("1m")
    }
}
