//! The three Services: apex, primary and canary, as Flagger makes them.

#[cfg(test)]
mod tests;

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

/// Where `kubectl apply` keeps what it applied last.
const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Containers of meshes, whose ports are nobody's Service.
const PROXIES: [&str; 2] = ["istio-proxy", "envoy"];

/// The names of the apex, primary and canary Services.
pub(super) fn names(spec: &Spec, namespace: &str) -> [ObjectRef; 3] {
    // Of a Service that is itself the target, the two halves are copies, named after it.
    let apex = match spec.target_ref.kind.as_str() {
        "Service" => &spec.target_ref.name,
        _ => spec.apex_name(),
    };
    [
        apex.to_owned(),
        format!("{apex}-primary"),
        format!("{apex}-canary"),
    ]
    .map(|name| ObjectRef::new("v1", "Service", namespace, &name))
}

/// What the Services are made from.
pub(super) struct Scene<'a> {
    pub(super) canary: &'a Object,
    pub(super) spec: &'a Spec,
    pub(super) target: &'a Object,
    /// The label that selects the target's pods.
    pub(super) label: &'a (String, String),
}

/// What is to be written so that the Services are as they should be. The apex selects the primary only once the
/// primary is ready to serve (`primary_serves`); until then an apex that exists stays as it is.
pub(super) fn hold(scene: &Scene<'_>, seen: [Option<&Object>; 3], primary_serves: bool) -> Vec<Effect> {
    let [apex, primary, own] = names(scene.spec, scene.canary.namespace());
    let service = &scene.spec.service;
    let primary_value = format!("{}-primary", scene.label.1);
    let wanted = [
        (primary_serves, apex, &service.apex, &primary_value),
        (true, primary, &service.primary, &primary_value),
        (true, own, &service.canary, &scene.label.1),
    ];
    let pairs = wanted.into_iter().zip(seen);
    pairs
        .filter(|((due, ..), _)| *due)
        .filter_map(|((_, name, metadata, value), seen)| scene.hold(&name, metadata, value, seen))
        .collect()
}

/// What is to be written when the Canary goes and `revertOnDeletion` is set: an apex that was there before the Canary
/// selects what it did then, as `kubectl apply` noted it, else the target's pods. One that was made for the Canary
/// goes with it.
pub(super) fn restore(scene: &Scene<'_>, apex: Option<&Object>) -> Option<Effect> {
    let seen = apex.filter(|apex| !is_owned(apex))?;
    let applied = seen.annotation(APPLIED).and_then(|text| {
        let applied: Value = serde_json::from_str(text).ok()?;
        applied.pointer("/spec/selector").cloned()
    });
    let (key, value) = scene.label;
    let mut next = seen.clone();
    next.set("/spec/selector", applied.unwrap_or_else(|| json!({ key: value })));
    if let Some(Value::Object(annotations)) = next.0.pointer_mut("/metadata/annotations") {
        for (key, _) in OPT_OUTS {
            annotations.remove(key);
        }
    }
    (next != *seen).then_some(Effect::Write(Write::Update(next)))
}

impl Scene<'_> {
    fn hold(
        &self,
        name: &ObjectRef,
        metadata: &Metadata,
        selected: &str,
        seen: Option<&Object>,
    ) -> Option<Effect> {
        let selector = json!({ self.label.0.as_str(): selected });
        let Some(seen) = seen else {
            let mut new = Object::named(name);
            new.set("/metadata/ownerReferences", json!([baseline::owner(self.canary)]));
            self.put_metadata(&mut new, metadata);
            new.set("/spec/type", Value::from("ClusterIP"));
            new.set("/spec/selector", selector);
            new.set("/spec/ports", Value::from(self.ports()));
            if self.spec.service.headless {
                new.set("/spec/clusterIP", Value::from("None"));
            }
            if let Some(distribution) = &self.spec.service.traffic_distribution {
                new.set("/spec/trafficDistribution", Value::from(distribution.clone()));
            }
            return Some(Effect::Write(Write::Create(new)));
        };
        let mut next = seen.clone();
        if seen.at("/spec/selector") != Some(&selector) {
            next.set("/spec/selector", selector);
        }
        if !self.has_ports(seen) {
            next.set("/spec/ports", Value::from(self.ports_beside(seen)));
        }
        if is_owned(seen) {
            self.renew_metadata(&mut next, metadata);
        }
        if next == *seen {
            return None;
        }
        for (key, value) in OPT_OUTS {
            annotate(&mut next, key, value);
        }
        Some(Effect::Write(Write::Update(next)))
    }

    /// Puts the metadata on a generated Service.
    fn put_metadata(&self, service: &mut Object, metadata: &Metadata) {
        let label = |service: &mut Object, key: &str, value: &str| {
            service.set(
                &format!("/metadata/labels/{}", template::escaped(key)),
                Value::from(value),
            );
        };
        for (key, value) in &metadata.labels {
            label(service, key, value);
        }
        let name = service.name().to_owned();
        label(service, &self.label.0, &name);
        let given = metadata.annotations.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        for (key, value) in given.chain(OPT_OUTS) {
            annotate(service, key, value);
        }
    }

    /// The metadata of a Service of the Canary's own is what the Canary says, and nothing else but what
    /// `unmanagedMetadata` names.
    fn renew_metadata(&self, service: &mut Object, metadata: &Metadata) {
        let unmanaged = &self.spec.service.unmanaged_metadata;
        for (field, keys) in [
            ("labels", &unmanaged.labels),
            ("annotations", &unmanaged.annotations),
        ] {
            if let Some(Value::Object(map)) = service.0.pointer_mut(&format!("/metadata/{field}")) {
                map.retain(|key, _| keys.contains(key));
            }
        }
        let kept = service.clone();
        self.put_metadata(service, metadata);
        for (field, keys) in [
            ("labels", &unmanaged.labels),
            ("annotations", &unmanaged.annotations),
        ] {
            for key in keys {
                let pointer = format!("/metadata/{field}/{}", template::escaped(key));
                if let Some(value) = kept.at(&pointer) {
                    service.set(&pointer, value.clone());
                }
            }
        }
    }

    /// The port of the spec, and the discovered ones.
    fn ports(&self) -> Vec<Value> {
        let mut ports = vec![port(self.spec)];
        if self.spec.service.port_discovery {
            ports.extend(self.discovered());
        }
        ports
    }

    /// The ports of the target's containers but for those of the Service itself and those of the meshes' proxies; one
    /// without a name gets Flagger's: `tcp-CONTAINER-INDEX`.
    fn discovered(&self) -> Vec<Value> {
        let service = &self.spec.service;
        let target_port = service
            .target_port
            .clone()
            .unwrap_or_else(|| Value::from(service.port));
        let containers = self
            .target
            .at("/spec/template/spec/containers")
            .and_then(Value::as_array);
        let mut found: Vec<Value> = Vec::new();
        for container in containers.into_iter().flatten() {
            let of = container["name"].as_str().unwrap_or_default();
            let ports = container.get("ports").and_then(Value::as_array);
            let ports = ports.filter(|_| !PROXIES.contains(&of));
            for (index, port) in ports.into_iter().flatten().enumerate() {
                let Some(number) = port.get("containerPort").and_then(Value::as_i64) else {
                    continue;
                };
                let name = port.get("name").and_then(Value::as_str).unwrap_or_default();
                let is_own = number == service.port || target_port == number || target_port == name;
                if is_own || found.iter().any(|port| port["port"] == number) {
                    continue;
                }
                let name = match name {
                    "" => format!("tcp-{of}-{index}"),
                    name => name.to_owned(),
                };
                found.push(json!({"name": name, "port": number, "protocol": "TCP", "targetPort": number}));
            }
        }
        found
    }

    /// The wanted ports, each with the `nodePort` that the one of that name has.
    fn ports_beside(&self, seen: &Object) -> Vec<Value> {
        let old = seen.at("/spec/ports").and_then(Value::as_array);
        let with_node_port = |mut port: Value| {
            let old = old.into_iter().flatten().find(|old| old["name"] == port["name"]);
            if let Some(node_port) = old.and_then(|old| old.get("nodePort")) {
                port["nodePort"] = node_port.clone();
            }
            port
        };
        self.ports().into_iter().map(with_node_port).collect()
    }

    /// Whether the Service has the wanted ports and no others, whatever else the API server put there (`nodePort`).
    fn has_ports(&self, seen: &Object) -> bool {
        let wanted = self.ports();
        let seen = seen.at("/spec/ports").and_then(Value::as_array);
        let has = |wanted: &Value| {
            let fields = wanted.as_object();
            seen.into_iter().flatten().any(|port| {
                let mut fields = fields.into_iter().flatten();
                fields.all(|(field, value)| port.get(field) == Some(value))
            })
        };
        seen.map_or(0, Vec::len) == wanted.len() && wanted.iter().all(has)
    }
}

/// Whether the Service was made for a Canary.
fn is_owned(service: &Object) -> bool {
    let owners = service.at("/metadata/ownerReferences").and_then(Value::as_array);
    owners
        .into_iter()
        .flatten()
        .any(|owner| owner["kind"] == "Canary")
}

fn annotate(service: &mut Object, key: &str, value: &str) {
    service.set(
        &format!("/metadata/annotations/{}", template::escaped(key)),
        Value::from(value),
    );
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
