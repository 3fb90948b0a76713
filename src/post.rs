//! JSON posts to addresses that tenants may name: hooks and chats.
//!
//! One attempt has a time limit, a lost connection and a 5xx are tried again, a redirect is not followed (it would
//! carry what was meant for one host to another), an answer is read up to a limit. The path of an address may be a
//! secret, so errors name the host only.

use crate::credential::Token;
use crate::port::PortError;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use url::Url;

/// The longest answer that is read, in bytes.
const ANSWER_MAX: usize = 64 * 1024;

/// Clients kept: one for each proxy and each way to look at certificates.
const CLIENTS_MAX: usize = 32;

/// What is to be posted, and how.
#[derive(Clone, Debug)]
pub struct Post {
    /// Where to.
    pub url: Token,
    /// The JSON.
    pub body: Vec<u8>,
    /// A token for the `Authorization` header.
    pub bearer: Option<Token>,
    /// What the receiver can tell by that a post comes again, for the `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// An HTTP proxy.
    pub proxy: Option<String>,
    /// Whether the server's certificate is believed unseen.
    pub insecure_skip_verify: bool,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often it is tried again.
    pub retries: u32,
}

/// What the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, as text, cut at 64 KiB.
    pub body: String,
}

/// Posts.
#[derive(Debug)]
pub struct Poster {
    clients: Mutex<BTreeMap<(Option<String>, bool), Client>>,
    /// The HTTP proxy of posts that name none.
    proxy: Option<String>,
    /// The wait before the first new attempt; each later one is twice as long, up to 30 times.
    backoff: Duration,
}

impl Default for Poster {
    fn default() -> Self {
        Self::with_backoff(Duration::from_secs(1))
    }
}

impl Poster {
    /// A poster that waits this long before it tries again.
    pub fn with_backoff(backoff: Duration) -> Self {
        Self {
            clients: Mutex::default(),
            proxy: None,
            backoff,
        }
    }

    /// A poster that goes through an HTTP proxy: from outside a cluster, the names of its services mean nothing.
    pub fn through(proxy: &str) -> Self {
        Self {
            proxy: Some(proxy.to_owned()),
            ..Self::default()
        }
    }

    /// Posts, and tries again as often as it may. Any answer below 500 is an answer, and so is the last one.
    ///
    /// # Errors
    /// [`PortError::Invalid`] for an address that cannot be posted to, [`PortError::Unreachable`] without an answer.
    pub async fn post(&self, post: &Post) -> Result<Answer, PortError> {
        let url = address(post.url.secret())?;
        let client = self.client(post)?;
        let mut wait = self.backoff;
        for left in (0..=post.retries).rev() {
            let answer = attempt(&client, &url, post).await;
            let again = match &answer {
                Ok(answer) => is_passing(answer.status),
                Err(_) => true,
            };
            if !again || left == 0 {
                return answer;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(self.backoff * 30);
        }
        Err(PortError::Unreachable(format!("{}: not tried", host(&url))))
    }

    fn client(&self, post: &Post) -> Result<Client, PortError> {
        let proxy = post.proxy.clone().or_else(|| self.proxy.clone());
        let key = (proxy.clone(), post.insecure_skip_verify);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = build(proxy.as_deref(), post.insecure_skip_verify)?;
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }
}

/// Whether the same post may be taken a moment later.
const fn is_passing(status: u16) -> bool {
    status == 429 || (status >= 500 && status != 501)
}

fn build(proxy: Option<&str>, insecure_skip_verify: bool) -> Result<Client, PortError> {
    crate::tls::install();
    let mut builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("recant/", env!("CARGO_PKG_VERSION")))
        .danger_accept_invalid_certs(insecure_skip_verify);
    if let Some(proxy) = proxy.filter(|proxy| !proxy.is_empty()) {
        let proxy = reqwest::Proxy::all(proxy)
            .map_err(|_| PortError::Invalid("the proxy is not a URL".to_owned()))?;
        builder = builder.proxy(proxy);
    }
    let built = builder.build();
    built.map_err(|e| PortError::Invalid(format!("HTTP client: {}", e.without_url())))
}

async fn attempt(client: &Client, url: &Url, post: &Post) -> Result<Answer, PortError> {
    let mut request = client
        .post(url.clone())
        .timeout(post.timeout)
        .header(CONTENT_TYPE, "application/json")
        .body(post.body.clone());
    if let Some(token) = &post.bearer {
        request = request.bearer_auth(token.secret());
    }
    if let Some(key) = &post.idempotency_key {
        let plain = |c: char| if c.is_ascii_graphic() { c } else { '-' };
        request = request.header("idempotency-key", key.chars().map(plain).collect::<String>());
    }
    let away =
        |e: reqwest::Error| PortError::Unreachable(format!("{}: {}", host(url), causes(&e.without_url())));
    let mut response = request.send().await.map_err(away)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(away)? {
        let room = ANSWER_MAX - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() >= ANSWER_MAX {
            break;
        }
    }
    Ok(Answer {
        status,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// Reads an address; what is wrong with it is said without it.
fn address(url: &str) -> Result<Url, PortError> {
    let url =
        Url::parse(url.trim()).map_err(|e| PortError::Invalid(format!("the address is not a URL: {e}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = url.scheme();
        return Err(PortError::Invalid(format!(
            "the address is not http or https, but {scheme}"
        )));
    }
    Ok(url)
}

/// The server as errors may name it: path, query and user may be secret.
pub fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// An error and its causes in one line.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
