//! What the API server refuses of the built-in kinds: the rules a manifest commonly breaks.

use crate::cluster::error::Cause;
use crate::cluster::kind::Kind;
use crate::cluster::meta;
use crate::cluster::selector;
use recant_core::object::Object;
use serde_json::Value;

pub(super) fn validate(kind: &Kind, object: &Object, old: Option<&Object>, causes: &mut Vec<Cause>) {
    match kind.kind.as_str() {
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => workload(object, old, causes),
        "Job" => template(object, "spec.template", causes),
        "CronJob" => template(object, "spec.jobTemplate.spec.template", causes),
        "Pod" => pod(object, "spec", causes),
        "Service" => service(object, old, causes),
        "Namespace" if !meta::is_dns_label(object.name()) => {
            let detail =
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'";
            causes.push(Cause::invalid("metadata.name", &object.name().into(), detail));
        }
        "ConfigMap" | "Secret" => data(object, old, causes),
        "HorizontalPodAutoscaler" => autoscaler(object, causes),
        "Lease" => lease(object, causes),
        "Event" if kind.group.is_empty() => event(object, causes),
        _ => {}
    }
}

fn lease(object: &Object, causes: &mut Vec<Cause>) {
    let table = [
        ("spec.leaseDurationSeconds", 1, "must be greater than 0"),
        ("spec.leaseTransitions", 0, "must be greater than or equal to 0"),
    ];
    for (field, least, detail) in table {
        let value = object.at(&pointer(field)).filter(|value| !value.is_null());
        if let Some(value) = value.filter(|value| value.as_i64().is_none_or(|n| n < least)) {
            causes.push(Cause::invalid(field, value, detail));
        }
    }
}

/// An event stands where its object is; one about an object without a namespace, in `default`.
fn event(object: &Object, causes: &mut Vec<Cause>) {
    let about = object.str("/involvedObject/namespace");
    let fits = match about {
        "" => object.namespace() == "default",
        about => about == object.namespace(),
    };
    if !fits {
        let detail = "does not match event.namespace";
        causes.push(Cause::invalid("involvedObject.namespace", &about.into(), detail));
    }
}

fn pointer(field: &str) -> String {
    format!("/{}", field.replace('.', "/"))
}

fn replicas(object: &Object, field: &str, causes: &mut Vec<Cause>) {
    let Some(value) = object.at(&pointer(field)) else {
        return;
    };
    if value.as_i64().is_none_or(|n| n < 0) {
        causes.push(Cause::invalid(field, value, "must be greater than or equal to 0"));
    }
}

fn workload(object: &Object, old: Option<&Object>, causes: &mut Vec<Cause>) {
    replicas(object, "spec.replicas", causes);
    match object.at("/spec/selector") {
        None => causes.push(Cause::required("spec.selector", "")),
        Some(selector) => {
            if old
                .and_then(|o| o.at("/spec/selector"))
                .is_some_and(|before| before != selector)
            {
                causes.push(Cause::invalid("spec.selector", selector, "field is immutable"));
            }
            let labels = object.strings("/spec/template/metadata/labels");
            if !selector::matches_selector(selector, &labels) {
                let shown = object
                    .at("/spec/template/metadata/labels")
                    .cloned()
                    .unwrap_or_default();
                let detail = "`selector` does not match template `labels`";
                causes.push(Cause::invalid("spec.template.metadata.labels", &shown, detail));
            }
        }
    }
    template(object, "spec.template", causes);
    let policy = object.at("/spec/template/spec/restartPolicy");
    if let Some(policy) = policy.filter(|p| *p != "Always") {
        let allowed = ["Always".to_owned()];
        causes.push(Cause::not_supported(
            "spec.template.spec.restartPolicy",
            policy,
            &allowed,
        ));
    }
}

fn template(object: &Object, at: &str, causes: &mut Vec<Cause>) {
    pod(object, &format!("{at}.spec"), causes);
}

fn pod(object: &Object, at: &str, causes: &mut Vec<Cause>) {
    if meta::list(object, &pointer(&format!("{at}.containers"))).is_empty() {
        causes.push(Cause::required(&format!("{at}.containers"), ""));
    }
    let volumes = meta::list(object, &pointer(&format!("{at}.volumes")));
    let volumes: Vec<&str> = volumes.iter().filter_map(|v| v.get("name")?.as_str()).collect();
    let mut names: Vec<&str> = Vec::new();
    for list in ["containers", "initContainers"] {
        for (index, one) in meta::list(object, &pointer(&format!("{at}.{list}")))
            .iter()
            .enumerate()
        {
            let at = format!("{at}.{list}[{index}]");
            let name = one.get("name").and_then(Value::as_str).unwrap_or_default();
            if names.contains(&name) {
                causes.push(Cause::duplicate(&format!("{at}.name"), &name.into()));
            }
            names.push(name);
            container(one, &at, &volumes, causes);
        }
    }
}

fn container(one: &Value, at: &str, volumes: &[&str], causes: &mut Vec<Cause>) {
    let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
    match text("name") {
        "" => causes.push(Cause::required(&format!("{at}.name"), "")),
        name if !meta::is_dns_label(name) => {
            let detail =
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'";
            causes.push(Cause::invalid(&format!("{at}.name"), &name.into(), detail));
        }
        _ => {}
    }
    if text("image").is_empty() {
        causes.push(Cause::required(&format!("{at}.image"), ""));
    }
    for (index, port) in one
        .get("ports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        port_number(
            port.get("containerPort"),
            &format!("{at}.ports[{index}].containerPort"),
            causes,
        );
    }
    for (index, env) in one
        .get("env")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let value = env.get("value").filter(|v| !v.is_string() && !v.is_null());
        if let Some(value) = value {
            causes.push(Cause::invalid(
                &format!("{at}.env[{index}].value"),
                value,
                "must be a string",
            ));
        }
    }
    for (index, mount) in one
        .get("volumeMounts")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let name = mount.get("name").and_then(Value::as_str).unwrap_or_default();
        if !volumes.contains(&name) {
            let at = format!("{at}.volumeMounts[{index}].name");
            causes.push(Cause::missing(&at, &name.into()));
        }
    }
}

fn port_number(port: Option<&Value>, at: &str, causes: &mut Vec<Cause>) {
    match port {
        None => causes.push(Cause::required(at, "")),
        Some(port) if port.as_i64().is_none_or(|n| !(1..=65_535).contains(&n)) => {
            causes.push(Cause::invalid(at, port, "must be between 1 and 65535, inclusive"));
        }
        Some(_) => {}
    }
}

fn service(object: &Object, old: Option<&Object>, causes: &mut Vec<Cause>) {
    let ports = meta::list(object, "/spec/ports");
    let headless = object.str("/spec/clusterIP") == "None";
    if ports.is_empty() && !headless && object.str("/spec/type") != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        port_number(port.get("port"), &format!("spec.ports[{index}].port"), causes);
        let name = port.get("name").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() && ports.len() > 1 {
            causes.push(Cause::required(&format!("spec.ports[{index}].name"), ""));
        }
        if !name.is_empty() && ports[..index].iter().any(|p| p.get("name") == port.get("name")) {
            causes.push(Cause::duplicate(
                &format!("spec.ports[{index}].name"),
                &name.into(),
            ));
        }
    }
    let address = object.at("/spec/clusterIP");
    let before = old.and_then(|o| o.at("/spec/clusterIP")).filter(|b| *b != "");
    if let (Some(address), Some(before)) = (address, before)
        && address != before
        && object.str("/spec/type") != "ExternalName"
    {
        causes.push(Cause::invalid(
            "spec.clusterIPs[0]",
            address,
            "may not change once set",
        ));
    }
}

fn data(object: &Object, old: Option<&Object>, causes: &mut Vec<Cause>) {
    let was_immutable = old.is_some_and(|o| o.at("/immutable") == Some(&Value::Bool(true)));
    for field in ["data", "binaryData"] {
        let now = object.0.get(field);
        if was_immutable && old.and_then(|o| o.0.get(field)) != now {
            causes.push(Cause::forbidden(
                field,
                "field is immutable when `immutable` is set",
            ));
        }
        for (key, value) in now.and_then(Value::as_object).into_iter().flatten() {
            if !value.is_string() {
                causes.push(Cause::invalid(
                    &format!("{field}[{key}]"),
                    value,
                    "must be a string",
                ));
            }
        }
    }
}

fn autoscaler(object: &Object, causes: &mut Vec<Cause>) {
    if object.int("/spec/maxReplicas").is_none_or(|n| n < 1) {
        let value = object
            .at("/spec/maxReplicas")
            .cloned()
            .unwrap_or_else(|| 0.into());
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            &value,
            "must be greater than 0",
        ));
    }
    for field in ["kind", "name"] {
        if object.str(&format!("/spec/scaleTargetRef/{field}")).is_empty() {
            causes.push(Cause::required(&format!("spec.scaleTargetRef.{field}"), ""));
        }
    }
}
