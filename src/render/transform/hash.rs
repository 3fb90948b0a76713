//! The hash that kustomize puts after the names of generated objects.

use crate::origin::OriginId;
use crate::resource::Resources;
use crate::session::Session;
use crate::yaml::Node;
use crate::yaml::json;
use crate::yaml::resolve::Rules;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

/// Renames all objects that need a hash.
pub(crate) fn run(session: &mut Session<'_>, resources: &mut Resources) {
    for resource in resources.list.iter_mut().filter(|r| r.needs_hash) {
        let hash = hash(&resource.node);
        resource.remember_id();
        let name = format!("{}-{hash}", resource.name());
        let mut inputs = vec![
            resource
                .node
                .at(&["metadata", "name"])
                .map_or(OriginId::None, |n| n.origin),
        ];
        for field in ["data", "binaryData", "stringData"] {
            let entries = resource
                .node
                .get(field)
                .and_then(Node::as_map)
                .unwrap_or_default();
            inputs.extend(entries.iter().map(|e| e.value.origin));
        }
        let origin = session.arena.derive("hash", &inputs, OriginId::None);
        if let Some(meta) = resource.node.map_at("metadata", origin) {
            meta.set("name", Node::string(&name, origin));
        }
    }
}

/// Ten characters of the SHA-256 of what the object holds, in an alphabet without vowels and look-alikes.
fn hash(node: &Node) -> String {
    let digest = Sha256::digest(content(node).as_bytes());
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .take(10)
        .map(|nibble| match nibble {
            0 => 'g',
            1 => 'h',
            3 => 'k',
            10 => 'm',
            14 => 't',
            n => char::from_digit(u32::from(n), 16).unwrap_or('g'),
        })
        .collect()
}

/// The JSON that is hashed. `name` is always empty, because kustomize looks for it at the wrong place.
fn content(node: &Node) -> String {
    let value = |field: &str| match node.get(field) {
        None => Value::from(""),
        Some(found) => json::to_json(found, Rules::V3).unwrap_or_default(),
    };
    let kind = node.str_at(&["kind"]);
    let mut parts: Vec<(&str, Value)> = vec![
        ("data", value("data")),
        ("kind", Value::from(kind)),
        ("name", Value::from("")),
    ];
    let extra = if kind == "Secret" {
        "stringData"
    } else {
        "binaryData"
    };
    if value(extra).is_object() {
        parts.push((extra, value(extra)));
    }
    if kind == "Secret" {
        parts.push(("type", value("type")));
    }
    parts.sort_by_key(|(name, _)| *name);
    let mut text = String::from("{");
    for (at, (name, value)) in parts.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        write_string(&mut text, name);
        text.push(':');
        write(&mut text, value);
    }
    text.push('}');
    text
}

/// JSON as Go writes it: sorted keys, no spaces, `<`, `>`, `&`, U+2028 and U+2029 escaped.
fn write(text: &mut String, value: &Value) {
    match value {
        Value::String(s) => write_string(text, s),
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(text, item);
            }
            text.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_string(text, key);
                text.push(':');
                write(text, &map[key]);
            }
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}

fn write_string(text: &mut String, s: &str) {
    text.push('"');
    for c in s.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                text.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}
