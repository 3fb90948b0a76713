//! Objects of the control plane, by name.

use super::cluster::Http;
use crate::conformance::kube::Answer;
use crate::conformance::kube::Client as _;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

impl Http {
    /// An answer with a body of JSON.
    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let media = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, path, &[("Content-Type", media)], &body)
    }

    /// What is there; none when there is nothing.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        let answer = self.json("GET", path, &Value::Null);
        (answer.status == 200).then_some(answer.body)
    }

    /// The items of a list; none when the kind is not there.
    pub(crate) fn list(&self, path: &str) -> Vec<Value> {
        let list = self.get(path).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// A request that must succeed.
    pub(crate) fn must(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.json(method, path, body);
        assert!(
            answer.status < 300,
            "{method} {path}: {} {}",
            answer.status,
            answer.body
        );
        answer.body
    }

    /// Applies an object, as `kubectl apply --server-side` does; a kind that is new may take a moment.
    pub(crate) fn apply(&self, object: &Value) {
        let mut last = Value::Null;
        for _ in 0..100 {
            if let Some(path) = self.place(object) {
                let headers = [("Content-Type", "application/apply-patch+yaml")];
                let path = format!("{path}?fieldManager=real&force=true");
                let answer = self.send("PATCH", &path, &headers, &object.to_string());
                if answer.status < 300 {
                    return self.wait_for_kind(object);
                }
                last = answer.body;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{} {}: {last}", object["kind"], object["metadata"]["name"]);
    }

    /// Of a definition: waits until what it defines is served.
    fn wait_for_kind(&self, object: &Value) {
        let spec = &object["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let is_definition = object["kind"] == "CustomResourceDefinition";
        for version in spec["versions"]
            .as_array()
            .filter(|_| is_definition)
            .into_iter()
            .flatten()
        {
            let api_version = format!("{}/{}", text(&spec["group"]), text(&version["name"]));
            let kind = text(&spec["names"]["kind"]);
            for _ in 0..200 {
                if version["served"] == false || self.plural(&api_version, &kind, "").is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// Where an object belongs; none when its kind is not served.
    pub(crate) fn place(&self, object: &Value) -> Option<String> {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let namespace = text("/metadata/namespace");
        let all = self.plural(text("/apiVersion"), text("/kind"), namespace)?;
        Some(format!("{all}/{}", text("/metadata/name")))
    }

    /// Where objects of a kind are, in one namespace or in all.
    pub(crate) fn plural(&self, api_version: &str, kind: &str, namespace: &str) -> Option<String> {
        let base = match api_version.contains('/') {
            true => format!("/apis/{api_version}"),
            false => format!("/api/{api_version}"),
        };
        let resources = self.get(&base)?;
        let resource = resources["resources"]
            .as_array()?
            .iter()
            .find(|r| r["kind"] == kind && !r["name"].as_str().unwrap_or("/").contains('/'))?;
        let plural = resource["name"].as_str()?;
        Some(match namespace {
            "" => format!("{base}/{plural}"),
            _ if resource["namespaced"] == false => format!("{base}/{plural}"),
            namespace => format!("{base}/namespaces/{namespace}/{plural}"),
        })
    }

    pub(crate) fn namespace(&self, name: &str) {
        self.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
    }
}
