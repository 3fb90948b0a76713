//! Who is to be looked at, and when. Each object is in one place: ready, being looked at, or waiting for its time.

use crate::controller::Asked;
use recant_core::object::ObjectRef;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    ready: VecDeque<ObjectRef>,
    busy: BTreeSet<ObjectRef>,
    /// Changed while it was being looked at.
    again: BTreeSet<ObjectRef>,
    waiting: BTreeMap<ObjectRef, Instant>,
    /// What each object asked about at its last look.
    asked: BTreeMap<ObjectRef, Asked>,
}

impl Queue {
    /// Puts an object in line, now.
    pub(super) fn add(&mut self, name: ObjectRef) {
        self.waiting.remove(&name);
        if self.busy.contains(&name) {
            self.again.insert(name);
        } else if !self.ready.contains(&name) {
            self.ready.push_back(name);
        }
    }

    /// How many wait for a look now.
    pub(super) fn depth(&self) -> usize {
        self.ready.len()
    }

    /// Puts everybody in line who asked about this object.
    pub(super) fn changed(&mut self, object: &ObjectRef) {
        let askers = self.asked.iter().filter(|(_, asked)| asked.contains(object));
        let askers: Vec<_> = askers.map(|(asker, _)| asker.clone()).collect();
        askers.into_iter().for_each(|asker| self.add(asker));
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&mut self, name: &ObjectRef) {
        self.ready.retain(|ready| ready != name);
        self.waiting.remove(name);
        self.again.remove(name);
        self.asked.remove(name);
    }

    /// The next one to look at; it is busy until [`Queue::done`].
    pub(super) fn take_ready(&mut self) -> Option<ObjectRef> {
        let now = Instant::now();
        let due: Vec<_> = self
            .waiting
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(name, _)| name.clone())
            .collect();
        due.into_iter().for_each(|name| self.add(name));
        let name = self.ready.pop_front()?;
        self.busy.insert(name.clone());
        Some(name)
    }

    /// A look is over: what it asked about, and when it wants to be looked at again.
    pub(super) fn done(&mut self, name: &ObjectRef, asked: Asked, wait: Option<Duration>) {
        self.busy.remove(name);
        self.asked.insert(name.clone(), asked);
        if self.again.remove(name) {
            self.add(name.clone());
        } else if let Some(wait) = wait {
            self.waiting.insert(name.clone(), Instant::now() + wait);
        }
    }

    /// Waits until somebody's time has come; for ever when nobody waits.
    pub(super) async fn due(&self) {
        match self.waiting.values().min() {
            Some(at) => tokio::time::sleep_until(*at).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ObjectRef {
        ObjectRef::new("v1", "Thing", "ns", name)
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_during_a_look_leads_to_one_more_look_and_never_two_at_once() {
        let mut queue = Queue::default();
        queue.add(name("a"));
        queue.add(name("a"));
        assert_eq!(queue.take_ready(), Some(name("a")));
        assert_eq!(queue.take_ready(), None);
        queue.add(name("a"));
        assert_eq!(queue.take_ready(), None, "it is being looked at");
        queue.done(&name("a"), Asked::from([name("b")]), None);
        assert_eq!(queue.take_ready(), Some(name("a")));
        queue.done(&name("a"), Asked::from([name("b")]), Some(Duration::from_secs(5)));
        assert_eq!(queue.take_ready(), None);
        queue.changed(&name("b"));
        assert_eq!(queue.take_ready(), Some(name("a")), "what it asked about changed");
        queue.done(&name("a"), Asked::new(), Some(Duration::from_secs(5)));
        queue.due().await;
        assert_eq!(queue.take_ready(), Some(name("a")), "its time has come");
        queue.forget(&name("a"));
        queue.done(&name("a"), Asked::new(), None);
        assert_eq!(queue.take_ready(), None);
    }
}
