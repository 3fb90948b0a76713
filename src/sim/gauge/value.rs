//! Labels, samples, and what a query evaluates to.

use std::collections::BTreeMap;

/// The labels of a series, the metric's name among them as `__name__`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// Labels of a metric. Empty values are as good as none and are left out.
    pub fn new(name: &str, labels: &[(&str, &str)]) -> Self {
        let named = std::iter::once(("__name__", name)).chain(labels.iter().copied());
        Self(
            named
                .filter(|(_, value)| !value.is_empty())
                .map(|(label, value)| (label.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// The metric's name; empty when it has none.
    pub fn name(&self) -> &str {
        self.get("__name__")
    }

    /// A label's value; empty when there is none, which to Prometheus is the same.
    pub fn get(&self, label: &str) -> &str {
        self.0.get(label).map_or("", String::as_str)
    }

    /// The same labels with one set, or taken away if the value is empty.
    #[must_use]
    pub fn with(&self, label: &str, value: &str) -> Self {
        let mut labels = self.clone();
        if value.is_empty() {
            labels.0.remove(label);
        } else {
            labels.0.insert(label.to_owned(), value.to_owned());
        }
        labels
    }

    /// The same labels without the metric's name.
    #[must_use]
    pub fn unnamed(&self) -> Self {
        self.with("__name__", "")
    }

    /// Only these labels.
    #[must_use]
    pub fn only(&self, labels: &[String]) -> Self {
        let kept = self.0.iter().filter(|(label, _)| labels.contains(label));
        Self(kept.map(|(l, v)| (l.clone(), v.clone())).collect())
    }

    /// All but these labels.
    #[must_use]
    pub fn except(&self, labels: &[String]) -> Self {
        let kept = self.0.iter().filter(|(label, _)| !labels.contains(label));
        Self(kept.map(|(l, v)| (l.clone(), v.clone())).collect())
    }

    /// Label and value, in order of label.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(label, value)| (label.as_str(), value.as_str()))
    }
}

/// The bit pattern of Prometheus' stale marker: a NaN that no arithmetic makes.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// One value at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The value.
    pub value: f64,
}

impl Sample {
    /// A sample.
    pub fn new(at_ms: i64, value: f64) -> Self {
        Self { at_ms, value }
    }

    /// The mark that a series has ended.
    pub fn stale(at_ms: i64) -> Self {
        Self::new(at_ms, f64::from_bits(STALE))
    }

    /// Whether it is the mark that the series has ended.
    pub fn is_stale(self) -> bool {
        self.value.to_bits() == STALE
    }
}

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// What an expression evaluates to.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// A text.
    Text(String),
    /// One value for each of several series.
    Vector(Vec<Point>),
    /// Several samples for each of several series.
    Matrix(Vec<(Labels, Vec<Sample>)>),
}

impl Value {
    /// The word for its type in messages and in JSON.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "scalar",
            Self::Text(_) => "string",
            Self::Vector(_) => "vector",
            Self::Matrix(_) => "matrix",
        }
    }
}
