//! The list of what a Kustomization has applied, in Flux's spelling.

use recant_core::object::Object;
use recant_core::object::ObjectRef;
use serde_json::Value;
use serde_json::json;
use std::fmt;

/// One applied object: `<namespace>_<name>_<group>_<kind>`, and the version of its API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The id.
    pub id: String,
    /// The version.
    pub v: String,
}

impl Entry {
    /// The entry of an object.
    pub fn of(name: &ObjectRef) -> Self {
        let version = name.api_version.rsplit('/').next().unwrap_or_default();
        // RBAC names may hold a colon, which is spelled as two underscores.
        let spelled = name.name.replace(':', "__");
        Self {
            id: format!("{}_{spelled}_{}_{}", name.namespace, name.group(), name.kind),
            v: version.to_owned(),
        }
    }

    /// The object that an entry means; none when it is malformed.
    pub fn object(&self) -> Option<ObjectRef> {
        let (namespace, rest) = self.id.split_once('_')?;
        let (rest, kind) = rest.rsplit_once('_')?;
        let (name, group) = rest.rsplit_once('_')?;
        let api_version = if group.is_empty() {
            self.v.clone()
        } else {
            format!("{group}/{}", self.v)
        };
        let name = name.replace("__", ":");
        Some(ObjectRef::new(&api_version, kind, namespace, &name))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// The inventory in a Kustomization's status.
pub(super) fn read(kustomization: &Object) -> Vec<Entry> {
    let entries = kustomization
        .at("/status/inventory/entries")
        .and_then(Value::as_array);
    let text = |entry: &Value, field: &str| entry.get(field).and_then(Value::as_str).map(str::to_owned);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            Some(Entry {
                id: text(entry, "id")?,
                v: text(entry, "v")?,
            })
        })
        .collect()
}

/// The inventory as it stands in the status.
pub(super) fn written(entries: &[Entry]) -> Value {
    let entries: Vec<Value> = entries
        .iter()
        .map(|entry| json!({"id": entry.id, "v": entry.v}))
        .collect();
    json!({ "entries": entries })
}
