//! The checks over HTTP, and what only the wire shows.

use super::serve;
use crate::conformance::kube as checks;
use crate::conformance::kube::Answer;
use crate::conformance::kube::Client;
use recant::demo::kube_api::Alone;
use recant::demo::kube_api::KubeApi;
use recant_sim::cluster::Cluster;
use serde_json::Value;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// A client that speaks just enough HTTP/1.1.
pub(super) struct Wire(pub(super) SocketAddr);

impl Wire {
    fn exchange(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.0).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        // HTTP/1.0, so that bodies come unchunked and end with the connection.
        let head =
            format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {length}\r\n{lines}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }
}

impl Client for Wire {
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (status, text) = self.exchange(method, path, headers, body);
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        Answer {
            status,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            lines,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_answers_as_a_kubernetes_api_server() {
    let api = serve().await;
    let wire = Wire(api.address());
    tokio::task::spawn_blocking(move || {
        for (name, check) in checks::ALL {
            eprintln!("check: {name}");
            check(&wire);
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_nobody_passes_without_it() {
    let served = Arc::new(Alone::new(Cluster::new()));
    let api = KubeApi::start(0, served, Some("s3cret".to_owned()))
        .await
        .unwrap();
    let wire = Wire(api.address());
    let asked = move || {
        let status = |path: &str, headers: &[(&str, &str)]| wire.send("GET", path, headers, "").status;
        [
            status("/api/v1/namespaces", &[]),
            status("/api/v1/namespaces", &[("Authorization", "Bearer wrong")]),
            status("/api/v1/namespaces", &[("Authorization", "Bearer s3cret")]),
            status("/s3cret/api/v1/namespaces", &[]),
            status("/s3cretx/api/v1/namespaces", &[]),
        ]
    };
    assert_eq!(
        tokio::task::spawn_blocking(asked).await.unwrap(),
        [401, 401, 200, 200, 401]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_cannot_reach_the_server_by_a_name_of_theirs() {
    let api = serve().await;
    let address = api.address();
    let asked = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(b"GET /version HTTP/1.0\r\nHost: evil.example:80\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let text = tokio::task::spawn_blocking(asked).await.unwrap();
    assert!(text.contains(" 403 "), "{text}");
}
