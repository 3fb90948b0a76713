//! Events (core/v1), in the shape client-go's recorder gives them: a repeated one raises the count of the first.

use super::FIELD_MANAGER;
use super::Kube;
use super::error::Failure;
use crate::port::PortError;
use jiff::Timestamp;
use kube::core::Request;
use kube::core::params::Patch;
use kube::core::params::PatchParams;
use kube::core::params::PostParams;
use recant_core::effect::Event;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// The reason of all Flagger's events, which dashboards and alerts filter by.
const REASON: &str = "Synced";

/// The longest message the API server takes, in bytes.
const MAX_MESSAGE: usize = 1024;

/// How many events are remembered for counting. client-go remembers as many.
const REMEMBERED: usize = 4096;

/// What tells one event from another: kind, namespace, name, uid, type and message.
type Key = (String, String, String, String, bool, String);

#[derive(Clone)]
struct Standing {
    name: String,
    count: u64,
}

/// The events recorded by this process.
#[derive(Clone)]
pub(super) struct Recorder {
    component: String,
    standing: Arc<Mutex<BTreeMap<Key, Standing>>>,
}

impl Recorder {
    pub(super) fn new(component: &str) -> Self {
        Self {
            component: component.to_owned(),
            standing: Arc::default(),
        }
    }

    fn find(&self, key: &Key) -> Option<Standing> {
        self.standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    fn remember(&self, key: Key, standing: Standing) {
        let mut all = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(key, standing);
    }

    fn body(&self, event: &Event, namespace: &str, now: Timestamp) -> (String, Value) {
        let about = &event.about;
        let name = format!("{}.{:x}", about.name, now.as_nanosecond());
        let time = format!("{now:.0}");
        let mut involved = json!({
            "apiVersion": about.api_version,
            "kind": about.kind,
            "name": about.name,
            "uid": event.uid,
        });
        if !about.namespace.is_empty() {
            involved["namespace"] = json!(about.namespace);
        }
        let body = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "name": name, "namespace": namespace },
            "involvedObject": involved,
            "reason": REASON,
            "message": cut(&event.message),
            "source": { "component": self.component },
            "type": if event.warning { "Warning" } else { "Normal" },
            "firstTimestamp": time,
            "lastTimestamp": time,
            "count": 1,
            "eventTime": null,
            "reportingComponent": self.component,
            "reportingInstance": "",
        });
        (name, body)
    }
}

impl Kube {
    /// Records an event, or counts it when it stands already.
    pub(super) async fn record(&self, event: &Event) -> Result<(), PortError> {
        let namespace = if event.about.namespace.is_empty() {
            "default"
        } else {
            &event.about.namespace
        };
        let events = Request::new(format!("/api/v1/namespaces/{namespace}/events"));
        let now = Timestamp::now();
        let key = key(event);
        if let Some(standing) = self.recorder.find(&key) {
            let count = standing.count + 1;
            let patch = Patch::Merge(json!({ "count": count, "lastTimestamp": format!("{now:.0}") }));
            let params = PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..Default::default()
            };
            match self
                .send::<Value>(events.patch(&standing.name, &params, &patch))
                .await
            {
                Ok(_) => {
                    self.recorder.remember(key, Standing { count, ..standing });
                    return Ok(());
                }
                // Events live for an hour: it is gone and begins anew.
                Err(Failure::NoObject(_) | Failure::NoPath(_)) => {}
                Err(failure) => return Err(failure.of_write()),
            }
        }
        let (name, body) = self.recorder.body(event, namespace, now);
        let post = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..Default::default()
        };
        let body = serde_json::to_vec(&body).map_err(|e| PortError::Invalid(e.to_string()))?;
        self.send::<Value>(events.create(&post, body))
            .await
            .map_err(Failure::of_write)?;
        self.recorder.remember(key, Standing { name, count: 1 });
        Ok(())
    }
}

fn key(event: &Event) -> Key {
    let about = &event.about;
    (
        about.kind.clone(),
        about.namespace.clone(),
        about.name.clone(),
        event.uid.clone(),
        event.warning,
        event.message.clone(),
    )
}

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_MESSAGE)]
}
