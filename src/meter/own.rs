//! recant's own metrics: what Flagger has no name for.

use super::Labels;
use super::flagger::Durations;
use super::flagger::durations;
use crate::notifier::Outcomes;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use recant_core::canary::status::Status;
use recant_core::object::Object;
use recant_core::pull;
use recant_core::pull::RevertStatus;
use recant_core::reason::Outcome;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(super) struct Own {
    canaries: Family<Labels, Gauge>,
    reverts: Family<Labels, Gauge>,
    pulls: Gauge,
    reconciles: Family<Labels, Counter>,
    reconcile_duration: Durations,
    queue_depth: Gauge,
    running: Gauge,
    checks: Family<Labels, Counter>,
    notifications: Family<Labels, Counter>,
    notifications_waiting: Gauge,
}

impl Own {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self {
            canaries: Family::default(),
            reverts: Family::default(),
            pulls: Gauge::default(),
            reconciles: Family::default(),
            reconcile_duration: durations(),
            queue_depth: Gauge::default(),
            running: Gauge::default(),
            checks: Family::default(),
            notifications: Family::default(),
            notifications_waiting: Gauge::default(),
        };
        registry.register("recant_canaries", "Canaries by phase", new.canaries.clone());
        registry.register("recant_reverts", "Reverts by phase", new.reverts.clone());
        registry.register(
            "recant_pull_requests_open",
            "Pull requests that wait for a person",
            new.pulls.clone(),
        );
        registry.register(
            "recant_reconciles",
            "Looks at an object, by kind and outcome",
            new.reconciles.clone(),
        );
        registry.register(
            "recant_reconcile_duration_seconds",
            "Seconds that a look took, from asking to saving",
            new.reconcile_duration.clone(),
        );
        registry.register(
            "recant_queue_depth",
            "Objects that wait for a look",
            new.queue_depth.clone(),
        );
        registry.register(
            "recant_reconciles_running",
            "Looks that are under way",
            new.running.clone(),
        );
        registry.register(
            "recant_checks",
            "Checks of metrics, by outcome",
            new.checks.clone(),
        );
        registry.register(
            "recant_notifications",
            "Alerts and posts to event webhooks, by outcome",
            new.notifications.clone(),
        );
        registry.register(
            "recant_notifications_waiting",
            "Alerts and posts that are not sent yet",
            new.notifications_waiting.clone(),
        );
        new
    }

    /// Notes a look.
    pub(super) fn looked(&self, before: &Object, after: &Object, took: Duration, done: bool) {
        let kind = vec![("kind", after.str("/kind").to_owned())];
        self.reconcile_duration
            .get_or_create(&kind)
            .observe(took.as_secs_f64());
        let mut outcome = kind;
        outcome.push(("outcome", if done { "done" } else { "refused" }.to_owned()));
        self.reconciles.get_or_create(&outcome).inc();
        if after.str("/kind") == "Canary" {
            self.count_checks(before, after);
        }
    }

    fn count_checks(&self, before: &Object, after: &Object) {
        let last = |object| {
            let run = Status::of(object).analysis?;
            Some((run.ticks.last()?.at, run.checks))
        };
        let Some((at, checks)) = last(after) else { return };
        if last(before).is_some_and(|(before, _)| before == at) {
            return;
        }
        for check in checks {
            let outcome = match check.outcome {
                Outcome::Pass(_) | Outcome::Agreed => "passed",
                Outcome::Fail(_) | Outcome::Refused(_) => "failed",
                Outcome::NoData => "no_data",
                Outcome::Unknown(_) | Outcome::Unanswered(_) => "not_seen",
            };
            self.checks
                .get_or_create(&vec![("outcome", outcome.to_owned())])
                .inc();
        }
    }

    pub(super) fn queue(&self, ready: usize, running: usize) {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.queue_depth.set(number(ready));
        self.running.set(number(running));
    }

    /// Tells the gauges what is known of all objects.
    pub(super) fn tell<'a>(&self, objects: impl Iterator<Item = &'a Object>, notifications: &Outcomes) {
        let mut canaries: BTreeMap<String, i64> = BTreeMap::new();
        let mut reverts: BTreeMap<String, i64> = BTreeMap::new();
        let mut pulls = 0;
        for object in objects {
            match object.str("/kind") {
                "Canary" => {
                    *canaries
                        .entry(format!("{:?}", Status::of(object).phase))
                        .or_default() += 1
                }
                "Revert" => {
                    let phase = RevertStatus::of(object).phase;
                    *reverts.entry(format!("{phase:?}")).or_default() += 1;
                    pulls += i64::from(pull::open_page(object).is_some());
                }
                _ => {}
            }
        }
        count(&self.canaries, canaries);
        count(&self.reverts, reverts);
        self.pulls.set(pulls);
        for (outcome, so_far) in [("sent", &notifications.sent), ("failed", &notifications.failed)] {
            let counter = self
                .notifications
                .get_or_create_owned(&vec![("outcome", outcome.to_owned())]);
            counter.inc_by(so_far.load(Ordering::Relaxed).saturating_sub(counter.get()));
        }
        let waiting = notifications.waiting.load(Ordering::Relaxed);
        self.notifications_waiting
            .set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
}

fn count(family: &Family<Labels, Gauge>, phases: BTreeMap<String, i64>) {
    family.clear();
    for (phase, number) in phases {
        family.get_or_create(&vec![("phase", phase)]).set(number);
    }
}
