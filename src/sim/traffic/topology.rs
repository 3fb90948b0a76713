//! Who sends requests where: read from Services, Pods, and the objects of meshes and ingresses.

use super::read;
use super::read::key;
use super::rule::Backend;
use super::rule::Name;
use super::rule::Rule;
use crate::workload::CONFIG;
use crate::workload::behaviour::Behaviours;
use recant_core::object::Object;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Namespace and name of what clients call: a Service, or a route at a Gateway.
pub type Apex = (String, String);

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
    /// networking.k8s.io Ingresses.
    pub ingresses: Vec<Object>,
    /// networking.istio.io VirtualServices.
    pub virtual_services: Vec<Object>,
    /// traefik.io TraefikServices.
    pub traefik_services: Vec<Object>,
    /// projectcontour.io HTTPProxies.
    pub http_proxies: Vec<Object>,
    /// gateway.solo.io RouteTables.
    pub route_tables: Vec<Object>,
    /// gloo.solo.io Upstreams.
    pub upstreams: Vec<Object>,
    /// core/v1 Pods.
    pub pods: Vec<Object>,
}

/// Where requests go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// The rules of every apex.
    pub apexes: BTreeMap<Apex, Vec<Rule>>,
    /// The ready pods of every Service.
    pub endpoints: BTreeMap<Name, Vec<Endpoint>>,
}

impl Topology {
    /// Reads the objects. `answering` says which of a pod's images answers its requests.
    pub fn read(listed: &Listed, answering: impl Fn(&[&str]) -> String) -> Self {
        let mut apexes = read::rules(listed);
        let called = apexes.values().flatten().flat_map(|rule| {
            let backends = rule.backends.iter().map(|backend| backend.service.clone());
            backends.chain(rule.mirrors.iter().map(|mirror| mirror.service.clone()))
        });
        let behind: BTreeSet<Name> = called.collect();
        let services: BTreeSet<_> = listed.services.iter().map(key).collect();
        for service in listed.services.iter().filter(|service| has_selector(service)) {
            let key = key(service);
            if !behind.contains(&key) && !is_half(&key, &services) {
                let own = Rule {
                    backends: vec![Backend::new(key.clone(), 1)],
                    ..Rule::default()
                };
                apexes.entry(key).or_insert_with(|| vec![own]);
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
