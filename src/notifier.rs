//! Chats and event webhooks: messages are taken at once and sent in the background, in order for each destination.
//!
//! What cannot be sent is logged and counted and holds up nothing. Never here: what is said, and to whom (that is
//! core's), an address in a log.

mod payload;
mod provider;

pub use payload::Kind;
pub use payload::Look;
pub use provider::Destination;

use crate::credential::Token;
use crate::port::Answered;
use crate::port::Cluster;
use crate::port::Notifier;
use crate::port::PortError;
use crate::post::Post;
use crate::post::Poster;
use recant_core::alert::Alert;
use recant_core::effect::EventHook;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;
use tokio::sync::mpsc;

/// How long one attempt to send an alert may take, and how often it is tried again.
const ALERT_TIMEOUT: Duration = Duration::from_secs(5);
const ALERT_RETRIES: u32 = 3;

/// Messages that may wait for one destination, and destinations that are remembered.
const WAITING_MAX: usize = 256;
const LANES_MAX: usize = 1024;

/// recant's own destinations: for canaries that name none.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// For alerts.
    pub alerts: Option<Destination>,
    /// For events.
    pub event_webhook: Option<Token>,
    /// Where the messages are counted.
    pub outcomes: Arc<Outcomes>,
}

/// What became of the messages so far.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// Sent.
    pub sent: AtomicU64,
    /// Given up.
    pub failed: AtomicU64,
    /// Taken and not yet sent.
    pub waiting: AtomicU64,
}

impl Outcomes {
    /// Waits until everything is sent or given up, at most this long.
    pub async fn drained(&self, at_most: Duration) {
        let since = Instant::now();
        while self.waiting.load(Ordering::Relaxed) > 0 && since.elapsed() < at_most {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The adapter.
pub struct Courier {
    inner: Arc<Inner>,
    lanes: Mutex<BTreeMap<String, mpsc::Sender<Message>>>,
}

struct Inner {
    cluster: Arc<dyn Cluster>,
    settings: Settings,
    poster: Arc<Poster>,
}

#[derive(Debug)]
enum Message {
    Alert(Alert),
    Event(EventHook),
}

impl Courier {
    /// An adapter that looks AlertProviders up in this cluster.
    pub fn new(cluster: Arc<dyn Cluster>, settings: Settings, poster: Arc<Poster>) -> Self {
        let inner = Inner {
            cluster,
            settings,
            poster,
        };
        Self {
            inner: Arc::new(inner),
            lanes: Mutex::default(),
        }
    }

    fn take(&self, destination: String, message: Message) -> Result<(), PortError> {
        let outcomes = &self.inner.settings.outcomes;
        outcomes.waiting.fetch_add(1, Ordering::Relaxed);
        let lane = self.lane(destination);
        lane.try_send(message).map_err(|_| {
            outcomes.waiting.fetch_sub(1, Ordering::Relaxed);
            outcomes.failed.fetch_add(1, Ordering::Relaxed);
            PortError::Unreachable(format!("{WAITING_MAX} messages wait there already"))
        })
    }

    /// The queue to a destination. A lane that is forgotten is worked off and ends.
    fn lane(&self, destination: String) -> mpsc::Sender<Message> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= LANES_MAX && !lanes.contains_key(&destination) {
            lanes.clear();
        }
        let new = || {
            let (sender, receiver) = mpsc::channel(WAITING_MAX);
            tokio::spawn(work(Arc::clone(&self.inner), receiver));
            sender
        };
        lanes.entry(destination).or_insert_with(new).clone()
    }
}

impl Notifier for Courier {
    fn alert<'a>(&'a self, alert: &'a Alert) -> Answered<'a, ()> {
        let destination = match &alert.provider {
            Some(provider) => provider.to_string(),
            None => "alerts".to_owned(),
        };
        Box::pin(async move { self.take(destination, Message::Alert(alert.clone())) })
    }

    fn event<'a>(&'a self, hook: &'a EventHook) -> Answered<'a, ()> {
        let destination = hook.url.clone().unwrap_or_else(|| "events".to_owned());
        Box::pin(async move { self.take(destination, Message::Event(hook.clone())) })
    }
}

async fn work(inner: Arc<Inner>, mut lane: mpsc::Receiver<Message>) {
    while let Some(message) = lane.recv().await {
        let sent = match &message {
            Message::Alert(alert) => inner.alert(alert).await,
            Message::Event(hook) => inner.event(hook).await,
        };
        let outcomes = &inner.settings.outcomes;
        let outcome = match &sent {
            Ok(()) => &outcomes.sent,
            Err(_) => &outcomes.failed,
        };
        outcome.fetch_add(1, Ordering::Relaxed);
        outcomes.waiting.fetch_sub(1, Ordering::Relaxed);
        let Err(error) = sent else { continue };
        match &message {
            Message::Alert(alert) => {
                let provider = alert.provider.as_ref().map(ToString::to_string);
                let provider = provider.unwrap_or_else(|| "recant's own".to_owned());
                tracing::warn!(object = %alert.about, provider, %error, "an alert could not be sent");
            }
            Message::Event(hook) => {
                tracing::warn!(object = %hook.about, webhook = hook.name, %error, "an event could not be posted");
            }
        }
    }
}

impl Inner {
    async fn alert(&self, alert: &Alert) -> Result<(), PortError> {
        let destination = match &alert.provider {
            Some(name) => provider::read(self.cluster.as_ref(), name).await?,
            None => self.settings.alerts.clone().ok_or_else(|| {
                PortError::Invalid("there is no --slack-url and no --msteams-url".to_owned())
            })?,
        };
        let post = Post {
            url: destination.url.clone(),
            body: payload::of(&destination.look, alert).to_string().into_bytes(),
            bearer: destination.token.clone(),
            idempotency_key: None,
            proxy: destination.proxy.clone(),
            insecure_skip_verify: false,
            timeout: ALERT_TIMEOUT,
            retries: ALERT_RETRIES,
        };
        let answer = self.poster.post(&post).await?;
        if !(200..300).contains(&answer.status) {
            return Err(refused(answer.status));
        }
        // Slack's API says with 200 what it did not do.
        let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
        if destination.look.kind == Kind::Slack && said.get("ok") == Some(&serde_json::Value::Bool(false)) {
            let error = said
                .get("error")
                .and_then(|e| e.as_str())
                .unwrap_or("no reason given");
            return Err(PortError::Invalid(format!("Slack said {error}")));
        }
        Ok(())
    }

    /// Flagger's rule: a status above 202 is a failure.
    async fn event(&self, hook: &EventHook) -> Result<(), PortError> {
        let url = match &hook.url {
            Some(url) => Token::new(url.as_str()),
            None => self
                .settings
                .event_webhook
                .clone()
                .ok_or_else(|| PortError::Invalid("there is no --event-webhook".to_owned()))?,
        };
        let post = Post {
            url,
            body: hook.payload.to_string().into_bytes(),
            bearer: None,
            idempotency_key: None,
            proxy: None,
            insecure_skip_verify: hook.insecure_skip_verify,
            timeout: Duration::from_millis(u64::try_from(hook.timeout_ms).unwrap_or_default()),
            retries: hook.retries,
        };
        let answer = self.poster.post(&post).await?;
        if answer.status > 202 {
            return Err(refused(answer.status));
        }
        Ok(())
    }
}

/// The body is left out: a server may repeat in it what it was sent.
fn refused(status: u16) -> PortError {
    match status {
        401 | 403 => PortError::Denied(format!("HTTP {status}")),
        429 | 500..=599 => PortError::Unreachable(format!("HTTP {status}")),
        _ => PortError::Invalid(format!("HTTP {status}")),
    }
}
