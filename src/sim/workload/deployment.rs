//! Deployments: one ReplicaSet for each pod template, rolled over from one to the next.

use super::Desk;
use super::counts;
use super::owned;
use super::pods;
use super::rollout;
use super::rollout::Limits;
use super::rollout::Set;
use crate::clock;
use crate::condition;
use crate::trace::Happening;
use crate::trace::What;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

const MANAGER: &str = "kube-controller-manager";
const REVISION: &str = "deployment.kubernetes.io/revision";

/// A Deployment's ReplicaSets.
struct Sets {
    /// The one with the Deployment's template, if there is one yet.
    new: Option<Object>,
    /// The others, oldest first.
    old: Vec<Object>,
}

impl Sets {
    fn of(all: &[Object], deployment: &Object) -> Self {
        let hash = template_hash(deployment);
        let mut mine = owned(all, deployment);
        mine.sort_by_key(revision);
        let (mut new, old): (Vec<_>, Vec<_>) = mine
            .into_iter()
            .partition(|set| set.label("pod-template-hash") == Some(hash.as_str()));
        Self { new: new.pop(), old }
    }

    fn all(&self) -> impl Iterator<Item = &Object> {
        self.old.iter().chain(&self.new)
    }

    /// The sum of one count over all of them.
    fn sum(&self, pointer: &str) -> i64 {
        self.all().filter_map(|set| set.int(pointer)).sum()
    }
}

fn revision(set: &Object) -> i64 {
    set.annotation(REVISION)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn template_hash(deployment: &Object) -> String {
    deployment
        .at("/spec/template")
        .map_or_else(String::new, pods::template_hash)
}

/// Creates, scales and deletes ReplicaSets.
pub(super) fn scale(desk: &mut Desk<'_>) {
    let all = desk.cluster.list("apps/v1", "ReplicaSet", "");
    for deployment in desk.cluster.list("apps/v1", "Deployment", "") {
        if !deployment.is_deleting() {
            scale_one(desk, &deployment, &Sets::of(&all, &deployment));
        }
    }
}

fn scale_one(desk: &mut Desk<'_>, deployment: &Object, sets: &Sets) {
    let paused = deployment.at("/spec/paused") == Some(&Value::Bool(true));
    let newest = sets.all().map(revision).max().unwrap_or(0);
    let limits = Limits::of(deployment);
    let numbers = |set: &Object| Set {
        wanted: set.int("/spec/replicas").unwrap_or(0),
        available: set.int("/status/availableReplicas").unwrap_or(0),
    };
    let old: Vec<Set> = sets.old.iter().map(numbers).collect();
    let running = sets
        .old
        .iter()
        .any(|set| set.int("/status/replicas").unwrap_or(0) > 0);
    match &sets.new {
        Some(new) => {
            note_revision(desk, deployment, new, newest);
            let (up, down) = if paused {
                (numbers(new).wanted, old.iter().map(|set| set.wanted).collect())
            } else {
                rollout::next(limits, numbers(new), &old, running)
            };
            resize(desk, new, up);
            for (set, size) in sets.old.iter().zip(down) {
                resize(desk, set, size);
            }
        }
        None if paused => {}
        None => {
            let none = Set {
                wanted: 0,
                available: 0,
            };
            let (up, _) = rollout::next(limits, none, &old, running);
            create(desk, deployment, up, newest + 1);
        }
    }
    drop_history(desk, deployment, sets);
}

fn create(desk: &mut Desk<'_>, deployment: &Object, replicas: i64, revision: i64) {
    let hash = template_hash(deployment);
    let mut set = Object(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet"}));
    set.set("/metadata/name", json!(format!("{}-{hash}", deployment.name())));
    set.set("/metadata/namespace", json!(deployment.namespace()));
    let labels = deployment.at("/spec/template/metadata/labels").cloned();
    set.set("/metadata/labels", labels.unwrap_or(json!({})));
    set.set("/metadata/labels/pod-template-hash", json!(hash));
    let annotation = format!("/metadata/annotations/{}", REVISION.replace('/', "~1"));
    set.set(&annotation, json!(revision.to_string()));
    for field in ["/spec/selector", "/spec/template", "/spec/minReadySeconds"] {
        if let Some(value) = deployment.at(field) {
            set.set(field, value.clone());
        }
    }
    set.set("/spec/replicas", json!(replicas));
    set.set("/spec/selector/matchLabels/pod-template-hash", json!(hash));
    set.set("/spec/template/metadata/labels/pod-template-hash", json!(hash));
    desk.create(MANAGER, deployment, set);
    annotate(desk, deployment, revision);
}

/// A template that comes back gets the next revision, as after `kubectl rollout undo`.
fn note_revision(desk: &mut Desk<'_>, deployment: &Object, new: &Object, newest: i64) {
    let revision = if revision(new) < newest {
        let patch = json!({"metadata": {"annotations": {REVISION: (newest + 1).to_string()}}});
        desk.patch(MANAGER, &new.reference(), patch);
        newest + 1
    } else {
        newest
    };
    annotate(desk, deployment, revision);
}

fn annotate(desk: &mut Desk<'_>, deployment: &Object, revision: i64) {
    let revision = revision.to_string();
    if deployment.annotation(REVISION) != Some(revision.as_str()) {
        let patch = json!({"metadata": {"annotations": {REVISION: revision}}});
        desk.patch(MANAGER, &deployment.reference(), patch);
    }
}

fn resize(desk: &mut Desk<'_>, set: &Object, replicas: i64) {
    if set.int("/spec/replicas") != Some(replicas) {
        let patch = json!({"spec": {"replicas": replicas}});
        desk.patch(MANAGER, &set.reference(), patch);
    }
}

fn drop_history(desk: &mut Desk<'_>, deployment: &Object, sets: &Sets) {
    let limit = deployment.int("/spec/revisionHistoryLimit").unwrap_or(10).max(0) as usize;
    let is_idle =
        |set: &&Object| set.int("/spec/replicas") == Some(0) && set.int("/status/replicas").unwrap_or(0) == 0;
    let idle: Vec<&Object> = sets.old.iter().filter(is_idle).collect();
    for set in idle.iter().take(idle.len().saturating_sub(limit)) {
        desk.delete(MANAGER, set);
    }
}

/// Writes the status.
pub(super) fn report(desk: &mut Desk<'_>) {
    let all = desk.cluster.list("apps/v1", "ReplicaSet", "");
    for deployment in desk.cluster.list("apps/v1", "Deployment", "") {
        if !deployment.is_deleting() {
            report_one(desk, &deployment, &Sets::of(&all, &deployment));
        }
    }
}

fn report_one(desk: &mut Desk<'_>, deployment: &Object, sets: &Sets) {
    let limits = Limits::of(deployment);
    let updated = sets.new.as_ref().and_then(|set| set.int("/status/replicas"));
    let available = sets.sum("/status/availableReplicas");
    let mut status = counts(&[
        ("observedGeneration", deployment.generation()),
        ("replicas", sets.sum("/status/replicas")),
        ("updatedReplicas", updated.unwrap_or(0)),
        ("readyReplicas", sets.sum("/status/readyReplicas")),
        ("availableReplicas", available),
        (
            "unavailableReplicas",
            (sets.sum("/spec/replicas") - available).max(0),
        ),
    ]);
    let enough = available >= limits.desired - limits.unavailable;
    let (word, reason, message) = if enough {
        (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    let mut at_hand = condition::kept(deployment, desk.now, "Available", word, reason, message);
    let same = condition::find(deployment, "Available").filter(|before| before["status"] == word);
    let updated_at = same.and_then(|before| before["lastUpdateTime"].as_str());
    at_hand["lastUpdateTime"] = json!(updated_at.map_or_else(|| clock::stamp(desk.now), str::to_owned));
    let progress = progressing(desk, deployment, sets, &status, limits);
    tell(desk, deployment, progress["reason"].as_str().unwrap_or_default());
    status["conditions"] = json!([at_hand, progress]);
    desk.status(MANAGER, deployment, status);
}

/// The `Progressing` condition. Its `lastUpdateTime` is what the deadline counts from.
fn progressing(desk: &Desk<'_>, deployment: &Object, sets: &Sets, status: &Value, limits: Limits) -> Value {
    let name = sets.new.as_ref().map_or("", Object::name);
    let count = |field: &str| status.get(field).and_then(Value::as_i64).unwrap_or(0);
    let before = |field: &str| deployment.int(&format!("/status/{field}")).unwrap_or(0);
    let last = condition::find(deployment, "Progressing");
    let last_reason = last.and_then(|last| last["reason"].as_str()).unwrap_or_default();
    let same_set = last.is_some_and(|last| last["message"].as_str().unwrap_or_default().contains(name));
    let complete = ["replicas", "updatedReplicas", "availableReplicas"]
        .iter()
        .all(|field| count(field) == limits.desired);
    let old = |all: i64, updated: i64| all - updated;
    let moved = count("updatedReplicas") > before("updatedReplicas")
        || old(count("replicas"), count("updatedReplicas"))
            < old(before("replicas"), before("updatedReplicas"))
        || count("readyReplicas") > before("readyReplicas")
        || count("availableReplicas") > before("availableReplicas");
    let settled =
        last_reason == "NewReplicaSetAvailable" && same_set && count("replicas") == count("updatedReplicas");

    let condition = |word, reason, message: &str, fresh: bool| {
        let mut condition = condition::kept(deployment, desk.now, "Progressing", word, reason, message);
        let time = last
            .and_then(|last| last["lastUpdateTime"].as_str())
            .filter(|_| !fresh);
        condition["lastUpdateTime"] = json!(time.map_or_else(|| clock::stamp(desk.now), str::to_owned));
        condition
    };
    match last {
        Some(last) if settled => last.clone(),
        _ if complete => {
            let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
            condition("True", "NewReplicaSetAvailable", &message, true)
        }
        None => {
            let message = format!("Created new replica set \"{name}\"");
            condition("True", "NewReplicaSetCreated", &message, true)
        }
        Some(_) if moved || !same_set => {
            let message = format!("ReplicaSet \"{name}\" is progressing.");
            condition("True", "ReplicaSetUpdated", &message, true)
        }
        Some(last) if is_late(desk, deployment, last) => {
            let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
            let fresh = last_reason != "ProgressDeadlineExceeded";
            condition("False", "ProgressDeadlineExceeded", &message, fresh)
        }
        Some(last) => last.clone(),
    }
}

fn is_late(desk: &Desk<'_>, deployment: &Object, last: &Value) -> bool {
    let deadline_s = deployment.int("/spec/progressDeadlineSeconds").unwrap_or(600);
    let paused = deployment.at("/spec/paused") == Some(&Value::Bool(true));
    let since = last["lastUpdateTime"].as_str().and_then(clock::parse);
    let late = since.is_some_and(|since| clock::since(since, desk.now) > deadline_s as f64);
    !paused && (late || last["reason"] == "ProgressDeadlineExceeded")
}

fn tell(desk: &mut Desk<'_>, deployment: &Object, reason: &str) {
    let before = condition::find(deployment, "Progressing");
    let last_reason = before
        .and_then(|before| before["reason"].as_str())
        .unwrap_or_default();
    if reason == last_reason {
        return;
    }
    let name = format!("{}/{}", deployment.namespace(), deployment.name());
    let images = pods::images(deployment);
    let what = match reason {
        "NewReplicaSetAvailable" => What::RolledOut {
            deployment: name,
            images,
        },
        "ProgressDeadlineExceeded" => What::Stuck {
            deployment: name,
            images,
        },
        _ => return,
    };
    let at = desk.now;
    desk.trace.push(Happening { at, what });
}
