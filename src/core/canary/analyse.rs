//! The analysis: a run goes on while its checks pass, and back the moment they have failed too often.

use crate::alert::Severity;
use crate::baseline::Baseline;
use crate::canary::hooks::Called;
use crate::canary::status::Phase;
use crate::canary::strategy::is_kubernetes;
use crate::canary::turn::Turn;
use crate::canary::workload::Rollout;
use crate::hook::HookType;
use crate::query::Why;
use crate::reason::Check;
use crate::reason::Reason;
use crate::verdict;
use jiff::SignedDuration;

impl Turn<'_> {
    /// One look at a running analysis.
    pub(super) fn analyse(&mut self) -> Reason {
        let Some((_, baseline)) = self.baseline.clone() else {
            return self.adopt();
        };
        let asked = self.target_hash();
        if asked == baseline.promoted.template_hash {
            return self.abort(&baseline);
        }
        let Some(candidate) = baseline.candidate.clone() else {
            return self.begin(&baseline, false);
        };
        let Some(run) = &self.status.analysis else {
            let detail = "the definition of canaries.flagger.app drops status.analysis: apply recant's own, as \
                          `recant manifests` prints it";
            let detail = detail.to_owned();
            return Reason::InvalidSpec { detail };
        };
        // The record is written before the status: after a crash between the two, weight and failed checks are still
        // those of the revision before.
        if asked != candidate.template_hash || run.template_hash != candidate.template_hash {
            let undone = self.undo_promotion(&baseline, "another revision is asked for");
            return undone.unwrap_or_else(|| self.begin(&baseline, true));
        }
        let now_or_never = self.spec.skip_analysis || run.promoted_by.is_some();
        let baseline = self.with_chain(baseline);
        self.hold_services(true);
        self.hold_traffic(self.traffic());
        self.scale_up();
        match self.rollouts() {
            Ok(()) if now_or_never => self.start_promotion(&baseline),
            Ok(()) => self.whole(|turn| turn.tick(&baseline)),
            Err(because @ Reason::ProgressDeadlineExceeded { .. }) => self.fail(because),
            Err(because) => {
                self.wake_in(SignedDuration::from_secs(10).min(self.spec.analysis.interval()));
                because
            }
        }
    }

    /// Both workloads must be ready, and the route in force, for a check to mean anything.
    fn rollouts(&self) -> Result<(), Reason> {
        let waiting = |workload: String, detail| Err(Reason::WaitingForPods { workload, detail });
        if self.kind.is_down(self.target) {
            return waiting(
                self.target.reference().to_string(),
                "it is being scaled up".to_owned(),
            );
        }
        match self.target_rollout() {
            Rollout::Ready => {}
            Rollout::Waiting(detail) => return waiting(self.target.reference().to_string(), detail),
            Rollout::Dead(detail) => return Err(Reason::ProgressDeadlineExceeded { detail }),
        }
        // Without an analysis nothing is compared with the primary, and a fix may be what it waits for.
        if self.spec.skip_analysis {
            return Ok(());
        }
        match self.primary_rollout() {
            Rollout::Ready => self.router.accepted(&self.scene()),
            Rollout::Waiting(detail) | Rollout::Dead(detail) => {
                waiting(self.spec.primary(self.canary.namespace()).to_string(), detail)
            }
        }
    }

    /// Makes a move as a whole: while a hook has not answered it is none, and nothing of it is told or noted, since it
    /// will be made again from its beginning.
    pub(super) fn whole(&mut self, make: impl FnOnce(&mut Self) -> Reason) -> Reason {
        let (status, said) = (self.status.clone(), self.said.len());
        let because = make(self);
        if matches!(because, Reason::WaitingForHook { .. }) {
            self.status = status;
            self.said.truncate(said);
        }
        because
    }

    /// A check, when one is due; before the first traffic, the preparations.
    fn tick(&mut self, baseline: &Baseline) -> Reason {
        if let Some(waiting) = self.not_due() {
            return waiting;
        }
        if let Some(because) = self.ask_for_rollback() {
            return because;
        }
        if self.has_begun() {
            return self.check(baseline);
        }
        match self.paused() {
            Some(by) => self.held(by),
            None => self.start(baseline),
        }
    }

    /// Whether the next check is still to come.
    pub(super) fn not_due(&mut self) -> Option<Reason> {
        let due = self.status.analysis.as_ref()?.next_check_at?;
        if due <= self.now {
            return None;
        }
        self.wake_at(due);
        Some(Reason::Waiting {
            weight_pct: self.status.canary_weight,
        })
    }

    /// Asks the rollback hooks, as Flagger at every check; any yes ends the run.
    pub(super) fn ask_for_rollback(&mut self) -> Option<Reason> {
        let said = match self.call(HookType::Rollback, self.status.phase) {
            Called::Waiting(because) => return Some(because),
            Called::Answered(said) => said,
        };
        for one in said {
            if !one.is_yes() {
                self.tell(format!("Rollback hook {} not signaling a rollback", one.name));
                continue;
            }
            self.warn(format!("Rollback check {} passed", one.name));
            let name = self.dotted(self.canary.name());
            self.warn(format!("Rolling back {name} manual webhook invoked"));
            self.alert(Severity::Warn, "Rolling back manual webhook invoked", false);
            return Some(self.fail(Reason::RolledBack { hook: one.name }));
        }
        None
    }

    /// The preparations, then the first traffic.
    fn start(&mut self, baseline: &Baseline) -> Reason {
        let target = self.dotted(&self.spec.target_ref.name);
        self.tell(format!("Starting canary analysis for {target}"));
        let said = match self.call(HookType::PreRollout, Phase::Progressing) {
            Called::Waiting(because) => return because,
            Called::Answered(said) => said,
        };
        let hooks = said.iter().map(|one| one.check(HookType::PreRollout));
        let hooks: Vec<Check> = hooks.collect();
        if let Some(no) = self.first_no(said, "Pre-rollout") {
            let failed = no.check(HookType::PreRollout);
            self.warn(verdict::halted(self.settings, self.canary, self.spec, &failed));
            let (now, weight) = (self.now, self.status.canary_weight);
            if let Some(run) = &mut self.status.analysis {
                run.note(now, weight, Vec::new(), hooks);
            }
            return self.halt(failed);
        }
        self.say_what_kubernetes_cannot();
        self.advance(baseline, Vec::new())
    }

    /// Flagger's warnings for the provider `kubernetes`, once a run.
    fn say_what_kubernetes_cannot(&mut self) {
        if !is_kubernetes(self.spec, self.settings) {
            return;
        }
        if !self.spec.analysis.r#match.is_empty() {
            self.warn("A/B testing is not supported when using the kubernetes provider".to_owned());
        }
        if self.spec.analysis.iterations.unwrap_or_default() < 1 {
            self.warn("Progressive traffic is not supported when using the kubernetes provider".to_owned());
            self.warn("Setting canaryAnalysis.iterations: 10".to_owned());
        }
    }

    /// The rollout hooks, then all metrics, whatever the hooks said.
    fn check(&mut self, baseline: &Baseline) -> Reason {
        let said = match self.call(HookType::Rollout, Phase::Progressing) {
            Called::Waiting(because) => return because,
            Called::Answered(said) => said,
        };
        if !self.has_seen(verdict::ask(self.settings, self.canary, self.spec, self.seen)) {
            return self.unseen();
        }
        let hooks: Vec<Check> = said.iter().map(|one| one.check(HookType::Rollout)).collect();
        let checks = verdict::checks(self.settings, self.canary, self.spec, self.seen);
        let all = || hooks.iter().chain(&checks);
        for check in all().filter(|check| !check.passed()) {
            self.warn(verdict::halted(self.settings, self.canary, self.spec, check));
        }
        let failed = verdict::worst(&all().cloned().collect::<Vec<_>>()).cloned();
        let (now, weight) = (self.now, self.status.canary_weight);
        if let Some(run) = &mut self.status.analysis {
            run.note(now, weight, checks.clone(), hooks);
        }
        match failed {
            Some(check) => self.halt(check),
            None => self.advance(baseline, checks),
        }
    }

    /// What is missing is asked next; if nobody does, it is looked at again soon.
    fn unseen(&mut self) -> Reason {
        self.wake_in(super::RETRY);
        Reason::CannotSee {
            what: "what the move depends on".to_owned(),
            why: Why::NotAsked,
        }
    }

    /// A failed check: the traffic stays; at the threshold the run ends at once, not an interval later.
    fn halt(&mut self, check: Check) -> Reason {
        self.status.failed_checks += 1;
        let (failed_checks, threshold) = (self.status.failed_checks, self.spec.analysis.threshold());
        if failed_checks >= threshold {
            return self.fail(Reason::AnalysisFailed { check, failed_checks });
        }
        self.next_check();
        Reason::Halted {
            check,
            failed_checks,
            threshold,
        }
    }

    /// The next check is due in an interval, and not before the metrics speak of this revision alone.
    pub(super) fn next_check(&mut self) {
        let mut due = self.now + self.spec.analysis.interval();
        if let Some(run) = &mut self.status.analysis {
            due = run.not_before.map_or(due, |not_before| due.max(not_before));
            run.next_check_at = Some(due);
        }
        self.wake_at(due);
    }
}
