//! Defaults of pods and pod templates: what a template read back from a cluster has more than the manifest.

use super::default::fill;
use super::default::inner;
use super::default::ports;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// A pod's own defaults: those of its spec, and what admission adds.
pub(super) fn default(map: &mut Map<String, Value>, is_new: bool) {
    let pod = inner(map, "spec");
    spec(pod);
    fill(
        pod,
        json!({
            "enableServiceLinks": true, "preemptionPolicy": "PreemptLowerPriority", "priority": 0,
            "serviceAccountName": "default", "serviceAccount": "default",
        }),
    );
    if is_new {
        map.insert(
            "status".to_owned(),
            json!({ "phase": "Pending", "qosClass": "BestEffort" }),
        );
    }
}

/// The defaults of a pod's spec.
pub(super) fn spec(spec: &mut Map<String, Value>) {
    fill(
        spec,
        json!({
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "securityContext": {}, "schedulerName": "default-scheduler",
        }),
    );
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        fill(spec, json!({ "serviceAccount": account }));
    }
    for list in ["containers", "initContainers"] {
        for one in spec
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Value::Object(one) = one {
                container(one);
            }
        }
    }
    for one in spec
        .get_mut("volumes")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Value::Object(one) = one {
            volume(one);
        }
    }
}

fn container(container: &mut Map<String, Value>) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let policy = if is_latest(image) {
        "Always"
    } else {
        "IfNotPresent"
    };
    fill(
        container,
        json!({
            "imagePullPolicy": policy, "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File", "resources": {},
        }),
    );
    ports(container.get_mut("ports"), &json!({ "protocol": "TCP" }));
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(Value::Object(one)) = container.get_mut(name) {
            probe(one);
        }
    }
    for env in container
        .get_mut("env")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(Value::Object(field)) = env.pointer_mut("/valueFrom/fieldRef") {
            fill(field, json!({ "apiVersion": "v1" }));
        }
    }
}

/// Whether the image has no tag, or `latest`, and no digest.
fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    !image.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn probe(probe: &mut Map<String, Value>) {
    fill(
        probe,
        json!({ "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3 }),
    );
    if let Some(Value::Object(get)) = probe.get_mut("httpGet") {
        fill(get, json!({ "path": "/", "scheme": "HTTP" }));
    }
    if let Some(Value::Object(grpc)) = probe.get_mut("grpc") {
        fill(grpc, json!({ "service": "" }));
    }
}

fn volume(volume: &mut Map<String, Value>) {
    for source in ["configMap", "secret", "projected", "downwardAPI"] {
        if let Some(Value::Object(source)) = volume.get_mut(source) {
            fill(source, json!({ "defaultMode": 420 }));
        }
    }
    if let Some(Value::Object(path)) = volume.get_mut("hostPath") {
        fill(path, json!({ "type": "" }));
    }
    if volume.len() == 1 && volume.contains_key("name") {
        fill(volume, json!({ "emptyDir": {} }));
    }
}
