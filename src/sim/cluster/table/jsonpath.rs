//! The JSON paths printer columns use: fields, indices, `[*]`, and filters `[?(@.type=="Ready")]`.

use serde_json::Value;

/// Everything a path leads to.
pub(super) fn find<'a>(root: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![root];
    let mut rest = path.trim().trim_start_matches('{').trim_end_matches('}');
    while !rest.is_empty() {
        let (step, after) = next(rest);
        found = found.into_iter().flat_map(|value| take(value, &step)).collect();
        rest = after;
    }
    found.retain(|value| !value.is_null());
    found
}

enum Step {
    Field(String),
    Index(usize),
    All,
    Filter(Vec<String>, Value),
    Nothing,
}

fn next(path: &str) -> (Step, &str) {
    if let Some(inside) = path.strip_prefix('[') {
        let end = closing(inside);
        return (bracket(&inside[..end]), inside.get(end + 1..).unwrap_or_default());
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let (mut name, mut escaped) = (String::new(), false);
    for (at, c) in path.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '.' | '[' if !escaped => return (field(name), &path[at..]),
            c => {
                name.push(c);
                escaped = false;
            }
        }
    }
    (field(name), "")
}

fn field(name: String) -> Step {
    if name == "*" { Step::All } else { Step::Field(name) }
}

/// Where the bracket opened before this text closes, quotes respected.
fn closing(text: &str) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ']') => return at,
            _ => {}
        }
    }
    text.len()
}

fn bracket(inside: &str) -> Step {
    if inside == "*" {
        return Step::All;
    }
    if let Ok(index) = inside.parse() {
        return Step::Index(index);
    }
    let unquoted = inside.trim_matches(['"', '\'']);
    if unquoted.len() < inside.len() && !inside.starts_with('?') {
        return Step::Field(unquoted.to_owned());
    }
    let condition = inside.strip_prefix("?(").and_then(|c| c.strip_suffix(')'));
    let Some((left, right)) = condition.and_then(|c| c.split_once("==")) else {
        return Step::Nothing;
    };
    let path = left
        .trim()
        .trim_start_matches('@')
        .split('.')
        .filter(|p| !p.is_empty())
        .map(str::to_owned)
        .collect();
    let right = right.trim();
    let wanted = match right.strip_prefix(['"', '\'']) {
        Some(text) => Value::from(text.trim_end_matches(['"', '\''])),
        None => serde_json::from_str(right).unwrap_or_default(),
    };
    Step::Filter(path, wanted)
}

fn take<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    let items = || value.as_array().into_iter().flatten();
    match step {
        Step::Field(name) => value.get(name).into_iter().collect(),
        Step::Index(index) => value.get(index).into_iter().collect(),
        Step::All => match value {
            Value::Object(map) => map.values().collect(),
            _ => items().collect(),
        },
        Step::Filter(path, wanted) => {
            let fits = |item: &&Value| path.iter().try_fold(*item, |v, key| v.get(key)) == Some(wanted);
            items().filter(fits).collect()
        }
        Step::Nothing => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::find;
    use serde_json::json;

    #[test]
    fn the_paths_of_printer_columns_are_followed() {
        let object = json!({
            "metadata": { "annotations": { "a.b/c": "dotted" } },
            "spec": { "hosts": ["x", "y"], "empty": null },
            "status": { "conditions": [{ "type": "Ready", "status": "True" }, { "type": "Stalled", "status": "False" }] },
        });
        let cases = [
            (".spec.hosts[0]", json!(["x"])),
            (".spec.hosts[*]", json!(["x", "y"])),
            (".status.conditions[?(@.type==\"Ready\")].status", json!(["True"])),
            (
                ".status.conditions[?(@.type=='Stalled')].status",
                json!(["False"]),
            ),
            (".metadata.annotations.a\\.b/c", json!(["dotted"])),
            (".metadata.annotations['a.b/c']", json!(["dotted"])),
            (".spec.empty", json!([])),
            (".spec.nothing.at.all", json!([])),
            ("{.spec.hosts[1]}", json!(["y"])),
            (".spec[", json!([])),
        ];
        for (path, expected) in cases {
            assert_eq!(json!(find(&object, path)), expected, "{path}");
        }
    }
}
