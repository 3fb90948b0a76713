//! The one world of a demo, and everybody who works on it: one at a time, at the demo's time.

use crate::clock::Clock;
use crate::demo::forge_http::Hosted;
use crate::demo::hook_http::Called;
use crate::demo::kube_api::Served;
use crate::demo::prometheus_http::Measured;
use jiff::SignedDuration;
use jiff::Timestamp;
use recant_sim::cluster::Cluster;
use recant_sim::forge::Forge;
use recant_sim::forge::Repos;
use recant_sim::gauge::Gauge;
use recant_sim::receiver::Receivers;
use recant_sim::world::World;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::watch;

/// The world and its clock.
pub(crate) struct Stage {
    world: Mutex<World>,
    clock: Clock,
    version: watch::Sender<u64>,
}

impl Stage {
    /// Puts a world on stage.
    pub(crate) fn new(world: World, clock: Clock) -> Self {
        let version = watch::Sender::new(world.cluster.resource_version());
        Self {
            world: Mutex::new(world),
            clock,
            version,
        }
    }

    /// Works on the world as it is now, and lets everybody know if the cluster changed.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut world);
        let version = world.cluster.resource_version();
        drop(world);
        self.version
            .send_if_modified(|known| std::mem::replace(known, version) != version);
        done
    }

    /// Brings the world to the clock's time.
    pub(crate) fn advance(&self) {
        let now = self.clock.now();
        self.with(|world| world.advance(now));
    }
}

impl Served for Stage {
    fn with(&self, work: &mut dyn FnMut(&mut Cluster, Timestamp)) {
        Self::with(self, |world| {
            let now = world.now();
            work(&mut world.cluster, now);
        });
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}

impl Hosted for Stage {
    fn with(&self, job: &mut dyn FnMut(&mut Forge, &mut Repos, Timestamp)) {
        Self::with(self, |world| {
            let now = world.now();
            job(&mut world.forge, &mut world.repos, now);
        });
    }
}

impl Measured for Stage {
    fn with(&self, job: &mut dyn FnMut(&Gauge, Timestamp)) {
        Self::with(self, |world| job(&world.gauge, world.now()));
    }
}

impl Called for Stage {
    fn with(&self, job: &mut dyn FnMut(&mut Receivers, Timestamp)) {
        Self::with(self, |world| {
            let now = world.now();
            job(&mut world.receivers, now);
        });
    }

    fn wait(&self, time: SignedDuration) -> Duration {
        self.clock.until(self.clock.now() + time)
    }
}
