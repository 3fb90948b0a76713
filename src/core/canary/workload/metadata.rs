//! Labels and annotations that a primary has from its target.

use super::Making;
use crate::baseline;
use crate::object::Object;
use crate::settings::Settings;
use crate::template;
use serde_json::Value;
use serde_json::json;

/// Annotations that tell of one object alone.
const PERSONAL: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
];

/// The owner, the label that selects, and what a new primary has of the target's metadata: the labels that are
/// included, and all annotations but Flux's. A Service has the target's labels too, as its selector may be any.
pub(in crate::canary) fn put_own(primary: &mut Object, making: Making<'_>) {
    primary.set(
        "/metadata/ownerReferences",
        json!([baseline::owner(making.canary)]),
    );
    let all = making.naming.label.is_none();
    for (key, value) in making.target.strings("/metadata/labels") {
        if (all && !template::is_fluxs(&key)) || is_included(making.settings, &key) {
            put(primary, "labels", &key, &value);
        }
    }
    if let Some((key, value)) = &making.naming.label {
        put(primary, "labels", key, &format!("{value}-primary"));
    }
    for (key, value) in making.target.strings("/metadata/annotations") {
        if !template::is_fluxs(&key) && !PERSONAL.contains(&key.as_str()) {
            put(primary, "annotations", &key, &value);
        }
    }
}

/// What a promotion brings: the labels and annotations that are included. What others put on the primary stays.
pub(super) fn put_included(primary: &mut Object, making: Making<'_>) {
    let selects = making.naming.label.as_ref().map(|(key, _)| key);
    for (key, value) in included(making.settings, making.target, "labels") {
        if Some(&key) != selects {
            put(primary, "labels", &key, &value);
        }
    }
    for (key, value) in included(making.settings, making.target, "annotations") {
        put(primary, "annotations", &key, &value);
    }
}

/// The labels or annotations of an object that reach the primary's.
pub(in crate::canary) fn included(
    settings: &Settings,
    of: &Object,
    field: &str,
) -> impl Iterator<Item = (String, String)> {
    let all = of.strings(&format!("/metadata/{field}")).into_iter();
    let settings = settings.clone();
    all.filter(move |(key, _)| is_included(&settings, key))
}

fn is_included(settings: &Settings, key: &str) -> bool {
    let by = |prefix: &String| prefix == "*" || (!prefix.is_empty() && key.starts_with(prefix));
    !template::is_fluxs(key) && !PERSONAL.contains(&key) && settings.include_label_prefix.iter().any(by)
}

fn put(object: &mut Object, field: &str, key: &str, value: &str) {
    let pointer = format!("/metadata/{field}/{}", template::escaped(key));
    object.set(&pointer, Value::from(value));
}
