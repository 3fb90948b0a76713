//! Which path a kind has, by discovery.
//!
//! What is found is remembered until the server denies it; what is not found is asked for again each time, because a
//! kind can be installed at any moment.

use super::TIMEOUT;
use super::error::Failure;
use crate::port::PortError;
use kube::Client;
use kube::core::ApiResource;
use kube::core::GroupVersionKind;
use kube::core::Request;
use kube::error::DiscoveryError;
use recant_core::object::Object;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// A kind the cluster knows.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) resource: ApiResource,
    namespaced: bool,
}

impl Kind {
    /// Requests for this kind in a namespace (empty: in all, or the kind has none).
    pub(super) fn request(&self, namespace: &str) -> Request {
        let ApiResource {
            group,
            version,
            plural,
            ..
        } = &self.resource;
        let root = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        if self.namespaced && !namespace.is_empty() {
            Request::new(format!("{root}/namespaces/{namespace}/{plural}"))
        } else {
            Request::new(format!("{root}/{plural}"))
        }
    }

    /// An object of this kind; items of a list do not say theirs.
    pub(super) fn object(&self, mut value: Value) -> Object {
        if let Value::Object(map) = &mut value {
            map.entry("apiVersion")
                .or_insert_with(|| Value::from(self.api_version.clone()));
            map.entry("kind")
                .or_insert_with(|| Value::from(self.kind.clone()));
        }
        Object(value)
    }
}

/// The kinds seen so far.
#[derive(Clone)]
pub(super) struct Resolver {
    client: Client,
    known: Arc<Mutex<BTreeMap<(String, String), Kind>>>,
}

impl Resolver {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            known: Arc::default(),
        }
    }

    /// The kind, or none when the cluster does not know it.
    pub(super) async fn kind(&self, api_version: &str, kind: &str) -> Result<Option<Kind>, PortError> {
        let key = (api_version.to_owned(), kind.to_owned());
        if let Some(known) = self.lock().get(&key) {
            return Ok(Some(known.clone()));
        }
        let Some((resource, namespaced)) = self.discover(api_version, kind).await? else {
            return Ok(None);
        };
        let found = Kind {
            api_version: key.0.clone(),
            kind: key.1.clone(),
            resource,
            namespaced,
        };
        self.lock().insert(key, found.clone());
        Ok(Some(found))
    }

    /// Makes the next [`Self::kind`] ask the server.
    pub(super) fn forget(&self, api_version: &str, kind: &str) {
        self.lock().remove(&(api_version.to_owned(), kind.to_owned()));
    }

    async fn discover(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<(ApiResource, bool)>, PortError> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let asked = tokio::time::timeout(TIMEOUT, kube::discovery::pinned_kind(&self.client, &gvk)).await;
        let answer = asked.map_err(|_| PortError::Unreachable("discovery timed out".to_owned()))?;
        match answer {
            Ok((resource, capabilities)) => Ok(Some((
                resource,
                capabilities.scope == kube::discovery::Scope::Namespaced,
            ))),
            Err(kube::Error::Discovery(DiscoveryError::InvalidGroupVersion(text))) => {
                Err(PortError::Invalid(format!("apiVersion {api_version:?}: {text}")))
            }
            Err(kube::Error::Discovery(_)) => Ok(None),
            Err(error) => match Failure::from(error) {
                Failure::NoPath(_) | Failure::NoObject(_) => Ok(None),
                Failure::Port(error) => Err(error),
            },
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Kind>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
