//! The loop: observe → step → perform → save, for every Canary, every Revert and every Forge.
//!
//! An object is looked at when it changes, when anything that was asked about it changes, and when it said so. One
//! look at a time for each object, a bounded number at once. Never here: a decision, an adapter, kube.

mod look;
mod queue;

use crate::clock::Clock;
use crate::controller::look::Looked;
use crate::controller::queue::Queue;
use crate::port::Change;
use crate::port::Ports;
use futures::StreamExt as _;
use jiff::Timestamp;
use recant_core::baseline::RECANT_API;
use recant_core::canary::spec::API_VERSION as FLAGGER_API;
use recant_core::chain::KUSTOMIZE_API;
use recant_core::chain::SOURCE_API;
use recant_core::effect::Effect;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_core::reason::Reason;
use recant_core::settings::Settings;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Everything whose change may matter to a decision.
const WATCHED: [(&str, &str); 16] = [
    (FLAGGER_API, "Canary"),
    (FLAGGER_API, "MetricTemplate"),
    (RECANT_API, "Baseline"),
    (RECANT_API, "Revert"),
    (RECANT_API, "Forge"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "DaemonSet"),
    ("v1", "Service"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1beta1", "HTTPRoute"),
    ("split.smi-spec.io/v1alpha1", "TrafficSplit"),
    ("split.smi-spec.io/v1alpha2", "TrafficSplit"),
    ("split.smi-spec.io/v1alpha3", "TrafficSplit"),
    (KUSTOMIZE_API, "Kustomization"),
    (SOURCE_API, "GitRepository"),
    (SOURCE_API, "OCIRepository"),
];

/// How many objects are looked at at once.
const LOOKS_MAX: usize = 16;
/// How long after a refused or failed effect the world is looked at again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What the controller did about an object, and why: for logs, the terminal and the pages.
#[derive(Clone, Debug)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// The Canary, Revert or Forge.
    pub about: ObjectRef,
    /// Why.
    pub because: Reason,
    /// What was done.
    pub effects: Vec<Effect>,
}

/// Somebody who wants to know.
pub type Listener = Arc<dyn Fn(&Told) + Send + Sync>;

/// What happens in the controller: for metrics.
#[derive(Clone, Copy, Debug)]
pub enum Sight<'a> {
    /// A look at an object is over.
    Looked {
        /// The object before.
        before: &'a Object,
        /// The object after, with its new status.
        after: &'a Object,
        /// How long it took, from asking to saving.
        took: Duration,
        /// Whether everything was done that was decided.
        done: bool,
    },
    /// An object is gone.
    Gone(&'a ObjectRef),
    /// How many objects wait for a look, and how many looks are under way.
    Queue {
        /// Waiting.
        ready: usize,
        /// Under way.
        running: usize,
    },
}

/// Somebody who counts.
pub type Witness = Arc<dyn Fn(&Sight<'_>) + Send + Sync>;

/// The controller.
#[derive(Clone)]
pub struct Controller {
    /// The ways out.
    pub ports: Ports,
    /// The operator's choices.
    pub settings: Settings,
    /// The time.
    pub clock: Clock,
    /// Whether to say what would be done instead of doing it.
    pub dry_run: bool,
    /// Told of every look that came to something new.
    pub listener: Listener,
    /// Told of everything.
    pub witness: Witness,
}

impl Controller {
    /// Runs until told to stop; looks that are under way are finished.
    pub async fn run(self, stop: CancellationToken) {
        let mut changes = self.ports.cluster.changes(&WATCHED);
        let mut queue = Queue::default();
        let mut looks: JoinSet<Looked> = JoinSet::new();
        loop {
            while looks.len() < LOOKS_MAX
                && let Some(name) = queue.take_ready()
            {
                let controller = self.clone();
                looks.spawn(async move { look::look(&controller, name).await });
            }
            (self.witness)(&Sight::Queue {
                ready: queue.depth(),
                running: looks.len(),
            });
            tokio::select! {
                () = stop.cancelled() => break,
                Some(change) = changes.next() => self.notice(&mut queue, &change),
                () = queue.due() => {}
                Some(looked) = looks.join_next() => match looked {
                    Ok(looked) => self.note(&mut queue, looked),
                    Err(error) => tracing::error!(%error, "a look ended badly"),
                },
            }
        }
        while looks.join_next().await.is_some() {}
    }

    fn notice(&self, queue: &mut Queue, change: &Change) {
        let name = change.object.reference();
        let is_own = (name.kind == "Canary" && name.api_version == FLAGGER_API)
            || (matches!(name.kind.as_str(), "Revert" | "Forge") && name.api_version == RECANT_API);
        if is_own && change.deleted {
            queue.forget(&name);
            (self.witness)(&Sight::Gone(&name));
        } else if is_own {
            queue.add(name.clone());
        }
        queue.changed(&name);
    }

    fn note(&self, queue: &mut Queue, looked: Looked) {
        let Looked {
            name,
            asked,
            wake,
            again,
        } = looked;
        let wait = if again {
            Some(AGAIN_AFTER)
        } else {
            wake.map(|at| self.clock.until(at))
        };
        queue.done(&name, asked, wait);
    }
}

/// The names of the objects that were asked about.
type Asked = BTreeSet<ObjectRef>;
