//! Defaults of the built-in kinds, as far as they show in what is read back.

use super::pod;
use crate::cluster::kind::Kind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use recant_core::object::Object;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

pub(super) fn default(kind: &Kind, object: &mut Object, old: Option<&Object>) {
    let Value::Object(map) = &mut object.0 else { return };
    match kind.kind.as_str() {
        "Deployment" => deployment(map),
        "ReplicaSet" => replica_set(map),
        "StatefulSet" => stateful_set(map),
        "DaemonSet" => daemon_set(map),
        "Job" => job(map, old),
        "CronJob" => cron_job(map),
        "Pod" => pod::default(map, old.is_none()),
        "Service" => service(map),
        "Secret" => secret(map),
        "Namespace" => namespace(map, old.is_none()),
        "HorizontalPodAutoscaler" => fill(spec(map), json!({ "minReplicas": 1 })),
        "NetworkPolicy" => network_policy(map),
        "RoleBinding" | "ClusterRoleBinding" => binding(map),
        "EndpointSlice" => ports(map.get_mut("ports"), &json!({ "name": "", "protocol": "TCP" })),
        _ => {}
    }
}

/// Puts in what is missing (absent or null).
pub(super) fn fill(map: &mut Map<String, Value>, defaults: Value) {
    let Value::Object(defaults) = defaults else { return };
    for (key, value) in defaults {
        let slot = map.entry(key).or_insert(Value::Null);
        if slot.is_null() {
            *slot = value;
        }
    }
}

/// The map under a key, made when missing. A value that is no map is left to validation: then this is a map of
/// nobody's.
pub(super) fn inner<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let slot = map.entry(key.to_owned()).or_insert_with(|| json!({}));
    if !slot.is_object() {
        *slot = json!({});
    }
    slot.as_object_mut().expect("it has just been made a map")
}

fn spec(map: &mut Map<String, Value>) -> &mut Map<String, Value> {
    inner(map, "spec")
}

/// Fills in every map of a list.
pub(super) fn ports(list: Option<&mut Value>, defaults: &Value) {
    for port in list
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        fill(port, defaults.clone());
    }
}

fn template(spec: &mut Map<String, Value>) {
    let template = inner(spec, "template");
    pod::spec(inner(template, "spec"));
}

fn deployment(map: &mut Map<String, Value>) {
    let spec = spec(map);
    fill(
        spec,
        json!({ "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "strategy": {} }),
    );
    let strategy = inner(spec, "strategy");
    fill(strategy, json!({ "type": "RollingUpdate" }));
    if strategy.get("type").is_some_and(|t| t == "RollingUpdate") {
        fill(
            inner(strategy, "rollingUpdate"),
            json!({ "maxSurge": "25%", "maxUnavailable": "25%" }),
        );
    }
    template(spec);
}

fn replica_set(map: &mut Map<String, Value>) {
    fill(spec(map), json!({ "replicas": 1 }));
    template(spec(map));
}

fn stateful_set(map: &mut Map<String, Value>) {
    let spec = spec(map);
    fill(
        spec,
        json!({
            "replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady",
            "persistentVolumeClaimRetentionPolicy": { "whenDeleted": "Retain", "whenScaled": "Retain" },
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
        }),
    );
    template(spec);
}

fn daemon_set(map: &mut Map<String, Value>) {
    let spec = spec(map);
    let rolling = json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 0, "maxUnavailable": 1 } });
    fill(
        spec,
        json!({ "revisionHistoryLimit": 10, "updateStrategy": rolling }),
    );
    template(spec);
}

fn job_spec(spec: &mut Map<String, Value>) {
    fill(
        spec,
        json!({
            "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": false,
            "podReplacementPolicy": "TerminatingOrFailed", "parallelism": 1,
        }),
    );
    template(spec);
}

fn job(map: &mut Map<String, Value>, old: Option<&Object>) {
    let name = map
        .get("metadata")
        .and_then(|m| m.get("name"))
        .cloned()
        .unwrap_or_default();
    let spec = spec(map);
    fill(spec, json!({ "completions": 1 }));
    job_spec(spec);
    match old.and_then(|o| o.at("/spec/selector")) {
        Some(selector) => fill(spec, json!({ "selector": selector })),
        None => {
            let label = json!({ "batch.kubernetes.io/job-name": name });
            fill(spec, json!({ "selector": { "matchLabels": label } }));
            let metadata = inner(inner(spec, "template"), "metadata");
            fill(inner(metadata, "labels"), label);
        }
    }
}

fn cron_job(map: &mut Map<String, Value>) {
    let spec = spec(map);
    fill(
        spec,
        json!({
            "concurrencyPolicy": "Allow", "suspend": false,
            "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
        }),
    );
    template(inner(inner(spec, "jobTemplate"), "spec"));
}

fn service(map: &mut Map<String, Value>) {
    let spec = spec(map);
    fill(spec, json!({ "type": "ClusterIP", "sessionAffinity": "None" }));
    if spec.get("type").is_none_or(|t| t != "ExternalName") {
        fill(
            spec,
            json!({ "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack" }),
        );
    }
    if spec
        .get("type")
        .is_some_and(|t| t == "NodePort" || t == "LoadBalancer")
    {
        fill(spec, json!({ "externalTrafficPolicy": "Cluster" }));
    }
    if spec.get("type").is_some_and(|t| t == "LoadBalancer") {
        fill(spec, json!({ "allocateLoadBalancerNodePorts": true }));
    }
    ports(spec.get_mut("ports"), &json!({ "protocol": "TCP" }));
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let target = port.get("port").cloned();
        if let (Some(port), Some(target)) = (port.as_object_mut(), target) {
            fill(port, json!({ "targetPort": target }));
        }
    }
    if !map.contains_key("status") {
        map.insert("status".to_owned(), json!({ "loadBalancer": {} }));
    }
}

fn secret(map: &mut Map<String, Value>) {
    fill(map, json!({ "type": "Opaque" }));
    let Some(Value::Object(plain)) = map.remove("stringData") else {
        return;
    };
    let data = inner(map, "data");
    for (key, value) in plain {
        let text = value.as_str().unwrap_or_default();
        data.insert(key, STANDARD.encode(text).into());
    }
}

fn namespace(map: &mut Map<String, Value>, is_new: bool) {
    if is_new {
        fill(spec(map), json!({ "finalizers": ["kubernetes"] }));
        map.insert("status".to_owned(), json!({ "phase": "Active" }));
    }
    let metadata = inner(map, "metadata");
    let name = metadata.get("name").cloned().unwrap_or_default();
    fill(
        inner(metadata, "labels"),
        json!({ "kubernetes.io/metadata.name": name }),
    );
}

fn network_policy(map: &mut Map<String, Value>) {
    let spec = spec(map);
    let mut types = vec!["Ingress"];
    if spec
        .get("egress")
        .and_then(Value::as_array)
        .is_some_and(|e| !e.is_empty())
    {
        types.push("Egress");
    }
    fill(spec, json!({ "policyTypes": types }));
    for direction in ["ingress", "egress"] {
        for rule in spec
            .get_mut(direction)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            ports(rule.get_mut("ports"), &json!({ "protocol": "TCP" }));
        }
    }
}

fn binding(map: &mut Map<String, Value>) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    fill(inner(map, "roleRef"), json!({ "apiGroup": GROUP }));
    for subject in map
        .get_mut("subjects")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let is_account = subject.get("kind").is_some_and(|k| k == "ServiceAccount");
        if let Some(subject) = subject.as_object_mut().filter(|_| !is_account) {
            fill(subject, json!({ "apiGroup": GROUP }));
        }
    }
}
