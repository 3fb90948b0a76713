//! Writes values as block YAML, the way people write manifests.

use serde_json::Map;
use serde_json::Value;

/// The lines of a value in block style.
pub(super) fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) if !map.is_empty() => map_lines(map),
        Value::Array(items) if !items.is_empty() => items.iter().flat_map(item_lines).collect(),
        Value::Object(_) => vec!["{}".to_owned()],
        Value::Array(_) => vec!["[]".to_owned()],
        Value::String(text) => vec![scalar(text)],
        Value::Null | Value::Bool(_) | Value::Number(_) => vec![value.to_string()],
    }
}

fn map_lines(map: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort_by_key(|key| (rank(key), key.as_str()));
    let mut out = Vec::new();
    for key in keys {
        let (name, value) = (scalar(key), &map[key]);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push(format!("{name}:"));
                out.extend(map_lines(inner).into_iter().map(|line| format!("  {line}")));
            }
            Value::Array(items) if !items.is_empty() => {
                out.push(format!("{name}:"));
                out.extend(items.iter().flat_map(item_lines));
            }
            _ => out.push(format!("{name}: {}", lines(value).concat())),
        }
    }
    out
}

fn item_lines(item: &Value) -> Vec<String> {
    let mark = |(nth, line): (usize, String)| {
        if nth == 0 {
            format!("- {line}")
        } else {
            format!("  {line}")
        }
    };
    lines(item).into_iter().enumerate().map(mark).collect()
}

/// What names a thing comes first.
fn rank(key: &str) -> usize {
    const FIRST: [&str; 5] = ["apiVersion", "kind", "metadata", "name", "$patch"];
    FIRST
        .iter()
        .position(|first| *first == key)
        .unwrap_or(FIRST.len())
}

/// A string as a YAML scalar: plain when every reader takes it for that string, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    let safe_first = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '_' | '.' | '$');
    let safe = |c: char| c.is_ascii_alphanumeric() || "/_.-:@+$".contains(c);
    let plain = text.starts_with(safe_first)
        && text.chars().all(safe)
        && !text.ends_with(':')
        && text.parse::<f64>().is_err()
        && !text.starts_with("..")
        && !is_word(text);
    if plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// Words that some YAML reader takes for a truth value, nothing or a number.
fn is_word(text: &str) -> bool {
    let words = [
        "true", "false", "yes", "no", "on", "off", "y", "n", "null", ".inf", ".nan", "<<",
    ];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}
