//! Tables, as `kubectl get` prints them: the columns of each kind, and an object's cells.

mod age;
mod built_in;
mod jsonpath;
mod pod;

use super::kind::Kind;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

/// The column definitions of a kind.
pub(crate) fn columns(kind: &Kind) -> Value {
    let mut columns = vec![column(
        "Name",
        "string",
        0,
        "name",
        "Name must be unique within a namespace.",
    )];
    match &kind.custom {
        Some(custom) => columns.extend(
            custom
                .columns
                .iter()
                .map(|c| column(&c.name, &c.kind, c.priority, &c.format, &c.description)),
        ),
        None => {
            let (first, rest) = built_in::columns(kind);
            if !first {
                columns.clear();
            }
            columns.extend(rest.iter().map(|(name, priority)| {
                let format = if *name == "Name" { "name" } else { "" };
                column(name, "string", *priority, format, "")
            }));
        }
    }
    Value::from(columns)
}

fn column(name: &str, kind: &str, priority: i64, format: &str, description: &str) -> Value {
    json!({ "name": name, "type": kind, "format": format, "description": description, "priority": priority })
}

/// The cells of an object, one for each column.
pub(crate) fn cells(kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
    let Some(custom) = &kind.custom else {
        return built_in::cells(kind, object, now);
    };
    let mut cells = vec![Value::from(object.name())];
    for column in custom.columns.iter() {
        let found = jsonpath::find(&object.0, &column.path);
        cells.push(
            found
                .first()
                .map_or(Value::Null, |first| cell(&column.kind, first, &found, now)),
        );
    }
    cells
}

fn cell(kind: &str, first: &Value, all: &[&Value], now: Timestamp) -> Value {
    match kind {
        "date" => age::since(first.as_str().unwrap_or_default(), now).into(),
        "integer" => first.as_i64().map_or(Value::Null, Value::from),
        "number" => first.as_f64().map_or(Value::Null, Value::from),
        "boolean" => first.as_bool().map_or(Value::Null, Value::from),
        _ => {
            let texts: Vec<String> = all
                .iter()
                .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
                .collect();
            texts.join(",").into()
        }
    }
}
