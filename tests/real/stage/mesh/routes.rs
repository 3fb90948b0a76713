//! What TrafficSplits, HTTPRoutes and Ingresses say, and which pods are behind a Service.

use super::nginx::Endpoints;
use crate::stage::cluster::Http;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// Services, as `namespace/name`, and their weights.
pub(super) type Backends = Vec<(String, i64)>;

/// A Service that clients mean, and where its requests go.
pub(super) struct Apex {
    /// `namespace/name`.
    pub(super) name: String,
    pub(super) backends: Backends,
    /// Whose requests go elsewhere.
    pub(super) with: Option<With>,
    /// Where an ingress controller counts them.
    pub(super) ingress: Option<Ingress>,
}

/// The requests with a header.
pub(super) struct With {
    pub(super) header: String,
    pub(super) value: String,
    pub(super) backends: Backends,
}

/// An Ingress, and the Service of the canary beside it (or nothing).
pub(super) struct Ingress {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) canary: String,
}

const ROUTES: &str = "/apis/gateway.networking.k8s.io/v1";

/// All that is routed.
pub(super) fn read(cluster: &Http) -> Vec<Apex> {
    let mut apexes = splits(cluster);
    apexes.extend(routes(cluster));
    apexes.extend(ingresses(cluster));
    apexes
}

fn splits(cluster: &Http) -> Vec<Apex> {
    let all = cluster.list("/apis/split.smi-spec.io/v1alpha2/trafficsplits");
    let apex = |split: Value| Apex {
        name: named(&split, &split["spec"]["service"]),
        backends: backends(&split, &split["spec"]["backends"], "service"),
        with: None,
        ingress: None,
    };
    all.into_iter().map(apex).collect()
}

fn routes(cluster: &Http) -> Vec<Apex> {
    let mut apexes = Vec::new();
    for route in cluster.list(&format!("{ROUTES}/httproutes")) {
        let services = services(&route).map(|parent| &parent["name"]);
        for service in services {
            let rules: Vec<&Value> = items(&route["spec"]["rules"]).collect();
            let to = |rule: &Value| backends(&route, &rule["backendRefs"], "name");
            let with = rules.iter().find_map(|rule| {
                let header = &rule["matches"][0]["headers"][0];
                let text = |field: &str| header[field].as_str().map(str::to_owned);
                Some(With {
                    header: text("name")?,
                    value: text("value")?,
                    backends: to(rule),
                })
            });
            apexes.push(Apex {
                name: named(&route, service),
                backends: rules.last().map(|rule| to(rule)).unwrap_or_default(),
                with,
                ingress: None,
            });
        }
    }
    apexes
}

/// The parents that a mesh serves. A Gateway is its own controller's.
fn services(route: &Value) -> impl Iterator<Item = &Value> {
    items(&route["spec"]["parentRefs"]).filter(|parent| parent["kind"] == "Service")
}

/// A canary Ingress takes some of the requests of the other one with the same host.
fn ingresses(cluster: &Http) -> Vec<Apex> {
    let all = cluster.list("/apis/networking.k8s.io/v1/ingresses");
    let said = |ingress: &Value, suffix: &str| {
        let value = &ingress["metadata"]["annotations"][format!("nginx.ingress.kubernetes.io/{suffix}")];
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let rule = |ingress: &Value| ingress["spec"]["rules"][0].clone();
    let service = |ingress: &Value| {
        let path = &rule(ingress)["http"]["paths"][0];
        named(ingress, &path["backend"]["service"]["name"])
    };
    let (canaries, mains): (Vec<&Value>, Vec<&Value>) = all
        .iter()
        .partition(|ingress| said(ingress, "canary").as_deref() == Some("true"));
    let apex = |main: &&Value| {
        let beside = canaries
            .iter()
            .find(|canary| rule(canary)["host"] == rule(main)["host"]);
        let canary = beside.map(|canary| service(canary)).unwrap_or_default();
        let weight = beside.and_then(|canary| said(canary, "canary-weight")?.parse().ok());
        let weight: i64 = weight.unwrap_or(0);
        Apex {
            name: service(main),
            backends: vec![(service(main), 100 - weight), (canary.clone(), weight)],
            with: beside.and_then(|beside| {
                Some(With {
                    header: said(beside, "canary-by-header")?,
                    value: said(beside, "canary-by-header-value").unwrap_or_else(|| "always".to_owned()),
                    backends: vec![(canary.clone(), 100)],
                })
            }),
            ingress: Some(Ingress {
                namespace: text(&main["metadata"]["namespace"]),
                name: text(&main["metadata"]["name"]),
                canary,
            }),
        }
    };
    mains.iter().map(apex).collect()
}

/// Says of every HTTPRoute of a Service that it was read, as its controller does.
pub(super) fn accept(cluster: &Http) {
    for route in cluster.list(&format!("{ROUTES}/httproutes")) {
        let generation = &route["metadata"]["generation"];
        if services(&route).next().is_none()
            || &route["status"]["parents"][0]["conditions"][0]["observedGeneration"] == generation
        {
            continue;
        }
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let condition = |kind: &str| {
            json!({ "type": kind, "status": "True", "reason": kind, "message": "", "lastTransitionTime": now,
                    "observedGeneration": generation })
        };
        let parent = |parent: &Value| {
            json!({ "parentRef": parent, "controllerName": "example.com/data-plane",
                    "conditions": [condition("Accepted"), condition("ResolvedRefs")] })
        };
        let parents: Vec<Value> = services(&route).map(parent).collect();
        let (namespace, name) = (
            text(&route["metadata"]["namespace"]),
            text(&route["metadata"]["name"]),
        );
        let path = format!("{ROUTES}/namespaces/{namespace}/httproutes/{name}/status");
        cluster.json("PATCH", &path, &json!({ "status": { "parents": parents } }));
    }
}

/// The ready addresses of every Service.
pub(super) fn endpoints(cluster: &Http) -> Endpoints {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for slice in cluster.list("/apis/discovery.k8s.io/v1/endpointslices") {
        let service = named(&slice, &slice["metadata"]["labels"]["kubernetes.io/service-name"]);
        let Some(port) = slice["ports"][0]["port"].as_i64() else {
            continue;
        };
        for endpoint in items(&slice["endpoints"]).filter(|one| one["conditions"]["ready"] == true) {
            let address = endpoint["addresses"][0].as_str().unwrap_or_default();
            let addresses = found.entry(service.clone()).or_default();
            addresses.push(format!("{address}:{port}"));
        }
    }
    found.values_mut().for_each(|addresses| addresses.sort());
    found
}

fn backends(object: &Value, list: &Value, field: &str) -> Backends {
    let weight = |backend: &Value| match &backend["weight"] {
        Value::String(text) => text.parse().unwrap_or(0),
        other => other.as_i64().unwrap_or(1),
    };
    let all = items(list).map(|backend| (named(object, &backend[field]), weight(backend)));
    all.collect()
}

fn named(object: &Value, name: &Value) -> String {
    format!("{}/{}", text(&object["metadata"]["namespace"]), text(name))
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
