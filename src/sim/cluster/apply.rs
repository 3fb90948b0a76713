//! Server-side apply: merging what one manager wants into what is there.

use super::error::ApiError;
use super::fields;
use super::fields::FieldSet;
use super::kind::Kind;
use super::managers;
use super::managers::Managed;
use super::managers::Writer;
use super::shape::ListRule;
use super::shape::Shape;
use recant_core::object::Object;
use serde_json::Map;
use serde_json::Value;

/// What `kubectl apply` calls itself without `--server-side`: what it owned so far is no conflict to `kubectl`.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";

/// The object that results when the writer applies `wanted` to `live`, with managers noted.
///
/// # Errors
/// When a field that another manager owns would change, unless forced.
pub(crate) fn apply(
    kind: &Kind,
    writer: &Writer<'_>,
    force: bool,
    live: &Object,
    wanted: &Value,
) -> Result<Object, ApiError> {
    let shape = Shape::of(kind);
    let mut managers = managers::read(live);
    let set: FieldSet = fields::fields(wanted, &shape).into_keys().collect();
    let mut merged = merge(&live.0, wanted, &shape);
    let (changed, _) = fields::compare(&live.0, &merged, &shape);
    settle(kind, writer, force, &mut managers, &changed)?;
    drop_abandoned(kind, writer, &managers, &set, &mut merged);
    let (_, gone) = fields::compare(&live.0, &merged, &shape);
    for other in &mut managers {
        other.set.retain(|path| !gone.contains(path));
    }
    managers::claim(&mut managers, writer, kind, set, true);
    let mut object = Object(merged);
    managers::store(&mut object, &managers);
    Ok(object)
}

/// Takes changed fields from other managers when forced, refuses to otherwise.
fn settle(
    kind: &Kind,
    writer: &Writer<'_>,
    force: bool,
    managers: &mut [Managed],
    changed: &FieldSet,
) -> Result<(), ApiError> {
    let mut conflicts = Vec::new();
    for other in managers.iter_mut().filter(|m| !m.is(writer, &kind.api_version())) {
        let is_own_past = writer.manager == "kubectl" && other.manager == CLIENT_SIDE;
        let with = other.describe();
        let owned = other.set.intersection(changed).filter(|_| !is_own_past);
        conflicts.extend(owned.map(|path| (with.clone(), fields::display(path))));
        if force || is_own_past {
            other.set.retain(|path| !changed.contains(path));
        }
    }
    if conflicts.is_empty() || force {
        Ok(())
    } else {
        Err(ApiError::apply_conflict(&conflicts))
    }
}

/// Removes what the writer applied last time, does not apply now, and nobody else owns.
fn drop_abandoned(
    kind: &Kind,
    writer: &Writer<'_>,
    managers: &[Managed],
    set: &FieldSet,
    merged: &mut Value,
) {
    let api_version = kind.api_version();
    let Some(last) = managers.iter().find(|m| m.is(writer, &api_version)) else {
        return;
    };
    let others: Vec<&Managed> = managers.iter().filter(|m| !m.is(writer, &api_version)).collect();
    for path in last.set.difference(set) {
        let owned_under = |m: &&Managed| {
            m.set
                .range(path.clone()..)
                .next()
                .is_some_and(|p| p.starts_with(path))
        };
        let still_wanted = set
            .range(path.clone()..)
            .next()
            .is_some_and(|p| p.starts_with(path));
        if !others.iter().any(owned_under) && !still_wanted {
            remove(merged, &Shape::of(kind), path);
        }
    }
}

/// `over` merged into `base`.
fn merge(base: &Value, over: &Value, shape: &Shape<'_>) -> Value {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) if !shape.is_atomic_map() => {
            let mut merged = base.clone();
            for (name, value) in over {
                let field = shape.field(name);
                let value = match base.get(name) {
                    Some(old) => merge(old, value, &field),
                    None => value.clone(),
                };
                merged.insert(name.clone(), value);
            }
            Value::Object(merged)
        }
        (Value::Array(base), Value::Array(over)) if shape.list() != ListRule::Atomic => {
            Value::Array(merge_lists(base, over, shape))
        }
        _ => over.clone(),
    }
}

/// Items of both, matched by key. Places of matched items are filled in the order of `over`.
fn merge_lists(base: &[Value], over: &[Value], shape: &Shape<'_>) -> Vec<Value> {
    let rule = shape.list();
    let item = shape.item();
    let key = |value: &Value| fields::element(value, &rule);
    let find = |wanted: &Value| base.iter().find(|old| key(old) == key(wanted));
    let merged_item =
        |wanted: &Value| find(wanted).map_or_else(|| wanted.clone(), |old| merge(old, wanted, &item));
    let mut waiting = over.iter();
    let mut merged = Vec::new();
    for old in base {
        let matched = over.iter().any(|wanted| key(wanted) == key(old));
        match (matched, matched.then(|| waiting.next()).flatten()) {
            (true, Some(wanted)) => merged.push(merged_item(wanted)),
            (true, None) => {}
            (false, _) => merged.push(old.clone()),
        }
    }
    merged.extend(waiting.map(merged_item));
    merged
}

/// Removes the field at a path, and the maps and lists that are empty without it.
fn remove(value: &mut Value, shape: &Shape<'_>, path: &[String]) {
    let Some((element, rest)) = path.split_first() else {
        return;
    };
    match value {
        Value::Object(map) => remove_from_map(map, shape, element, rest),
        Value::Array(items) => remove_from_list(items, shape, element, rest),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn remove_from_map(map: &mut Map<String, Value>, shape: &Shape<'_>, element: &str, rest: &[String]) {
    let Some(name) = element.strip_prefix("f:") else {
        return;
    };
    let Some(inner) = map.get_mut(name) else { return };
    if rest.is_empty() {
        map.remove(name);
        return;
    }
    remove(inner, &shape.field(name), rest);
    if is_empty(inner) {
        map.remove(name);
    }
}

fn remove_from_list(items: &mut Vec<Value>, shape: &Shape<'_>, element: &str, rest: &[String]) {
    let rule = shape.list();
    let Some(index) = items
        .iter()
        .position(|item| fields::element(item, &rule) == element)
    else {
        return;
    };
    if rest.is_empty() {
        items.remove(index);
    } else {
        remove(&mut items[index], &shape.item(), rest);
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
