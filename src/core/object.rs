//! Kubernetes objects as the API server spells them, and their names.
//!
//! The core reads and writes whole JSON documents: every field recant does not know is kept.
//! Typed views (`canary::Spec` and the like) are parsed from an [`Object`] where a decision needs them.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use std::fmt;

/// The name of one object: what `kubectl get KIND -n NAMESPACE NAME` needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// `group/version`, or the bare version for the core group (`v1`).
    pub api_version: String,
    /// The kind, in the singular and in capitals: `Deployment`.
    pub kind: String,
    /// The namespace; empty for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectRef {
    /// Names an object.
    pub fn new(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The API group: empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

impl fmt::Display for ObjectRef {
    /// `Kind/namespace/name`, as Flux prints objects.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// One object, whole.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Object(pub Value);

impl fmt::Debug for Object {
    /// What a Secret holds is never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.str("/kind") == "Secret" {
            return write!(f, "Object({})", self.reference());
        }
        f.debug_tuple("Object").field(&self.0).finish()
    }
}

impl Object {
    /// A new, empty object of that name.
    pub fn named(name: &ObjectRef) -> Self {
        let mut object = Self(serde_json::json!({
            "apiVersion": name.api_version,
            "kind": name.kind,
            "metadata": { "name": name.name },
        }));
        if !name.namespace.is_empty() {
            object.set("/metadata/namespace", Value::from(name.namespace.clone()));
        }
        object
    }

    /// The object's own name.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef::new(
            self.str("/apiVersion"),
            self.str("/kind"),
            self.namespace(),
            self.name(),
        )
    }

    /// The value at a JSON pointer.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer)
    }

    /// The string at a JSON pointer; empty when there is none.
    pub fn str(&self, pointer: &str) -> &str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The integer at a JSON pointer.
    pub fn int(&self, pointer: &str) -> Option<i64> {
        self.at(pointer).and_then(Value::as_i64)
    }

    /// The map at a JSON pointer as sorted pairs of strings; non-strings are left out.
    pub fn strings(&self, pointer: &str) -> std::collections::BTreeMap<String, String> {
        let Some(Value::Object(map)) = self.at(pointer) else {
            return Default::default();
        };
        map.iter()
            .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
            .collect()
    }

    /// Sets the value at a JSON pointer, making maps on the way. What stands in the way of a map is replaced.
    pub fn set(&mut self, pointer: &str, value: Value) {
        let mut here = &mut self.0;
        for key in pointer
            .split('/')
            .skip(1)
            .map(|k| k.replace("~1", "/").replace("~0", "~"))
        {
            if !here.is_object() {
                *here = Value::Object(Map::new());
            }
            let Value::Object(map) = here else { return };
            here = map.entry(key).or_insert(Value::Null);
        }
        *here = value;
    }

    /// `metadata.name`.
    pub fn name(&self) -> &str {
        self.str("/metadata/name")
    }

    /// `metadata.namespace`; empty for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        self.str("/metadata/namespace")
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        self.str("/metadata/uid")
    }

    /// `metadata.resourceVersion`: the precondition of every write that follows from having seen this object.
    pub fn resource_version(&self) -> &str {
        self.str("/metadata/resourceVersion")
    }

    /// `metadata.generation`; 0 when the kind has none.
    pub fn generation(&self) -> i64 {
        self.int("/metadata/generation").unwrap_or_default()
    }

    /// Whether somebody has asked for its deletion.
    pub fn is_deleting(&self) -> bool {
        self.at("/metadata/deletionTimestamp").is_some()
    }

    /// An annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(key)?.as_str()
    }
}

impl Object {
    /// Sets a field of one element of the array at a pointer; nothing happens when there is no such element.
    pub fn set_in_array(&mut self, pointer: &str, index: usize, field: &str, value: Value) {
        let element = self.0.pointer_mut(pointer).and_then(|array| array.get_mut(index));
        if let Some(Value::Object(map)) = element {
            map.insert(field.to_owned(), value);
        }
    }

    /// Appends to the array at a pointer, making it when there is none.
    pub fn push(&mut self, pointer: &str, value: Value) {
        match self.0.pointer_mut(pointer) {
            Some(Value::Array(array)) => array.push(value),
            _ => self.set(pointer, Value::Array(vec![value])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_secret_holds_is_never_shown() {
        let metadata = json!({"name": "token", "namespace": "test"});
        let secret = Object(json!({"kind": "Secret", "metadata": metadata, "data": {"k": "aGlkZGVu"}}));
        assert_eq!(format!("{secret:?}"), "Object(Secret/test/token)");
        let config = Object(json!({"kind": "ConfigMap", "metadata": metadata, "data": {"k": "shown"}}));
        assert!(format!("{config:?}").contains("shown"));
    }
}
