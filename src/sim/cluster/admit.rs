//! What happens to an object before it is stored: pruning, defaulting, validation.
//!
//! Unknown fields of built-in kinds are kept: their schemas are not known here.

mod default;
mod pod;
mod types;
mod validate;

use super::Cluster;
use super::crd;
use super::error::Cause;
use super::kind::Kind;
use super::meta;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeSet;

/// Removes fields the kind's schema does not know, and names them.
pub(crate) fn prune(kind: &Kind, object: &mut Object) -> Vec<String> {
    kind.custom
        .as_ref()
        .map_or_else(Vec::new, |custom| custom.schema.prune(&mut object.0))
}

/// The first field of a built-in kind that is a map or list where it must not be, or not where it must.
pub(crate) fn mistyped(kind: &Kind, object: &Object) -> Option<String> {
    // Definitions hold schemas, whose words are their own; a Lease's strategy is text.
    let has_own_words = kind.custom.is_some() || kind.is(crd::GROUP, crd::KIND) || kind.kind == "Lease";
    (!has_own_words).then(|| types::mistyped(&object.0, "")).flatten()
}

/// Fills in defaults.
pub(crate) fn default(kind: &Kind, object: &mut Object, old: Option<&Object>, now: Timestamp) {
    match &kind.custom {
        Some(custom) => custom.schema.default(&mut object.0),
        None if kind.is(crd::GROUP, crd::KIND) => crd::default(object, now),
        None => default::default(kind, object, old),
    }
}

/// What is wrong with the object.
pub(crate) fn validate(kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<Cause> {
    let mut causes = meta::validate(object, kind.group == "rbac.authorization.k8s.io");
    if let Some(old) = old.filter(|o| o.is_deleting()) {
        let known = meta::finalizers(old);
        let new: Vec<String> = meta::finalizers(object)
            .into_iter()
            .filter(|f| !known.contains(f))
            .collect();
        if !new.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers {new:?}"
            );
            causes.push(Cause::forbidden("metadata.finalizers", &detail));
        }
    }
    match &kind.custom {
        Some(custom) => causes.extend(custom.schema.validate(&object.0, old.map(|old| &old.0))),
        None if kind.is(crd::GROUP, crd::KIND) => causes.extend(crd::validate(object, old)),
        None => validate::validate(kind, object, old, &mut causes),
    }
    causes
}

impl Cluster {
    /// Gives a Service its addresses and node ports.
    pub(crate) fn allocate(&self, kind: &Kind, object: &mut Object, old: Option<&Object>) {
        let wanted = object.str("/spec/type") != "ExternalName";
        if !kind.is("", "Service") || !wanted {
            return;
        }
        for field in ["/spec/clusterIP", "/spec/clusterIPs"] {
            let kept = old.and_then(|o| o.at(field)).cloned();
            if let (None, Some(kept)) = (object.at(field), kept) {
                object.set(field, kept);
            }
        }
        if object.str("/spec/clusterIP").is_empty() {
            object.set("/spec/clusterIP", self.free_address().into());
        }
        if object.at("/spec/clusterIPs").is_none() {
            object.set("/spec/clusterIPs", json!([object.str("/spec/clusterIP")]));
        }
        if matches!(object.str("/spec/type"), "NodePort" | "LoadBalancer") {
            self.allocate_node_ports(object);
        }
    }

    fn free_address(&self) -> String {
        let taken: BTreeSet<&str> = self
            .store
            .list("services", "")
            .map(|(_, o)| o.str("/spec/clusterIP"))
            .collect();
        let address = |n: u32| format!("10.96.{}.{}", n / 250, n % 250 + 1);
        (1..)
            .map(address)
            .find(|a| !taken.contains(a.as_str()))
            .unwrap_or_default()
    }

    fn allocate_node_ports(&self, object: &mut Object) {
        let ports = |o: &Object| -> Vec<i64> {
            meta::list(o, "/spec/ports")
                .iter()
                .filter_map(|p| p.get("nodePort")?.as_i64())
                .collect()
        };
        let mut taken: BTreeSet<i64> = self
            .store
            .list("services", "")
            .flat_map(|(_, o)| ports(o))
            .collect();
        taken.extend(ports(object));
        let Some(Value::Array(list)) = object.0.pointer_mut("/spec/ports") else {
            return;
        };
        for port in list
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .filter(|p| !p.contains_key("nodePort"))
        {
            let free = (30_000..32_768).find(|p| !taken.contains(p)).unwrap_or(30_000);
            taken.insert(free);
            port.insert("nodePort".to_owned(), free.into());
        }
    }
}
