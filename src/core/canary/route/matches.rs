//! Match conditions as the Canary spells them (Istio's form), for all routers.

use crate::canary::spec::Spec;
use crate::reason::Reason;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// A condition on one text: `{"exact": …}`, `{"prefix": …}`, `{"suffix": …}` or `{"regex": …}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text<'a> {
    /// Equal.
    Exact(&'a str),
    /// Begins so.
    Prefix(&'a str),
    /// Ends so.
    Suffix(&'a str),
    /// Matches the regular expression.
    Regex(&'a str),
}

impl<'a> Text<'a> {
    /// Reads a condition; where several are given, the one that Flagger's routers look at first.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        let text = |key: &str| value.get(key)?.as_str().filter(|text| !text.is_empty());
        text("regex")
            .map(Self::Regex)
            .or_else(|| text("exact").map(Self::Exact))
            .or_else(|| text("prefix").map(Self::Prefix))
            .or_else(|| text("suffix").map(Self::Suffix))
    }
}

/// The conditions on headers in all entries of `analysis.match`: entry, name, condition.
pub(super) fn headers(spec: &Spec) -> impl Iterator<Item = (usize, &String, &Value)> {
    let entries = spec.analysis.r#match.iter().enumerate();
    entries.flat_map(|(entry, one)| {
        let headers = one.get("headers").and_then(Value::as_object);
        headers
            .into_iter()
            .flatten()
            .map(move |(name, value)| (entry, name, value))
    })
}

/// Refuses what a router that only knows conditions on headers would pass over: then more requests would go to the
/// canary than were meant to.
///
/// # Errors
/// The first condition that is not on a header, or an entry without any.
pub(super) fn only_headers(spec: &Spec, provider: &str) -> Result<(), Reason> {
    for (entry, one) in spec.analysis.r#match.iter().enumerate() {
        let fields = one.as_object().into_iter().flatten();
        if let Some((field, _)) = fields.into_iter().find(|(field, _)| *field != "headers") {
            return Err(wrong(entry, field, &format!("{provider} knows headers alone")));
        }
        if !headers(spec).any(|(of, ..)| of == entry) {
            return Err(wrong(entry, "headers", "must name a header"));
        }
    }
    Ok(())
}

/// That a field of an entry of `analysis.match` is of no use.
pub(super) fn wrong(entry: usize, field: &str, why: &str) -> Reason {
    Reason::InvalidSpec {
        detail: format!("spec.analysis.match[{entry}].{field}: {why}"),
    }
}

/// Each entry of `conditions` together with each of `base`: all of `base`, and what the condition asks beside it. A
/// header that both name is the condition's.
///
/// Flagger drops the base's headers when the condition has any; then requests that are none of this route's go to the
/// canary.
pub(super) fn merge(conditions: &[Value], base: &[Value]) -> Vec<Value> {
    if base.is_empty() {
        return conditions.to_vec();
    }
    let pairs = conditions
        .iter()
        .flat_map(|condition| base.iter().map(move |b| (condition, b)));
    pairs
        .map(|(condition, base)| merge_one(condition, base))
        .collect()
}

fn merge_one(condition: &Value, base: &Value) -> Value {
    let mut merged = base.as_object().cloned().unwrap_or_default();
    for (field, value) in condition.as_object().into_iter().flatten() {
        let both = match (merged.get(field), value) {
            (Some(Value::Object(old)), Value::Object(new)) => Value::Object(union(old, new)),
            (Some(Value::Array(old)), Value::Array(new)) => Value::Array(joined(old, new)),
            _ => value.clone(),
        };
        merged.insert(field.clone(), both);
    }
    Value::Object(merged)
}

fn union(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let mut both = old.clone();
    both.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
    both
}

/// Lists of `{"name": …}`, as Gateway API has them.
fn joined(old: &[Value], new: &[Value]) -> Vec<Value> {
    let named = |value: &Value| value.get("name").cloned();
    let kept = old
        .iter()
        .filter(|o| !new.iter().any(|n| named(n) == named(o)))
        .cloned();
    kept.chain(new.iter().cloned()).collect()
}

/// Whether the second list of matches takes what the first, narrower one leaves: the same but for conditions.
pub(super) fn is_rest(narrow: &[Value], wide: &[Value], conditions: &[&str]) -> bool {
    let bare = |one: &Value| {
        let mut bare = one.as_object().cloned().unwrap_or_default();
        bare.retain(|field, _| !conditions.contains(&field.as_str()));
        Value::Object(bare)
    };
    let count = |one: &Value| -> usize {
        let sizes = conditions.iter().filter_map(|field| match one.get(*field)? {
            Value::Array(list) => Some(list.len()),
            Value::Object(map) => Some(map.len()),
            _ => None,
        });
        sizes.sum()
    };
    let everything = [json!({})];
    let wide = if wide.is_empty() { &everything[..] } else { wide };
    !narrow.is_empty()
        && narrow
            .iter()
            .all(|n| wide.iter().any(|w| bare(n) == bare(w) && count(n) > count(w)))
}
