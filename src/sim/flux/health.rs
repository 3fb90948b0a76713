//! kstatus: whether an object has become what it was asked to be.

use super::status;
use crate::cluster::Cluster;
use recant_core::object::Object;
use recant_core::object::ObjectRef;

/// How far an object is, in kstatus' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Current,
    InProgress,
    Failed,
    NotFound,
    Terminating,
}

impl Health {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Current => "Current",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::NotFound => "NotFound",
            Self::Terminating => "Terminating",
        }
    }
}

/// The health of the object of that name.
pub(super) fn of(cluster: &Cluster, name: &ObjectRef) -> Health {
    cluster
        .get(name)
        .map_or(Health::NotFound, |object| judge(&object))
}

fn judge(object: &Object) -> Health {
    if object.is_deleting() {
        return Health::Terminating;
    }
    let observed = object.int("/status/observedGeneration");
    if observed.is_some_and(|observed| observed != object.generation()) {
        return Health::InProgress;
    }
    match (object.reference().group(), object.str("/kind")) {
        ("apps", "Deployment") => deployment(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "ReplicaSet" | "StatefulSet") => replicas(object),
        ("", "Pod") if is(object, "Ready", "True") => Health::Current,
        ("", "Pod") => Health::InProgress,
        ("apiextensions.k8s.io", _) if is(object, "Established", "True") => Health::Current,
        ("apiextensions.k8s.io", _) => Health::InProgress,
        _ => by_conditions(object),
    }
}

fn is(object: &Object, kind: &str, status: &str) -> bool {
    status::find(object, kind).is_some_and(|condition| condition["status"] == status)
}

fn by_conditions(object: &Object) -> Health {
    if is(object, "Stalled", "True") {
        Health::Failed
    } else if is(object, "Reconciling", "True") {
        Health::InProgress
    } else if status::find(object, "Ready").is_none() || is(object, "Ready", "True") {
        Health::Current
    } else {
        Health::InProgress
    }
}

fn count(object: &Object, field: &str) -> i64 {
    object.int(&format!("/status/{field}")).unwrap_or(0)
}

fn deployment(object: &Object) -> Health {
    let late = status::find(object, "Progressing")
        .is_some_and(|condition| condition["reason"] == "ProgressDeadlineExceeded");
    if late {
        return Health::Failed;
    }
    let desired = object.int("/spec/replicas").unwrap_or(1);
    let seen = object.int("/status/observedGeneration").is_some();
    let done = seen
        && count(object, "updatedReplicas") >= desired
        && count(object, "replicas") <= desired
        && count(object, "availableReplicas") >= count(object, "updatedReplicas")
        && count(object, "readyReplicas") >= desired
        && is(object, "Available", "True");
    if done { Health::Current } else { Health::InProgress }
}

fn daemon_set(object: &Object) -> Health {
    let seen = object.int("/status/desiredNumberScheduled").is_some();
    let desired = count(object, "desiredNumberScheduled");
    let fields = [
        "currentNumberScheduled",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberReady",
    ];
    let done = seen && fields.iter().all(|field| count(object, field) >= desired);
    if done { Health::Current } else { Health::InProgress }
}

fn replicas(object: &Object) -> Health {
    let desired = object.int("/spec/replicas").unwrap_or(1);
    let done = count(object, "replicas") == desired && count(object, "readyReplicas") >= desired;
    if done { Health::Current } else { Health::InProgress }
}
