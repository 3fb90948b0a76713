//! The kubelet: what becomes of a pod's containers, by their images' behaviour and the pod's age.

use super::Desk;
use super::behaviour::Behaviours;
use super::behaviour::Fate;
use crate::clock;
use crate::condition;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use serde_json::Value;
use serde_json::json;

const MANAGER: &str = "kubelet";

/// The annotation that says which of the declared words a pod's configuration had when it started.
pub(crate) const CONFIG: &str = "sim.recant.dev/config";

/// Seconds until a container has been pulled and started.
const START_S: f64 = 1.0;

/// One container's state.
struct Container {
    ready: bool,
    running: bool,
    restarts: u32,
    /// `state` as the API has it.
    state: Value,
}

/// Writes the status of every pod.
pub(super) fn run(desk: &mut Desk<'_>, behaviours: &Behaviours, next_ip: &mut u32) {
    for pod in desk.cluster.list("v1", "Pod", "") {
        if !pod.is_deleting() {
            let status = status(desk, &pod, behaviours, next_ip);
            let starts = status["podIP"].is_string() && pod.annotation(CONFIG).is_none();
            desk.status(MANAGER, &pod, status);
            if starts {
                note_config(desk, &pod, behaviours);
            }
        }
    }
}

fn status(desk: &Desk<'_>, pod: &Object, behaviours: &Behaviours, next_ip: &mut u32) -> Value {
    let created = clock::parse(pod.str("/metadata/creationTimestamp")).unwrap_or(desk.now);
    let age_s = clock::since(created, desk.now);
    let missing = missing_config(desk, pod);
    let specs = pod.at("/spec/containers").and_then(Value::as_array);
    let specs: Vec<&Value> = specs.into_iter().flatten().collect();
    let containers: Vec<Container> = specs
        .iter()
        .map(|spec| {
            let image = spec.get("image").and_then(Value::as_str).unwrap_or_default();
            let started = clock::stamp(clock::after(created, START_S));
            match &missing {
                Some(message) => waiting("CreateContainerConfigError", message),
                None => container(behaviours.of(image).fate, image, age_s, &started),
            }
        })
        .collect();
    let statuses: Vec<Value> = specs
        .iter()
        .zip(&containers)
        .map(|(spec, container)| container_status(spec, container))
        .collect();
    let running = containers.iter().all(|container| container.running);
    let mut status = json!({
        "phase": if running { "Running" } else { "Pending" },
        "qosClass": "Burstable",
        "hostIP": "10.0.0.1",
        "startTime": clock::stamp(created),
        "conditions": conditions(desk, pod, containers.iter().all(|container| container.ready)),
        "containerStatuses": statuses,
    });
    if running {
        let ip = match pod.str("/status/podIP") {
            "" => address(next_ip),
            ip => ip.to_owned(),
        };
        status["podIPs"] = json!([{"ip": ip}]);
        status["podIP"] = json!(ip);
    }
    status
}

/// Pods read their ConfigMaps when they start, and behave by them until they end.
fn note_config(desk: &mut Desk<'_>, pod: &Object, behaviours: &Behaviours) {
    let named = recant_core::config::named(&pod.0).into_keys();
    let read = named.filter_map(|key| {
        let name = recant_core::config::object_ref(&key, pod.namespace());
        let object = desk.cluster.get(&name).filter(|_| name.kind == "ConfigMap")?;
        Some(object.at("/data")?.to_string())
    });
    let texts: Vec<String> = read.collect();
    if let Some(word) = behaviours.config_word(&texts).filter(|_| !texts.is_empty()) {
        let patch = json!({"metadata": {"annotations": {CONFIG: word}}});
        desk.patch(MANAGER, &pod.reference(), patch);
    }
}

fn address(next: &mut u32) -> String {
    let ip = format!("10.244.{}.{}", *next / 250 % 250, *next % 250 + 2);
    *next += 1;
    ip
}

fn conditions(desk: &Desk<'_>, pod: &Object, ready: bool) -> Value {
    let (status, reason, message) = if ready {
        ("True", "", "")
    } else {
        ("False", "ContainersNotReady", "containers with unready status")
    };
    json!([
        condition::kept(pod, desk.now, "PodScheduled", "True", "", ""),
        condition::kept(pod, desk.now, "Initialized", "True", "", ""),
        condition::kept(pod, desk.now, "ContainersReady", status, reason, message),
        condition::kept(pod, desk.now, "Ready", status, reason, message),
    ])
}

fn container(fate: Fate, image: &str, age_s: f64, started: &str) -> Container {
    let running = |ready| Container {
        ready,
        running: true,
        restarts: 0,
        state: json!({"running": {"startedAt": started}}),
    };
    match fate {
        Fate::NoImage if age_s < START_S => waiting("ErrImagePull", &format!("{image}: not found")),
        Fate::NoImage => waiting("ImagePullBackOff", &format!("Back-off pulling image \"{image}\"")),
        _ if age_s < START_S => waiting("ContainerCreating", ""),
        Fate::Ready { after_s } => running(age_s >= after_s),
        Fate::NeverReady => running(false),
        Fate::Crashes => crashing(age_s),
    }
}

fn waiting(reason: &str, message: &str) -> Container {
    let mut state = json!({"waiting": {"reason": reason}});
    if !message.is_empty() {
        state["waiting"]["message"] = json!(message);
    }
    Container {
        ready: false,
        running: false,
        restarts: 0,
        state,
    }
}

/// Restarted after 10 s, then after twice as long each time, 5 minutes at most.
fn crashing(age_s: f64) -> Container {
    let (mut restarts, mut next_s, mut pause_s) = (0, START_S + 10.0, 10.0_f64);
    while age_s >= next_s {
        restarts += 1;
        pause_s = (pause_s * 2.0).min(300.0);
        next_s += pause_s;
    }
    let message = format!(
        "back-off {} restarting failed container",
        clock::go_duration(pause_s as u64)
    );
    Container {
        restarts,
        running: true,
        ..waiting("CrashLoopBackOff", &message)
    }
}

fn container_status(spec: &Value, container: &Container) -> Value {
    let image = spec.get("image").and_then(Value::as_str).unwrap_or_default();
    json!({
        "name": spec.get("name").cloned().unwrap_or_default(),
        "image": image,
        "imageID": if container.running { image } else { "" },
        "ready": container.ready,
        "started": container.ready,
        "restartCount": container.restarts,
        "state": container.state,
        "lastState": {},
    })
}

/// The message for a ConfigMap or Secret that a container needs and that is not there.
fn missing_config(desk: &Desk<'_>, pod: &Object) -> Option<String> {
    let mut needed = Vec::new();
    let list = |at: &str| pod.at(at).and_then(Value::as_array).cloned().unwrap_or_default();
    for container in list("/spec/containers") {
        for from in container["envFrom"].as_array().into_iter().flatten() {
            needed.push(("ConfigMap", from["configMapRef"].clone(), "name"));
            needed.push(("Secret", from["secretRef"].clone(), "name"));
        }
        for env in container["env"].as_array().into_iter().flatten() {
            needed.push(("ConfigMap", env["valueFrom"]["configMapKeyRef"].clone(), "name"));
            needed.push(("Secret", env["valueFrom"]["secretKeyRef"].clone(), "name"));
        }
    }
    for volume in list("/spec/volumes") {
        needed.push(("ConfigMap", volume["configMap"].clone(), "name"));
        needed.push(("Secret", volume["secret"].clone(), "secretName"));
    }
    needed.into_iter().find_map(|(kind, reference, field)| {
        let name = reference.get(field)?.as_str()?;
        let optional = reference["optional"] == true;
        let object = ObjectRef::new("v1", kind, pod.namespace(), name);
        let absent = !optional && desk.cluster.get(&object).is_none();
        absent.then(|| format!("{} \"{name}\" not found", kind.to_lowercase()))
    })
}
