//! Fields as people write them, and as JSON pointers.

use anyhow::bail;
use serde_json::Value;

/// One step into a value.
enum Step {
    Key(String),
    Item(usize),
    /// The item of a list with this value under this key.
    Where(String, String),
}

/// The JSON pointer that a field means in an object: `spec.containers[0].image`, `spec.containers[name=web].image`,
/// `metadata.annotations["a.b/c"]`, or a JSON pointer as it is.
///
/// # Errors
/// When it cannot be read, or names an item that the list has not.
pub(super) fn pointer(field: &str, object: &Value) -> anyhow::Result<String> {
    if field.starts_with('/') {
        return Ok(field.trim_end_matches('/').to_owned());
    }
    let mut out = String::new();
    let mut here = Some(object);
    for step in steps(field)? {
        let key = match step {
            Step::Key(key) => key,
            Step::Item(at) => at.to_string(),
            Step::Where(key, value) => {
                let items = here
                    .and_then(Value::as_array)
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                let is = |item: &Value| item.get(&key).is_some_and(|v| plain(v) == value);
                match items.iter().position(is) {
                    Some(at) => at.to_string(),
                    None => bail!("`{field}`: no item of that list has {key}={value}"),
                }
            }
        };
        out.push('/');
        out.push_str(&key.replace('~', "~0").replace('/', "~1"));
        here = object.pointer(&out);
    }
    Ok(out)
}

fn steps(field: &str) -> anyhow::Result<Vec<Step>> {
    let mut out = Vec::new();
    let mut rest = field.trim_start_matches('.');
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let end = match inner.strip_prefix('"') {
                Some(quoted) => quoted.find("\"]").map(|at| at + 2),
                None => inner.find(']'),
            };
            let Some(end) = end else {
                bail!("`{field}`: a `[` is not closed");
            };
            out.push(bracket(&inner[..end]));
            rest = inner[end + 1..].trim_start_matches('.');
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            out.push(Step::Key(rest[..end].to_owned()));
            rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
        }
    }
    Ok(out)
}

fn bracket(text: &str) -> Step {
    if let Some(key) = text.strip_prefix('"') {
        return Step::Key(key.trim_end_matches('"').to_owned());
    }
    match (text.parse(), text.split_once('=')) {
        (Ok(at), _) => Step::Item(at),
        (_, Some((key, value))) => Step::Where(key.to_owned(), value.to_owned()),
        _ => Step::Key(text.to_owned()),
    }
}

/// A JSON pointer as people write fields.
pub(super) fn shown(pointer: &str, object: &Value) -> String {
    let mut out = String::new();
    let mut here = Some(object);
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let is_item = here.is_some_and(Value::is_array);
        if is_item {
            out.push_str(&format!("[{part}]"));
        } else if part.is_empty() || part.contains(['.', '/', '[', ']', '"', ' ']) {
            out.push_str(&format!("[\"{part}\"]"));
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(&part);
        }
        here = here.and_then(|value| match value {
            Value::Object(map) => map.get(&part),
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            _ => None,
        });
    }
    out
}

/// What there is instead of a field that is not there.
pub(super) fn near(field: &str, object: &Value) -> String {
    let Ok(pointer) = pointer(field, object) else {
        return String::new();
    };
    let mut above = pointer.as_str();
    while let Some((parent, _)) = above.rsplit_once('/') {
        above = parent;
        let keys: Vec<&str> = match object.pointer(above) {
            Some(Value::Object(map)) => map.keys().take(12).map(String::as_str).collect(),
            _ => continue,
        };
        let place = if above.is_empty() {
            "it".to_owned()
        } else {
            format!("`{}`", shown(above, object))
        };
        return format!("; {place} has {}", keys.join(", "));
    }
    String::new()
}

/// A value on one line, a text without quotes.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
