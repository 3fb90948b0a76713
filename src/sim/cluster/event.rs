//! Recording events as client-go's recorder does: the same message about the same object is counted, not repeated.

use super::Cluster;
use super::meta;
use super::store::Key;
use super::write::Call;
use jiff::Timestamp;
use recant_core::effect::Event;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;

impl Cluster {
    /// Records an event of reason `Synced`. One that says the same already is counted up instead.
    pub fn event(&mut self, now: Timestamp, component: &str, event: &Event) {
        self.event_with_reason(now, component, "Synced", event);
    }

    /// Records an event of that reason, counting repetitions. Nothing is recorded where the namespace is gone.
    pub fn event_with_reason(&mut self, now: Timestamp, component: &str, reason: &str, event: &Event) {
        self.boot(now);
        let fresh = fresh(now, component, reason, event);
        let namespace = fresh.namespace().to_owned();
        let same = |o: &Object| {
            ["/involvedObject", "/type", "/reason", "/message", "/source"]
                .iter()
                .all(|at| o.at(at) == fresh.at(at))
        };
        let found = self
            .store
            .list("events", &namespace)
            .find(|(_, o)| same(o))
            .map(|(k, o)| (k.clone(), (**o).clone()));
        if let Some((key, object)) = found {
            self.count_up(now, key, object);
            return;
        }
        let Some(kind) = self.kinds.by_kind("v1", "Event") else {
            return;
        };
        // As with client-go: an event that cannot be stored is dropped.
        let _stored = self.create(&Call::new(now, component), &kind, &namespace, fresh);
    }

    fn count_up(&mut self, now: Timestamp, key: Key, mut object: Object) {
        let count = object.int("/count").unwrap_or(1) + 1;
        object.set("/count", count.into());
        object.set("/lastTimestamp", meta::time(now).into());
        self.store.put(key, object);
    }
}

fn fresh(now: Timestamp, component: &str, reason: &str, event: &Event) -> Object {
    let about = &event.about;
    let namespace = if about.namespace.is_empty() {
        "default"
    } else {
        &about.namespace
    };
    let mut involved = json!({
        "apiVersion": about.api_version, "kind": about.kind, "name": about.name, "uid": event.uid,
    });
    if !about.namespace.is_empty() {
        involved["namespace"] = Value::from(about.namespace.clone());
    }
    let time = meta::time(now);
    Object(json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": { "generateName": format!("{}.", about.name), "namespace": namespace },
        "involvedObject": involved,
        "type": if event.warning { "Warning" } else { "Normal" },
        "reason": reason, "message": event.message,
        "source": { "component": component },
        "reportingComponent": component, "reportingInstance": "",
        "count": 1, "firstTimestamp": time, "lastTimestamp": time, "eventTime": null,
    }))
}
