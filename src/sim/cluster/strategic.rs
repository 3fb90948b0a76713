//! Strategic merge patches, by the table of merge keys in [`shape`](super::shape).

use super::error::ApiError;
use super::kind::Kind;
use super::shape::Shape;
use serde_json::Map;
use serde_json::Value;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const DELETE_ITEMS: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// The patched object.
///
/// # Errors
/// Custom kinds have no strategic merge patch; and items of merged lists must carry their key.
pub(crate) fn patch(kind: &Kind, object: &Value, patch: &Value) -> Result<Value, ApiError> {
    if kind.custom.is_some() {
        return Err(ApiError::unsupported_media_type(&[
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/apply-patch+yaml",
        ]));
    }
    merge(object, patch, &Shape::of(kind))
}

fn merge(base: &Value, patch: &Value, shape: &Shape<'_>) -> Result<Value, ApiError> {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => merge_maps(base, patch, shape).map(Value::Object),
        (Value::Array(base), Value::Array(items)) => merge_lists(base, items, shape).map(Value::Array),
        (_, Value::Object(patch)) => merge_maps(&Map::new(), patch, shape).map(Value::Object),
        (_, Value::Array(items)) => merge_lists(&[], items, shape).map(Value::Array),
        _ => Ok(patch.clone()),
    }
}

fn directive(patch: &Map<String, Value>) -> Option<&str> {
    patch.get(DIRECTIVE).and_then(Value::as_str)
}

fn merge_maps(
    base: &Map<String, Value>,
    patch: &Map<String, Value>,
    shape: &Shape<'_>,
) -> Result<Map<String, Value>, ApiError> {
    let mut merged = match directive(patch) {
        Some("replace") => Map::new(),
        Some("delete") => return Ok(Map::new()),
        _ => base.clone(),
    };
    if let Some(Value::Array(keep)) = patch.get(RETAIN).filter(|_| shape.retains_keys()) {
        merged.retain(|key, _| keep.iter().any(|k| k == key));
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix(DELETE_ITEMS) {
            delete_items(&mut merged, list, value);
        } else if key.starts_with('$') {
            continue;
        } else if value.is_null() {
            merged.remove(key);
        } else {
            let field = shape.field(key);
            let value = merge(merged.get(key).unwrap_or(&Value::Null), value, &field)?;
            merged.insert(key.clone(), value);
        }
    }
    for (key, order) in patch {
        if let (Some(list), Value::Array(order)) = (key.strip_prefix(ORDER), order) {
            let field = shape.field(list);
            if let Some(Value::Array(items)) = merged.get_mut(list) {
                reorder(items, order, field.patch_key().unwrap_or_default());
            }
        }
    }
    Ok(merged)
}

fn delete_items(map: &mut Map<String, Value>, list: &str, gone: &Value) {
    if let (Some(Value::Array(items)), Value::Array(gone)) = (map.get_mut(list), gone) {
        items.retain(|item| !gone.contains(item));
    }
}

fn identity<'a>(item: &'a Value, key: &str) -> &'a Value {
    if key.is_empty() {
        item
    } else {
        item.get(key).unwrap_or(&Value::Null)
    }
}

/// Puts the items named in `order` into that order; others keep their places after them.
fn reorder(items: &mut [Value], order: &[Value], key: &str) {
    let place = |item: &Value| order.iter().position(|o| identity(o, key) == identity(item, key));
    items.sort_by_key(|item| place(item).unwrap_or(order.len()));
}

fn merge_lists(base: &[Value], items: &[Value], shape: &Shape<'_>) -> Result<Vec<Value>, ApiError> {
    let Some(key) = shape.patch_key() else {
        return Ok(items.to_vec());
    };
    if items
        .iter()
        .any(|i| i.as_object().and_then(directive) == Some("replace"))
    {
        let kept = items
            .iter()
            .filter(|i| i.as_object().and_then(directive).is_none());
        return Ok(kept.cloned().collect());
    }
    let mut merged = base.to_vec();
    for item in items {
        if !key.is_empty() && item.get(key).is_none() {
            let message = format!("map: {item} does not contain declared merge key: {key}");
            return Err(ApiError::bad_request(message));
        }
        let found = merged
            .iter()
            .position(|old| identity(old, key) == identity(item, key));
        match (found, item.as_object().and_then(directive)) {
            (Some(at), Some("delete")) => {
                merged.remove(at);
            }
            (None, Some("delete")) => {}
            (Some(at), _) => merged[at] = merge(&merged[at], item, &shape.item())?,
            (None, _) => merged.push(merge(&Value::Null, item, &shape.item())?),
        }
    }
    Ok(merged)
}
