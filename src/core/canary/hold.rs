//! Holding: what the objects around a Canary are to be, and the writes that make them so.
//!
//! A turn only says what it wants; the writes follow once, when it ends, and none when everything is so already.

use crate::baseline::Baseline;
use crate::canary::route::Cookies;
use crate::canary::route::Scene;
use crate::canary::route::Traffic;
use crate::canary::services;
use crate::canary::turn::Turn;
use crate::canary::workload;
use crate::effect::Effect;
use crate::effect::Write;
use crate::reason::Reason;
use crate::template;
use serde_json::Value;

/// What the objects around the Canary are to be when the turn ends. A later word replaces an earlier one.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) baseline: Option<Baseline>,
    pub(super) primary_serves: Option<bool>,
    pub(super) primary_template: Option<Value>,
    pub(super) traffic: Option<Traffic>,
    pub(super) replicas: Option<i64>,
}

impl Turn<'_> {
    /// Holds the Services to what they should be; the apex selects the primary only if that is to serve.
    pub(super) const fn hold_services(&mut self, primary_serves: bool) {
        self.wanted.primary_serves = Some(primary_serves);
    }

    /// Holds the primary to the given target template.
    pub(super) fn hold_primary(&mut self, template: &Value) {
        self.wanted.primary_template = Some(template.clone());
    }

    /// Holds the route to this weight of the canary, in percent.
    pub(super) const fn hold_weight(&mut self, weight: i64) {
        self.hold_traffic(Traffic::weight(weight));
    }

    /// Holds the route to this.
    pub(super) const fn hold_traffic(&mut self, traffic: Traffic) {
        self.wanted.traffic = Some(traffic);
        self.status.canary_weight = traffic.canary_pct;
    }

    /// Holds the target to this many replicas.
    pub(super) const fn hold_replicas(&mut self, replicas: i64) {
        self.wanted.replicas = Some(replicas);
    }

    /// Holds the Baseline to this.
    pub(super) fn hold_baseline(&mut self, next: Baseline) {
        self.wanted.baseline = Some(next);
    }

    /// Writes, after everything is held, what another room decided on.
    pub(super) fn say(&mut self, effect: Option<Effect>) {
        self.said.extend(effect);
    }

    /// Brings the target up, if it is down, to as many replicas as the primary has.
    pub(super) fn scale_up(&mut self) {
        if workload::replicas(self.target) == 0 {
            self.hold_replicas(self.primary.map_or(1, workload::replicas).max(1));
        }
    }

    /// What is to be written, in the order that is safe to be cut short: the record before what it speaks of, the
    /// route before the pods behind it go.
    ///
    /// # Errors
    /// That the traffic cannot be moved so.
    pub(super) fn hold(&self) -> Result<Vec<Effect>, Reason> {
        let mut effects = Vec::new();
        effects.extend(
            self.wanted
                .baseline
                .as_ref()
                .and_then(|next| self.baseline_write(next)),
        );
        if let Some(primary_serves) = self.wanted.primary_serves {
            effects.extend(services::hold(
                &services::Scene {
                    canary: self.canary,
                    spec: self.spec,
                    target: self.target,
                    label: &self.label,
                },
                self.services,
                primary_serves,
            ));
        }
        effects.extend(
            self.wanted
                .primary_template
                .as_ref()
                .and_then(|template| self.primary_write(template)),
        );
        if let Some(traffic) = self.wanted.traffic {
            effects.extend(self.router.hold(&self.scene(), traffic)?);
        }
        effects.extend(
            self.wanted
                .replicas
                .and_then(|replicas| workload::scale(self.target, replicas)),
        );
        Ok(effects)
    }

    /// What the router has before it.
    pub(super) fn scene(&self) -> Scene<'_> {
        Scene {
            canary: self.canary,
            spec: self.spec,
            settings: self.settings,
            label: &self.label,
            cookies: Cookies::of(&self.status),
            seen: &self.routes,
        }
    }

    fn baseline_write(&self, next: &Baseline) -> Option<Effect> {
        let seen = self.baseline.as_ref().map(|(object, _)| *object);
        let object = next.object(self.canary, seen);
        let write = if seen.is_some() {
            Write::Update(object.clone())
        } else {
            Write::Create(object.clone())
        };
        (seen != Some(&object)).then_some(Effect::Write(write))
    }

    fn primary_write(&self, template: &Value) -> Option<Effect> {
        let Some(primary) = self.primary else {
            let new = workload::primary(self.canary, self.spec, self.target, &self.label, template);
            return Some(Effect::Write(Write::Create(new)));
        };
        if self.primary_has(template) {
            return None;
        }
        let mut next = primary.clone();
        next.set("/spec/template", template::primary_of(template, &self.label));
        Some(Effect::Write(Write::Update(next)))
    }

    /// Whether the primary has the given target template already, whatever id its last promotion gave it: a primary
    /// that Flagger promoted is not restarted for another id.
    pub(super) fn primary_has(&self, template: &Value) -> bool {
        self.primary
            .is_some_and(|primary| template::target_of(&template::of(primary), &self.label) == *template)
    }
}
