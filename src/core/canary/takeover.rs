//! Taking a Canary over: from nothing, or from Flagger, in whatever phase that left it.
//!
//! What serves goes on record as it is, so that nothing is restarted, no traffic moves, and nothing is analysed that
//! Flagger has analysed already. Flagger's hash of a template cannot be computed here (it is over a dump of Go's own
//! structures, unset fields and type names included, and changes with the library), so it is never compared: recant
//! looks at whether target and primary are the same but for their names. Flagger's hashes stay in the status until the
//! template they speak of is replaced.

use crate::baseline::Baseline;
use crate::baseline::Snapshot;
use crate::canary::status::Phase;
use crate::canary::status::Run;
use crate::canary::turn::Turn;
use crate::reason::Reason;
use crate::template;
use jiff::Timestamp;
use serde_json::Value;

impl Turn<'_> {
    /// Records what is to be the primary's template: the target's; or, where a primary serves already, that primary's
    /// own; and what is under way.
    pub(super) fn adopt(&mut self) -> Reason {
        if let Some(because) = self.lacks_configs() {
            return because;
        }
        let phase = self.status.phase;
        let promoted = self.serving();
        let candidate = self.under_way(&promoted);
        if let Some(candidate) = &candidate {
            self.take_up_run(candidate);
        }
        self.hold_baseline(Baseline {
            canary: self.canary.name().to_owned(),
            promoted,
            candidate,
            handed_over: false,
        });
        self.wake_at(self.now);
        match phase {
            Phase::New | Phase::Initializing => Reason::Initializing {
                what: "the baseline is recorded".to_owned(),
            },
            phase => Reason::Adopted {
                phase: format!("{phase:?}"),
            },
        }
    }

    /// A first primary is made when everything is there that its pods cannot start without: what comes later would be
    /// a new revision.
    fn lacks_configs(&mut self) -> Option<Reason> {
        if self.primary.is_some() {
            return None;
        }
        let missing = self
            .configs
            .missing(self.seen, self.canary.namespace(), &self.asked.template)?;
        self.wake_in(super::RETRY);
        Some(Reason::Initializing {
            what: format!("{missing}, which the pods read, does not exist"),
        })
    }

    /// What the primary has; the target's own words for it where it has the same.
    fn serving(&self) -> Snapshot {
        let Some(primary) = self.primary else {
            return self.asked.clone();
        };
        let its = template::of(primary);
        let configs = self.configs.copied(&its);
        let same = self.naming.is_primary_of(&its, &self.asked.template);
        let snapshot = if same && configs == self.asked.configs {
            self.asked.clone()
        } else {
            let template = if same {
                self.asked.template.clone()
            } else {
                self.naming.target_of(&its)
            };
            Snapshot::new(self.now, template, configs, Vec::new())
        };
        Snapshot {
            primary_template: (its != snapshot.primary(&self.naming)).then_some(its),
            ..snapshot
        }
    }

    /// What is being analysed, is being promoted, or has failed.
    fn under_way(&mut self, promoted: &Snapshot) -> Option<Snapshot> {
        match self.status.phase {
            Phase::New
            | Phase::Initializing
            | Phase::Initialized
            | Phase::Succeeded
            | Phase::Waiting
            | Phase::Terminating
            | Phase::Terminated => None,
            Phase::Progressing | Phase::WaitingPromotion => Some(self.asked.clone()),
            // The primary has it already, or is getting it.
            Phase::Promoting | Phase::Finalising => Some(promoted.clone()),
            Phase::Failed if self.routed_pct() > 0 => {
                // A promotion failed under Flagger, which then leaves all traffic on the canary. What the primary had
                // before is gone: the traffic stays where it is until the primary is ready.
                self.enter(Phase::Promoting);
                Some(promoted.clone())
            }
            Phase::Failed => Some(self.asked.clone()),
        }
    }

    /// The run as Flagger left it: its weight as the route has it, since the status does not always tell.
    fn take_up_run(&mut self, candidate: &Snapshot) {
        self.status.canary_weight = self.routed_pct();
        self.status.iterations = self.status.iterations.max(0);
        let known = self.status.analysis.as_ref().map(|run| &run.template_hash);
        if known == Some(&candidate.template_hash) {
            return;
        }
        let runs = matches!(self.status.phase, Phase::Progressing | Phase::WaitingPromotion);
        // Nobody knows what was asked for when Flagger looked last. If pods were replaced since, it was something
        // else, and nothing it had measured counts: a run of another template begins again.
        let unseen = runs && self.status.canary_weight > 0 && self.changed_since_flagger();
        let template_hash = if unseen {
            String::new()
        } else {
            candidate.template_hash.clone()
        };
        self.status.analysis = Some(Run {
            template_hash,
            revision: candidate.revision.clone(),
            started_at: self.status.last_transition_time,
            next_check_at: runs.then(|| self.now + self.spec.analysis.interval()),
            ..Run::default()
        });
    }

    /// The canary's share as the route has it, else as the status says.
    fn routed_pct(&self) -> i64 {
        if let Some(routed) = self.router.canary_pct(&self.scene()) {
            return routed;
        }
        let analysis = &self.spec.analysis;
        match self.status.phase {
            // Flagger's status says 0 then, whatever the route says.
            Phase::WaitingPromotion if analysis.iterations.is_none() => analysis.max_weight(),
            _ => self.status.canary_weight,
        }
    }

    /// Whether the target's pods were replaced after Flagger wrote the status last, which it does each time it moves
    /// the weight.
    fn changed_since_flagger(&self) -> bool {
        let conditions = self.target.at("/status/conditions").and_then(Value::as_array);
        let progressing = conditions
            .into_iter()
            .flatten()
            .find(|c| c["type"] == "Progressing");
        let changed: Option<Timestamp> = progressing.and_then(|c| c["lastUpdateTime"].as_str()?.parse().ok());
        changed > self.status.last_transition_time
    }
}
