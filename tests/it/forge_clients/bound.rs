//! Forge objects and their Secrets, and the clients bound by them.

use base64::Engine;
use futures::StreamExt;
use futures::stream::BoxStream;
use recant::forge::Bindings;
use recant::forge::Hosts;
use recant::forge::Pace;
use recant::port::Answered;
use recant::port::Change;
use recant::port::Cluster;
use recant::port::PortError;
use recant_core::effect::Event;
use recant_core::effect::PullText;
use recant_core::effect::PullWishes;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_core::query::Branch;
use recant_core::query::RepoUrl;
use serde_json::Value;
use serde_json::json as j;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

pub(crate) const TOKEN: &str = "t0ken-s3cret";
pub(crate) const HEAD: &str = "recant/revert/web-1";
pub(crate) const SHA: &str = "0123456789012345678901234567890123456789";

/// A cluster that holds a few objects and takes nothing.
#[derive(Default)]
pub(crate) struct Objects(Mutex<Vec<Object>>);

impl Objects {
    pub(crate) fn put(&self, object: Value) {
        let object = Object(object);
        let mut all = self.0.lock().unwrap();
        all.retain(|known| known.reference() != object.reference());
        all.push(object);
    }

    /// A Secret of these values.
    pub(crate) fn put_secret(&self, namespace: &str, name: &str, values: &[(&str, &str)]) {
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let data: serde_json::Map<String, Value> = values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(encode(value))))
            .collect();
        let metadata = j!({ "namespace": namespace, "name": name });
        self.put(j!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data }));
    }
}

impl Cluster for Objects {
    fn get<'a>(&'a self, name: &'a ObjectRef) -> Answered<'a, Option<Object>> {
        let found = self
            .0
            .lock()
            .unwrap()
            .iter()
            .find(|o| o.reference() == *name)
            .cloned();
        Box::pin(async { Ok(found) })
    }

    /// Does not look at the namespace: who reads it must.
    fn list<'a>(
        &'a self,
        api_version: &'a str,
        kind: &'a str,
        _namespace: &'a str,
    ) -> Answered<'a, Vec<Object>> {
        let fits = |o: &&Object| o.str("/apiVersion") == api_version && o.str("/kind") == kind;
        let found = self.0.lock().unwrap().iter().filter(fits).cloned().collect();
        Box::pin(async { Ok(found) })
    }

    fn write<'a>(&'a self, _write: &'a Write) -> Answered<'a, Object> {
        Box::pin(async { Err(PortError::Denied("read only".to_owned())) })
    }

    fn event<'a>(&'a self, _event: &'a Event) -> Answered<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn changes(&self, _kinds: &[(&str, &str)]) -> BoxStream<'static, Change> {
        futures::stream::pending().boxed()
    }
}

pub(crate) fn forge(namespace: &str, name: &str, kind: &str, url: &str) -> Value {
    j!({
        "apiVersion": "recant.dev/v1alpha1", "kind": "Forge",
        "metadata": { "namespace": namespace, "name": name },
        "spec": { "type": kind, "url": url, "secretRef": { "name": "token" } },
    })
}

pub(crate) fn secret(namespace: &str, token: &str) -> Value {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    j!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "namespace": namespace, "name": "token" },
        "data": { "token": encode(&format!("{token}\n")) },
    })
}

pub(crate) fn cluster(kind: &str, url: &str) -> Arc<Objects> {
    let cluster = Objects::default();
    cluster.put(forge("recant-system", "host", kind, url));
    cluster.put(secret("recant-system", TOKEN));
    Arc::new(cluster)
}

pub(crate) fn hosts(cluster: Arc<Objects>) -> Hosts {
    let pace = Pace {
        attempts: 2,
        pause: Duration::from_millis(5),
        max_wait: Duration::from_secs(2),
        timeout: Duration::from_millis(300),
        gap: Duration::ZERO,
        seed: 1,
    };
    Hosts::new(Arc::new(Bindings::new(cluster, "recant-system"))).with_pace(pace)
}

pub(crate) fn branch(url: &str) -> Branch {
    Branch {
        repo: RepoUrl(format!("{url}/acme/fleet.git")),
        name: HEAD.to_owned(),
    }
}

pub(crate) fn text(url: &str) -> PullText {
    PullText {
        branch: branch(url),
        base: "main".to_owned(),
        title: "Revert podinfo to 6.5.0".to_owned(),
        body: "It failed.".to_owned(),
        labels: vec!["recant".to_owned(), "revert".to_owned()],
        wishes: PullWishes::default(),
    }
}
