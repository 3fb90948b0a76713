//! Who sends requests where: read from Services, HTTPRoutes, TrafficSplits and Pods.
//!
//! Left out: routes that match on headers, since the load generators send none; ReferenceGrants.

use crate::workload::CONFIG;
use crate::workload::behaviour::Behaviours;
use recant_core::object::Object;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Namespace and name of what clients call: a Service, or a route at a Gateway.
pub type Apex = (String, String);

/// One backend of an apex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Namespace and name of the Service.
    pub service: (String, String),
    /// Its share, relative to the other backends of the same apex.
    pub weight: i64,
}

/// A pod that takes requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// What Linkerd calls the owner's kind: `deployment`, `daemonset`, …
    pub owner_kind: String,
    /// The owner's name.
    pub owner: String,
    /// The image that answers.
    pub image: String,
}

/// The objects that traffic depends on.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// core/v1 Services.
    pub services: Vec<Object>,
    /// gateway.networking.k8s.io HTTPRoutes.
    pub routes: Vec<Object>,
    /// split.smi-spec.io TrafficSplits.
    pub splits: Vec<Object>,
    /// core/v1 Pods.
    pub pods: Vec<Object>,
}

/// Where requests go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// The backends of every apex.
    pub apexes: BTreeMap<Apex, Vec<Backend>>,
    /// The ready pods of every Service.
    pub endpoints: BTreeMap<(String, String), Vec<Endpoint>>,
}

impl Topology {
    /// Reads the objects. `answering` says which of a pod's images answers its requests.
    pub fn read(listed: &Listed, answering: impl Fn(&[&str]) -> String) -> Self {
        let mut apexes = BTreeMap::new();
        for route in &listed.routes {
            for apex in route_apexes(route) {
                apexes.insert(apex, route_backends(route));
            }
        }
        for split in &listed.splits {
            let apex = (
                split.namespace().to_owned(),
                split.str("/spec/service").to_owned(),
            );
            apexes.entry(apex).or_insert_with(|| split_backends(split));
        }
        let behind: BTreeSet<_> = apexes.values().flatten().map(|b| b.service.clone()).collect();
        let services: BTreeSet<_> = listed.services.iter().map(key).collect();
        for service in listed.services.iter().filter(|service| has_selector(service)) {
            let key = key(service);
            if !behind.contains(&key) && !is_half(&key, &services) {
                let own = vec![Backend {
                    service: key.clone(),
                    weight: 1,
                }];
                apexes.entry(key).or_insert(own);
            }
        }
        let ready: Vec<_> = listed.pods.iter().filter(|pod| is_ready(pod)).collect();
        let endpoints = listed.services.iter().filter(|service| has_selector(service));
        let endpoints = endpoints.map(|service| (key(service), behind_service(service, &ready, &answering)));
        Self {
            endpoints: endpoints.collect(),
            apexes,
        }
    }
}

fn key(object: &Object) -> (String, String) {
    (object.namespace().to_owned(), object.name().to_owned())
}

fn has_selector(service: &Object) -> bool {
    service
        .at("/spec/selector")
        .and_then(Value::as_object)
        .is_some_and(|selector| !selector.is_empty())
}

/// Whether clients call another Service instead: the primary and canary halves are made by the controller.
fn is_half((namespace, name): &(String, String), services: &BTreeSet<(String, String)>) -> bool {
    ["-primary", "-canary"].iter().any(|suffix| {
        name.strip_suffix(suffix)
            .is_some_and(|whole| services.contains(&(namespace.clone(), whole.to_owned())))
    })
}

/// Services named as parents are the apexes (Linkerd); at a Gateway the route itself is.
fn route_apexes(route: &Object) -> BTreeSet<Apex> {
    let parents = route.at("/spec/parentRefs").and_then(Value::as_array);
    let parents = parents.into_iter().flatten().map(|parent| {
        let text = |field: &str| parent.get(field).and_then(Value::as_str).unwrap_or_default();
        if text("kind") == "Service" {
            let namespace = match text("namespace") {
                "" => route.namespace(),
                namespace => namespace,
            };
            (namespace.to_owned(), text("name").to_owned())
        } else {
            key(route)
        }
    });
    parents.collect()
}

/// The backends of the first rule that a plain request matches.
fn route_backends(route: &Object) -> Vec<Backend> {
    let rules = route.at("/spec/rules").and_then(Value::as_array);
    let plain = rules.into_iter().flatten().find(|rule| matches_plainly(rule));
    let refs = plain.and_then(|rule| rule.get("backendRefs")?.as_array());
    let backends = refs.into_iter().flatten().map(|backend| {
        let text = |field: &str| backend.get(field).and_then(Value::as_str);
        let namespace = text("namespace").unwrap_or(route.namespace()).to_owned();
        Backend {
            service: (namespace, text("name").unwrap_or_default().to_owned()),
            weight: backend.get("weight").and_then(Value::as_i64).unwrap_or(1).max(0) * 1000,
        }
    });
    backends.collect()
}

fn matches_plainly(rule: &Value) -> bool {
    let matches = rule
        .get("matches")
        .and_then(Value::as_array)
        .filter(|all| !all.is_empty());
    matches.is_none_or(|all| {
        all.iter()
            .any(|one| one.get("headers").is_none() && one.get("queryParams").is_none())
    })
}

fn split_backends(split: &Object) -> Vec<Backend> {
    let backends = split.at("/spec/backends").and_then(Value::as_array);
    let backends = backends.into_iter().flatten().map(|backend| {
        let name = backend.get("service").and_then(Value::as_str).unwrap_or_default();
        Backend {
            service: (split.namespace().to_owned(), name.to_owned()),
            weight: backend.get("weight").map_or(0, thousandths),
        }
    });
    backends.collect()
}

/// A Kubernetes quantity (`"90"`, `90`, `"500m"`, `"1k"`) in thousandths; 0 when it is none.
fn thousandths(quantity: &Value) -> i64 {
    if let Some(number) = quantity.as_f64() {
        return (number * 1000.0).max(0.0) as i64;
    }
    let text = quantity.as_str().unwrap_or_default();
    let (digits, scale) = match text.strip_suffix('m') {
        Some(digits) => (digits, 1.0),
        None => match text.strip_suffix('k') {
            Some(digits) => (digits, 1e6),
            None => (text, 1e3),
        },
    };
    digits
        .parse::<f64>()
        .map_or(0, |number| (number * scale).max(0.0) as i64)
}

/// Whether the pod's `Ready` condition holds and nobody has asked for its deletion.
pub fn is_ready(pod: &Object) -> bool {
    let conditions = pod.at("/status/conditions").and_then(Value::as_array);
    let ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    ready && !pod.is_deleting()
}

/// Whether a Service's selector takes a pod.
pub fn selects(service: &Object, pod: &Object) -> bool {
    let wanted = service.strings("/spec/selector");
    let labels = pod.strings("/metadata/labels");
    service.namespace() == pod.namespace()
        && !wanted.is_empty()
        && wanted
            .iter()
            .all(|(label, value)| labels.get(label) == Some(value))
}

fn behind_service(
    service: &Object,
    ready: &[&Object],
    answering: &impl Fn(&[&str]) -> String,
) -> Vec<Endpoint> {
    let selected = ready.iter().filter(|pod| selects(service, pod));
    selected.map(|pod| endpoint(pod, answering)).collect()
}

fn endpoint(pod: &Object, answering: &impl Fn(&[&str]) -> String) -> Endpoint {
    let (owner_kind, owner) = owner(pod);
    let containers = pod.at("/spec/containers").and_then(Value::as_array);
    let images: Vec<&str> = containers
        .into_iter()
        .flatten()
        .filter_map(|container| container.get("image")?.as_str())
        .collect();
    Endpoint {
        namespace: pod.namespace().to_owned(),
        pod: pod.name().to_owned(),
        owner_kind,
        owner,
        image: Behaviours::configured(&answering(&images), pod.annotation(CONFIG).unwrap_or_default()),
    }
}

/// A pod of a ReplicaSet whose name ends in the template's hash belongs to the Deployment of the rest of the name.
fn owner(pod: &Object) -> (String, String) {
    let kind = pod.str("/metadata/ownerReferences/0/kind");
    let name = pod.str("/metadata/ownerReferences/0/name");
    let hash = pod.label("pod-template-hash").unwrap_or_default();
    match name.strip_suffix(hash).and_then(|rest| rest.strip_suffix('-')) {
        Some(deployment) if kind == "ReplicaSet" && !hash.is_empty() => {
            ("deployment".to_owned(), deployment.to_owned())
        }
        _ if kind.is_empty() => ("pod_owner".to_owned(), String::new()),
        _ => (kind.to_lowercase(), name.to_owned()),
    }
}
