//! Pods as their controllers make and count them.

use super::Desk;
use super::NODE;
use crate::clock;
use crate::condition;
use crate::traffic::topology::is_ready;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

/// What the API server keeps of a name to which it adds five characters.
const LONGEST_BASE: usize = 58;

/// Creates one pod from its owner's template.
pub(super) fn create(desk: &mut Desk<'_>, manager: &str, owner: &Object) {
    let mut name = format!("{}-", owner.name());
    name.truncate(LONGEST_BASE);
    name += &desk.names.name(5);
    let template = owner.at("/spec/template").cloned().unwrap_or(json!({}));
    let mut pod = Object(json!({"apiVersion": "v1", "kind": "Pod"}));
    pod.set(
        "/metadata",
        template.get("metadata").cloned().unwrap_or(json!({})),
    );
    pod.set("/metadata/name", json!(name));
    pod.set("/metadata/namespace", json!(owner.namespace()));
    pod.set("/spec", template.get("spec").cloned().unwrap_or(json!({})));
    pod.set("/spec/nodeName", json!(NODE));
    desk.create(manager, owner, pod);
}

/// Whether a pod has been ready for so many seconds.
pub(super) fn is_available(pod: &Object, min_ready_s: i64, now: Timestamp) -> bool {
    let since = condition::find(pod, "Ready")
        .and_then(|ready| ready["lastTransitionTime"].as_str())
        .and_then(clock::parse);
    is_ready(pod) && since.is_some_and(|since| clock::since(since, now) >= min_ready_s as f64)
}

/// The images of a pod template.
pub(super) fn images(template_owner: &Object) -> Vec<String> {
    let containers = template_owner
        .at("/spec/template/spec/containers")
        .and_then(Value::as_array);
    let images = containers
        .into_iter()
        .flatten()
        .filter_map(|container| container.get("image")?.as_str());
    images.map(str::to_owned).collect()
}

/// A number that follows from a pod template, whatever the order of its fields.
pub(super) fn template_hash(template: &Value) -> String {
    let mut text = String::new();
    canonical(template, &mut text);
    let digest = <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes());
    let number = digest
        .iter()
        .take(8)
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    crate::seed::safe(number)
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let sorted: std::collections::BTreeMap<_, _> = map.iter().collect();
            text.push('{');
            for (key, value) in sorted {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(list) => {
            text.push('[');
            for value in list {
                canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}
