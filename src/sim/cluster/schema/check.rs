//! Whether a value fits a schema: types, ranges, lengths, patterns, enums, combinators, keyed lists.

use super::Cause;
use super::below;
use super::is_true;
use super::properties;
use regex::Regex;
use serde_json::Value;

pub(super) fn check(schema: &Value, value: &Value, at: &str, causes: &mut Vec<Cause>) {
    if value.is_null()
        && (is_true(schema, "nullable") || !schema.as_object().is_some_and(|s| s.contains_key("type")))
    {
        return;
    }
    if !check_type(schema, value, at, causes) {
        return;
    }
    check_enum(schema, value, at, causes);
    match value {
        Value::String(text) => check_text(schema, text, at, causes),
        Value::Number(_) => check_number(schema, value, at, causes),
        Value::Array(items) => check_items(schema, value, items, at, causes),
        Value::Object(_) => check_fields(schema, value, at, causes),
        Value::Null | Value::Bool(_) => {}
    }
    check_combinators(schema, value, at, causes);
}

fn check_type(schema: &Value, value: &Value, at: &str, causes: &mut Vec<Cause>) -> bool {
    if is_true(schema, "x-kubernetes-int-or-string") {
        let fits = value.is_string() || is_integer(value);
        if !fits {
            causes.push(Cause::type_invalid(
                shown(at),
                type_of(value),
                "must be of type int-or-string",
            ));
        }
        return fits;
    }
    let Some(wanted) = schema.get("type").and_then(Value::as_str) else {
        return true;
    };
    let fits = match wanted {
        "integer" => is_integer(value),
        "number" => value.is_number(),
        other => type_of(value) == other,
    };
    if !fits {
        let detail = format!("must be of type {wanted}: {:?}", type_of(value));
        causes.push(Cause::type_invalid(shown(at), type_of(value), &detail));
    }
    fits
}

pub(super) fn shown(at: &str) -> &str {
    if at.is_empty() { "<nil>" } else { at }
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|f| f.fract() == 0.0)
}

pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_integer(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn check_enum(schema: &Value, value: &Value, at: &str, causes: &mut Vec<Cause>) {
    let Some(allowed) = schema.get("enum").and_then(Value::as_array) else {
        return;
    };
    if !allowed.contains(value) {
        let allowed: Vec<String> = allowed
            .iter()
            .map(|a| a.as_str().map_or_else(|| a.to_string(), str::to_owned))
            .collect();
        causes.push(Cause::not_supported(shown(at), value, &allowed));
    }
}

fn check_text(schema: &Value, text: &str, at: &str, causes: &mut Vec<Cause>) {
    let (value, length) = (Value::from(text), text.chars().count() as u64);
    let mut fail = |detail: String| {
        causes.push(Cause::invalid(
            shown(at),
            &value,
            &format!("{at} in body {detail}"),
        ))
    };
    if let Some(least) = schema
        .get("minLength")
        .and_then(Value::as_u64)
        .filter(|least| length < *least)
    {
        fail(format!("should be at least {least} chars long"));
    }
    if let Some(most) = schema
        .get("maxLength")
        .and_then(Value::as_u64)
        .filter(|most| length > *most)
    {
        fail(format!("should be at most {most} chars long"));
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        // A pattern this reader does not know is not held against the value; the real server refuses such a schema.
        if Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text)) {
            fail(format!("should match '{pattern}'"));
        }
    }
    if !fits_format(schema, text) {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        fail(format!("must be of type {format}: {value}"));
    }
}

fn fits_format(schema: &Value, text: &str) -> bool {
    match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
        _ => true,
    }
}

fn check_number(schema: &Value, value: &Value, at: &str, causes: &mut Vec<Cause>) {
    let Some(number) = value.as_f64() else { return };
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let mut fail = |detail: String| {
        causes.push(Cause::invalid(
            shown(at),
            value,
            &format!("{at} in body {detail}"),
        ))
    };
    if let Some(least) = bound("minimum") {
        let exclusive = is_true(schema, "exclusiveMinimum");
        if number < least || (exclusive && number == least) {
            fail(format!(
                "should be greater than{} {least}",
                if exclusive { "" } else { " or equal to" }
            ));
        }
    }
    if let Some(most) = bound("maximum") {
        let exclusive = is_true(schema, "exclusiveMaximum");
        if number > most || (exclusive && number == most) {
            fail(format!(
                "should be less than{} {most}",
                if exclusive { "" } else { " or equal to" }
            ));
        }
    }
    if let Some(step) = bound("multipleOf").filter(|step| *step > 0.0 && (number / step).fract() != 0.0) {
        fail(format!("should be a multiple of {step}"));
    }
}

fn check_items(schema: &Value, value: &Value, items: &[Value], at: &str, causes: &mut Vec<Cause>) {
    check_count(schema, value, (items.len(), "Items", "items"), at, causes);
    if let Some(item) = schema.get("items") {
        for (index, inner) in items.iter().enumerate() {
            check(item, inner, &format!("{at}[{index}]"), causes);
        }
    }
    check_unique(schema, items, at, causes);
}

/// No two items of a set are equal, no two of a keyed list have the same keys.
fn check_unique(schema: &Value, items: &[Value], at: &str, causes: &mut Vec<Cause>) {
    let keys: Vec<&str> = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => Vec::new(),
        Some("map") => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            keys.into_iter().flatten().filter_map(Value::as_str).collect()
        }
        _ => return,
    };
    let identity = |item: &Value| -> Value {
        if keys.is_empty() {
            return item.clone();
        }
        keys.iter()
            .filter_map(|k| Some(((*k).to_owned(), item.get(*k)?.clone())))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    for (index, item) in items.iter().enumerate() {
        if items[..index]
            .iter()
            .any(|before| identity(before) == identity(item))
        {
            causes.push(Cause::duplicate(&format!("{at}[{index}]"), &identity(item)));
        }
    }
}

fn check_fields(schema: &Value, value: &Value, at: &str, causes: &mut Vec<Cause>) {
    let Some(map) = value.as_object() else { return };
    // Metadata and the type of the whole object are the server's own affair.
    let is_own = |name: &str| at.is_empty() && matches!(name, "apiVersion" | "kind" | "metadata");
    let field = |name: &str| below(at, name);
    for name in schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !map.contains_key(name) && !is_own(name) {
            causes.push(Cause::required(&field(name), ""));
        }
    }
    for (name, inner_schema) in properties(schema) {
        if let Some(inner) = map.get(name).filter(|_| !is_own(name)) {
            check(inner_schema, inner, &field(name), causes);
        }
    }
    if let Some(extra @ Value::Object(_)) = schema.get("additionalProperties") {
        for (name, inner) in map {
            check(extra, inner, &field(name), causes);
        }
    }
    check_count(schema, value, (map.len(), "Properties", "properties"), at, causes);
}

/// `minItems` and `maxItems`, `minProperties` and `maxProperties`.
fn check_count(
    schema: &Value,
    value: &Value,
    (count, limit, things): (usize, &str, &str),
    at: &str,
    causes: &mut Vec<Cause>,
) {
    let bound = |which: &str| schema.get(format!("{which}{limit}")).and_then(Value::as_u64);
    let mut fail = |detail: String| {
        let detail = format!("{at} in body {detail}");
        causes.push(Cause::invalid(shown(at), value, &detail));
    };
    let count = count as u64;
    if let Some(least) = bound("min").filter(|least| count < *least) {
        fail(format!("should have at least {least} {things}"));
    }
    if let Some(most) = bound("max").filter(|most| count > *most) {
        fail(format!("must have at most {most} {things}"));
    }
}

fn check_combinators(schema: &Value, value: &Value, at: &str, causes: &mut Vec<Cause>) {
    let list = |key: &str| {
        schema
            .get(key)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice)
    };
    let fits = |schema: &Value| {
        let mut inner = Vec::new();
        check(schema, value, at, &mut inner);
        inner.is_empty()
    };
    let mut fail = |detail: &str| {
        causes.push(Cause::invalid(
            shown(at),
            value,
            &format!("{:?} must validate {detail}", shown(at)),
        ));
    };
    let any = list("anyOf");
    if !any.is_empty() && !any.iter().any(fits) {
        fail("at least one schema (anyOf)");
    }
    let one = list("oneOf");
    if !one.is_empty() && one.iter().filter(|s| fits(s)).count() != 1 {
        fail("one and only one schema (oneOf)");
    }
    if schema.get("not").is_some_and(fits) {
        fail("no schema (not)");
    }
    for inner in list("allOf") {
        check(inner, value, at, causes);
    }
}
