//! Holding: what the objects around a Canary are to be, and the writes that make them so.
//!
//! A turn only says what it wants; the writes follow once, when it ends, and none when everything is so already.

use crate::baseline::Baseline;
use crate::baseline::Snapshot;
use crate::canary::route::Cookies;
use crate::canary::route::Scene;
use crate::canary::route::Traffic;
use crate::canary::services;
use crate::canary::turn::Turn;
use crate::canary::workload;
use crate::canary::workload::Kind;
use crate::effect::Effect;
use crate::effect::Write;
use crate::reason::Reason;

impl Turn<'_> {
    /// Holds the Services to what they should be; the apex selects the primary only if that is to serve.
    pub(super) const fn hold_services(&mut self, primary_serves: bool) {
        self.wanted.primary_serves = Some(primary_serves);
    }

    /// Holds the primary, and the ConfigMaps and Secrets it reads, to this.
    pub(super) fn hold_primary(&mut self, snapshot: &Snapshot) {
        self.wanted.primary = Some((snapshot.clone(), false));
    }

    /// Holds the primary to what is promoted now, with all that Flagger copies from the target then.
    pub(super) fn promote_to(&mut self, snapshot: &Snapshot) {
        self.wanted.primary = Some((snapshot.clone(), true));
    }

    /// Holds the route to this weight of the canary, in percent.
    pub(super) fn hold_weight(&mut self, weight: i64) {
        self.hold_traffic(Traffic::weight(weight));
    }

    /// Holds the route to this.
    pub(super) fn hold_traffic(&mut self, traffic: Traffic) {
        self.wanted.traffic = Some(traffic);
        self.status.canary_weight = traffic.canary_pct;
        if let Some(run) = &mut self.status.analysis {
            run.mirrored = traffic.mirrored;
        }
    }

    /// Holds the target to this many replicas; at 0 its autoscaler is paused.
    pub(super) const fn hold_replicas(&mut self, replicas: i64) {
        self.wanted.replicas = Some(replicas);
        self.wanted.paused = Some(replicas == 0);
    }

    /// Holds the Baseline to this.
    pub(super) fn hold_baseline(&mut self, next: Baseline) {
        self.wanted.baseline = Some(next);
    }

    /// Writes, after everything is held, what another room decided on.
    pub(super) fn say(&mut self, effect: Option<Effect>) {
        self.said.extend(effect);
    }

    /// Brings the target up, if it is down, to as many replicas as the primary has, or as its autoscaler keeps at
    /// the least. Pods that are still going are waited for: they may have read what was there before.
    pub(super) fn scale_up(&mut self) {
        if !self.kind.is_down(self.target) {
            self.wanted.paused = Some(false);
        } else if self.kind.is_gone(self.target) {
            let replicas = match &self.scaler {
                Some(scaler) => scaler.min_replicas(),
                None => self.primary.map_or(1, workload::replicas).max(1),
            };
            self.hold_replicas(replicas);
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
            effects.extend(self.services_writes(primary_serves));
        }
        if let Some((snapshot, promotes)) = &self.wanted.primary {
            effects.extend(self.config_writes(snapshot));
            effects.extend(self.primary_write(snapshot, *promotes));
            effects.extend(self.scaler.and_then(|scaler| {
                let target = &self.spec.target_ref.name;
                scaler.hold_primary(self.canary, self.settings, target, self.wanted.promote_scaler)
            }));
        }
        // Pods come before the traffic that goes to them, and go after it.
        let comes_up = self.wanted.replicas.is_some_and(|replicas| replicas > 0);
        if comes_up {
            effects.extend(self.pods_writes());
        }
        if let Some(traffic) = self.wanted.traffic {
            effects.extend(self.router.hold(&self.scene(), traffic)?);
        }
        if self.wanted.apex_to_target {
            effects.extend(self.apex_back());
        }
        if self.wanted.restore_route {
            effects.extend(self.router.restore(&self.scene()));
        }
        if !comes_up {
            effects.extend(self.pods_writes());
        }
        Ok(effects)
    }

    /// The target's pods: its autoscaler first, which would undo what is scaled.
    fn pods_writes(&self) -> Vec<Effect> {
        let pause = |scaler: crate::canary::scaler::Scaler<'_>| scaler.pause(self.wanted.paused?);
        let mut effects: Vec<Effect> = self.scaler.and_then(pause).into_iter().collect();
        let replicas = self.wanted.replicas;
        effects.extend(replicas.and_then(|replicas| self.kind.scale(self.target, replicas)));
        effects
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

    /// The apex Service selects the target's pods again, unless it goes with the Canary.
    fn apex_back(&self) -> Option<Effect> {
        let [apex, ..] = self.services;
        let apex = apex.filter(|_| self.kind != Kind::Service);
        services::restore(&self.service_scene(), apex)
    }

    const fn service_scene(&self) -> services::Scene<'_> {
        services::Scene {
            canary: self.canary,
            spec: self.spec,
            target: self.target,
            label: &self.label,
        }
    }

    fn services_writes(&self, primary_serves: bool) -> Vec<Effect> {
        if self.kind == Kind::Service {
            let [_, _, own] = self.services;
            return workload::hold_canary_service(self.making(), own)
                .into_iter()
                .collect();
        }
        services::hold(&self.service_scene(), self.services, primary_serves)
    }

    /// The copies that the primary reads, before the template that names them.
    fn config_writes(&self, snapshot: &Snapshot) -> Vec<Effect> {
        let wanted = self.wanted.baseline.as_ref();
        let known = wanted.or(self.baseline.as_ref().map(|(_, baseline)| baseline));
        let promoted = known.map_or(snapshot, |baseline| &baseline.promoted);
        self.configs
            .hold(self.canary, self.settings, snapshot, promoted)
            .0
    }

    /// What of a snapshot's ConfigMaps and Secrets is nowhere to be found any more.
    pub(super) fn lost(&self, snapshot: &Snapshot) -> Vec<String> {
        let known = self.baseline.as_ref().map(|(_, baseline)| &baseline.promoted);
        self.configs
            .hold(self.canary, self.settings, snapshot, known.unwrap_or(snapshot))
            .1
    }

    fn baseline_write(&self, next: &Baseline) -> Option<Effect> {
        let seen = self.record;
        let object = next.object(self.canary, seen);
        let write = if seen.is_some() {
            Write::Update(object.clone())
        } else {
            Write::Create(object.clone())
        };
        (seen != Some(&object)).then_some(Effect::Write(write))
    }

    fn primary_write(&self, snapshot: &Snapshot, promotes: bool) -> Option<Effect> {
        let Some(primary) = self.primary else {
            let new = self.kind.primary(self.making(), snapshot);
            return Some(Effect::Write(Write::Create(new)));
        };
        if self.primary_has(snapshot) && !promotes {
            return None;
        }
        let mut next = primary.clone();
        self.kind.update(&mut next, self.making(), snapshot, promotes);
        (next != *primary).then_some(Effect::Write(Write::Update(next)))
    }

    /// Whether the primary has what a snapshot says already.
    pub(super) fn primary_has(&self, snapshot: &Snapshot) -> bool {
        let wanted = snapshot.primary(&self.naming);
        self.primary
            .is_some_and(|primary| self.kind.primary_has(primary, &wanted))
    }
}
