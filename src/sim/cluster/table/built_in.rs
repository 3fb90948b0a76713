//! The columns of the built-in kinds.

mod columns;

pub(super) use columns::columns;

use super::age;
use super::pod;
use crate::cluster::kind::Kind;
use crate::cluster::meta;
use crate::cluster::selector;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;

/// The cells of a row.
pub(super) fn cells(kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
    let (named, columns) = columns(kind);
    let mut cells: Vec<Value> = named.then(|| object.name().into()).into_iter().collect();
    cells.extend(columns.iter().map(|(column, _)| cell(kind, object, column, now)));
    cells
}

fn cell(kind: &Kind, object: &Object, column: &str, now: Timestamp) -> Value {
    let text = |pointer: &str| or_none(object.str(pointer));
    match column {
        "Name" => object.name().into(),
        "Age" => age::since(object.str("/metadata/creationTimestamp"), now).into(),
        "Created At" => text("/metadata/creationTimestamp"),
        "Containers" => joined(containers(kind, object), "name"),
        "Images" => joined(containers(kind, object), "image"),
        "Selector" => object
            .at("/spec/selector")
            .map_or_else(|| or_none(""), |s| or_none(&selector::selector_text(s))),
        _ => match kind.kind.as_str() {
            "Pod" => pod_cell(object, column, now),
            "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => workload_cell(kind, object, column),
            "Service" => service_cell(object, column),
            "Event" => event_cell(object, column, now),
            "Node" => node_cell(object, column),
            "Job" | "CronJob" => job_cell(object, column, now),
            _ => other_cell(object, column),
        },
    }
}

fn or_none(text: &str) -> Value {
    if text.is_empty() {
        "<none>".into()
    } else {
        text.into()
    }
}

fn count(object: &Object, pointer: &str) -> Value {
    object.int(pointer).unwrap_or_default().into()
}

fn size(object: &Object, pointers: &[&str]) -> Value {
    pointers
        .iter()
        .filter_map(|p| object.at(p)?.as_object())
        .map(serde_json::Map::len)
        .sum::<usize>()
        .into()
}

fn containers<'a>(kind: &Kind, object: &'a Object) -> &'a [Value] {
    let at = match kind.kind.as_str() {
        "CronJob" => "/spec/jobTemplate/spec/template/spec/containers",
        _ => "/spec/template/spec/containers",
    };
    meta::list(object, at)
}

fn joined(list: &[Value], key: &str) -> Value {
    let texts: Vec<&str> = list.iter().filter_map(|one| one.get(key)?.as_str()).collect();
    texts.join(",").into()
}

fn pod_cell(object: &Object, column: &str, now: Timestamp) -> Value {
    let (ready, status, restarts) = pod::summary(object, now);
    match column {
        "Ready" => ready.into(),
        "Status" => status.into(),
        "Restarts" => restarts.into(),
        "IP" => or_none(object.str("/status/podIP")),
        "Node" => or_none(object.str("/spec/nodeName")),
        "Nominated Node" => or_none(object.str("/status/nominatedNodeName")),
        _ => or_none(""),
    }
}

fn workload_cell(kind: &Kind, object: &Object, column: &str) -> Value {
    let number = |pointer: &str| object.int(pointer).unwrap_or_default();
    let daemons = kind.kind == "DaemonSet";
    match column {
        "Ready" if daemons => count(object, "/status/numberReady"),
        "Ready" if kind.kind == "ReplicaSet" => count(object, "/status/readyReplicas"),
        "Ready" => format!("{}/{}", number("/status/readyReplicas"), number("/spec/replicas")).into(),
        "Desired" if daemons => count(object, "/status/desiredNumberScheduled"),
        "Desired" => count(object, "/spec/replicas"),
        "Current" if daemons => count(object, "/status/currentNumberScheduled"),
        "Current" => count(object, "/status/replicas"),
        "Up-to-date" if daemons => count(object, "/status/updatedNumberScheduled"),
        "Up-to-date" => count(object, "/status/updatedReplicas"),
        "Available" if daemons => count(object, "/status/numberAvailable"),
        "Available" => count(object, "/status/availableReplicas"),
        _ => object
            .at("/spec/template/spec/nodeSelector")
            .map_or_else(|| or_none(""), |s| or_none(&selector::selector_text(s))),
    }
}

fn service_cell(object: &Object, column: &str) -> Value {
    match column {
        "Type" => or_none(object.str("/spec/type")),
        "Cluster-IP" => or_none(object.str("/spec/clusterIP")),
        "External-IP" if object.str("/spec/type") == "LoadBalancer" => {
            let first = meta::list(object, "/status/loadBalancer/ingress").first();
            let address = first.and_then(|i| i.get("ip").or_else(|| i.get("hostname"))?.as_str());
            address.unwrap_or("<pending>").into()
        }
        "External-IP" => or_none(object.str("/spec/externalName")),
        _ => {
            let port = |p: &Value| {
                let protocol = p.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
                match (p.get("port"), p.get("nodePort")) {
                    (Some(port), Some(node)) => format!("{port}:{node}/{protocol}"),
                    (Some(port), None) => format!("{port}/{protocol}"),
                    (None, _) => String::new(),
                }
            };
            let ports: Vec<String> = meta::list(object, "/spec/ports").iter().map(port).collect();
            or_none(&ports.join(","))
        }
    }
}

fn event_cell(object: &Object, column: &str, now: Timestamp) -> Value {
    // Events of either group have the same cells.
    let either = |a: &str, b: &str| {
        if object.str(a).is_empty() {
            object.str(b).to_owned()
        } else {
            object.str(a).to_owned()
        }
    };
    let about = |field: &str| {
        either(
            &format!("/involvedObject/{field}"),
            &format!("/regarding/{field}"),
        )
    };
    let time = |names: &[&str]| {
        let first = names
            .iter()
            .map(|n| object.str(n))
            .find(|t| !t.is_empty())
            .unwrap_or_default();
        Value::from(age::since(first, now))
    };
    match column {
        "Last Seen" => time(&[
            "/series/lastObservedTime",
            "/lastTimestamp",
            "/deprecatedLastTimestamp",
            "/eventTime",
        ]),
        "First Seen" => time(&["/firstTimestamp", "/deprecatedFirstTimestamp", "/eventTime"]),
        "Type" => object.str("/type").into(),
        "Reason" => object.str("/reason").into(),
        "Object" => format!("{}/{}", about("kind").to_lowercase(), about("name")).into(),
        "Subobject" => about("fieldPath").into(),
        "Source" => match either("/source/component", "/deprecatedSource/component") {
            source if source.is_empty() => either("/reportingComponent", "/reportingController").into(),
            source => source.into(),
        },
        "Message" => either("/message", "/note").trim().into(),
        _ => {
            let count = object.int("/series/count").or_else(|| object.int("/count"));
            count
                .or_else(|| object.int("/deprecatedCount"))
                .unwrap_or(1)
                .into()
        }
    }
}

fn node_cell(object: &Object, column: &str) -> Value {
    let conditions = meta::list(object, "/status/conditions");
    let address = |kind: &str| {
        let found = meta::list(object, "/status/addresses")
            .iter()
            .find(|a| a.get("type").is_some_and(|t| t == kind));
        or_none(found.and_then(|a| a.get("address")?.as_str()).unwrap_or_default())
    };
    match column {
        "Status" => match conditions
            .iter()
            .find(|c| c.get("type").is_some_and(|t| t == "Ready"))
        {
            Some(ready) if ready.get("status").is_some_and(|s| s == "True") => "Ready".into(),
            Some(_) => "NotReady".into(),
            None => "Unknown".into(),
        },
        "Roles" => {
            let labels = object.strings("/metadata/labels");
            let roles: Vec<&str> = labels
                .keys()
                .filter_map(|l| l.strip_prefix("node-role.kubernetes.io/"))
                .collect();
            or_none(&roles.join(","))
        }
        "Version" => object.str("/status/nodeInfo/kubeletVersion").into(),
        "Internal-IP" => address("InternalIP"),
        "External-IP" => address("ExternalIP"),
        "OS-Image" => or_none(object.str("/status/nodeInfo/osImage")),
        "Kernel-Version" => or_none(object.str("/status/nodeInfo/kernelVersion")),
        _ => or_none(object.str("/status/nodeInfo/containerRuntimeVersion")),
    }
}

fn job_cell(object: &Object, column: &str, now: Timestamp) -> Value {
    let is = |wanted: &str| {
        let conditions = meta::list(object, "/status/conditions");
        conditions.iter().any(|c| {
            c.get("type").is_some_and(|t| t == wanted) && c.get("status").is_some_and(|s| s == "True")
        })
    };
    match column {
        "Status" if is("Complete") => "Complete".into(),
        "Status" if is("Failed") => "Failed".into(),
        "Status" => "Running".into(),
        "Completions" => {
            let done = object.int("/status/succeeded").unwrap_or_default();
            format!("{done}/{}", object.int("/spec/completions").unwrap_or(1)).into()
        }
        "Duration" => match (
            object.str("/status/startTime"),
            object.str("/status/completionTime"),
        ) {
            ("", _) => "".into(),
            (start, "") => age::since(start, now).into(),
            (start, end) => end
                .parse()
                .map_or_else(|_| "".to_owned(), |end| age::since(start, end))
                .into(),
        },
        "Schedule" => object.str("/spec/schedule").into(),
        "Timezone" => or_none(object.str("/spec/timeZone")),
        "Suspend" => (object.at("/spec/suspend") == Some(&Value::Bool(true)))
            .to_string()
            .into(),
        "Active" => meta::list(object, "/status/active").len().into(),
        _ => match object.str("/status/lastScheduleTime") {
            "" => or_none(""),
            last => age::since(last, now).into(),
        },
    }
}

fn other_cell(object: &Object, column: &str) -> Value {
    let shown = |pointer: &str| match object.at(pointer) {
        Some(Value::String(text)) => or_none(text),
        Some(Value::Null) | None => "N/A".into(),
        Some(other) => other.to_string().into(),
    };
    match column {
        "Status" => object.str("/status/phase").into(),
        "Data" => size(object, &["/data", "/binaryData"]),
        "Type" => object.str("/type").into(),
        "Secrets" => meta::list(object, "/secrets").len().into(),
        "AddressType" => object.str("/addressType").into(),
        "Endpoints" => or_none(&addresses(object).join(",")),
        "Ports" if object.str("/kind") == "EndpointSlice" => {
            let ports: Vec<String> = meta::list(object, "/ports")
                .iter()
                .filter_map(|p| Some(p.get("port")?.to_string()))
                .collect();
            or_none(&ports.join(","))
        }
        "Ports" => if object.at("/spec/tls").is_some() {
            "80, 443"
        } else {
            "80"
        }
        .into(),
        "Reference" => format!(
            "{}/{}",
            object.str("/spec/scaleTargetRef/kind"),
            object.str("/spec/scaleTargetRef/name")
        )
        .into(),
        "Targets" => "<unknown>".into(),
        "MinPods" => count(object, "/spec/minReplicas"),
        "MaxPods" => count(object, "/spec/maxReplicas"),
        "Replicas" => count(object, "/status/currentReplicas"),
        "Class" => or_none(object.str("/spec/ingressClassName")),
        "Hosts" => match joined(meta::list(object, "/spec/rules"), "host") {
            Value::String(hosts) if !hosts.is_empty() => hosts.into(),
            _ => "*".into(),
        },
        "Address" => joined(meta::list(object, "/status/loadBalancer/ingress"), "ip"),
        "Pod-Selector" => object
            .at("/spec/podSelector")
            .map_or_else(|| or_none(""), |s| or_none(&selector::selector_text(s))),
        "Min Available" => shown("/spec/minAvailable"),
        "Max Unavailable" => shown("/spec/maxUnavailable"),
        "Allowed Disruptions" => count(object, "/status/disruptionsAllowed"),
        "Holder" => object.str("/spec/holderIdentity").into(),
        _ => format!("{}/{}", object.str("/roleRef/kind"), object.str("/roleRef/name")).into(),
    }
}

/// The addresses of an EndpointSlice, or `address:port` of Endpoints.
fn addresses(object: &Object) -> Vec<String> {
    let texts = |value: Option<&Value>| -> Vec<String> {
        value
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let mut found: Vec<String> = meta::list(object, "/endpoints")
        .iter()
        .flat_map(|e| texts(e.get("addresses")))
        .collect();
    for subset in meta::list(object, "/subsets") {
        for address in subset
            .get("addresses")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            for port in subset
                .get("ports")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let ip = address.get("ip").and_then(Value::as_str).unwrap_or_default();
                found.push(format!("{ip}:{}", port.get("port").cloned().unwrap_or_default()));
            }
        }
    }
    found
}
