//! Pod templates: when two are the same, and what the primary's looks like.

mod primary;

pub use primary::ID_ANNOTATION;
pub use primary::Naming;
pub use primary::is_fluxs;

use crate::object::Object;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

/// A hash of a JSON value: 16 hexadecimal digits of SHA-256 over its canonical text (sorted keys, no spaces).
///
/// ```
/// # use recant_core::template::hash;
/// assert_eq!(hash(&serde_json::json!({"a": 1, "b": 2})), hash(&serde_json::json!({"b": 2, "a": 1})));
/// ```
pub fn hash(value: &Value) -> String {
    let digest = Sha256::digest(value.to_string().as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The node selector by which Flagger scales a DaemonSet to zero: no node has it. It is no part of what is analysed.
pub const SCALE_TO_ZERO: (&str, &str) = ("flagger.app/scale-to-zero", "true");

/// What of a workload is analysed and promoted: the pod template of a Deployment or DaemonSet, the spec of a Service.
pub fn of(workload: &Object) -> Value {
    match workload.str("/kind") {
        "Service" => of_service(workload),
        "DaemonSet" => of_daemon_set(workload),
        _ => workload.at("/spec/template").cloned().unwrap_or_default(),
    }
}

fn of_daemon_set(workload: &Object) -> Value {
    let mut template = workload.at("/spec/template").cloned().unwrap_or_default();
    let mut empty = false;
    if let Some(Value::Object(selector)) = template.pointer_mut("/spec/nodeSelector") {
        selector.remove(SCALE_TO_ZERO.0);
        empty = selector.is_empty();
    }
    if empty && let Some(Value::Object(spec)) = template.get_mut("spec") {
        spec.remove("nodeSelector");
    }
    template
}

/// The spec of a Service without what the API server gave out to this very one.
fn of_service(service: &Object) -> Value {
    let mut spec = service.at("/spec").cloned().unwrap_or_default();
    let headless = spec.get("clusterIP").and_then(Value::as_str) == Some("None");
    if let Value::Object(fields) = &mut spec {
        fields.remove("clusterIPs");
        fields.remove("healthCheckNodePort");
        if !headless {
            fields.remove("clusterIP");
        }
    }
    let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        port.remove("nodePort");
    }
    spec
}

/// The label that selects a workload's pods: the first of `names` in its selector, and its value.
pub fn selector_label(workload: &Object, names: &[String]) -> Option<(String, String)> {
    let labels = workload.strings("/spec/selector/matchLabels");
    names
        .iter()
        .find_map(|name| Some((name.clone(), labels.get(name)?.clone())))
}

/// A key as a part of a JSON pointer.
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The images of a template's containers, `name=image`, in order.
pub fn images(template: &Value) -> Vec<String> {
    let containers = template.pointer("/spec/containers").and_then(Value::as_array);
    let image = |c: &Value| Some(c.get("image")?.as_str()?.to_owned());
    containers.into_iter().flatten().filter_map(image).collect()
}
