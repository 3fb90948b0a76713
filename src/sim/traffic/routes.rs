//! The mesh's side of the cluster: what traffic depends on, and the status it gives to routes.

use super::topology::Listed;
use crate::clock;
use crate::cluster::Cluster;
use jiff::Timestamp;
use recant_core::effect::Write;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

const ROUTES: &str = "gateway.networking.k8s.io";
const SPLITS: &str = "split.smi-spec.io";
const CONTROLLER: &str = "linkerd.io/policy-controller";

/// The objects that traffic depends on.
pub fn listed(cluster: &Cluster) -> Listed {
    Listed {
        services: cluster.list("v1", "Service", ""),
        routes: of_any_version(cluster, ROUTES, &["v1", "v1beta1", "v1alpha2"], "HTTPRoute"),
        splits: of_any_version(
            cluster,
            SPLITS,
            &["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"],
            "TrafficSplit",
        ),
        ingresses: cluster.list("networking.k8s.io/v1", "Ingress", ""),
        virtual_services: of_any_version(
            cluster,
            "networking.istio.io",
            &["v1beta1", "v1", "v1alpha3"],
            "VirtualService",
        ),
        traefik_services: cluster.list("traefik.io/v1alpha1", "TraefikService", ""),
        http_proxies: cluster.list("projectcontour.io/v1", "HTTPProxy", ""),
        route_tables: cluster.list("gateway.solo.io/v1", "RouteTable", ""),
        upstreams: cluster.list("gloo.solo.io/v1", "Upstream", ""),
        pods: cluster.list("v1", "Pod", ""),
    }
}

/// Each object once, in the first of these versions that is served.
fn of_any_version(cluster: &Cluster, group: &str, versions: &[&str], kind: &str) -> Vec<Object> {
    let mut objects = BTreeMap::new();
    for version in versions {
        for object in cluster.list(&format!("{group}/{version}"), kind, "") {
            let key = (object.namespace().to_owned(), object.name().to_owned());
            objects.entry(key).or_insert(object);
        }
    }
    objects.into_values().collect()
}

/// Accepts every HTTPRoute for each of its parents, as a mesh's controller does once it has read it.
pub fn accept(now: Timestamp, cluster: &mut Cluster) {
    for route in of_any_version(cluster, ROUTES, &["v1", "v1beta1"], "HTTPRoute") {
        let seen = route.int("/status/parents/0/conditions/0/observedGeneration");
        if seen == Some(route.generation()) || route.is_deleting() {
            continue;
        }
        let mut accepted = route.clone();
        accepted.set("/status", json!({"parents": parents(&route, now)}));
        // Refused when somebody else was quicker: the next second tries again.
        let _ = cluster.write(now, "policy", &Write::UpdateStatus(accepted));
    }
}

fn parents(route: &Object, now: Timestamp) -> Vec<Value> {
    let condition = |kind: &str, reason: &str| {
        json!({
            "type": kind,
            "status": "True",
            "reason": reason,
            "message": "",
            "observedGeneration": route.generation(),
            "lastTransitionTime": clock::stamp(now),
        })
    };
    let refs = route.at("/spec/parentRefs").and_then(Value::as_array);
    refs.into_iter()
        .flatten()
        .map(|parent| {
            json!({
                "parentRef": parent,
                "controllerName": CONTROLLER,
                "conditions": [
                    condition("Accepted", "Accepted"),
                    condition("ResolvedRefs", "ResolvedRefs"),
                ],
            })
        })
        .collect()
}
