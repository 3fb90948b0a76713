//! From the Canary's match conditions to Gateway API's; and when two spellings of a rule are the same one.

use crate::canary::route::matches::Text;
use crate::canary::route::matches::wrong;
use crate::reason::Reason;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// The matches of the Canary as HTTPRoute matches, without the path where it names none; `field` is where they stand.
///
/// # Errors
/// A condition that Gateway API does not have.
pub(super) fn mapped(field: &str, matches: &[Value]) -> Result<Vec<Value>, Reason> {
    let all = matches.iter().enumerate().map(|(index, one)| {
        mapped_one(one).map_err(|(at, why)| Reason::InvalidSpec {
            detail: format!("{field}[{index}].{at}: {why}"),
        })
    });
    all.filter(|one| one.as_ref().map_or(true, |one| one != &json!({})))
        .collect()
}

/// The conditions of the analysis.
///
/// # Errors
/// A condition that Gateway API does not have, or none at all: Flagger passes over those, and sends more requests to
/// the canary than were meant.
pub(super) fn conditions(matches: &[Value]) -> Result<Vec<Value>, Reason> {
    for (index, one) in matches.iter().enumerate() {
        let known = |field: &String| ["headers", "queryParams"].contains(&field.as_str());
        let unknown = one
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .find(|field| !known(field));
        if let Some(unknown) = unknown {
            return Err(wrong(index, unknown, "Gateway API has no such condition"));
        }
    }
    let all = mapped("spec.analysis.match", matches)?;
    if all.len() < matches.len() {
        return Err(wrong(
            0,
            "headers",
            "every entry must name a header or a query parameter",
        ));
    }
    Ok(all)
}

/// One match, or the field that has no equal and what it must be.
fn mapped_one(one: &Value) -> Result<Value, (String, &'static str)> {
    let mut mapped = Map::new();
    if let Some(uri) = one.get("uri") {
        let path = path(uri).ok_or(("uri".to_owned(), "must be exact, prefix or regex"))?;
        mapped.insert("path".to_owned(), path);
    }
    if let Some(method) = one.get("method") {
        let Some(Text::Exact(method)) = Text::of(method) else {
            return Err(("method".to_owned(), "must be exact"));
        };
        mapped.insert("method".to_owned(), Value::from(method));
    }
    for field in ["headers", "queryParams"] {
        let texts = one.get(field).and_then(Value::as_object);
        let mut list = Vec::new();
        for (name, text) in texts.into_iter().flatten() {
            let text =
                named(name, text).ok_or_else(|| (format!("{field}.{name}"), "must be exact or regex"))?;
            list.push(text);
        }
        if !list.is_empty() {
            mapped.insert(field.to_owned(), Value::from(list));
        }
    }
    Ok(Value::Object(mapped))
}

fn path(uri: &Value) -> Option<Value> {
    let (kind, value) = match Text::of(uri)? {
        Text::Regex(value) => ("RegularExpression", value),
        Text::Exact(value) => ("Exact", value),
        Text::Prefix(value) => ("PathPrefix", value),
        Text::Suffix(_) => return None,
    };
    Some(json!({"type": kind, "value": value}))
}

fn named(name: &str, text: &Value) -> Option<Value> {
    let (kind, value) = match Text::of(text)? {
        Text::Regex(value) => ("RegularExpression", value),
        Text::Exact(value) => ("Exact", value),
        Text::Prefix(_) | Text::Suffix(_) => return None,
    };
    Some(json!({"type": kind, "name": name, "value": value}))
}

/// What the API server fills in.
const DEFAULTS: [(&str, &str); 8] = [
    ("group", ""),
    ("group", "core"),
    ("group", "gateway.networking.k8s.io"),
    ("kind", "Gateway"),
    ("kind", "Service"),
    ("type", "Exact"),
    ("type", "PathPrefix"),
    ("value", "/"),
];

/// Whether a value is what is wanted, but for what the API server fills in.
pub(super) fn same(seen: &Value, wanted: &Value) -> bool {
    match (seen, wanted) {
        (Value::Object(seen), Value::Object(wanted)) => {
            let extra = seen.iter().filter(|(field, _)| !wanted.contains_key(*field));
            wanted
                .iter()
                .all(|(field, wanted)| seen.get(field).is_some_and(|seen| same(seen, wanted)))
                && extra.into_iter().all(|(field, value)| is_default(field, value))
        }
        (Value::Array(seen), Value::Array(wanted)) => {
            seen.len() == wanted.len() && seen.iter().zip(wanted).all(|(seen, wanted)| same(seen, wanted))
        }
        _ => seen == wanted,
    }
}

fn is_default(field: &str, value: &Value) -> bool {
    match value {
        Value::String(value) => DEFAULTS.contains(&(field, value.as_str())),
        Value::Number(number) => (field, number.as_i64()) == ("maxAge", Some(5)),
        _ => false,
    }
}
