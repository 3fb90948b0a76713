//! The Kubernetes API, through kube.
//!
//! Objects stay whole JSON documents: no field is lost on the way in or out. Reads are live; nothing is cached but
//! which path a kind has. There is no decision here: a write that is stale is refused and said so.

mod changes;
mod error;
mod event;
mod resolve;
mod review;
mod write;

use crate::port::Answered;
use crate::port::Change;
use crate::port::Cluster;
use crate::port::PortError;
use error::Failure;
use event::Recorder;
use futures::stream::BoxStream;
use http::Request;
use kube::Client;
use kube::Config;
use kube::config::KubeConfigOptions;
use kube::config::Kubeconfig;
use kube::core::params::GetParams;
use kube::core::params::ListParams;
use recant_core::effect::Event;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use resolve::Kind;
use resolve::Resolver;
use resolve::plain_name;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// The owner recant writes as, in `metadata.managedFields`.
pub const FIELD_MANAGER: &str = "recant";

/// Longest wait for one answer that is not a watch.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How many objects one page of a list holds.
const PAGE: u32 = 500;

/// How a cluster is reached.
#[derive(Clone, Debug)]
pub enum Access {
    /// As kubectl: `KUBECONFIG`, `~/.kube/config`, else the pod's service account.
    Inferred,
    /// A kubeconfig file, and a context of it (none: its current one).
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context.
        context: Option<String>,
    },
    /// An API server that asks for no credential.
    Url(String),
}

/// A cluster.
#[derive(Clone)]
pub struct Kube {
    client: Client,
    /// The API server's URL, for messages.
    address: String,
    resolver: Resolver,
    recorder: Recorder,
    poll: Duration,
}

impl Kube {
    /// Reaches a cluster. Events are recorded as coming from `component`.
    pub async fn connect(access: &Access, component: &str) -> Result<Self, PortError> {
        crate::tls::install();
        let config = config(access).await?;
        let address = config.cluster_url.to_string();
        let client = Client::try_from(config)
            .map_err(|e| PortError::Invalid(format!("client for the cluster: {e}")))?;
        Ok(Self {
            address,
            ..Self::new(client, component)
        })
    }

    /// A cluster behind a client that exists already.
    pub fn new(client: Client, component: &str) -> Self {
        Self {
            resolver: Resolver::new(client.clone()),
            recorder: Recorder::new(component),
            address: String::new(),
            client,
            poll: Duration::from_secs(30),
        }
    }

    /// Whether the API server answers at all.
    ///
    /// # Errors
    /// That it does not, and why.
    pub async fn answers(&self) -> Result<(), PortError> {
        match self.client.apiserver_version().await {
            // Whoever refuses is there; what may be asked is for RBAC to say.
            Ok(_) | Err(kube::Error::Api(_)) => Ok(()),
            Err(e) => {
                let why = std::iter::successors(Some(&e as &dyn std::error::Error), |e| e.source()).last();
                let why = why.map(ToString::to_string).unwrap_or_default();
                Err(PortError::Unreachable(format!(
                    "{} does not answer: {why}",
                    self.address
                )))
            }
        }
    }

    /// How often [`Cluster::changes`] looks whether a kind that was missing has been installed: 30 s if not set.
    #[must_use]
    pub fn with_poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// kube's own client, for what the port does not cover (leases, dry runs).
    pub fn client(&self) -> &Client {
        &self.client
    }

    async fn get(&self, name: &ObjectRef) -> Result<Option<Object>, PortError> {
        plain_name(name)?;
        for _ in 0..2 {
            let Some(kind) = self.resolver.kind(&name.api_version, &name.kind).await? else {
                return Ok(None);
            };
            let request = kind
                .request(&name.namespace)
                .get(&name.name, &GetParams::default());
            match self.send(request).await {
                Ok(value) => return Ok(Some(kind.object(value))),
                Err(Failure::NoObject(_)) => return Ok(None),
                Err(Failure::NoPath(_)) => self.resolver.forget(&name.api_version, &name.kind),
                Err(Failure::Port(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn list(&self, api_version: &str, kind: &str, namespace: &str) -> Result<Vec<Object>, PortError> {
        plain_name(&ObjectRef::new(api_version, kind, namespace, ""))?;
        for _ in 0..2 {
            let Some(known) = self.resolver.kind(api_version, kind).await? else {
                return Ok(Vec::new());
            };
            match self.pages(&known, namespace).await {
                Ok(mut objects) => {
                    objects.sort_by(|a, b| (a.namespace(), a.name()).cmp(&(b.namespace(), b.name())));
                    return Ok(objects);
                }
                Err(Failure::NoPath(_) | Failure::NoObject(_)) => self.resolver.forget(api_version, kind),
                Err(Failure::Port(error)) => return Err(error),
            }
        }
        Ok(Vec::new())
    }

    async fn pages(&self, kind: &Kind, namespace: &str) -> Result<Vec<Object>, Failure> {
        let mut objects = Vec::new();
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let mut list: Value = self.send(kind.request(namespace).list(&page)).await?;
            let Some(Value::Array(items)) = list.get_mut("items").map(Value::take) else {
                return Err(Failure::Port(PortError::Invalid(format!(
                    "the list of {} has no items",
                    kind.kind
                ))));
            };
            objects.extend(items.into_iter().map(|item| kind.object(item)));
            match list.pointer("/metadata/continue").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => page.continue_token = Some(token.to_owned()),
                _ => return Ok(objects),
            }
        }
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: Result<Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, Failure> {
        let request = request.map_err(|e| Failure::Port(PortError::Invalid(e.to_string())))?;
        match tokio::time::timeout(TIMEOUT, self.client.request(request)).await {
            Ok(answer) => answer.map_err(Failure::from),
            Err(_) => {
                let text = format!("the API server did not answer within {} s", TIMEOUT.as_secs());
                Err(Failure::Port(PortError::Unreachable(text)))
            }
        }
    }
}

impl Cluster for Kube {
    fn get<'a>(&'a self, name: &'a ObjectRef) -> Answered<'a, Option<Object>> {
        Box::pin(self.get(name))
    }

    fn list<'a>(
        &'a self,
        api_version: &'a str,
        kind: &'a str,
        namespace: &'a str,
    ) -> Answered<'a, Vec<Object>> {
        Box::pin(self.list(api_version, kind, namespace))
    }

    fn write<'a>(&'a self, write: &'a Write) -> Answered<'a, Object> {
        Box::pin(self.write(write))
    }

    fn event<'a>(&'a self, event: &'a Event) -> Answered<'a, ()> {
        Box::pin(self.record(event))
    }

    fn changes(&self, kinds: &[(&str, &str)]) -> BoxStream<'static, Change> {
        changes::merged(self, kinds)
    }
}

async fn config(access: &Access) -> Result<Config, PortError> {
    match access {
        Access::Inferred => Config::infer().await.map_err(|e| {
            PortError::Invalid(format!(
                "no kubeconfig and no service account to reach a cluster with: {e}"
            ))
        }),
        Access::Kubeconfig { path, context } => {
            let said = |e: &dyn std::error::Error| PortError::Invalid(format!("{}: {e}", path.display()));
            let kubeconfig = Kubeconfig::read_from(path).map_err(|e| said(&e))?;
            let options = KubeConfigOptions {
                context: context.clone(),
                ..Default::default()
            };
            Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .map_err(|e| said(&e))
        }
        Access::Url(url) => {
            let uri = url
                .parse()
                .map_err(|e| PortError::Invalid(format!("API server {url:?}: {e}")))?;
            Ok(Config::new(uri))
        }
    }
}
