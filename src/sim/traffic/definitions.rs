//! The CRDs of meshes and ingresses, short: HTTPRoutes and TrafficSplits with the fields that traffic depends on checked,
//! of the other kinds the lists, and all else kept. A repository that brings the real ones may apply them over these.

use crate::cluster::ApiError;
use crate::cluster::Cluster;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

/// Puts the mesh's CRDs into a cluster. Doing it again changes nothing.
///
/// # Errors
/// What the API server refused.
pub fn install(now: Timestamp, cluster: &mut Cluster) -> Result<(), ApiError> {
    for object in [http_routes(), traffic_splits()].into_iter().chain(others()) {
        cluster.apply(now, "linkerd", true, &object)?;
    }
    Ok(())
}

/// Kinds of which only the shape of the spec is checked: group, versions, kind, plural, short names, and the fields
/// of the spec that are lists.
type Kind = (
    &'static str,
    &'static [&'static str],
    (&'static str, &'static str, &'static [&'static str]),
    &'static [&'static str],
);

const OTHERS: [Kind; 6] = [
    (
        "networking.istio.io",
        &["v1beta1", "v1", "v1alpha3"],
        ("VirtualService", "virtualservices", &["vs"]),
        &["hosts", "gateways", "http", "tcp"],
    ),
    (
        "networking.istio.io",
        &["v1beta1", "v1", "v1alpha3"],
        ("DestinationRule", "destinationrules", &["dr"]),
        &["subsets"],
    ),
    (
        "traefik.io",
        &["v1alpha1"],
        ("TraefikService", "traefikservices", &[]),
        &[],
    ),
    (
        "projectcontour.io",
        &["v1"],
        ("HTTPProxy", "httpproxies", &["proxy"]),
        &["routes", "includes"],
    ),
    (
        "gateway.solo.io",
        &["v1"],
        ("RouteTable", "routetables", &["rt"]),
        &["routes"],
    ),
    ("gloo.solo.io", &["v1"], ("Upstream", "upstreams", &["us"]), &[]),
];

fn others() -> impl Iterator<Item = Object> {
    OTHERS.into_iter().map(|(group, versions, names, lists)| {
        let anything = json!({"x-kubernetes-preserve-unknown-fields": true});
        let fields = lists.iter().map(|field| ((*field).to_owned(), list(&anything)));
        let fields: serde_json::Map<String, Value> = fields.collect();
        let columns = json!([{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}]);
        let spec = open(&Value::Object(fields), &[]);
        definition(group, names, versions, &versioned(&spec, &columns))
    })
}

fn http_routes() -> Object {
    let weight = json!({"type": "integer", "format": "int32", "minimum": 0, "maximum": 1_000_000});
    let backend = open(&json!({"name": {"type": "string"}, "weight": weight}), &["name"]);
    let parent = open(&json!({"name": {"type": "string"}}), &["name"]);
    let rule = open(&json!({"backendRefs": list(&backend)}), &[]);
    let spec = open(&json!({"parentRefs": list(&parent), "rules": list(&rule)}), &[]);
    let columns = json!([
        {"name": "Hostnames", "type": "string", "jsonPath": ".spec.hostnames"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]);
    definition(
        "gateway.networking.k8s.io",
        ("HTTPRoute", "httproutes", &[]),
        &["v1", "v1beta1"],
        &versioned(&spec, &columns),
    )
}

fn traffic_splits() -> Object {
    let quantity = json!({"x-kubernetes-int-or-string": true});
    let name = json!({"type": "string"});
    let backend = open(&json!({"service": name, "weight": quantity}), &["service"]);
    let spec = open(
        &json!({"service": name, "backends": list(&backend)}),
        &["service", "backends"],
    );
    let columns = json!([
        {"name": "Service", "type": "string", "jsonPath": ".spec.service"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]);
    definition(
        "split.smi-spec.io",
        ("TrafficSplit", "trafficsplits", &["ts"]),
        &["v1alpha1", "v1alpha2", "v1alpha3"],
        &versioned(&spec, &columns),
    )
}

/// An object of which some fields are checked.
fn open(properties: &Value, required: &[&str]) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "x-kubernetes-preserve-unknown-fields": true,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

/// What all versions have in common.
fn versioned(spec: &Value, columns: &Value) -> Value {
    let schema = json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
    });
    json!({
        "served": true,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": schema},
    })
}

fn definition(group: &str, names: (&str, &str, &[&str]), versions: &[&str], common: &Value) -> Object {
    let (kind, plural, short_names) = names;
    let versions: Vec<Value> = versions
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let mut version = common.clone();
            version["name"] = json!(name);
            version["storage"] = json!(i == 0);
            version
        })
        .collect();
    Object(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{group}"),
            // What the API server demands of CRDs in the groups of Kubernetes itself.
            "annotations": {"api-approved.kubernetes.io": "unapproved, a short form for tests and demos"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "singular": kind.to_lowercase(),
                "shortNames": short_names,
            },
            "versions": versions,
        },
    }))
}
