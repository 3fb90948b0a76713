//! Watches on the wire: one JSON document a line, until the client leaves, its time is up, or the server ends.

use super::Served;
use axum::body::Body;
use futures::stream;
use recant_sim::cluster::Watch;
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a watch lasts when the client does not say.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// How often a quiet watch gets a bookmark.
const BOOKMARKS: Duration = Duration::from_secs(30);

struct Following {
    served: Arc<dyn Served>,
    changed: tokio::sync::watch::Receiver<u64>,
    watch: Watch,
    until: Instant,
    ended: CancellationToken,
}

/// The body of a watch's response.
pub(super) fn body(served: Arc<dyn Served>, watch: Watch, ended: CancellationToken) -> Body {
    let life = watch.timeout_s().map_or(LIFE, Duration::from_secs);
    let (changed, until) = (served.changed(), Instant::now() + life);
    let following = Following {
        served,
        changed,
        watch,
        until,
        ended,
    };
    Body::from_stream(stream::unfold(following, |mut following| async move {
        let lines = following.next().await?;
        Some((Ok::<_, Infallible>(lines), following))
    }))
}

impl Following {
    /// The next lines; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            // Marked as seen before looking, so that a change made meanwhile wakes us again.
            self.changed.borrow_and_update();
            let events = self.events();
            if !events.is_empty() {
                return Some(lines(&events));
            }
            if self.watch.is_ended() {
                return None;
            }
            tokio::select! {
                () = self.ended.cancelled() => return None,
                () = tokio::time::sleep_until(self.until) => return None,
                () = tokio::time::sleep(BOOKMARKS) => {
                    if let Some(bookmark) = self.bookmark() {
                        return Some(lines(&[bookmark]));
                    }
                }
                changed = self.changed.changed() => changed.ok()?,
            }
        }
    }

    fn events(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        let watch = &mut self.watch;
        self.served
            .with(&mut |cluster, now| events = cluster.follow(now, watch));
        events
    }

    fn bookmark(&mut self) -> Option<Value> {
        let mut bookmark = None;
        let watch = &self.watch;
        self.served
            .with(&mut |cluster, _| bookmark = cluster.bookmark(watch));
        bookmark
    }
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}
