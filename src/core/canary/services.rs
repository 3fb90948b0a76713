//! The three Services: apex, primary and canary, as Flagger makes them.

use crate::baseline;
use crate::canary::spec::Metadata;
use crate::canary::spec::Spec;
use crate::effect::Effect;
use crate::effect::Write;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::template;
use serde_json::Value;
use serde_json::json;

/// Annotations that keep Flux away from what recant makes or takes over: Flagger's.
pub(super) const OPT_OUTS: [(&str, &str); 2] = [
    ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
    ("helm.toolkit.fluxcd.io/driftDetection", "disabled"),
];

/// The names of the apex, primary and canary Services.
pub(super) fn names(spec: &Spec, namespace: &str) -> [ObjectRef; 3] {
    let apex = spec.apex_name();
    [
        apex.to_owned(),
        format!("{apex}-primary"),
        format!("{apex}-canary"),
    ]
    .map(|name| ObjectRef::new("v1", "Service", namespace, &name))
}

/// What is to be written so that the Services are as they should be. The apex selects the primary only once the
/// primary is ready to serve (`primary_serves`); until then an apex that exists stays as it is.
pub(super) fn hold(
    canary: &Object,
    spec: &Spec,
    label: &(String, String),
    seen: [Option<&Object>; 3],
    primary_serves: bool,
) -> Vec<Effect> {
    let [apex, primary, own] = names(spec, canary.namespace());
    let primary_value = format!("{}-primary", label.1);
    let wanted = [
        (primary_serves, apex, &spec.service.apex, &primary_value),
        (true, primary, &spec.service.primary, &primary_value),
        (true, own, &spec.service.canary, &label.1),
    ];
    let pairs = wanted.into_iter().zip(seen);
    pairs
        .filter(|((due, ..), _)| *due)
        .filter_map(|((_, name, metadata, value), seen)| {
            hold_one(canary, spec, &name, metadata, (&label.0, value), seen)
        })
        .collect()
}

fn hold_one(
    canary: &Object,
    spec: &Spec,
    name: &ObjectRef,
    metadata: &Metadata,
    (key, value): (&str, &str),
    seen: Option<&Object>,
) -> Option<Effect> {
    let selector = json!({ key: value });
    let Some(seen) = seen else {
        let mut new = Object::named(name);
        new.set("/metadata/ownerReferences", json!([baseline::owner(canary)]));
        put_metadata(&mut new, metadata, key);
        new.set("/spec/type", Value::from("ClusterIP"));
        new.set("/spec/selector", selector);
        new.set("/spec/ports", json!([port(spec)]));
        return Some(Effect::Write(Write::Create(new)));
    };
    let port_is_right = same_port(seen, spec);
    if seen.at("/spec/selector") == Some(&selector) && port_is_right {
        return None;
    }
    let mut next = seen.clone();
    next.set("/spec/selector", selector);
    if !port_is_right {
        next.set("/spec/ports", json!([port(spec)]));
    }
    for (key, value) in OPT_OUTS {
        next.set(
            &format!("/metadata/annotations/{}", template::escaped(key)),
            Value::from(value),
        );
    }
    Some(Effect::Write(Write::Update(next)))
}

/// Puts the metadata on a generated Service.
fn put_metadata(service: &mut Object, metadata: &Metadata, label: &str) {
    for (key, value) in &metadata.labels {
        service.set(
            &format!("/metadata/labels/{}", template::escaped(key)),
            Value::from(value.clone()),
        );
    }
    let name = Value::from(service.name().to_owned());
    service.set(&format!("/metadata/labels/{}", template::escaped(label)), name);
    let given = metadata.annotations.iter().map(|(k, v)| (k.as_str(), v.as_str()));
    for (key, value) in given.chain(OPT_OUTS) {
        service.set(
            &format!("/metadata/annotations/{}", template::escaped(key)),
            Value::from(value),
        );
    }
}

fn port(spec: &Spec) -> Value {
    let service = &spec.service;
    let mut port = json!({
        "name": service.port_name.as_deref().unwrap_or("http"),
        "port": service.port,
        "protocol": "TCP",
        "targetPort": service.target_port.clone().unwrap_or_else(|| Value::from(service.port)),
    });
    if let Some(protocol) = &service.app_protocol {
        port["appProtocol"] = Value::from(protocol.clone());
    }
    port
}

/// Whether the Service has the wanted port, whatever else the API server put there (`nodePort`).
fn same_port(seen: &Object, spec: &Spec) -> bool {
    let wanted = port(spec);
    let Some(Value::Object(wanted)) = Some(&wanted) else {
        return false;
    };
    let first = seen.at("/spec/ports/0");
    wanted
        .iter()
        .all(|(field, value)| first.and_then(|port| port.get(field)) == Some(value))
}
