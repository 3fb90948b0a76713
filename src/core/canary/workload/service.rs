//! Services as targets: no pods to look after. `<target>-canary` follows the target, `<target>-primary` gets what was
//! analysed; the target itself is left as it is.

use super::Making;
use crate::baseline::Snapshot;
use crate::effect::Effect;
use crate::effect::Write;
use crate::object::Object;
use crate::template;
use serde_json::Value;

/// Fields that the API server gave to one Service, and that stay with it.
const GIVEN: [&str; 3] = ["clusterIP", "clusterIPs", "healthCheckNodePort"];

pub(super) fn make(primary: &mut Object, _: Making<'_>, snapshot: &Snapshot) {
    primary.set("/spec", snapshot.template.clone());
}

pub(super) fn update(service: &mut Object, snapshot: &Snapshot) {
    put_spec(service, &snapshot.template);
}

/// What is to be written so that `<target>-canary` is what the target is.
pub(in crate::canary) fn hold_canary(making: Making<'_>, seen: Option<&Object>) -> Option<Effect> {
    let wanted = template::of(making.target);
    let Some(seen) = seen else {
        let mut name = making.target.reference();
        name.name.push_str("-canary");
        let mut service = Object::named(&name);
        super::put_own(&mut service, making);
        service.set("/spec", wanted);
        return Some(Effect::Write(Write::Create(service)));
    };
    let mut next = seen.clone();
    put_spec(&mut next, &wanted);
    (template::of(seen) != wanted).then_some(Effect::Write(Write::Update(next)))
}

/// Gives a Service another spec, and leaves it the addresses and node ports it has.
fn put_spec(service: &mut Object, spec: &Value) {
    let old = service.at("/spec").cloned().unwrap_or_default();
    let mut spec = spec.clone();
    for field in GIVEN {
        if let (Some(given), Value::Object(fields)) = (old.get(field), &mut spec) {
            fields.entry(field).or_insert_with(|| given.clone());
        }
    }
    let node_port = |name: &Value| {
        let ports = old.get("ports").and_then(Value::as_array);
        let port = ports.into_iter().flatten().find(|port| port["name"] == *name);
        port.and_then(|port| port.get("nodePort").cloned())
    };
    let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        let given = node_port(&port["name"]);
        if let (Some(given), Value::Object(fields)) = (given, port) {
            fields.insert("nodePort".to_owned(), given);
        }
    }
    service.set("/spec", spec);
}
