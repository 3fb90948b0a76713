//! split.smi-spec.io TrafficSplits.

use super::items;
use super::text;
use crate::traffic::rule::Backend;
use crate::traffic::rule::Rule;
use crate::traffic::topology::Apex;
use crate::traffic::topology::Listed;
use recant_core::object::Object;
use serde_json::Value;

pub(super) fn read(listed: &Listed) -> Vec<(Apex, Vec<Rule>)> {
    let of = |split: &Object| {
        let namespace = split.namespace().to_owned();
        let spec = split.at("/spec").cloned().unwrap_or_default();
        let backends = items(&spec, "backends").map(|backend| Backend {
            service: (namespace.clone(), text(backend, "service").to_owned()),
            weight: backend.get("weight").map_or(0, thousandths),
            sets: Vec::new(),
        });
        let rule = Rule {
            backends: backends.collect(),
            ..Rule::default()
        };
        ((namespace.clone(), text(&spec, "service").to_owned()), vec![rule])
    };
    listed.splits.iter().map(of).collect()
}

/// A Kubernetes quantity (`"90"`, `90`, `"500m"`, `"1k"`) in thousandths; 0 when it is none.
fn thousandths(quantity: &Value) -> i64 {
    if let Some(number) = quantity.as_f64() {
        return (number * 1000.0).max(0.0) as i64;
    }
    let text = quantity.as_str().unwrap_or_default();
    let (digits, scale) = match text.strip_suffix('m') {
        Some(digits) => (digits, 1.0),
        None => match text.strip_suffix('k') {
            Some(digits) => (digits, 1e6),
            None => (text, 1e3),
        },
    };
    digits
        .parse::<f64>()
        .map_or(0, |number| (number * scale).max(0.0) as i64)
}
