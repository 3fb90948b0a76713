//! Between node trees and JSON values.

use super::Kind;
use super::Node;
use super::Scalar;
use super::Style;
use super::Tag;
use super::emit;
use super::resolve;
use super::resolve::Rules;
use crate::origin::OriginId;
use serde_json::Map;
use serde_json::Number;
use serde_json::Value;
use std::sync::Arc;

/// The JSON value of a node, or the origin of what has none and why.
pub(crate) fn to_json(node: &Node, rules: Rules) -> Result<Value, (OriginId, String)> {
    match &node.kind {
        Kind::Scalar(scalar) => scalar_json(scalar, rules).map_err(|message| (node.origin, message)),
        Kind::Seq(items) => items
            .iter()
            .map(|n| to_json(n, rules))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Kind::Map(entries) => {
            let mut map = Map::new();
            for entry in entries {
                let key = key_text(&entry.key, rules).map_err(|message| (entry.origin, message))?;
                map.insert(key, to_json(&entry.value, rules)?);
            }
            Ok(Value::Object(map))
        }
    }
}

fn key_text(key: &Scalar, rules: Rules) -> Result<String, String> {
    let text = key.text.to_string();
    match (resolve::tag(key, rules), rules) {
        (Tag::Str | Tag::Binary | Tag::Other(_) | Tag::Timestamp, _) => Ok(text),
        (_, Rules::V3) => Err(format!("key `{text}` is no string; quote it")),
        (_, Rules::V11) => Ok(match resolve::value(key, rules)? {
            resolve::Value::Bool(b) => b.to_string(),
            resolve::Value::Int(i) => i.to_string(),
            resolve::Value::Null => "null".to_owned(),
            _ => text,
        }),
    }
}

/// The JSON value of a scalar. Whole floats become integers, as Go prints them.
pub(crate) fn scalar_json(scalar: &Scalar, rules: Rules) -> Result<Value, String> {
    Ok(match resolve::value(scalar, rules)? {
        resolve::Value::Null => Value::Null,
        resolve::Value::Bool(b) => Value::Bool(b),
        resolve::Value::Int(i) => Value::from(i),
        resolve::Value::Uint(u) => Value::from(u),
        resolve::Value::Str(s) => Value::String(s),
        resolve::Value::Float(f) if f.fract() == 0.0 && f.abs() < 9e15 => Value::from(f as i64),
        resolve::Value::Float(f) => Number::from_f64(f)
            .map(Value::Number)
            .ok_or_else(|| format!("`{}` has no JSON form; quote it", scalar.text))?,
    })
}

/// A node of a JSON value; all of it has one origin.
pub(crate) fn from_json(value: &Value, origin: OriginId) -> Node {
    match value {
        Value::Null => tagged("null", Tag::Null, origin),
        Value::Bool(b) => tagged(&b.to_string(), Tag::Bool, origin),
        Value::Number(n) if n.is_f64() => tagged(&n.to_string(), Tag::Float, origin),
        Value::Number(n) => tagged(&n.to_string(), Tag::Int, origin),
        Value::String(s) => Node::string(s, origin),
        Value::Array(items) => Node::new(
            Kind::Seq(items.iter().map(|v| from_json(v, origin)).collect()),
            origin,
        ),
        Value::Object(map) => {
            let mut node = Node::map(origin);
            for (key, value) in map {
                node.set(key, from_json(value, origin));
            }
            node
        }
    }
}

fn tagged(text: &str, tag: Tag, origin: OriginId) -> Node {
    let scalar = Scalar {
        text: Arc::from(text),
        style: Style::Plain,
        tag: Some(tag),
    };
    Node::scalar(scalar, origin)
}

/// Rewrites a tree read under YAML 1.1 so that go-yaml v3's rules give the same values.
pub(crate) fn settle(node: &mut Node) -> Result<(), (OriginId, String)> {
    match &mut node.kind {
        Kind::Scalar(scalar) => {
            let value = scalar_json(scalar, Rules::V11).map_err(|message| (node.origin, message))?;
            if let Kind::Scalar(settled) = from_json(&value, node.origin).kind {
                *scalar = settled;
            }
        }
        Kind::Seq(items) => items.iter_mut().try_for_each(settle)?,
        Kind::Map(entries) => {
            for entry in entries {
                let key = key_text(&entry.key, Rules::V11).map_err(|message| (entry.origin, message))?;
                entry.key = Scalar::string(&key);
                settle(&mut entry.value)?;
            }
        }
    }
    Ok(())
}

/// Rewrites a tree as go-yaml reads it after it went through JSON: canonical scalars, quoted only where they would
/// not be strings otherwise, and nothing shared.
pub(crate) fn canonical(node: &mut Node) {
    node.shared = 0;
    match &mut node.kind {
        Kind::Seq(items) => items.iter_mut().for_each(canonical),
        Kind::Map(entries) => entries.iter_mut().for_each(|e| canonical(&mut e.value)),
        Kind::Scalar(scalar) => {
            let Ok(value) = scalar_json(scalar, Rules::V3) else {
                return;
            };
            let Kind::Scalar(mut new) = from_json(&value, node.origin).kind else {
                return;
            };
            if value.is_string() {
                new.style = emit::style(&new.text);
            }
            *scalar = new;
        }
    }
}
