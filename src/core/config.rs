//! ConfigMaps and Secrets that pods read: which ones a pod template names, and when two are the same.
//!
//! They are part of what is analysed and promoted, as with Flagger's config tracking. Never here: what they hold is
//! never put into a message; only checksums leave this room.

use crate::object::Object;
use crate::object::ObjectRef;
use crate::template;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use std::collections::BTreeMap;

/// Opts an object out of tracking when its value begins with `disable`: it is then shared, not copied.
pub const TRACKING_ANNOTATION: &str = "flagger.app/config-tracking";

/// The types of Secrets that are tracked. Others (registry credentials, service account tokens) are shared.
const SECRET_TYPES: [&str; 4] = [
    "Opaque",
    "kubernetes.io/basic-auth",
    "kubernetes.io/ssh-auth",
    "kubernetes.io/tls",
];

/// Checksums by [`key`].
pub type Checksums = BTreeMap<String, String>;

/// What a tracked object is called in `Canary.status.trackedConfigs`: `configmap/<name>` or `secret/<name>`.
pub fn key(kind: &str, name: &str) -> String {
    format!("{}/{name}", kind.to_lowercase())
}

/// The object that a [`key`] stands for.
pub fn object_ref(key: &str, namespace: &str) -> ObjectRef {
    let (kind, name) = match key.split_once('/') {
        Some(("secret", name)) => ("Secret", name),
        Some((_, name)) => ("ConfigMap", name),
        None => ("ConfigMap", key),
    };
    ObjectRef::new("v1", kind, namespace, name)
}

/// Whether an object is a ConfigMap or a Secret.
pub fn is_config(name: &ObjectRef) -> bool {
    name.api_version == "v1" && matches!(name.kind.as_str(), "ConfigMap" | "Secret")
}

/// The ConfigMaps and Secrets that a pod template names, by [`key`], and whether its pods cannot start without.
pub fn named(template: &Value) -> BTreeMap<String, bool> {
    let mut all = BTreeMap::new();
    let mut template = template.clone();
    each(&mut template, |kind, name, mandatory| {
        if let Some(name) = name.as_str() {
            *all.entry(key(kind, name)).or_default() |= mandatory;
        }
    });
    all
}

/// Visits every place of a pod template that names a ConfigMap or Secret: volumes, projected volumes, and `env` and
/// `envFrom` of containers and initContainers. The visitor gets the kind, the name to read or change, and whether
/// the pod cannot start without.
pub(crate) fn each(template: &mut Value, mut visit: impl FnMut(&str, &mut Value, bool)) {
    for volume in items(template, "/spec/volumes") {
        reference(volume, "configMap", "ConfigMap", "name", &mut visit);
        reference(volume, "secret", "Secret", "secretName", &mut visit);
        for source in items(volume, "/projected/sources") {
            reference(source, "configMap", "ConfigMap", "name", &mut visit);
            reference(source, "secret", "Secret", "name", &mut visit);
        }
    }
    for containers in ["/spec/containers", "/spec/initContainers"] {
        for container in items(template, containers) {
            for env in items(container, "/env") {
                if let Some(from) = env.get_mut("valueFrom") {
                    reference(from, "configMapKeyRef", "ConfigMap", "name", &mut visit);
                    reference(from, "secretKeyRef", "Secret", "name", &mut visit);
                }
            }
            for from in items(container, "/envFrom") {
                reference(from, "configMapRef", "ConfigMap", "name", &mut visit);
                reference(from, "secretRef", "Secret", "name", &mut visit);
            }
        }
    }
}

fn items<'a>(value: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = value.pointer_mut(pointer).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

fn reference(
    holder: &mut Value,
    field: &str,
    kind: &str,
    name: &str,
    visit: &mut impl FnMut(&str, &mut Value, bool),
) {
    let Some(reference) = holder.get_mut(field) else {
        return;
    };
    let mandatory = reference.get("optional") != Some(&Value::Bool(true));
    if let Some(name) = reference.get_mut(name) {
        visit(kind, name, mandatory);
    }
}

/// Whether an object is tracked: not opted out, and of a type that holds an application's own data.
pub fn is_tracked(object: &Object) -> bool {
    let opted_out = object
        .annotation(TRACKING_ANNOTATION)
        .is_some_and(|value| value.starts_with("disable"));
    // A Secret without a type is Opaque.
    let r#type = object.at("/type").and_then(Value::as_str).unwrap_or("Opaque");
    let is_own = object.str("/kind") != "Secret" || SECRET_TYPES.contains(&r#type);
    !opted_out && is_own
}

/// The checksum of what an object holds, `binaryData` included. Without `binaryData` it is Flagger's.
pub fn checksum(object: &Object) -> String {
    match object.at("/binaryData").and_then(Value::as_object) {
        Some(binary) if !binary.is_empty() => template::hash(&json!([data(object), binary])),
        _ => flagger_checksum(object),
    }
}

/// The checksum that Flagger puts into `status.trackedConfigs`: the first 8 bytes of the SHA-256 of `data`, as Go
/// spells that in JSON. `binaryData` does not count there.
pub fn flagger_checksum(object: &Object) -> String {
    // Go escapes what could end a script element, and these two separators.
    let text = data(object)
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029");
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// `data`, in order of its keys; `null` when there is none, as in Go.
fn data(object: &Object) -> Value {
    match object.at("/data").and_then(Value::as_object) {
        Some(map) if !map.is_empty() => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            json!(sorted)
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_that_names_a_config_is_found() {
        let template = json!({"spec": {
            "volumes": [{"configMap": {"name": "a"}}, {"secret": {"secretName": "b", "optional": true}},
                        {"projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "d"}}]}},
                        {"emptyDir": {}}],
            "initContainers": [{"envFrom": [{"secretRef": {"name": "e"}}]}],
            "containers": [{"env": [{"name": "X", "value": "1"},
                                    {"name": "Y", "valueFrom": {"configMapKeyRef": {"name": "f", "key": "k"}}},
                                    {"name": "Z", "valueFrom": {"secretKeyRef": {"name": "b", "key": "k"}}}],
                            "envFrom": [{"configMapRef": {"name": "g", "optional": true}}]}],
        }});
        let found: Vec<String> = named(&template)
            .into_iter()
            .map(|(key, mandatory)| format!("{key} {mandatory}"))
            .collect();
        let wanted = [
            "configmap/a true",
            "configmap/c true",
            "configmap/f true",
            "configmap/g false",
            "secret/b true",
            "secret/d true",
            "secret/e true",
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_checksum_is_flaggers_but_for_binary_data() {
        // The sums are those of Go's encoding/json: {"a":"1 < 2"} is spelled with \u003c there.
        let of = |text: &str| -> String {
            Sha256::digest(text.as_bytes())
                .iter()
                .take(8)
                .map(|byte| format!("{byte:02x}"))
                .collect()
        };
        let table = [
            (
                json!({"kind": "ConfigMap", "data": {"b": "2", "a": "1 < 2"}}),
                r#"{"a":"1 \u003c 2","b":"2"}"#,
            ),
            (json!({"kind": "ConfigMap"}), "null"),
            (
                json!({"kind": "Secret", "data": {"k": "dg=="}}),
                r#"{"k":"dg=="}"#,
            ),
        ];
        for (object, text) in table {
            assert_eq!(checksum(&Object(object)), of(text), "{text}");
        }
        let mut object = Object(json!({"kind": "ConfigMap", "data": {"a": "1"}}));
        let without = checksum(&object);
        object.set("/binaryData/x", json!("AAAA"));
        assert_ne!(checksum(&object), without);
        assert_eq!(flagger_checksum(&object), without);
    }

    #[test]
    fn what_is_opted_out_or_not_the_applications_own_is_not_tracked() {
        let opted_out = |value: &str| json!({"metadata": {"annotations": {TRACKING_ANNOTATION: value}}});
        let table = [
            (json!({"kind": "ConfigMap"}), true),
            (opted_out("disabled"), false),
            (opted_out("disable"), false),
            (opted_out("enabled"), true),
            (json!({"kind": "Secret", "type": "Opaque"}), true),
            (json!({"kind": "Secret"}), true),
            (json!({"kind": "Secret", "type": "kubernetes.io/tls"}), true),
            (
                json!({"kind": "Secret", "type": "kubernetes.io/dockerconfigjson"}),
                false,
            ),
        ];
        for (object, tracked) in table {
            assert_eq!(is_tracked(&Object(object.clone())), tracked, "{object}");
        }
    }
}
