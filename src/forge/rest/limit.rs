//! When the next request may go: not before a host's limit is renewed, and changes one after the other.

use super::reply::Reply;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::MutexGuard;
use tokio::time::Instant;

/// One host's gate.
pub(super) struct Gate {
    shut_until: Mutex<Option<Instant>>,
    /// When the last change was sent.
    changes: tokio::sync::Mutex<Option<Instant>>,
    gap: Duration,
}

/// The turn to change something; the next one waits until it is dropped.
pub(super) struct Turn<'a> {
    last: MutexGuard<'a, Option<Instant>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.last = Some(Instant::now());
    }
}

impl Gate {
    pub(super) fn new(gap: Duration) -> Self {
        Self {
            shut_until: Mutex::new(None),
            changes: tokio::sync::Mutex::new(None),
            gap,
        }
    }

    /// How long nothing may be sent, if so.
    pub(super) fn wait(&self) -> Option<Duration> {
        let until = *self.shut_until.lock().unwrap_or_else(PoisonError::into_inner);
        until
            .map(|until| until.saturating_duration_since(Instant::now()))
            .filter(|wait| !wait.is_zero())
    }

    /// Waits until something may be changed: GitHub asks for one change at a time, with a second between them.
    pub(super) async fn turn(&self) -> Turn<'_> {
        let last = self.changes.lock().await;
        if let Some(at) = *last {
            tokio::time::sleep_until(at + self.gap).await;
        }
        Turn { last }
    }

    /// Shuts when an answer says that it was the last one for now.
    pub(super) fn note(&self, reply: &Reply) {
        let Some(wait) = reply.limited().or_else(|| reply.exhausted()) else {
            return;
        };
        let until = Instant::now() + wait;
        let mut shut = self.shut_until.lock().unwrap_or_else(PoisonError::into_inner);
        *shut = Some(shut.map_or(until, |old| old.max(until)));
    }
}
