//! From the objects of meshes and ingresses to rules: one file for each kind.
//!
//! Left out: host names (the load generators call the apex), query parameters and methods (their requests have none
//! but GET), ReferenceGrants.

mod http_proxy;
mod http_route;
mod ingress;
mod route_table;
mod traefik_service;
mod traffic_split;
mod virtual_service;

use super::rule::Name;
use super::rule::Rule;
use super::topology::Apex;
use super::topology::Listed;
use recant_core::object::Object;
use serde_json::Value;
use std::collections::BTreeMap;

/// The rules of every apex that an object speaks of. Where several do, the first kind in this order wins.
pub(super) fn rules(listed: &Listed) -> BTreeMap<Apex, Vec<Rule>> {
    let mut apexes = BTreeMap::new();
    let kinds = [
        http_route::read(listed),
        virtual_service::read(listed),
        ingress::read(listed),
        traefik_service::read(listed),
        http_proxy::read(listed),
        route_table::read(listed),
        traffic_split::read(listed),
    ];
    for (apex, rules) in kinds.into_iter().flatten() {
        apexes.entry(apex).or_insert(rules);
    }
    apexes
}

/// An object's namespace and name.
pub(super) fn key(object: &Object) -> Name {
    (object.namespace().to_owned(), object.name().to_owned())
}

fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
