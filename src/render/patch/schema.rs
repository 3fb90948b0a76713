//! Which lists merge by key: the part of Kubernetes 1.21's OpenAPI document that strategic merge needs.
//!
//! kustomize embeds that version. Types it does not know have no schema: their maps merge, their lists replace.

/// What is known about the value at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// A whole object of a known kind.
    Object(&'static str),
    Meta,
    PodTemplate,
    PodSpec,
    Container,
    EphemeralContainer,
    Volume,
    /// A map with a name of its own in [`Schema::field`].
    Part(&'static str),
    /// A list whose elements merge by these keys (none: a set of scalars), and what its elements are.
    Keyed(&'static [&'static str], Option<&'static Self>),
    /// A list that is replaced as a whole when patched, but whose elements are known.
    Items(&'static Self),
}

use Schema::Container;
use Schema::EphemeralContainer;
use Schema::Items;
use Schema::Keyed;
use Schema::Meta;
use Schema::Object;
use Schema::Part;
use Schema::PodSpec;
use Schema::PodTemplate;
use Schema::Volume;

impl Schema {
    /// The schema of an object, when its exact API version and kind are known.
    pub(crate) fn of(api_version: &str, kind: &str) -> Option<Self> {
        let line = KINDS.iter().find(|(version, _)| *version == api_version)?.1;
        line.split(' ').find(|k| *k == kind).map(Object)
    }

    /// The schema of a field.
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        match (self, name) {
            (Object(_) | PodTemplate | Part("JobTemplate" | "ClaimTemplate"), "metadata") => Some(Meta),
            (Object(kind), field) => object_field(kind, field),
            (Meta, "finalizers") => Some(Keyed(&[], None)),
            (Meta, "ownerReferences") => Some(Keyed(&["uid"], None)),
            (PodTemplate, "spec") => Some(PodSpec),
            (PodSpec, field) => pod_field(field),
            (Container, "ports") => Some(Keyed(&["containerPort", "protocol"], None)),
            (Container | EphemeralContainer, "env") => Some(Keyed(&["name"], None)),
            (Container | EphemeralContainer, "volumeMounts") => Some(Keyed(&["mountPath"], None)),
            (Container | EphemeralContainer, "volumeDevices") => Some(Keyed(&["devicePath"], None)),
            (Volume, "ephemeral") => Some(Part("Ephemeral")),
            (Part("Ephemeral"), "volumeClaimTemplate") => Some(Part("ClaimTemplate")),
            (Part("Workload" | "StatefulSet"), "template") => Some(PodTemplate),
            (Part("StatefulSet"), "volumeClaimTemplates") => Some(Items(&Object("PersistentVolumeClaim"))),
            (Part("CronJob"), "jobTemplate") => Some(Part("JobTemplate")),
            (Part("JobTemplate"), "spec") => Some(Part("Workload")),
            (Part("Service"), "ports") => Some(Keyed(&["port", "protocol"], None)),
            (Part("Node"), "podCIDRs") => Some(Keyed(&[], None)),
            (Part("CSINode"), "drivers") => Some(Keyed(&["name"], None)),
            (Part("Status"), "conditions" | "addresses") => Some(Keyed(&["type"], None)),
            (Part("Status"), "podIPs") => Some(Keyed(&["ip"], None)),
            _ => None,
        }
    }

    /// The schema of a list's elements.
    pub(crate) fn element(self) -> Option<Self> {
        match self {
            Keyed(_, element) => element.copied(),
            Items(element) => Some(*element),
            _ => None,
        }
    }
}

fn object_field(kind: &str, field: &str) -> Option<Schema> {
    match (kind, field) {
        ("Deployment" | "ReplicaSet" | "DaemonSet" | "ReplicationController" | "Job", "spec") => {
            Some(Part("Workload"))
        }
        ("StatefulSet", "spec") => Some(Part("StatefulSet")),
        ("CronJob", "spec") => Some(Part("CronJob")),
        ("Pod", "spec") => Some(PodSpec),
        ("PodTemplate", "template") => Some(PodTemplate),
        ("Service", "spec") => Some(Part("Service")),
        ("Node", "spec") => Some(Part("Node")),
        ("CSINode", "spec") => Some(Part("CSINode")),
        ("ServiceAccount", "secrets") => Some(Keyed(&["name"], None)),
        ("MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration", "webhooks") => {
            Some(Keyed(&["name"], None))
        }
        ("ComponentStatus", "conditions") => Some(Keyed(&["type"], None)),
        (
            "Deployment"
            | "ReplicaSet"
            | "DaemonSet"
            | "StatefulSet"
            | "ReplicationController"
            | "Job"
            | "Pod"
            | "Node"
            | "Namespace"
            | "PersistentVolumeClaim"
            | "Service"
            | "PodDisruptionBudget"
            | "APIService",
            "status",
        ) => Some(Part("Status")),
        _ => None,
    }
}

fn pod_field(field: &str) -> Option<Schema> {
    Some(match field {
        "containers" | "initContainers" => Keyed(&["name"], Some(&Container)),
        "ephemeralContainers" => Keyed(&["name"], Some(&EphemeralContainer)),
        "volumes" => Keyed(&["name"], Some(&Volume)),
        "imagePullSecrets" => Keyed(&["name"], None),
        "hostAliases" => Keyed(&["ip"], None),
        "topologySpreadConstraints" => Keyed(&["topologyKey", "whenUnsatisfiable"], None),
        _ => return None,
    })
}

/// The kinds of Kubernetes 1.21 by API version.
const KINDS: &[(&str, &str)] = &[
    (
        "v1",
        "Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume \
         PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount",
    ),
    (
        "apps/v1",
        "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    ),
    ("batch/v1", "CronJob Job"),
    ("batch/v1beta1", "CronJob"),
    (
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    ),
    ("autoscaling/v1", "HorizontalPodAutoscaler Scale"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"),
    ("certificates.k8s.io/v1", "CertificateSigningRequest"),
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest"),
    ("coordination.k8s.io/v1", "Lease"),
    ("coordination.k8s.io/v1beta1", "Lease"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("discovery.k8s.io/v1beta1", "EndpointSlice"),
    ("events.k8s.io/v1", "Event"),
    ("events.k8s.io/v1beta1", "Event"),
    ("extensions/v1beta1", "Ingress"),
    (
        "flowcontrol.apiserver.k8s.io/v1beta1",
        "FlowSchema PriorityLevelConfiguration",
    ),
    ("networking.k8s.io/v1", "Ingress IngressClass NetworkPolicy"),
    ("networking.k8s.io/v1beta1", "Ingress IngressClass"),
    ("node.k8s.io/v1", "RuntimeClass"),
    ("node.k8s.io/v1beta1", "RuntimeClass"),
    ("policy/v1", "PodDisruptionBudget"),
    ("policy/v1beta1", "Eviction PodDisruptionBudget PodSecurityPolicy"),
    (
        "rbac.authorization.k8s.io/v1",
        "ClusterRole ClusterRoleBinding Role RoleBinding",
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        "ClusterRole ClusterRoleBinding Role RoleBinding",
    ),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("scheduling.k8s.io/v1beta1", "PriorityClass"),
    (
        "storage.k8s.io/v1",
        "CSIDriver CSINode StorageClass VolumeAttachment",
    ),
    (
        "storage.k8s.io/v1beta1",
        "CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment",
    ),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"),
    ("apiregistration.k8s.io/v1", "APIService"),
    ("apiregistration.k8s.io/v1beta1", "APIService"),
];
