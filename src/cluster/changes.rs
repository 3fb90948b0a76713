//! Watches of several kinds as one stream that never ends.
//!
//! A watch that breaks is taken up again; when that needs a new list, what vanished in between is reported as
//! deleted. A kind that is not installed is looked for until it is.

use super::Kube;
use super::error::Failure;
use super::resolve::Kind;
use crate::port::Change;
use futures::StreamExt;
use futures::stream;
use futures::stream::BoxStream;
use kube::Api;
use kube::core::DynamicObject;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher;
use recant_core::object::Object;
use std::collections::BTreeMap;
use std::time::Duration;

/// The rest before a kind that vanished is looked for, so that a server that contradicts itself is not hammered.
const REST: Duration = Duration::from_secs(1);

/// The changes of all these kinds.
pub(super) fn merged(kube: &Kube, kinds: &[(&str, &str)]) -> BoxStream<'static, Change> {
    let streams = kinds
        .iter()
        .map(|(api_version, kind)| one(kube.clone(), api_version, kind));
    stream::select_all(streams.collect::<Vec<_>>()).boxed()
}

/// The changes of one kind: wait until it is installed, watch until it is not, and so on.
fn one(kube: Kube, api_version: &str, kind: &str) -> BoxStream<'static, Change> {
    let name = (api_version.to_owned(), kind.to_owned());
    stream::unfold((kube, name, false), |(kube, name, again)| async move {
        if again {
            kube.resolver.forget(&name.0, &name.1);
            tokio::time::sleep(REST).await;
        }
        let kind = installed(&kube, &name).await;
        let watched = watched(&kube, kind);
        Some((watched, (kube, name, true)))
    })
    .flatten()
    .boxed()
}

async fn installed(kube: &Kube, (api_version, kind): &(String, String)) -> Kind {
    loop {
        match kube.resolver.kind(api_version, kind).await {
            Ok(Some(kind)) => return kind,
            Ok(None) => tracing::debug!(api_version, kind, "not installed: looking again later"),
            Err(error) => tracing::warn!(api_version, kind, %error, "cannot look for the kind"),
        }
        tokio::time::sleep(kube.poll).await;
    }
}

/// The changes of an installed kind, until the server says that it has no such path; then all of it is deleted.
fn watched(kube: &Kube, kind: Kind) -> BoxStream<'static, Change> {
    let api: Api<DynamicObject> = Api::all_with(kube.client.clone(), &kind.resource);
    let events = watcher(api, watcher::Config::default()).default_backoff().boxed();
    stream::unfold(Some((events, Known::new(kind))), |state| async move {
        let (mut events, mut known) = state?;
        match events.next().await? {
            Ok(event) => Some((known.take(event), Some((events, known)))),
            Err(error) if is_uninstalled(&error) => Some((known.end(), None)),
            Err(error) => {
                tracing::warn!(kind = known.kind.kind, %error, "watch interrupted");
                Some((Vec::new(), Some((events, known))))
            }
        }
    })
    .flat_map(stream::iter)
    .boxed()
}

fn is_uninstalled(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => {
            matches!(
                Failure::from(kube::Error::Api(status.clone())),
                Failure::NoPath(_) | Failure::NoObject(_)
            )
        }
        _ => false,
    }
}

/// What has been seen of a kind, to tell after a new list what is not there any more.
struct Known {
    kind: Kind,
    objects: BTreeMap<(String, String), Object>,
    before: BTreeMap<(String, String), Object>,
}

impl Known {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            objects: BTreeMap::new(),
            before: BTreeMap::new(),
        }
    }

    fn take(&mut self, event: watcher::Event<DynamicObject>) -> Vec<Change> {
        match event {
            watcher::Event::Init => {
                // A list that broke off half-way leaves the rest of the older one to be looked for.
                let older = std::mem::take(&mut self.objects);
                self.before.extend(older);
                Vec::new()
            }
            watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
                let Some(object) = self.read(&object) else {
                    return Vec::new();
                };
                let key = key(&object);
                self.before.remove(&key);
                self.objects.insert(key, object.clone());
                vec![Change {
                    object,
                    deleted: false,
                }]
            }
            watcher::Event::InitDone => {
                let gone = std::mem::take(&mut self.before);
                gone.into_values()
                    .map(|object| Change {
                        object,
                        deleted: true,
                    })
                    .collect()
            }
            watcher::Event::Delete(object) => {
                let Some(object) = self.read(&object) else {
                    return Vec::new();
                };
                self.objects.remove(&key(&object));
                vec![Change {
                    object,
                    deleted: true,
                }]
            }
        }
    }

    fn end(self) -> Vec<Change> {
        let gone = self.before.into_values().chain(self.objects.into_values());
        gone.map(|object| Change {
            object,
            deleted: true,
        })
        .collect()
    }

    fn read(&self, object: &DynamicObject) -> Option<Object> {
        match serde_json::to_value(object) {
            Ok(value) => Some(self.kind.object(value)),
            Err(error) => {
                tracing::warn!(kind = self.kind.kind, %error, "object from a watch is not JSON");
                None
            }
        }
    }
}

fn key(object: &Object) -> (String, String) {
    (object.namespace().to_owned(), object.name().to_owned())
}
