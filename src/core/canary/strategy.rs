//! How a run goes on when its checks pass: by weights, by iterations of A/B testing or of blue/green.

use crate::alert::Severity;
use crate::baseline::Baseline;
use crate::canary::hooks::Called;
use crate::canary::hooks::Said;
use crate::canary::route::Traffic;
use crate::canary::spec::Spec;
use crate::canary::status::Phase;
use crate::canary::turn::Turn;
use crate::effect::StatusState;
use crate::hook::HookType;
use crate::reason::Check;
use crate::reason::Reason;
use crate::settings::Settings;

/// The provider without a mesh or an ingress: the Services alone.
const KUBERNETES: &str = "kubernetes";
/// How often a run is checked for the provider `kubernetes` when the manifest does not say: Flagger's choice.
const ITERATIONS: i64 = 10;

/// Flagger's strategies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// The canary's weight grows.
    Weights,
    /// Requests that match go to the canary, for so many checks.
    AbTesting(i64),
    /// The canary is checked so many times without users, then takes all of them.
    BlueGreen(i64),
}

impl Strategy {
    /// The strategy of a Canary: with a `match` and iterations it is A/B testing, with iterations blue/green. Without
    /// somebody to divide the traffic it can only be blue/green.
    pub(super) fn of(spec: &Spec, settings: &Settings) -> Self {
        let iterations = spec.analysis.iterations.unwrap_or_default();
        match iterations {
            n if is_kubernetes(spec, settings) => Self::BlueGreen(if n < 1 { ITERATIONS } else { n }),
            n if n < 1 => Self::Weights,
            n if spec.analysis.r#match.is_empty() => Self::BlueGreen(n),
            n => Self::AbTesting(n),
        }
    }
}

/// Whether nobody divides the traffic.
pub(super) fn is_kubernetes(spec: &Spec, settings: &Settings) -> bool {
    let own = spec.provider.as_deref().filter(|provider| !provider.is_empty());
    own.unwrap_or(&settings.mesh_provider) == KUBERNETES
}

impl Turn<'_> {
    /// What the route says now, as it is on record.
    pub(super) fn traffic(&self) -> Traffic {
        Traffic {
            canary_pct: self.status.canary_weight,
            mirrored: self.status.analysis.as_ref().is_some_and(|run| run.mirrored),
        }
    }

    /// Whether the canary has had requests, or an iteration, in this run.
    pub(super) fn has_begun(&self) -> bool {
        self.status.iterations > 0 || self.traffic() != Traffic::default()
    }

    /// The checks passed, or there were none to make yet: the next move of the strategy.
    pub(super) fn advance(&mut self, baseline: &Baseline, checks: Vec<Check>) -> Reason {
        if let Some(by) = self.paused() {
            return self.held(by);
        }
        let done = self.status.iterations;
        match Strategy::of(self.spec, self.settings) {
            Strategy::Weights => self.advance_weight(baseline, checks),
            Strategy::AbTesting(n) if done < n => self.iterate(n, Traffic::weight(100), checks),
            Strategy::BlueGreen(n) if done < n => {
                let mirrored = self.spec.analysis.mirror && self.can_mirror();
                let traffic = Traffic {
                    canary_pct: 0,
                    mirrored,
                };
                self.iterate(n, traffic, checks)
            }
            Strategy::BlueGreen(n) if done == n => match self.confirm_promotion() {
                Some(because) => because,
                None => self.switch(n, checks),
            },
            Strategy::AbTesting(_) | Strategy::BlueGreen(_) => match self.confirm_promotion() {
                Some(because) => because,
                None => self.start_promotion(baseline),
            },
        }
    }

    fn advance_weight(&mut self, baseline: &Baseline, checks: Vec<Check>) -> Reason {
        let now = self.traffic();
        if !now.mirrored
            && self.status.phase == Phase::Progressing
            && let Some(because) = self.confirm_traffic_increase()
        {
            return because;
        }
        if now.canary_pct >= self.spec.analysis.max_weight() {
            return match self.confirm_promotion() {
                Some(because) => because,
                None => self.start_promotion(baseline),
            };
        }
        let mirror_first = self.spec.analysis.mirror && now == Traffic::default();
        let weight_pct = self.spec.analysis.next_weight(now.canary_pct);
        let next = if mirror_first && self.can_mirror() {
            Traffic {
                canary_pct: 0,
                mirrored: true,
            }
        } else {
            Traffic::weight(weight_pct)
        };
        self.hold_traffic(next);
        self.go_on();
        let name = self.dotted(self.canary.name());
        self.tell(format!("Advance {name} canary weight {}", next.canary_pct));
        self.commit_status(
            StatusState::Pending,
            &format!("canary weight {}%", next.canary_pct),
        );
        if next.mirrored {
            Reason::Mirrored { checks }
        } else {
            Reason::Advanced { weight_pct, checks }
        }
    }

    /// Whether the router can send copies of the requests; if not, that is said, and the run goes on without.
    fn can_mirror(&mut self) -> bool {
        if is_kubernetes(self.spec, self.settings) {
            return false;
        }
        if !self.router.mirrors() {
            if !self.has_begun() {
                let provider = self
                    .spec
                    .provider
                    .as_deref()
                    .unwrap_or(&self.settings.mesh_provider);
                self.warn(format!(
                    "Mirroring is left out: provider {provider} cannot mirror traffic"
                ));
            }
            return false;
        }
        true
    }

    fn iterate(&mut self, iterations: i64, traffic: Traffic, checks: Vec<Check>) -> Reason {
        self.hold_traffic(traffic);
        self.status.iterations += 1;
        self.go_on();
        let (name, iteration) = (self.dotted(self.canary.name()), self.status.iterations);
        self.tell(format!(
            "Advance {name} canary iteration {iteration}/{iterations}"
        ));
        self.commit_status(
            StatusState::Pending,
            &format!("iteration {iteration} of {iterations}"),
        );
        Reason::Iterated {
            iteration,
            iterations,
            checks,
        }
    }

    /// The last check of blue/green is made with all users on the canary.
    fn switch(&mut self, iterations: i64, checks: Vec<Check>) -> Reason {
        if !is_kubernetes(self.spec, self.settings) {
            let mirrored = self.traffic().mirrored;
            self.tell(if mirrored {
                "Stop traffic mirroring and route all traffic to canary".to_owned()
            } else {
                "Routing all traffic to canary".to_owned()
            });
            self.hold_weight(100);
        }
        self.status.iterations = iterations + 1;
        if self.status.phase != Phase::Progressing {
            self.enter(Phase::Progressing);
        }
        self.go_on();
        Reason::Advanced {
            weight_pct: self.status.canary_weight,
            checks,
        }
    }

    /// Nobody holds the run up: the next check is due in an interval.
    fn go_on(&mut self) {
        if let Some(run) = &mut self.status.analysis {
            run.held_by.clear();
        }
        self.next_check();
    }

    /// Asks whether the weight may grow; the reason when it may not. The checks go on meanwhile.
    fn confirm_traffic_increase(&mut self) -> Option<Reason> {
        let said = match self.call(HookType::ConfirmTrafficIncrease, Phase::Progressing) {
            Called::Waiting(because) => return Some(because),
            Called::Answered(said) => said,
        };
        let no = self.first_no(said, "Confirm-traffic-increase")?;
        let name = self.dotted(self.canary.name());
        self.warn(format!(
            "Halt {name} advancement waiting for traffic increase approval {}",
            no.name
        ));
        // Flagger alerts at every check; once is enough to open a gate.
        if !no.mute_alert && !self.is_held_by(&no.name) {
            self.alert(
                Severity::Warn,
                "Canary traffic increase is waiting for approval.",
                false,
            );
        }
        Some(self.held(no.name))
    }

    /// Asks whether what was analysed may be promoted; the reason when it may not. The checks go on meanwhile.
    fn confirm_promotion(&mut self) -> Option<Reason> {
        let said = match self.call(HookType::ConfirmPromotion, Phase::Progressing) {
            Called::Waiting(because) => return Some(because),
            Called::Answered(said) => said,
        };
        let no = self.first_no(said, "Confirm-promotion")?;
        if self.status.phase != Phase::WaitingPromotion {
            self.enter(Phase::WaitingPromotion);
            let name = self.dotted(self.canary.name());
            self.warn(format!(
                "Halt {name} advancement waiting for promotion approval {}",
                no.name
            ));
            if !no.mute_alert {
                self.alert(Severity::Warn, "Canary promotion is waiting for approval.", false);
            }
        }
        Some(self.held(no.name))
    }

    /// Tells which gates are open, up to the first that is not.
    pub(super) fn first_no(&mut self, said: Vec<Said>, gate: &str) -> Option<Said> {
        for one in said {
            if !one.is_yes() {
                return Some(one);
            }
            self.tell(format!("{gate} check {} passed", one.name));
        }
        None
    }

    fn is_held_by(&self, by: &str) -> bool {
        self.status.analysis.as_ref().is_some_and(|run| run.held_by == by)
    }

    /// Traffic and iterations stay; the checks go on.
    pub(super) fn held(&mut self, by: String) -> Reason {
        if let Some(run) = &mut self.status.analysis {
            run.held_by.clone_from(&by);
        }
        self.next_check();
        Reason::WaitingForApproval { by }
    }
}
