//! Garbage collection: dependents of what is gone, contents of namespaces, instances of definitions, old events.

use super::Cluster;
use super::crd;
use super::delete::DeleteOptions;
use super::delete::FOREGROUND;
use super::delete::ORPHAN;
use super::kind::Kind;
use super::meta;
use super::store::Key;
use super::write::Call;
use jiff::SignedDuration;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Events live for an hour.
const EVENT_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// And up to a minute longer: they are looked through that often.
const EVENT_PRECISION: SignedDuration = SignedDuration::from_mins(1);

impl Cluster {
    /// Does all garbage collection that is due: dependents whose owners are gone, foreground and orphan deletions,
    /// the contents of namespaces and the instances of definitions being deleted, events older than an hour.
    /// Finalizers of others are honoured.
    pub fn collect(&mut self, now: Timestamp) {
        while self.collected != self.resource_version() {
            self.collected = self.resource_version();
            self.collect_dependents(now);
            self.finish_deletions(now);
        }
        if now.duration_since(self.expired) > EVENT_PRECISION {
            self.expired = now;
            self.expire_events(now);
        }
    }

    fn collect_dependents(&mut self, now: Timestamp) {
        let alive: BTreeSet<String> = self.store.all().map(|(_, o)| o.uid().to_owned()).collect();
        let doomed: Vec<Key> = self
            .store
            .all()
            .filter(|(_, o)| !o.is_deleting())
            .filter(|(_, o)| {
                let mut owners = owners(o).peekable();
                owners.peek().is_some() && owners.all(|uid| !alive.contains(uid))
            })
            .map(|(key, _)| key.clone())
            .collect();
        self.delete_all(now, &doomed);
    }

    fn finish_deletions(&mut self, now: Timestamp) {
        let deleting: Vec<(Key, Arc<Object>)> = self
            .store
            .all()
            .filter(|(_, o)| o.is_deleting())
            .map(|(k, o)| (k.clone(), Arc::clone(o)))
            .collect();
        for (key, object) in deleting {
            let finalizers = meta::finalizers(&object);
            let has = |name: &str| finalizers.iter().any(|f| f == name);
            if has(FOREGROUND) {
                self.delete_in_foreground(now, &key, &object);
            } else if has(ORPHAN) {
                self.orphan(&object);
                self.drop_finalizer(&key, ORPHAN);
            } else if has(crd::FINALIZER) {
                let instances = self.keys(|k, _| k.stored_as == crd::stored_as(&object));
                self.delete_all(now, &instances);
                if self
                    .keys(|k, _| k.stored_as == crd::stored_as(&object))
                    .is_empty()
                {
                    self.drop_finalizer(&key, crd::FINALIZER);
                }
            } else if key.stored_as == "namespaces" {
                self.empty_namespace(now, &key);
            }
        }
    }

    fn delete_in_foreground(&mut self, now: Timestamp, key: &Key, owner: &Object) {
        let uid = owner.uid().to_owned();
        let dependents = self.keys(|_, o| owners(o).any(|u| u == uid));
        self.delete_all(now, &dependents);
        let blocked = self.store.all().any(|(_, o)| {
            meta::list(o, "/metadata/ownerReferences").iter().any(|r| {
                r.get("uid").is_some_and(|u| *u == uid.as_str())
                    && r.get("blockOwnerDeletion") == Some(&Value::Bool(true))
            })
        });
        if !blocked {
            self.drop_finalizer(key, FOREGROUND);
        }
    }

    fn orphan(&mut self, owner: &Object) {
        let uid = owner.uid().to_owned();
        for key in self.keys(|_, o| owners(o).any(|u| u == uid)) {
            let Some(object) = self.store.get(&key) else {
                continue;
            };
            let mut object = (**object).clone();
            let mut left = meta::list(&object, "/metadata/ownerReferences").to_vec();
            left.retain(|r| r.get("uid").is_none_or(|u| *u != uid.as_str()));
            if left.is_empty() {
                meta::remove(&mut object, "ownerReferences");
            } else {
                object.set("/metadata/ownerReferences", left.into());
            }
            self.store.put(key, object);
        }
    }

    fn empty_namespace(&mut self, now: Timestamp, key: &Key) {
        let contents = self.keys(|k, _| k.namespace == key.name);
        self.delete_all(now, &contents);
        if self.keys(|k, _| k.namespace == key.name).is_empty()
            && self
                .store
                .get(key)
                .is_some_and(|o| meta::finalizers(o).is_empty())
        {
            self.remove(key);
        }
    }

    fn drop_finalizer(&mut self, key: &Key, finalizer: &str) {
        let Some(object) = self.store.get(key) else { return };
        let mut object = (**object).clone();
        let mut left = meta::finalizers(&object);
        left.retain(|f| f != finalizer);
        meta::set_finalizers(&mut object, &left);
        let is_namespace = key.stored_as == "namespaces";
        if left.is_empty() && !is_namespace {
            self.remove(key);
        } else {
            self.store.put(key.clone(), object);
        }
    }

    fn expire_events(&mut self, now: Timestamp) {
        let old = |object: &Object| {
            let seen = [
                "/lastTimestamp",
                "/series/lastObservedTime",
                "/eventTime",
                "/metadata/creationTimestamp",
            ];
            let seen = seen
                .iter()
                .find_map(|at| object.str(at).parse::<Timestamp>().ok());
            seen.is_some_and(|seen| now.duration_since(seen) > EVENT_LIFE)
        };
        let keys: Vec<Key> = self
            .store
            .list("events", "")
            .filter(|(_, o)| old(o))
            .map(|(k, _)| k.clone())
            .collect();
        for key in &keys {
            self.store.remove(key);
        }
    }

    fn keys(&self, wanted: impl Fn(&Key, &Object) -> bool) -> Vec<Key> {
        self.store
            .all()
            .filter(|(k, o)| wanted(k, o))
            .map(|(k, _)| k.clone())
            .collect()
    }

    /// Deletes objects in the background; those already being deleted are left alone.
    fn delete_all(&mut self, now: Timestamp, keys: &[Key]) {
        let call = Call::new(now, "kube-controller-manager");
        for key in keys {
            let Some(kind) = self.stored_kind(&key.stored_as) else {
                continue;
            };
            // It may have gone with another one meanwhile; then there is nothing to do.
            let waits = self.store.get(key).is_none_or(|o| o.is_deleting());
            if !waits {
                let _gone = self.delete(
                    &call,
                    &kind,
                    (&key.namespace, &key.name),
                    &DeleteOptions::default(),
                );
            }
        }
    }

    fn stored_kind(&self, stored_as: &str) -> Option<Arc<Kind>> {
        self.kinds.iter().find(|k| k.stored_as == stored_as).cloned()
    }
}

/// The uids of an object's owners.
fn owners(object: &Object) -> impl Iterator<Item = &str> {
    meta::list(object, "/metadata/ownerReferences")
        .iter()
        .filter_map(|r| r.get("uid")?.as_str())
}
