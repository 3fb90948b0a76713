//! What the Deployment, ReplicaSet, DaemonSet and EndpointSlice controllers, the autoscalers and the kubelets do, in
//! simulated time.
//!
//! Level-triggered: every step compares what is with what is wanted and writes the difference, so a step after a
//! restart does the same. Never here: StatefulSets, Jobs, scheduling (there is one node).

pub mod behaviour;
mod daemon_set;
mod deployment;
mod endpoints;
mod kubelet;
mod pods;
mod replica_set;
mod rollout;
mod scaler;

pub(crate) use kubelet::CONFIG;

#[cfg(test)]
mod tests;

use crate::cluster::Cluster;
use crate::seed::Seeded;
use crate::trace::Happening;
use crate::trace::What;
use crate::traffic;
use behaviour::Behaviours;
use jiff::Timestamp;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeSet;

/// The name of the only node.
pub const NODE: &str = "node-0";

/// The controllers' own state: what Kubernetes would take from chance or from an address allocator.
#[derive(Clone, Debug)]
pub struct Workloads {
    names: Seeded,
    next_ip: u32,
    pods: BTreeSet<String>,
    told: BTreeSet<String>,
    /// The cluster's version, and the behaviours, with which there was nothing left to do, not even by waiting.
    rest: Option<(u64, Behaviours)>,
}

/// What the controllers share within one step.
struct Desk<'a> {
    now: Timestamp,
    cluster: &'a mut Cluster,
    names: &'a mut Seeded,
    trace: &'a mut Vec<Happening>,
    /// The refusals told so far.
    told: &'a mut BTreeSet<String>,
}

/// What a step changed that others must know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Names of the pods that were deleted.
    pub gone: Vec<String>,
}

impl Workloads {
    /// Controllers that have seen nothing yet.
    pub fn new(seed: u64) -> Self {
        Self {
            names: Seeded::new(seed, "pod names"),
            next_ip: 1,
            pods: BTreeSet::new(),
            told: BTreeSet::new(),
            rest: None,
        }
    }

    /// One round of every controller.
    pub fn step(
        &mut self,
        now: Timestamp,
        cluster: &mut Cluster,
        behaviours: &Behaviours,
        trace: &mut Vec<Happening>,
    ) -> Changes {
        let version = cluster.resource_version();
        let known = self.rest.as_ref();
        if known.is_some_and(|(at, with)| *at == version && with == behaviours) {
            return Changes::default();
        }
        let mut desk = Desk {
            now,
            cluster,
            names: &mut self.names,
            trace,
            told: &mut self.told,
        };
        scaler::scale(&mut desk);
        deployment::scale(&mut desk);
        replica_set::scale(&mut desk);
        daemon_set::scale(&mut desk);
        kubelet::run(&mut desk, behaviours, &mut self.next_ip);
        replica_set::report(&mut desk);
        daemon_set::report(&mut desk);
        deployment::report(&mut desk);
        endpoints::publish(&mut desk);
        let idle = cluster.resource_version() == version && !waits(cluster);
        self.rest = idle.then(|| (version, behaviours.clone()));
        let before = std::mem::replace(&mut self.pods, pod_names(cluster));
        Changes {
            gone: before.difference(&self.pods).cloned().collect(),
        }
    }
}

fn pod_names(cluster: &Cluster) -> BTreeSet<String> {
    let pods = cluster.list("v1", "Pod", "");
    pods.iter().map(|pod| pod.name().to_owned()).collect()
}

/// Whether time alone may change something: a pod is not ready yet, or not for long enough to count.
fn waits(cluster: &Cluster) -> bool {
    let pods = cluster.list("v1", "Pod", "");
    let sets = cluster.list("apps/v1", "ReplicaSet", "");
    let count = |set: &Object, field: &str| set.int(&format!("/status/{field}")).unwrap_or(0);
    pods.iter().any(|pod| !traffic::topology::is_ready(pod))
        || sets
            .iter()
            .any(|set| count(set, "availableReplicas") != count(set, "replicas"))
}

impl Desk<'_> {
    /// Creates an object that belongs to `owner`.
    fn create(&mut self, manager: &str, owner: &Object, mut object: Object) {
        object.set("/metadata/ownerReferences", json!([owner_reference(owner)]));
        self.write(manager, &Write::Create(object));
    }

    /// Replaces the status, if it differs.
    fn status(&mut self, manager: &str, object: &Object, status: Value) {
        if object.at("/status") == Some(&status) {
            return;
        }
        let Some(mut current) = self.cluster.get(&object.reference()) else {
            return;
        };
        current.set("/status", status);
        self.write(manager, &Write::UpdateStatus(current));
    }

    fn patch(&mut self, manager: &str, name: &ObjectRef, patch: Value) {
        let write = Write::Patch {
            name: name.clone(),
            resource_version: String::new(),
            patch,
        };
        self.write(manager, &write);
    }

    fn delete(&mut self, manager: &str, object: &Object) {
        let write = Write::Delete {
            name: object.reference(),
            uid: object.uid().to_owned(),
        };
        self.write(manager, &write);
    }

    /// A stale write is no accident here: the next round sees what there is then and tries again. Any other refusal
    /// is told, once.
    fn write(&mut self, manager: &str, write: &Write) {
        let Err(error) = self.cluster.write(self.now, manager, write) else {
            return;
        };
        let what = What::Refused {
            by: manager.to_owned(),
            object: write.name().to_string(),
            message: error.to_string(),
        };
        let at = self.now;
        // The next attempt may be under another generated name.
        let nameless = what.to_string().replace(&write.name().name, "");
        if !error.is_conflict() && !error.is_not_found() && self.told.insert(nameless) {
            self.trace.push(Happening { at, what });
        }
    }
}

fn owner_reference(owner: &Object) -> Value {
    json!({
        "apiVersion": owner.str("/apiVersion"),
        "kind": owner.str("/kind"),
        "name": owner.name(),
        "uid": owner.uid(),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// Whether `owner` is the controller of `object`.
fn is_owned(object: &Object, owner: &Object) -> bool {
    let owners = object.at("/metadata/ownerReferences").and_then(Value::as_array);
    owners
        .into_iter()
        .flatten()
        .any(|reference| reference["uid"] == owner.uid() && reference["controller"] == true)
}

/// The objects of a list that `owner` controls and nobody has asked to delete.
fn owned(objects: &[Object], owner: &Object) -> Vec<Object> {
    let mine = objects
        .iter()
        .filter(|object| is_owned(object, owner) && !object.is_deleting());
    mine.cloned().collect()
}

/// A map of counts without those that are zero: the API server leaves them out.
fn counts(pairs: &[(&str, i64)]) -> Value {
    let kept = pairs.iter().filter(|(_, count)| *count != 0);
    kept.map(|(name, count)| ((*name).to_owned(), json!(count)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
