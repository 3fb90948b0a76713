//! The load generator: clients that ask over and over, and do not wait for the answers.

use crate::stage::Repeated;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

/// Requests a second for each of what is asked.
const PER_S: u64 = 12;

/// What clients ask for, now.
pub(in crate::stage) type Asked = Arc<Mutex<Vec<Request>>>;

/// One kind of request.
pub(in crate::stage) struct Request {
    pub(in crate::stage) host: String,
    /// One more header, with its value.
    pub(in crate::stage) header: Option<(String, String)>,
}

/// Sends each of them so often to this port, for as long as the result lives.
pub(in crate::stage) fn send(port: u16, asked: Asked) -> Repeated {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    Repeated::every(Duration::from_millis(1000 / PER_S), move || {
        for request in asked.lock().unwrap().iter() {
            let url = format!("http://127.0.0.1:{port}/");
            let mut sent = client.get(url).header("Host", &request.host);
            if let Some((name, value)) = &request.header {
                sent = sent.header(name, value);
            }
            runtime.spawn(async move { sent.send().await });
        }
    })
}
