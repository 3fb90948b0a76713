//! kustomize's default field specs, one line each: `group version kind path create`, `-` for any.

use crate::config::Config;
use crate::config::NameReference;
use crate::fieldspec::FieldSpec;
use crate::id::Gvk;

/// All default tables.
pub(crate) fn defaults() -> Config {
    let common_labels = [SELECTORS, META_LABELS, CLAIM_LABELS].concat();
    Config {
        namespace: FieldSpec::table(NAMESPACE),
        name_prefix: FieldSpec::table("- - - metadata/name -"),
        name_suffix: FieldSpec::table("- - - metadata/name -"),
        labels: Vec::new(),
        common_labels: FieldSpec::table(&common_labels),
        template_labels: FieldSpec::table(META_LABELS),
        volume_claim_template_labels: FieldSpec::table(CLAIM_LABELS),
        common_annotations: FieldSpec::table(ANNOTATIONS),
        images: FieldSpec::table(IMAGES),
        replicas: FieldSpec::table(REPLICAS),
        var_reference: var_references(),
        name_reference: name_references(),
    }
}

const NAMESPACE: &str = "
    - - Namespace metadata/name create
    apiregistration.k8s.io - APIService spec/service/namespace create
    apiextensions.k8s.io - CustomResourceDefinition spec/conversion/webhook/clientConfig/service/namespace -
";

const IMAGES: &str = "
    - - - spec/containers[]/image create
    - - - spec/initContainers[]/image create
    - - - spec/volumes[]/image/reference create
    - - - spec/template/spec/containers[]/image create
    - - - spec/template/spec/initContainers[]/image create
    - - - spec/template/spec/volumes[]/image/reference create
";

const REPLICAS: &str = "
    - - Deployment spec/replicas create
    - - ReplicationController spec/replicas create
    - - ReplicaSet spec/replicas create
    - - StatefulSet spec/replicas create
";

const META_LABELS: &str = "
    - - - metadata/labels create
    - v1 ReplicationController spec/template/metadata/labels create
    - - Deployment spec/template/metadata/labels create
    - - ReplicaSet spec/template/metadata/labels create
    - - DaemonSet spec/template/metadata/labels create
    apps - StatefulSet spec/template/metadata/labels create
    batch - Job spec/template/metadata/labels create
    batch - CronJob spec/jobTemplate/metadata/labels create
    batch - CronJob spec/jobTemplate/spec/template/metadata/labels create
";

const CLAIM_LABELS: &str = "
    apps - StatefulSet spec/volumeClaimTemplates[]/metadata/labels create
";

const ANNOTATIONS: &str = "
    - - - metadata/annotations create
    - v1 ReplicationController spec/template/metadata/annotations create
    - - Deployment spec/template/metadata/annotations create
    - - ReplicaSet spec/template/metadata/annotations create
    - - DaemonSet spec/template/metadata/annotations create
    - - StatefulSet spec/template/metadata/annotations create
    batch - Job spec/template/metadata/annotations create
    batch - CronJob spec/jobTemplate/metadata/annotations create
    batch - CronJob spec/jobTemplate/spec/template/metadata/annotations create
";

const SELECTORS: &str = "
    - v1 Service spec/selector create
    - v1 ReplicationController spec/selector create
    - - Deployment spec/selector/matchLabels create
    - - ReplicaSet spec/selector/matchLabels create
    - - DaemonSet spec/selector/matchLabels create
    apps - StatefulSet spec/selector/matchLabels create
    batch - Job spec/selector/matchLabels -
    batch - CronJob spec/jobTemplate/spec/selector/matchLabels -
    policy - PodDisruptionBudget spec/selector/matchLabels -
    apps - Deployment spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels -
    apps - Deployment spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels -
    apps - Deployment spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels -
    apps - Deployment spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels -
    apps - Deployment spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels -
    apps - StatefulSet spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels -
    apps - StatefulSet spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels -
    apps - StatefulSet spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels -
    apps - StatefulSet spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels -
    apps - StatefulSet spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels -
    networking.k8s.io - NetworkPolicy spec/podSelector/matchLabels -
    networking.k8s.io - NetworkPolicy spec/ingress/from/podSelector/matchLabels -
    networking.k8s.io - NetworkPolicy spec/egress/to/podSelector/matchLabels -
";

/// Where the pod spec of each workload kind is, for ConfigMaps and Secrets.
const PODS: &str = "
    - v1 Pod spec
    - - PodTemplate template/spec
    - - Deployment spec/template/spec
    - - ReplicaSet spec/template/spec
    - - DaemonSet spec/template/spec
    - - StatefulSet spec/template/spec
    - - Job spec/template/spec
    - - CronJob spec/jobTemplate/spec/template/spec
";

/// The same for what a pod names once: service account, claims, priority class.
const RUNNERS: &str = "
    - - Pod spec
    - - StatefulSet spec/template/spec
    - - Deployment spec/template/spec
    - - ReplicationController spec/template/spec
    - - CronJob spec/jobTemplate/spec/template/spec
    - - Job spec/template/spec
    - - DaemonSet spec/template/spec
";

const CONFIG_MAP_IN_POD: &str = "volumes/configMap/name volumes/projected/sources/configMap/name \
    containers/env/valueFrom/configMapKeyRef/name initContainers/env/valueFrom/configMapKeyRef/name \
    containers/envFrom/configMapRef/name initContainers/envFrom/configMapRef/name";

const SECRET_IN_POD: &str = "volumes/secret/secretName volumes/projected/sources/secret/name \
    containers/env/valueFrom/secretKeyRef/name initContainers/env/valueFrom/secretKeyRef/name \
    containers/envFrom/secretRef/name initContainers/envFrom/secretRef/name imagePullSecrets/name";

const CONFIG_MAP: &str = r"
    - - Node spec/configSource/configMap -
    - - Role rules/resourceNames -
    - - ClusterRole rules/resourceNames -
    - - Ingress metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap -
";

const SECRET: &str = r"
    - - Ingress spec/tls/secretName -
    - - Ingress metadata/annotations/ingress.kubernetes.io\/auth-secret -
    - - Ingress metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret -
    - - Ingress metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret -
    - - ServiceAccount imagePullSecrets/name -
    - - StorageClass parameters/secretName -
    - - StorageClass parameters/adminSecretName -
    - - StorageClass parameters/userSecretName -
    - - StorageClass parameters/secretRef -
    - - Role rules/resourceNames -
    - - ClusterRole rules/resourceNames -
    serving.knative.dev v1 Service spec/template/spec/containers/env/valueFrom/secretKeyRef/name -
    - - PersistentVolume spec/azureFile/secretName -
";

const SERVICE: &str = "
    apps - StatefulSet spec/serviceName -
    - - Ingress spec/rules/http/paths/backend/serviceName -
    - - Ingress spec/backend/serviceName -
    - - Ingress spec/rules/http/paths/backend/service/name -
    - - Ingress spec/defaultBackend/service/name -
    apiregistration.k8s.io - APIService spec/service/name -
    admissionregistration.k8s.io - ValidatingWebhookConfiguration webhooks/clientConfig/service -
    admissionregistration.k8s.io - MutatingWebhookConfiguration webhooks/clientConfig/service -
";

const SUBJECTS: &str = "
    rbac.authorization.k8s.io - RoleBinding subjects -
    rbac.authorization.k8s.io - ClusterRoleBinding subjects -
";

/// Every line of a table of places with every field below it.
fn below(places: &str, fields: &str) -> Vec<FieldSpec> {
    FieldSpec::table(places)
        .iter()
        .flat_map(|place| {
            fields.split_whitespace().map(|field| FieldSpec {
                path: format!("{}/{field}", place.path),
                ..place.clone()
            })
        })
        .collect()
}

fn reference(group: &str, version: &str, kind: &str, referrers: Vec<FieldSpec>) -> NameReference {
    NameReference {
        referred: Gvk {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        },
        referrers,
    }
}

fn name_references() -> Vec<NameReference> {
    let table = FieldSpec::table;
    let and = |mut specs: Vec<FieldSpec>, more: &str| {
        specs.extend(table(more));
        specs
    };
    let rbac = "rbac.authorization.k8s.io";
    let scaled = |kind| {
        let target = "- - HorizontalPodAutoscaler spec/scaleTargetRef/name -";
        reference("", "", kind, table(target))
    };
    vec![
        scaled("Deployment"),
        scaled("ReplicationController"),
        scaled("ReplicaSet"),
        scaled("StatefulSet"),
        reference(
            "",
            "v1",
            "ConfigMap",
            and(below(PODS, CONFIG_MAP_IN_POD), CONFIG_MAP),
        ),
        reference("", "v1", "Secret", and(below(PODS, SECRET_IN_POD), SECRET)),
        reference("", "v1", "Service", table(SERVICE)),
        reference(
            rbac,
            "",
            "Role",
            table("rbac.authorization.k8s.io - RoleBinding roleRef/name -"),
        ),
        reference(
            rbac,
            "",
            "ClusterRole",
            table(
                "rbac.authorization.k8s.io - RoleBinding roleRef/name -
                 rbac.authorization.k8s.io - ClusterRoleBinding roleRef/name -",
            ),
        ),
        reference(
            "",
            "v1",
            "ServiceAccount",
            and(below(RUNNERS, "serviceAccountName"), SUBJECTS),
        ),
        reference(
            "",
            "v1",
            "PersistentVolumeClaim",
            below(RUNNERS, "volumes/persistentVolumeClaim/claimName"),
        ),
        reference(
            "",
            "v1",
            "PersistentVolume",
            table("- - PersistentVolumeClaim spec/volumeName -\n- - ClusterRole rules/resourceNames -"),
        ),
        reference(
            "storage.k8s.io",
            "v1",
            "StorageClass",
            table(
                "- - PersistentVolume spec/storageClassName -
                 - - PersistentVolumeClaim spec/storageClassName -
                 - - StatefulSet spec/volumeClaimTemplates/spec/storageClassName -",
            ),
        ),
        reference(
            "scheduling.k8s.io",
            "v1",
            "PriorityClass",
            below(RUNNERS, "priorityClassName"),
        ),
        // The group is wrong in kustomize's own table, so it never matches there either.
        reference(
            "networking.k8s.io/v1",
            "v1",
            "IngressClass",
            table("- - Ingress spec/ingressClassName -"),
        ),
        reference(
            "admissionregistration.k8s.io",
            "",
            "ValidatingAdmissionPolicy",
            table("admissionregistration.k8s.io - ValidatingAdmissionPolicyBinding spec/policyName -"),
        ),
    ]
}

const VAR_PODS: &str = "
    - - CronJob spec/jobTemplate/spec/template/spec
    - - DaemonSet spec/template/spec
    - - Deployment spec/template/spec
    - - Job spec/template/spec
    - - Pod spec
    - - ReplicaSet spec/template/spec
    - - StatefulSet spec/template/spec
";

const VAR_IN_POD: &str = "containers/args containers/command containers/env/value \
    containers/volumeMounts/mountPath initContainers/args initContainers/command initContainers/env/value \
    initContainers/volumeMounts/mountPath";

const VARS: &str = "
    - - CronJob spec/jobTemplate/spec/template/volumes/nfs/server -
    - - DaemonSet spec/template/spec/volumes/nfs/server -
    - - Deployment spec/template/spec/volumes/nfs/server -
    - - Deployment spec/template/metadata/annotations -
    - - Ingress spec/rules/host -
    - - Ingress spec/tls/hosts -
    - - Ingress spec/tls/secretName -
    - - Job spec/template/spec/volumes/nfs/server -
    - - Pod spec/volumes/nfs/server -
    - - ReplicaSet spec/template/spec/volumes/nfs/server -
    - - Service spec/ports/port -
    - - Service spec/ports/targetPort -
    - - StatefulSet spec/volumeClaimTemplates/spec/nfs/server -
    - - PersistentVolume spec/nfs/server -
    - - - metadata/labels -
    - - - metadata/annotations -
";

fn var_references() -> Vec<FieldSpec> {
    let mut specs = below(VAR_PODS, VAR_IN_POD);
    specs.extend(FieldSpec::table(VARS));
    specs
}
