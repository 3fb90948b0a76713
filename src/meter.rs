//! What `/metrics` says: Flagger's metrics by Flagger's names, and recant's own.
//!
//! It listens to the controller and keeps the last word about every object; nothing here decides, asks or calls.

mod flagger;
mod own;

#[cfg(test)]
mod tests;

use crate::controller::Sight;
use crate::notifier::Outcomes;
use flagger::Flagger;
use own::Own;
use prometheus_client::registry::Registry;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// The content type of [`Meter::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Names and values of a sample's labels.
type Labels = Vec<(&'static str, String)>;

/// The metrics.
pub struct Meter {
    registry: Registry,
    flagger: Flagger,
    own: Own,
    /// What is told of the Canaries and Reverts, as they were seen last.
    objects: Mutex<BTreeMap<ObjectRef, Object>>,
    notifications: Arc<Outcomes>,
}

impl Meter {
    /// Metrics of a controller with this `--mesh-provider`, and of what became of its notifications.
    pub fn new(mesh_provider: &str, notifications: Arc<Outcomes>) -> Self {
        let mut registry = Registry::default();
        Self {
            flagger: Flagger::register(&mut registry, mesh_provider),
            own: Own::register(&mut registry),
            registry,
            objects: Mutex::default(),
            notifications,
        }
    }

    /// Notes what the controller did.
    pub fn note(&self, sight: &Sight<'_>) {
        match sight {
            Sight::Looked {
                before,
                after,
                took,
                done,
            } => {
                if before.str("/kind") == "Canary" {
                    self.flagger.looked(before, after, *took);
                }
                self.own.looked(before, after, *took, *done);
                self.lock().insert(after.reference(), kept(after));
            }
            Sight::Gone(name) => drop(self.lock().remove(name)),
            Sight::Queue { ready, running } => self.own.queue(*ready, *running),
        }
    }

    /// All metrics, in OpenMetrics' text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        {
            // Gauges are told anew from what is known: nothing stays of what is gone.
            let objects = self.lock();
            self.flagger
                .tell(objects.values().filter(|object| object.str("/kind") == "Canary"));
            self.own.tell(objects.values(), &self.notifications);
            prometheus_client::encoding::text::encode(&mut text, &self.registry)
                .expect("writing to a String does not fail");
        }
        text
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ObjectRef, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the metrics tell of an object. The rest of it is dropped: there may be thousands.
fn kept(object: &Object) -> Object {
    const TOLD: [&str; 7] = [
        "/spec/targetRef",
        "/spec/analysis/metrics",
        "/status/phase",
        "/status/canaryWeight",
        "/status/conditions",
        "/status/analysis/checks",
        "/status/pullRequest",
    ];
    let mut kept = Object::named(&object.reference());
    for pointer in TOLD {
        if let Some(value) = object.at(pointer) {
            kept.set(pointer, value.clone());
        }
    }
    kept
}
