//! How kustomize names objects while it builds: group, version, kind, effective namespace and name.

use crate::object::split_api_version;
use crate::yaml::Node;

/// Group, version and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gvk {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
}

impl Gvk {
    pub(crate) fn of(node: &Node) -> Self {
        let (group, version) = split_api_version(node.str_at(&["apiVersion"]));
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: node.str_at(&["kind"]).to_owned(),
        }
    }

    /// Whether this is one of what a selector means; empty parts of it mean anything.
    pub(crate) fn is_selected(&self, group: &str, version: &str, kind: &str) -> bool {
        let fits = |want: &str, have: &str| want.is_empty() || want == have;
        fits(group, &self.group) && fits(version, &self.version) && fits(kind, &self.kind)
    }

    /// Whether Kubernetes 1.21 knows this type to be cluster-scoped. Unknown types count as namespaced.
    pub(crate) fn is_cluster_scoped(&self) -> bool {
        CLUSTER_SCOPED.iter().any(|(group, versions, kinds)| {
            *group == self.group
                && versions.split(' ').any(|v| v == self.version)
                && kinds.split(' ').any(|k| k == self.kind)
        })
    }
}

const CLUSTER_SCOPED: &[(&str, &str, &str)] = &[
    ("", "v1", "ComponentStatus Namespace Node PersistentVolume"),
    (
        "admissionregistration.k8s.io",
        "v1 v1beta1",
        "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    ),
    (
        "admissionregistration.k8s.io",
        "v1 v1alpha1 v1beta1",
        "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
    ),
    ("apiextensions.k8s.io", "v1 v1beta1", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "v1 v1beta1", "APIService"),
    ("certificates.k8s.io", "v1 v1beta1", "CertificateSigningRequest"),
    (
        "flowcontrol.apiserver.k8s.io",
        "v1beta1",
        "FlowSchema PriorityLevelConfiguration",
    ),
    ("networking.k8s.io", "v1 v1beta1", "IngressClass"),
    ("node.k8s.io", "v1 v1beta1", "RuntimeClass"),
    ("policy", "v1beta1", "PodSecurityPolicy"),
    (
        "rbac.authorization.k8s.io",
        "v1 v1beta1",
        "ClusterRole ClusterRoleBinding",
    ),
    ("scheduling.k8s.io", "v1 v1beta1", "PriorityClass"),
    (
        "storage.k8s.io",
        "v1 v1beta1",
        "CSIDriver CSINode StorageClass VolumeAttachment",
    ),
];

/// The namespace of what has none.
pub(crate) const NOT_A_NAMESPACE: &str = "_non_namespaceable_";

/// One name of an object, now or earlier. The namespace is the effective one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) gvk: Gvk,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Id {
    pub(crate) fn new(gvk: Gvk, namespace: &str, name: &str) -> Self {
        let namespace = if gvk.is_cluster_scoped() {
            NOT_A_NAMESPACE
        } else if namespace.is_empty() {
            "default"
        } else {
            namespace
        };
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            gvk,
        }
    }

    pub(crate) fn of(node: &Node) -> Self {
        Self::new(
            Gvk::of(node),
            node.str_at(&["metadata", "namespace"]),
            node.str_at(&["metadata", "name"]),
        )
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.gvk.kind, self.namespace, self.name)
    }
}
