//! The kinds every cluster has: a table, in the order of discovery.

use super::kind::Kind;
use super::kind::Scale;

/// A row: apiVersion, kind, plural, short names, categories, and traits by letter:
/// `n` namespaced, `s` status subresource, `r` scale subresource, `g` generation, `c` updates must be conditional.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const ROWS: &[Row] = &[
    ("v1", "ConfigMap", "configmaps", "cm", "", "n"),
    ("v1", "Endpoints", "endpoints", "ep", "", "n"),
    ("v1", "Event", "events", "ev", "", "n"),
    ("v1", "Namespace", "namespaces", "ns", "", "s"),
    ("v1", "Node", "nodes", "no", "", "s"),
    ("v1", "Pod", "pods", "po", "all", "nsg"),
    ("v1", "Secret", "secrets", "", "", "n"),
    ("v1", "ServiceAccount", "serviceaccounts", "sa", "", "n"),
    ("v1", "Service", "services", "svc", "all", "ns"),
    (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "crd crds",
        "api-extensions",
        "sgc",
    ),
    ("apps/v1", "DaemonSet", "daemonsets", "ds", "all", "nsg"),
    ("apps/v1", "Deployment", "deployments", "deploy", "all", "nsrg"),
    ("apps/v1", "ReplicaSet", "replicasets", "rs", "all", "nsrg"),
    ("apps/v1", "StatefulSet", "statefulsets", "sts", "all", "nsrg"),
    ("events.k8s.io/v1", "Event", "events", "ev", "", "n"),
    (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "hpa",
        "all",
        "ns",
    ),
    ("batch/v1", "CronJob", "cronjobs", "cj", "all", "nsg"),
    ("batch/v1", "Job", "jobs", "", "all", "nsg"),
    ("networking.k8s.io/v1", "Ingress", "ingresses", "ing", "", "nsg"),
    (
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "networkpolicies",
        "netpol",
        "",
        "ng",
    ),
    (
        "policy/v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "pdb",
        "",
        "nsgc",
    ),
    (
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        "clusterroles",
        "",
        "",
        "",
    ),
    (
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        "",
        "",
        "",
    ),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", "", "", "n"),
    (
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "rolebindings",
        "",
        "",
        "n",
    ),
    ("coordination.k8s.io/v1", "Lease", "leases", "", "", "nc"),
    (
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "endpointslices",
        "",
        "",
        "ng",
    ),
];

/// The built-in kinds.
pub(crate) fn kinds() -> Vec<Kind> {
    ROWS.iter().map(kind).collect()
}

fn kind(&(api_version, kind, plural, short_names, categories, traits): &Row) -> Kind {
    let (group, version) = super::kind::split(api_version);
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    // Both groups' events are one and the same object.
    let stored_group = if kind == "Event" { "" } else { group };
    Kind {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        short_names: words(short_names),
        categories: words(categories),
        namespaced: traits.contains('n'),
        status: traits.contains('s'),
        scale: traits.contains('r').then(|| Scale {
            spec_replicas: "/spec/replicas".to_owned(),
            status_replicas: "/status/replicas".to_owned(),
            selector: "/spec/selector".to_owned(),
        }),
        generation: traits.contains('g'),
        unconditional_update: !traits.contains('c'),
        stored_as: if stored_group.is_empty() {
            plural.to_owned()
        } else {
            format!("{plural}.{stored_group}")
        },
        custom: None,
    }
}
