//! Watches: what changed after a version, as the protocol tells it.

use super::Cluster;
use super::convert;
use super::error::ApiError;
use super::kind::Kind;
use super::protocol::Body;
use super::protocol::Request;
use super::protocol::Response;
use super::route::Target;
use super::selector::Selector;
use super::store::Change;
use super::store::Happened;
use super::verbs;
use super::view::View;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;

/// A watch under way: what it is for, and how far it has come.
#[derive(Clone, Debug)]
pub struct Watch {
    kind: Arc<Kind>,
    namespace: String,
    name: String,
    selector: Selector,
    view: View,
    /// The version up to which everything was told.
    told: u64,
    /// Whether the objects that exist are to be told first.
    initial: bool,
    /// Whether their end is marked with a bookmark.
    marks_initial_end: bool,
    bookmarks: bool,
    timeout_s: Option<u64>,
    ended: bool,
}

impl Watch {
    /// After how many seconds the client wants the watch to end.
    pub fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    /// Whether nothing more will come.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    fn concerns(&self, namespace: &str, name: &str) -> bool {
        (self.namespace.is_empty() || self.namespace == namespace)
            && (self.name.is_empty() || self.name == name)
    }

    fn event(&mut self, kind: &str, object: &Object, now: Timestamp) -> Value {
        let object = convert::from_stored(&self.kind, object.clone());
        json!({ "type": kind, "object": self.view.streamed(&self.kind, &object, now) })
    }
}

impl Cluster {
    pub(crate) fn start_watch(
        &self,
        request: &Request,
        target: &Target<'_>,
        kind: &Arc<Kind>,
    ) -> Result<Response, ApiError> {
        let version = request.param("resourceVersion");
        let from = if version.is_empty() {
            0
        } else {
            verbs::parse_version(version)?
        };
        let streams_list = request.is_set("sendInitialEvents");
        if streams_list && request.param("resourceVersionMatch") != "NotOlderThan" {
            let message = "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            return Err(ApiError::bad_request(message));
        }
        let watch = Watch {
            kind: Arc::clone(kind),
            namespace: target.namespace.to_owned(),
            name: target.name.to_owned(),
            selector: Selector::parse(request.param("labelSelector"), request.param("fieldSelector"))?,
            view: View::of(request),
            told: from,
            initial: streams_list || (from == 0 && request.param("sendInitialEvents").is_empty()),
            marks_initial_end: streams_list,
            bookmarks: request.is_set("allowWatchBookmarks"),
            timeout_s: verbs::number(request, "timeoutSeconds")?,
            ended: false,
        };
        Ok(Response {
            body: Body::Watch(Box::new(watch)),
            ..Response::json(200, Value::Null)
        })
    }

    /// What the watch has to tell now: watch events, each a JSON document. Ends the watch with a 410 when the history
    /// it needs is forgotten.
    pub fn follow(&self, now: Timestamp, watch: &mut Watch) -> Vec<Value> {
        let served = self.kinds.by_kind(&watch.kind.api_version(), &watch.kind.kind);
        watch.ended |= served.is_none();
        if watch.ended {
            return Vec::new();
        }
        if watch.initial {
            return self.initial_events(now, watch);
        }
        if watch.told < self.store.forgotten() {
            watch.ended = true;
            let error = ApiError::too_old(watch.told, self.store.forgotten());
            return vec![json!({ "type": "ERROR", "object": error.status() })];
        }
        let changes = self
            .store
            .after(watch.told)
            .filter(|c| c.key.stored_as == watch.kind.stored_as);
        let changes: Vec<&Change> = changes
            .filter(|c| watch.concerns(&c.key.namespace, &c.key.name))
            .collect();
        watch.told = watch.told.max(self.resource_version());
        changes
            .into_iter()
            .filter_map(|change| told(watch, change, now))
            .collect()
    }

    /// A bookmark: the version the client may resume from, if it asked for bookmarks.
    pub fn bookmark(&self, watch: &Watch) -> Option<Value> {
        let wanted = watch.bookmarks && !watch.initial && !watch.ended;
        wanted.then(|| bookmark(watch, json!({})))
    }

    fn initial_events(&self, now: Timestamp, watch: &mut Watch) -> Vec<Value> {
        watch.initial = false;
        watch.told = self.resource_version();
        let objects: Vec<Arc<Object>> = self
            .store
            .list(&watch.kind.stored_as, &watch.namespace)
            .filter(|(key, object)| watch.concerns(&key.namespace, &key.name) && selects(watch, object))
            .map(|(_, object)| Arc::clone(object))
            .collect();
        let mut events: Vec<Value> = objects
            .iter()
            .map(|object| watch.event("ADDED", object, now))
            .collect();
        if watch.marks_initial_end && watch.bookmarks {
            events.push(bookmark(watch, json!({ "k8s.io/initial-events-end": "true" })));
        }
        events
    }
}

fn selects(watch: &Watch, object: &Object) -> bool {
    watch.selector == Selector::default()
        || watch
            .selector
            .matches(&convert::from_stored(&watch.kind, object.clone()))
}

/// The event a change is to this watch: an object that is selected no longer is as good as deleted to it.
fn told(watch: &mut Watch, change: &Change, now: Timestamp) -> Option<Value> {
    let was = change
        .before
        .as_ref()
        .is_some_and(|before| selects(watch, before));
    let is = change.happened != Happened::Deleted && selects(watch, &change.object);
    let kind = match (was, is) {
        (false, true) => "ADDED",
        (true, true) => "MODIFIED",
        (true, false) => "DELETED",
        (false, false) => return None,
    };
    Some(watch.event(kind, &change.object, now))
}

fn bookmark(watch: &Watch, annotations: Value) -> Value {
    let mut metadata = json!({ "resourceVersion": watch.told.to_string(), "creationTimestamp": null });
    if annotations != json!({}) {
        metadata["annotations"] = annotations;
    }
    let (api_version, kind) = (watch.kind.api_version(), watch.kind.kind.clone());
    let object = match watch.view {
        View::Table(_) => {
            let rows = json!([{ "cells": [], "object": { "metadata": metadata, "kind": kind, "apiVersion": api_version } }]);
            json!({
                "kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": [], "rows": rows,
                "metadata": { "resourceVersion": watch.told.to_string() },
            })
        }
        View::Metadata => {
            json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
        }
        View::Whole => json!({ "kind": kind, "apiVersion": api_version, "metadata": metadata }),
    };
    json!({ "type": "BOOKMARK", "object": object })
}
