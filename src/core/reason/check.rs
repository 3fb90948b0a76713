//! One check of the analysis: what was measured or said, what is good, and how both are put in words.

use crate::canary::spec::Range;
use crate::duration;
use crate::hook::HookType;
use crate::hook::HookVerdict;
use crate::query::Why;
use serde::Deserialize;
use serde::Serialize;
use std::fmt;

/// One check: a metric, its value and its threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The metric's name.
    pub name: String,
    /// What was measured.
    pub outcome: Outcome,
    /// What is good.
    pub range: Range,
    /// The query that was asked.
    pub query: String,
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The value is in the range.
    Pass(#[serde(with = "number")] f64),
    /// The value is out of the range.
    Fail(#[serde(with = "number")] f64),
    /// The provider has no value. Counts as failed, as with Flagger, but blames nobody.
    NoData,
    /// The provider could not be asked. Counts as failed, as with Flagger, but blames nobody.
    Unknown(Why),
    /// The webhook said yes.
    Agreed,
    /// The webhook said no, in these words.
    Refused(String),
    /// The webhook did not answer. Counts as failed, as with Flagger, but blames nobody.
    Unanswered(Why),
}

/// Numbers in JSON, which has no infinity: a status with one must still be readable.
mod number {
    use serde::Deserialize;
    use serde::Deserializer;
    use serde::Serializer;
    use serde::de::Error;

    pub(super) fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
        if number.is_finite() {
            to.serialize_f64(*number)
        } else {
            to.serialize_str(&number.to_string())
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        match Written::deserialize(from)? {
            Written::Number(number) => Ok(number),
            Written::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

impl Check {
    /// What a webhook said, as a check: `external check NAME`, `pre-rollout check NAME`.
    pub fn of_hook(r#type: HookType, name: &str, verdict: HookVerdict) -> Self {
        let what = match r#type {
            HookType::Rollout => "external",
            other => other.name(),
        };
        Self {
            name: format!("{what} check {name}"),
            outcome: match verdict {
                HookVerdict::Yes => Outcome::Agreed,
                HookVerdict::No(words) => Outcome::Refused(words),
                HookVerdict::Unanswered(why) => Outcome::Unanswered(why),
            },
            range: Range::default(),
            query: String::new(),
        }
    }

    /// Whether it lets the weight grow.
    pub const fn passed(&self) -> bool {
        matches!(self.outcome, Outcome::Pass(_) | Outcome::Agreed)
    }

    /// Whether a value was measured at all: only then can a failure be blamed on a commit.
    pub const fn measured(&self) -> bool {
        matches!(
            self.outcome,
            Outcome::Pass(_) | Outcome::Fail(_) | Outcome::Agreed | Outcome::Refused(_)
        )
    }

    /// The measured value.
    pub const fn value(&self) -> Option<f64> {
        match self.outcome {
            Outcome::Pass(value) | Outcome::Fail(value) => Some(value),
            Outcome::NoData
            | Outcome::Unknown(_)
            | Outcome::Agreed
            | Outcome::Refused(_)
            | Outcome::Unanswered(_) => None,
        }
    }

    /// The unit of the built-in metrics.
    pub fn unit(&self) -> &'static str {
        match self.name.as_str() {
            "request-success-rate" => "%",
            "request-duration" => "ms",
            _ => "",
        }
    }

    /// What is good, in words: `min 99%`, `max 500ms`, `0 to 5`.
    pub fn threshold(&self) -> String {
        match (self.range.min, self.range.max) {
            (Some(min), Some(max)) => format!("{} to {}", self.bound(min), self.bound(max)),
            (Some(min), None) => format!("min {}", self.bound(min)),
            (None, Some(max)) => format!("max {}", self.bound(max)),
            (None, None) => "any value".to_owned(),
        }
    }

    /// A measured value as Flagger's events print it: two digits after the point, durations as Go prints them.
    pub fn measure(&self, value: f64) -> String {
        match self.unit() {
            "ms" if value.is_finite() => duration::go(value as i64),
            unit => format!("{value:.2}{unit}"),
        }
    }

    fn bound(&self, bound: f64) -> String {
        match self.unit() {
            "ms" if bound.is_finite() => duration::go(bound as i64),
            unit => format!("{bound}{unit}"),
        }
    }
}

impl fmt::Display for Check {
    /// In Flagger's words where it has them: `success rate 69.17% < 99%`, `request duration 812ms > 500ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.name.as_str() {
            "request-success-rate" => "success rate",
            "request-duration" => "request duration",
            other => other,
        };
        match &self.outcome {
            Outcome::Pass(value) => {
                let (value, good) = (self.measure(*value), self.threshold());
                write!(f, "{name} {value} ok ({good})")
            }
            Outcome::Fail(value) => {
                let shown = self.measure(*value);
                match (self.range.min, self.range.max) {
                    (Some(min), _) if *value < min => write!(f, "{name} {shown} < {}", self.bound(min)),
                    (_, Some(max)) => write!(f, "{name} {shown} > {}", self.bound(max)),
                    _ => write!(f, "{name} {shown} not {}", self.threshold()),
                }
            }
            Outcome::Agreed => write!(f, "{name} passed"),
            Outcome::Refused(words) => write!(f, "{name} failed {words}"),
            Outcome::Unanswered(why) => write!(f, "{name} failed {why}"),
            Outcome::NoData => write!(f, "no values found for metric {}", self.name),
            Outcome::Unknown(why) => write!(f, "metric {} could not be measured: {why}", self.name),
        }
    }
}
