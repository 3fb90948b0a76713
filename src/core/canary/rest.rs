//! At rest: the primary serves, the canary is down. What ends the rest is a template that is neither the promoted one
//! nor the one that failed.

use crate::alert::Severity;
use crate::baseline::Baseline;
use crate::baseline::Snapshot;
use crate::canary::hooks::Called;
use crate::canary::status::Phase;
use crate::canary::status::Run;
use crate::canary::status::Tick;
use crate::canary::status::set_condition;
use crate::canary::tell::judged;
use crate::canary::turn::Turn;
use crate::chain::Link;
use crate::effect::Effect;
use crate::effect::StatusState;
use crate::effect::Write;
use crate::hook::HookType;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::pull;
use crate::pull::Culprit;
use crate::pull::RevertPhase;
use crate::pull::RevertSpec;
use crate::pull::RevertStatus;
use crate::pull::Target;
use crate::query::Observed;
use crate::query::Why;
use crate::reason::Reason;
use jiff::Timestamp;

impl Turn<'_> {
    /// Holds everything as it is, settles what was reverted, begins what is new.
    pub(super) fn rest(&mut self) -> Reason {
        let Some((_, baseline)) = self.baseline.clone() else {
            return self.adopt();
        };
        let asked = self.target_hash();
        let run = self.status.analysis.as_ref();
        let failed = self.status.phase == Phase::Failed && run.is_some_and(|run| run.template_hash == asked);
        let waiting = self.tell_the_end();
        if asked != baseline.promoted.template_hash && !failed {
            // What ended is told before something new begins.
            return match waiting {
                None => self.approach(&baseline),
                Some(because) => {
                    self.hold_rest(&baseline);
                    because
                }
            };
        }
        self.hold_rest(&baseline);
        if failed {
            let baseline = self.with_chain(baseline);
            self.still_failed(&baseline)
        } else {
            self.stable(&baseline)
        }
    }

    /// The primary serves alone.
    pub(super) fn hold_rest(&mut self, baseline: &Baseline) {
        self.hold_services(true);
        self.hold_primary(&baseline.promoted);
        self.hold_weight(0);
        self.hold_replicas(0);
    }

    /// Tells the post-rollout hooks how the run ended, once; the reason while they have not answered. What they say
    /// is told and changes nothing.
    fn tell_the_end(&mut self) -> Option<Reason> {
        let phase = self.status.analysis.as_ref()?.post_rollout?;
        let said = match self.call(HookType::PostRollout, phase) {
            Called::Waiting(because) => return Some(because),
            Called::Answered(said) => said,
        };
        for one in said {
            if one.is_yes() {
                self.tell(format!("Post-rollout check {} passed", one.name));
            } else {
                self.warn(format!("Post-rollout hook {} failed {}", one.name, one.detail()));
            }
        }
        if let Some(run) = &mut self.status.analysis {
            run.post_rollout = None;
        }
        None
    }

    /// Git asks for what is promoted. After a failure that is the end of it: nothing is analysed again.
    fn stable(&mut self, baseline: &Baseline) -> Reason {
        self.follow_chain(baseline);
        self.settle_coming(
            StatusState::Success,
            "nothing to analyse: what it asks for is promoted already",
        );
        if self.chain_is_hidden() {
            self.wake_in(super::RETRY);
        }
        match self.status.phase {
            Phase::Failed => self.settle(false),
            Phase::Initialized => Reason::Initialized,
            _ if self.status.is("Reverted") => Reason::Settled {
                during_analysis: true,
            },
            _ => Reason::Promoted,
        }
    }

    /// Notes the newest revision that is known to render the promoted template: the smaller the way to it, the
    /// smaller a revert has to be.
    fn follow_chain(&mut self, baseline: &Baseline) {
        let Some(chain) = self.chain.as_ref().filter(|chain| chain.settled) else {
            return;
        };
        if chain.links == baseline.promoted.chain {
            return;
        }
        let revision = revision_of(&chain.links);
        let promoted = Snapshot {
            chain: chain.links.clone(),
            revision,
            ..baseline.promoted.clone()
        };
        self.hold_baseline(Baseline {
            promoted,
            ..baseline.clone()
        });
    }

    /// Notes the chain of the candidate, if it could not be seen, or not all of it, when the analysis began, or if Flux
    /// only tells now which revision it was: without it nobody could say what is to be undone.
    pub(super) fn with_chain(&mut self, mut baseline: Baseline) -> Baseline {
        let asked = self.target_hash();
        if let Some(candidate) = &mut baseline.candidate
            && let Some(chain) = self.chain.as_ref().filter(|chain| chain.settled)
            && candidate.template_hash == asked
            && candidate.chain != chain.links
            && (candidate.chain.len() < chain.links.len() || candidate.chain == baseline.promoted.chain)
        {
            candidate.chain.clone_from(&chain.links);
            candidate.revision = revision_of(&chain.links);
            self.hold_baseline(baseline.clone());
        }
        baseline
    }

    /// When the metrics speak of nothing but the template that is asked for now: they look back over a time in which
    /// one that was given up may have had its requests.
    fn alone_from(&self) -> Option<Timestamp> {
        let ended = match self.status.phase {
            Phase::Failed => self.status.last_transition_time?,
            Phase::Succeeded if self.status.is("Reverted") => self.status.last_transition_time?,
            _ if self.has_begun() => self.now,
            _ => return None,
        };
        Some(ended + self.spec.analysis.window())
    }

    /// Says, once, that Git and cluster agree again.
    pub(super) fn settle(&mut self, during_analysis: bool) -> Reason {
        let because = Reason::Settled { during_analysis };
        if !self.status.is("Reverted") {
            let message = because.to_string();
            set_condition(
                &mut self.status.conditions,
                self.now,
                "Reverted",
                "True",
                because.name(),
                &message,
            );
            let name = self.dotted(self.canary.name());
            self.tell(format!("Reverted! {name} asks for the promoted template again"));
        }
        because
    }

    /// The failed template is still asked for. If a measured failure can be blamed on Git, a Revert is to undo it.
    fn still_failed(&mut self, baseline: &Baseline) -> Reason {
        self.settle_coming(
            StatusState::Failure,
            "it asks for what failed before: not analysed again",
        );
        match self.revert(baseline) {
            Ok(because) => because,
            Err(detail) => Reason::NotBlamed { detail },
        }
    }

    fn revert(&mut self, baseline: &Baseline) -> Result<Reason, String> {
        let run = self.status.analysis.clone().unwrap_or_default();
        let failure = run
            .failure
            .clone()
            .ok_or("the failure of the last run is not on record")?;
        blame(&failure, &run)?;
        let candidate = baseline
            .candidate
            .as_ref()
            .ok_or("the failed template is not on record")?;
        if let Some(name) = run.revert_name()
            && let Observed::Known(Some(revert)) = self.seen.object(&name)
        {
            return Ok(self.reverted_before(revert));
        }
        let culprit = pull::culprit(&self.target.reference(), &baseline.promoted, candidate)?;
        let culprit = culprit.with_own_appliers(self.seen)?;
        let unseen = |turn: &mut Self, what: String, why: Why| {
            turn.wake_in(super::RETRY);
            Ok(Reason::CannotSee { what, why })
        };
        let change = match culprit.change(self.seen) {
            Ok(change) => change,
            Err((what, why)) => return unseen(self, what, why),
        };
        let name = culprit.name(&change);
        let seen = match self.seen.object(&name) {
            Observed::Known(seen) => seen.as_ref(),
            Observed::Unknown(why) => return unseen(self, name.to_string(), why),
        };
        let target = |object: &ObjectRef| Target {
            canary: self.canary.reference(),
            object: object.clone(),
            kustomization: culprit.bad.kustomization.clone(),
            good: culprit.good.commit().to_owned(),
            promoted: baseline.promoted.template_hash.clone(),
            failed: candidate.template_hash.clone(),
            failed_at: self.status.last_transition_time,
        };
        let targets = culprit.objects.iter().map(target).collect();
        self.say(revert_write(seen, &name, &culprit, &change, targets)?);
        if let Some(run) = &mut self.status.analysis {
            run.revert = Some(format!("{}/{}", name.namespace, name.name));
        }
        Ok(Reason::StillFailed)
    }

    /// There is a Revert. One that has done its work, for a failed template that is asked for all the same, was undone
    /// by somebody: recant says so, and does not fight.
    fn reverted_before(&mut self, revert: &Object) -> Reason {
        let told = self
            .status
            .analysis
            .as_ref()
            .and_then(|run| run.pull_request.clone());
        if let Some(page) = pull::open_page(revert).filter(|page| told.as_ref() != Some(page)) {
            self.alert_pull(&page);
            if let Some(run) = &mut self.status.analysis {
                run.pull_request = Some(page);
            }
        }
        if RevertStatus::of(revert).phase != RevertPhase::Reverted {
            return Reason::StillFailed;
        }
        self.status.drop_condition("Reverted");
        let detail = "somebody".to_owned();
        Reason::WrittenBack { detail }
    }

    /// Notes the checksums of what the pods read, where Flagger has them.
    pub(super) fn note_configs(&mut self) {
        let sums = self.configs.for_status(&self.asked.template);
        self.status.tracked_configs = (!sums.is_empty()).then_some(sums);
    }

    /// Begins an analysis, or begins it again with a newer template.
    pub(super) fn begin(&mut self, baseline: &Baseline, again: bool) -> Reason {
        let candidate = self.asked.clone();
        let revision = candidate.revision.clone();
        if again {
            self.commit_status(StatusState::Error, "not judged: a newer revision came");
        }
        let mut commits = self.take_coming();
        if commits.is_empty() {
            commits = judged(&candidate.chain);
        }
        self.status.analysis = Some(Run {
            commits,
            template_hash: candidate.template_hash.clone(),
            revision: revision.clone(),
            started_at: Some(self.now),
            not_before: self.alone_from(),
            ..Run::default()
        });
        self.status.last_applied_spec.clone_from(&candidate.template_hash);
        self.note_configs();
        self.status.failed_checks = 0;
        self.status.iterations = 0;
        self.status.drop_condition("Reverted");
        let before = baseline.candidate.as_ref().filter(|_| again);
        let only_configs = before.is_some_and(|before| before.template == candidate.template);
        // The record comes first: what is analysed must be known before it gets a request.
        self.hold_baseline(Baseline {
            candidate: Some(candidate),
            ..baseline.clone()
        });
        self.hold_services(true);
        self.hold_weight(0);
        if only_configs {
            // Pods read most of it when they start.
            self.hold_replicas(0);
        } else {
            self.wanted.replicas = None;
            self.scale_up();
        }
        self.enter(Phase::Progressing);
        self.wake_at(self.now);
        let name = self.dotted(&self.spec.target_ref.name);
        if again {
            self.tell(format!("New revision detected! Restarting analysis for {name}"));
        } else {
            self.tell(format!("New revision detected! Scaling up {name}"));
            let message = "New revision detected, progressing canary analysis.";
            self.alert(Severity::Info, message, true);
        }
        self.commit_status(StatusState::Pending, "analysis begins");
        if again {
            Reason::Restarted { revision }
        } else {
            Reason::NewRevision { revision }
        }
    }
}

fn revision_of(links: &[Link]) -> String {
    links
        .first()
        .map(|link| link.revision.clone())
        .unwrap_or_default()
}

/// Whether a failure speaks against the commit: half of what failed at least must have been measured, or seen on the
/// pods.
///
/// # Errors
/// What was not seen.
pub(super) fn blame(failure: &Reason, run: &Run) -> Result<(), String> {
    let Reason::AnalysisFailed { check, .. } = failure else {
        return Ok(());
    };
    let failed = run.ticks.iter().filter(|tick| !tick.passed);
    let (measured, blind): (Vec<&Tick>, Vec<&Tick>) = failed.partition(|tick| tick.bad);
    if (check.measured() && blind.is_empty()) || (!measured.is_empty() && measured.len() >= blind.len()) {
        return Ok(());
    }
    Err(match measured.len() {
        0 => format!("nothing was measured ({check}); mend the metrics and retry"),
        n => format!(
            "{} of {} failed checks measured nothing ({check}); mend the metrics and retry",
            blind.len(),
            n + blind.len()
        ),
    })
}

/// What is to be written so that the Revert serves these targets of one Canary.
fn revert_write(
    seen: Option<&Object>,
    name: &ObjectRef,
    culprit: &Culprit,
    change: &str,
    targets: Vec<Target>,
) -> Result<Option<Effect>, String> {
    let spec = match seen {
        Some(seen) => RevertSpec::of(seen)?,
        None => RevertSpec {
            url: culprit.bad.url.clone(),
            branch: culprit.bad.branch.clone(),
            source: culprit.bad.source.clone(),
            bad: culprit.bad.commit().to_owned(),
            change: change.to_owned(),
            targets: Vec::new(),
        },
    };
    let mut object = seen.cloned().unwrap_or_else(|| Object::named(name));
    let spec = spec.serving(targets);
    object.set("/spec", serde_json::to_value(&spec).unwrap_or_default());
    if seen == Some(&object) {
        return Ok(None);
    }
    let write = if seen.is_some() {
        Write::Update(object)
    } else {
        Write::Create(object)
    };
    Ok(Some(Effect::Write(write)))
}
