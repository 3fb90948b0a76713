//! What `flux bootstrap` leaves in a cluster: the namespace, the CRDs, and the two objects that start it all.

use super::KUSTOMIZE;
use super::SOURCE;
use crate::cluster::ApiError;
use crate::cluster::Cluster;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

const NAMESPACE: &str = "flux-system";

/// Puts Flux into a cluster and points it at a directory of a repository's branch. Doing it again changes the
/// pointers only.
///
/// # Errors
/// What the API server refused.
pub fn bootstrap(
    now: Timestamp,
    cluster: &mut Cluster,
    url: &str,
    branch: &str,
    path: &str,
) -> Result<(), ApiError> {
    for object in [
        Object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})),
        definition(&Definition {
            kind: "GitRepository",
            plural: "gitrepositories",
            short: "gitrepo",
            group: "source.toolkit.fluxcd.io",
            required: &["interval", "url"],
            spec: git_repository(),
            first_column: json!({"name": "URL", "type": "string", "jsonPath": ".spec.url"}),
        }),
        definition(&Definition {
            kind: "Kustomization",
            plural: "kustomizations",
            short: "ks",
            group: "kustomize.toolkit.fluxcd.io",
            required: &["interval", "prune", "sourceRef"],
            spec: kustomization(),
            first_column: json!({"name": "Path", "type": "string", "jsonPath": ".spec.path", "priority": 1}),
        }),
        sync(
            "GitRepository",
            SOURCE,
            json!({
                "interval": "1m0s",
                "ref": {"branch": branch},
                "url": url,
            }),
        ),
        sync(
            "Kustomization",
            KUSTOMIZE,
            json!({
                "interval": "10m0s",
                "path": path,
                "prune": true,
                "sourceRef": {"kind": "GitRepository", "name": NAMESPACE},
            }),
        ),
    ] {
        cluster.apply(now, "flux", true, &object)?;
    }
    Ok(())
}

fn sync(kind: &str, api_version: &str, spec: Value) -> Object {
    Object(json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": NAMESPACE, "namespace": NAMESPACE},
        "spec": spec,
    }))
}

struct Definition {
    kind: &'static str,
    plural: &'static str,
    short: &'static str,
    group: &'static str,
    required: &'static [&'static str],
    /// The properties of `spec` that are checked; all others are kept as they are.
    spec: Value,
    first_column: Value,
}

fn definition(of: &Definition) -> Object {
    let columns = json!([
        of.first_column,
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
        {"name": "Status", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message"},
    ]);
    let schema = json!({
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "required": of.required,
                "properties": of.spec,
                "x-kubernetes-preserve-unknown-fields": true,
            },
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
    });
    Object(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{}", of.plural, of.group)},
        "spec": {
            "group": of.group,
            "scope": "Namespaced",
            "names": {
                "kind": of.kind,
                "listKind": format!("{}List", of.kind),
                "plural": of.plural,
                "singular": of.kind.to_lowercase(),
                "shortNames": [of.short],
            },
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns,
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    }))
}

/// A duration as the real CRDs demand it.
fn duration() -> Value {
    json!({"type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"})
}

fn git_repository() -> Value {
    json!({
        "interval": duration(),
        "timeout": duration(),
        "suspend": {"type": "boolean"},
        "url": {"type": "string", "pattern": "^(http|https|ssh)://.*$"},
        "ref": {
            "type": "object",
            "properties": {
                "branch": {"type": "string"},
                "commit": {"type": "string"},
                "name": {"type": "string"},
                "semver": {"type": "string"},
                "tag": {"type": "string"},
            },
        },
    })
}

fn kustomization() -> Value {
    json!({
        "interval": duration(),
        "retryInterval": duration(),
        "timeout": duration(),
        "suspend": {"type": "boolean"},
        "prune": {"type": "boolean"},
        "wait": {"type": "boolean"},
        "path": {"type": "string"},
        "targetNamespace": {"type": "string", "minLength": 1, "maxLength": 63},
        "sourceRef": {
            "type": "object",
            "required": ["kind", "name"],
            "properties": {
                "apiVersion": {"type": "string"},
                "kind": {
                    "type": "string",
                    "enum": ["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"],
                },
                "name": {"type": "string"},
                "namespace": {"type": "string"},
            },
        },
        "dependsOn": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "namespace": {"type": "string"},
                    "readyExpr": {"type": "string"},
                },
            },
        },
    })
}
