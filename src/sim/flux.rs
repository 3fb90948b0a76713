//! A small Flux: source-controller's GitRepositories and kustomize-controller's Kustomizations, in simulated time.
//!
//! Objects, conditions, reasons and revisions are spelled as Flux 2.9 does, so that what is written against the real
//! one runs here unchanged. Never here: HelmReleases, OCIRepositories, Buckets, notifications, decryption. What is
//! asked for and not here ends in a `Ready=False` that says so.

mod apply;
mod bootstrap;
mod health;
mod inventory;
mod kustomization;
mod outcome;
mod source;
mod status;
mod wait;

#[cfg(test)]
mod tests;

pub use bootstrap::bootstrap;
pub use inventory::Entry;

use crate::clock;
use crate::cluster::Cluster;
use crate::git::Git;
use crate::trace::Happening;
use crate::trace::What;
use jiff::Timestamp;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_render::Tree;
use std::collections::BTreeMap;

/// The apiVersion of GitRepositories.
pub const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
/// The apiVersion of Kustomizations.
pub const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
/// The annotation that asks for a reconciliation now.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// Finds the repository that a URL means; else why there is none.
pub trait Remotes {
    /// The repository at a URL.
    fn at(&self, url: &str) -> Option<&dyn Git>;
}

/// What source-controller has in store of a GitRepository.
#[derive(Clone, Debug)]
struct Artifact {
    revision: String,
    tree: Tree,
    digest: String,
    /// The `spec.ignore` it was made with.
    ignore: Option<String>,
}

/// When an object is looked at next, and what of it was seen last.
#[derive(Clone, Debug)]
struct Visit {
    uid: String,
    next: Timestamp,
    generation: i64,
    requested_at: String,
    revision: String,
}

/// The controllers' own state. Everything else is in the objects.
#[derive(Clone, Debug, Default)]
pub struct Flux {
    artifacts: BTreeMap<ObjectRef, Artifact>,
    visits: BTreeMap<ObjectRef, Visit>,
    /// Kustomizations whose health checks run.
    waits: BTreeMap<ObjectRef, wait::Wait>,
}

/// What the controllers share within one step.
struct Desk<'a> {
    now: Timestamp,
    cluster: &'a mut Cluster,
    trace: &'a mut Vec<Happening>,
}

impl Flux {
    /// One round: every GitRepository and Kustomization that is due.
    pub fn step(
        &mut self,
        now: Timestamp,
        cluster: &mut Cluster,
        remotes: &dyn Remotes,
        trace: &mut Vec<Happening>,
    ) {
        let mut desk = Desk { now, cluster, trace };
        let sources = desk.cluster.list(SOURCE, "GitRepository", "");
        let kustomizations = desk.cluster.list(KUSTOMIZE, "Kustomization", "");
        self.forget_all_but(&sources, &kustomizations);
        for source in sources {
            if self.is_due(now, &source, "") {
                let pause_s = source::reconcile(self, &mut desk, remotes, &source);
                self.visited(now, &source, "", pause_s);
            }
        }
        for object in kustomizations {
            let name = object.reference();
            let revision = self.revision_for(&object);
            if object.is_deleting() {
                kustomization::finalize(&mut desk, &object);
            } else if let Some(running) = self.waits.get(&name) {
                // What changes meanwhile is seen afterwards: only the time of the next visit is set here.
                if let Some(pause_s) = wait::watch(&mut desk, &object, running) {
                    self.waits.remove(&name);
                    if let Some(visit) = self.visits.get_mut(&name) {
                        visit.next = clock::after(now, pause_s);
                    }
                }
            } else if self.is_due(now, &object, &revision) {
                let pause_s = kustomization::reconcile(self, &mut desk, &object);
                self.visited(now, &object, &revision, pause_s);
            }
        }
    }

    /// What is gone, or has been made anew, is met as new when it comes again.
    fn forget_all_but(&mut self, sources: &[Object], kustomizations: &[Object]) {
        let here: BTreeMap<ObjectRef, &str> = sources
            .iter()
            .chain(kustomizations)
            .map(|object| (object.reference(), object.uid()))
            .collect();
        self.visits
            .retain(|name, visit| here.get(name) == Some(&visit.uid.as_str()));
        let visits = &self.visits;
        self.artifacts.retain(|name, _| visits.contains_key(name));
        self.waits.retain(|name, _| visits.contains_key(name));
    }

    /// The revision of the source of a Kustomization; empty when there is none yet.
    fn revision_for(&self, kustomization: &Object) -> String {
        self.artifacts
            .get(&source::of(kustomization))
            .map(|artifact| artifact.revision.clone())
            .unwrap_or_default()
    }

    fn is_due(&self, now: Timestamp, object: &Object, revision: &str) -> bool {
        if object.is_deleting() || object.at("/spec/suspend") == Some(&true.into()) {
            return false;
        }
        self.visits.get(&object.reference()).is_none_or(|visit| {
            now >= visit.next
                || visit.generation != object.generation()
                || visit.revision != revision
                || visit.requested_at != object.annotation(REQUESTED_AT).unwrap_or_default()
        })
    }

    fn visited(&mut self, now: Timestamp, object: &Object, revision: &str, pause_s: f64) {
        let visit = Visit {
            uid: object.uid().to_owned(),
            next: clock::after(now, pause_s),
            generation: object.generation(),
            requested_at: object.annotation(REQUESTED_AT).unwrap_or_default().to_owned(),
            revision: revision.to_owned(),
        };
        self.visits.insert(object.reference(), visit);
    }
}

impl Desk<'_> {
    fn tell(&mut self, what: What) {
        let at = self.now;
        self.trace.push(Happening { at, what });
    }

    /// Replaces the status; a refused write is made good in the next round.
    fn status(&mut self, manager: &str, name: &ObjectRef, status: serde_json::Value) {
        let Some(mut object) = self.cluster.get(name) else {
            return;
        };
        if object.at("/status") != Some(&status) {
            object.set("/status", status);
            let _ = self
                .cluster
                .write(self.now, manager, &Write::UpdateStatus(object));
        }
    }
}
