//! `metadata.managedFields`: which manager owns which fields.

use super::fields;
use super::fields::FieldSet;
use super::kind::Kind;
use super::shape::Shape;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

/// How a manager came by its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

/// One manager's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Managed {
    pub(crate) manager: String,
    pub(crate) operation: Operation,
    pub(crate) api_version: String,
    pub(crate) subresource: String,
    time: String,
    pub(crate) set: FieldSet,
}

/// Who writes now, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) now: Timestamp,
    pub(crate) manager: &'a str,
    pub(crate) operation: Operation,
    pub(crate) subresource: &'a str,
}

impl Managed {
    pub(crate) fn is(&self, writer: &Writer<'_>, api_version: &str) -> bool {
        self.manager == writer.manager
            && self.operation == writer.operation
            && self.subresource == writer.subresource
            && self.api_version == api_version
    }

    /// As conflicts name it: `"kubectl" using apps/v1`.
    pub(crate) fn describe(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text += &format!(" with subresource {:?}", self.subresource);
        }
        match self.operation {
            Operation::Apply => text,
            Operation::Update => format!("{text} using {}", self.api_version),
        }
    }
}

/// Reads `metadata.managedFields`.
pub(crate) fn read(object: &Object) -> Vec<Managed> {
    let entries = object.at("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().map(read_one).collect()
}

fn read_one(entry: &Value) -> Managed {
    let text = |key: &str| {
        entry
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Managed {
        manager: text("manager"),
        operation: if text("operation") == "Apply" {
            Operation::Apply
        } else {
            Operation::Update
        },
        api_version: text("apiVersion"),
        subresource: text("subresource"),
        time: text("time"),
        set: fields::from_v1(entry.get("fieldsV1").unwrap_or(&Value::Null)),
    }
}

/// Writes `metadata.managedFields`; managers that own nothing are left out.
pub(crate) fn store(object: &mut Object, managers: &[Managed]) {
    let entries: Vec<Value> = managers
        .iter()
        .filter(|m| !m.set.is_empty())
        .map(write_one)
        .collect();
    if entries.is_empty() {
        super::meta::remove(object, "managedFields");
    } else {
        object.set("/metadata/managedFields", Value::from(entries));
    }
}

fn write_one(managed: &Managed) -> Value {
    let mut entry = json!({
        "manager": managed.manager,
        "operation": match managed.operation { Operation::Apply => "Apply", Operation::Update => "Update" },
        "apiVersion": managed.api_version,
        "time": managed.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields::to_v1(&managed.set),
    });
    if !managed.subresource.is_empty() {
        entry["subresource"] = Value::from(managed.subresource.clone());
    }
    entry
}

/// Notes in `new` what the writer changed from `old`: it now owns that, alone.
pub(crate) fn note_update(kind: &Kind, writer: &Writer<'_>, old: &Value, new: &mut Object) {
    let (changed, gone) = fields::compare(old, &new.0, &Shape::of(kind));
    let mut managers = read(new);
    for other in &mut managers {
        other.set.retain(|path| !gone.contains(path));
        if !other.is(writer, &kind.api_version()) {
            other.set.retain(|path| !changed.contains(path));
        }
    }
    claim(&mut managers, writer, kind, changed, false);
    store(new, &managers);
}

/// Gives the writer these fields: instead of its own (`replace`), or besides.
pub(crate) fn claim(
    managers: &mut Vec<Managed>,
    writer: &Writer<'_>,
    kind: &Kind,
    set: FieldSet,
    replace: bool,
) {
    let api_version = kind.api_version();
    let time = super::meta::time(writer.now);
    if let Some(own) = managers.iter_mut().find(|m| m.is(writer, &api_version)) {
        let before = own.set.clone();
        if replace {
            own.set = set;
        } else {
            own.set.extend(set);
        }
        if own.set != before {
            own.time = time;
        }
        return;
    }
    let (manager, subresource) = (writer.manager.to_owned(), writer.subresource.to_owned());
    managers.push(Managed {
        manager,
        operation: writer.operation,
        api_version,
        subresource,
        time,
        set,
    });
}
