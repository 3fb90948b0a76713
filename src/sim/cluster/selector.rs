//! Label and field selectors.

use super::error::ApiError;
use recant_core::object::Object;
use serde_json::Value;
use std::collections::BTreeMap;

type Labels = BTreeMap<String, String>;

/// One demand on a value, which may be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Demand {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Demand {
    fn holds(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::In(list), Some(value)) => list.iter().any(|v| v == value),
            (Self::NotIn(list), Some(value)) => !list.iter().any(|v| v == value),
            (Self::Exists, value) => value.is_some(),
            (Self::In(_), None) => false,
            (Self::Absent, value) => value.is_none(),
            (Self::NotIn(_), None) => true,
        }
    }
}

/// What a list or watch is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<(String, Demand)>,
    fields: Vec<(String, Demand)>,
}

impl Selector {
    /// Parses `labelSelector` and `fieldSelector` as they stand in a query.
    ///
    /// # Errors
    /// When either does not follow the grammar.
    pub fn parse(labels: &str, fields: &str) -> Result<Self, ApiError> {
        let mut selector = Self::default();
        for part in split_outside_parentheses(labels) {
            selector.labels.push(parse_label(part)?);
        }
        for part in fields.split(',').filter(|p| !p.is_empty()) {
            selector.fields.push(parse_field(part)?);
        }
        Ok(selector)
    }

    /// Whether the object is selected.
    pub fn matches(&self, object: &Object) -> bool {
        let fields_fit = self
            .fields
            .iter()
            .all(|(field, demand)| demand.holds(Some(&field_value(object, field))));
        if !fields_fit || self.labels.is_empty() {
            return fields_fit;
        }
        let labels = object.strings("/metadata/labels");
        self.labels
            .iter()
            .all(|(key, demand)| demand.holds(labels.get(key).map(String::as_str)))
    }
}

/// The field as text; absent fields are empty.
fn field_value(object: &Object, field: &str) -> String {
    match object.at(&format!("/{}", field.replace('.', "/"))) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|p| !p.is_empty());
    parts
}

fn parse_label(part: &str) -> Result<(String, Demand), ApiError> {
    let bad = || {
        ApiError::bad_request(format!(
            "unable to parse requirement: {part:?} is not a label selector"
        ))
    };
    let pair = |(key, demand): (&str, Demand)| {
        let key = key.trim();
        if super::meta::is_qualified_name(key) {
            Ok((key.to_owned(), demand))
        } else {
            Err(bad())
        }
    };
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some(key) = part.strip_prefix('!') {
        return pair((key, Demand::Absent));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return pair((key, Demand::NotIn(one(value))));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return pair((key, Demand::In(one(value))));
    }
    if let Some((head, list)) = part.split_once('(') {
        let list = list.strip_suffix(')').ok_or_else(bad)?;
        let list: Vec<String> = list.split(',').map(|v| v.trim().to_owned()).collect();
        let mut words = head.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => pair((key, Demand::In(list))),
            (Some(key), Some("notin"), None) => pair((key, Demand::NotIn(list))),
            _ => Err(bad()),
        };
    }
    pair((part, Demand::Exists))
}

fn parse_field(part: &str) -> Result<(String, Demand), ApiError> {
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((field, value)) = part.split_once("!=") {
        return Ok((field.trim().to_owned(), Demand::NotIn(one(value))));
    }
    match part.split_once("==").or_else(|| part.split_once('=')) {
        Some((field, value)) => Ok((field.trim().to_owned(), Demand::In(one(value)))),
        None => Err(ApiError::bad_request(format!(
            "invalid selector: '{part}'; can't understand '{part}'"
        ))),
    }
}

/// Whether a `LabelSelector`, or a plain map as a Service has it, selects these labels. An empty one selects all.
pub fn matches_selector(selector: &Value, labels: &Labels) -> bool {
    let is_plain = selector
        .as_object()
        .is_some_and(|s| s.values().all(Value::is_string));
    let pairs = if is_plain {
        selector.as_object()
    } else {
        selector.get("matchLabels").and_then(Value::as_object)
    };
    let equal = pairs
        .into_iter()
        .flatten()
        .all(|(k, v)| labels.get(k).map(String::as_str) == v.as_str());
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    equal
        && expressions
            .into_iter()
            .flatten()
            .all(|expression| expression_holds(expression, labels))
}

fn expression_holds(expression: &Value, labels: &Labels) -> bool {
    let text = |key: &str| expression.get(key).and_then(Value::as_str).unwrap_or_default();
    let values = expression.get("values").and_then(Value::as_array);
    let values = values
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let demand = match text("operator") {
        "In" => Demand::In(values),
        "NotIn" => Demand::NotIn(values),
        "Exists" => Demand::Exists,
        "DoesNotExist" => Demand::Absent,
        _ => return false,
    };
    demand.holds(labels.get(text("key")).map(String::as_str))
}

/// A `LabelSelector` as the text `labelSelector` takes.
pub fn selector_text(selector: &Value) -> String {
    let is_plain = selector
        .as_object()
        .is_some_and(|s| s.values().all(Value::is_string));
    let pairs = if is_plain {
        selector.as_object()
    } else {
        selector.get("matchLabels").and_then(Value::as_object)
    };
    let mut parts: Vec<String> = pairs
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    for expression in selector
        .get("matchExpressions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let text = |key: &str| expression.get(key).and_then(Value::as_str).unwrap_or_default();
        let values = expression.get("values").and_then(Value::as_array);
        let values: Vec<&str> = values.into_iter().flatten().filter_map(Value::as_str).collect();
        parts.push(match text("operator") {
            "In" => format!("{} in ({})", text("key"), values.join(",")),
            "NotIn" => format!("{} notin ({})", text("key"), values.join(",")),
            "DoesNotExist" => format!("!{}", text("key")),
            _ => text("key").to_owned(),
        });
    }
    parts.join(",")
}
