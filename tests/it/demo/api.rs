//! What stands in the Kubernetes API of a demo that runs.

use reqwest::Client;
use serde_json::Value;

/// A Kubernetes API that is read.
pub(crate) struct Api {
    server: String,
    runtime: tokio::runtime::Runtime,
}

impl Api {
    pub(crate) fn of(kubeconfig: &str) -> Self {
        let config: Value = serde_yaml::from_str(&std::fs::read_to_string(kubeconfig).unwrap()).unwrap();
        let server = config.pointer("/clusters/0/cluster/server").unwrap();
        Self {
            server: server.as_str().unwrap().to_owned(),
            runtime: tokio::runtime::Runtime::new().unwrap(),
        }
    }

    pub(crate) fn list(&self, path: &str) -> Vec<Value> {
        let text = self.text(&format!("{}/{path}", self.server));
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer["items"].as_array().unwrap().clone()
    }

    /// The object of that name in the namespace `test`.
    pub(crate) fn named(&self, path: &str, name: &str) -> Value {
        let all = self.list(path);
        let found = all.into_iter().find(|object| {
            let metadata = &object["metadata"];
            metadata["name"] == name && metadata["namespace"] == "test"
        });
        found.unwrap_or_default()
    }

    pub(crate) fn text(&self, url: &str) -> String {
        recant::tls::install();
        let request = Client::new().get(url);
        self.runtime
            .block_on(async { request.send().await.unwrap().text().await.unwrap() })
    }
}
