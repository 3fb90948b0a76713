//! Writes values as block YAML, the way people write manifests.
//!
//! Strings are only written plain when every reader takes them for strings: `yes`, `on`, `1e3` and `0x1` get quotes.

use serde_json::Map;
use serde_json::Value;

#[cfg(test)]
mod tests;

/// A value as a document in block style, ended by a line break.
pub fn document(value: &Value) -> String {
    lines(value).join("\n") + "\n"
}

/// The lines of a value in block style.
pub fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) if !map.is_empty() => map_lines(map),
        Value::Array(items) if !items.is_empty() => items.iter().flat_map(item_lines).collect(),
        Value::Object(_) => vec!["{}".to_owned()],
        Value::Array(_) => vec!["[]".to_owned()],
        Value::String(text) if is_prose(text) => block(text),
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
        let mut below = lines(value).into_iter();
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push(format!("{name}:"));
                out.extend(below.map(|line| indented(2, &line)));
            }
            Value::Array(items) if !items.is_empty() => {
                out.push(format!("{name}:"));
                out.extend(below);
            }
            _ => {
                out.push(format!("{name}: {}", below.next().unwrap_or_default()));
                out.extend(below);
            }
        }
    }
    out
}

fn item_lines(item: &Value) -> Vec<String> {
    let mut lines = lines(item).into_iter();
    let first = lines.next().map(|line| format!("- {line}"));
    first
        .into_iter()
        .chain(lines.map(|line| indented(2, &line)))
        .collect()
}

/// A line, further to the right unless it is empty.
pub fn indented(spaces: usize, line: &str) -> String {
    if line.is_empty() {
        String::new()
    } else {
        format!("{}{line}", " ".repeat(spaces))
    }
}

/// Whether a text has several lines that a block scalar holds as they are.
fn is_prose(text: &str) -> bool {
    let odd = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'));
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.ends_with('\n')
        && !body.starts_with([' ', '\n'])
        && !body.lines().any(|line| line.ends_with(' '))
        && !text.contains(odd)
}

/// A literal block scalar: its header, and its lines one step in.
fn block(text: &str) -> Vec<String> {
    let (header, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    let lines = body.split('\n').map(|line| indented(2, line));
    [header.to_owned()].into_iter().chain(lines).collect()
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
pub fn scalar(text: &str) -> String {
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
