//! Which columns each built-in kind has: names, and 1 for those of `-o wide`.

use crate::cluster::kind::Kind;

type Columns = &'static [(&'static str, i64)];

const WORKLOAD: Columns = &[
    ("Ready", 0),
    ("Up-to-date", 0),
    ("Available", 0),
    ("Age", 0),
    ("Containers", 1),
    ("Images", 1),
    ("Selector", 1),
];
const REPLICA_SET: Columns = &[
    ("Desired", 0),
    ("Current", 0),
    ("Ready", 0),
    ("Age", 0),
    ("Containers", 1),
    ("Images", 1),
    ("Selector", 1),
];
const DAEMON_SET: Columns = &[
    ("Desired", 0),
    ("Current", 0),
    ("Ready", 0),
    ("Up-to-date", 0),
    ("Available", 0),
    ("Node Selector", 0),
    ("Age", 0),
    ("Containers", 1),
    ("Images", 1),
    ("Selector", 1),
];
const EVENT: Columns = &[
    ("Last Seen", 0),
    ("Type", 0),
    ("Reason", 0),
    ("Object", 0),
    ("Subobject", 1),
    ("Source", 1),
    ("Message", 0),
    ("First Seen", 1),
    ("Count", 1),
    ("Name", 1),
];
const POD: Columns = &[
    ("Ready", 0),
    ("Status", 0),
    ("Restarts", 0),
    ("Age", 0),
    ("IP", 1),
    ("Node", 1),
    ("Nominated Node", 1),
    ("Readiness Gates", 1),
];
const NODE: Columns = &[
    ("Status", 0),
    ("Roles", 0),
    ("Age", 0),
    ("Version", 0),
    ("Internal-IP", 1),
    ("External-IP", 1),
    ("OS-Image", 1),
    ("Kernel-Version", 1),
    ("Container-Runtime", 1),
];
const CRON_JOB: Columns = &[
    ("Schedule", 0),
    ("Timezone", 0),
    ("Suspend", 0),
    ("Active", 0),
    ("Last Schedule", 0),
    ("Age", 0),
    ("Containers", 1),
    ("Images", 1),
    ("Selector", 1),
];

/// The columns of a kind, and whether `Name` comes before them.
pub(crate) fn columns(kind: &Kind) -> (bool, Columns) {
    let columns: Columns = match kind.kind.as_str() {
        "Event" => return (false, EVENT),
        "Pod" => POD,
        "Deployment" => WORKLOAD,
        "ReplicaSet" => REPLICA_SET,
        "StatefulSet" => &[("Ready", 0), ("Age", 0), ("Containers", 1), ("Images", 1)],
        "DaemonSet" => DAEMON_SET,
        "Service" => &[
            ("Type", 0),
            ("Cluster-IP", 0),
            ("External-IP", 0),
            ("Port(s)", 0),
            ("Age", 0),
            ("Selector", 1),
        ],
        "Namespace" => &[("Status", 0), ("Age", 0)],
        "ConfigMap" => &[("Data", 0), ("Age", 0)],
        "Secret" => &[("Type", 0), ("Data", 0), ("Age", 0)],
        "Node" => NODE,
        "ServiceAccount" => &[("Secrets", 0), ("Age", 0)],
        "Endpoints" => &[("Endpoints", 0), ("Age", 0)],
        "EndpointSlice" => &[("AddressType", 0), ("Ports", 0), ("Endpoints", 0), ("Age", 0)],
        "Job" => &[
            ("Status", 0),
            ("Completions", 0),
            ("Duration", 0),
            ("Age", 0),
            ("Containers", 1),
            ("Images", 1),
            ("Selector", 1),
        ],
        "CronJob" => CRON_JOB,
        "HorizontalPodAutoscaler" => &[
            ("Reference", 0),
            ("Targets", 0),
            ("MinPods", 0),
            ("MaxPods", 0),
            ("Replicas", 0),
            ("Age", 0),
        ],
        "Ingress" => &[
            ("Class", 0),
            ("Hosts", 0),
            ("Address", 0),
            ("Ports", 0),
            ("Age", 0),
        ],
        "NetworkPolicy" => &[("Pod-Selector", 0), ("Age", 0)],
        "PodDisruptionBudget" => &[
            ("Min Available", 0),
            ("Max Unavailable", 0),
            ("Allowed Disruptions", 0),
            ("Age", 0),
        ],
        "Lease" => &[("Holder", 0), ("Age", 0)],
        "Role" | "ClusterRole" | "CustomResourceDefinition" => &[("Created At", 0)],
        "RoleBinding" | "ClusterRoleBinding" => &[("Role", 0), ("Age", 0)],
        _ => &[("Age", 0)],
    };
    (true, columns)
}
