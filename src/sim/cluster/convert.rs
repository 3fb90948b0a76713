//! Versions of one object: how it is stored, and how each served version shows it.
//!
//! Versions of custom kinds differ in `apiVersion` only (conversion strategy `None`). Events of `events.k8s.io/v1`
//! are stored as events of the core group.

use super::kind::Kind;
use recant_core::object::Object;
use serde_json::Value;

/// Fields of an event: in `events.k8s.io/v1`, and in the core group.
const EVENT_FIELDS: &[(&str, &str)] = &[
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedCount", "count"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
];

/// The object as it is stored.
pub(crate) fn to_stored(kind: &Kind, mut object: Object) -> Object {
    if kind.is("events.k8s.io", "Event") {
        rename(&mut object, EVENT_FIELDS.iter().map(|(new, old)| (*new, *old)));
        object.set("/apiVersion", "v1".into());
    }
    object
}

/// A stored object as this version of its kind shows it.
pub(crate) fn from_stored(kind: &Kind, mut object: Object) -> Object {
    if kind.is("events.k8s.io", "Event") {
        rename(&mut object, EVENT_FIELDS.iter().map(|(new, old)| (*old, *new)));
    }
    object.set("/apiVersion", kind.api_version().into());
    object
}

fn rename<'a>(object: &mut Object, fields: impl Iterator<Item = (&'a str, &'a str)>) {
    let Value::Object(map) = &mut object.0 else { return };
    for (from, to) in fields {
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
}
