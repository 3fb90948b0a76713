//! EndpointSlices: which pods stand behind each Service.

use super::Desk;
use super::NODE;
use super::owned;
use crate::seed;
use crate::traffic::topology::is_ready;
use crate::traffic::topology::selects;
use recant_core::effect::Write;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

const MANAGER: &str = "kube-controller-manager";

/// Writes one slice for each Service that has a selector.
pub(super) fn publish(desk: &mut Desk<'_>) {
    let pods = desk.cluster.list("v1", "Pod", "");
    let slices = desk.cluster.list("discovery.k8s.io/v1", "EndpointSlice", "");
    for service in desk.cluster.list("v1", "Service", "") {
        let has_selector = !service.strings("/spec/selector").is_empty();
        if !has_selector || service.is_deleting() {
            continue;
        }
        let endpoints = endpoints(&service, &pods);
        let ports = ports(&service, &pods);
        match owned(&slices, &service).into_iter().next() {
            Some(mut slice) => {
                if slice.at("/endpoints") == Some(&endpoints) && slice.at("/ports") == Some(&ports) {
                    continue;
                }
                slice.set("/endpoints", endpoints);
                slice.set("/ports", ports);
                desk.write(MANAGER, &Write::Update(slice));
            }
            None => {
                let slice = slice(&service, endpoints, ports);
                desk.create(MANAGER, &service, slice);
            }
        }
    }
}

fn slice(service: &Object, endpoints: Value, ports: Value) -> Object {
    let bytes = service.uid().bytes();
    let number = bytes.fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    Object(json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{}-{}", service.name(), &seed::safe(number)[..5]),
            "namespace": service.namespace(),
            "labels": {
                "kubernetes.io/service-name": service.name(),
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    }))
}

fn endpoints(service: &Object, pods: &[Object]) -> Value {
    let selected = pods
        .iter()
        .filter(|pod| selects(service, pod) && !pod.str("/status/podIP").is_empty());
    let endpoints = selected.map(|pod| {
        let ready = is_ready(pod);
        json!({
            "addresses": [pod.str("/status/podIP")],
            "conditions": {"ready": ready, "serving": ready, "terminating": pod.is_deleting()},
            "nodeName": NODE,
            "targetRef": {
                "kind": "Pod", "name": pod.name(), "namespace": pod.namespace(), "uid": pod.uid(),
            },
        })
    });
    endpoints.collect()
}

/// The ports as the pods have them: a target port may be a name, which the first selected pod resolves.
fn ports(service: &Object, pods: &[Object]) -> Value {
    let first = pods.iter().find(|pod| selects(service, pod));
    let ports = service.at("/spec/ports").and_then(Value::as_array);
    let ports = ports.into_iter().flatten().map(|port| {
        let target = port.get("targetPort").or_else(|| port.get("port"));
        let number = match target {
            Some(Value::String(name)) => first.and_then(|pod| named_port(pod, name)),
            other => other.and_then(Value::as_i64),
        };
        json!({
            "name": port.get("name").and_then(Value::as_str).unwrap_or_default(),
            "port": number,
            "protocol": port.get("protocol").and_then(Value::as_str).unwrap_or("TCP"),
        })
    });
    ports.collect()
}

fn named_port(pod: &Object, name: &str) -> Option<i64> {
    let containers = pod.at("/spec/containers")?.as_array()?;
    let ports = containers
        .iter()
        .filter_map(|container| container.get("ports")?.as_array());
    let port = ports.flatten().find(|port| port["name"] == name)?;
    port.get("containerPort")?.as_i64()
}
