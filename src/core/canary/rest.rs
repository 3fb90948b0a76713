//! At rest: the primary serves, the canary is down. What ends the rest is a template that is neither the promoted one
//! nor the one that failed.

use crate::alert::Severity;
use crate::baseline::Baseline;
use crate::baseline::Snapshot;
use crate::canary::status::Phase;
use crate::canary::status::Run;
use crate::canary::status::set_condition;
use crate::canary::turn::Turn;
use crate::chain;
use crate::chain::Link;
use crate::config;
use crate::effect::Effect;
use crate::effect::StatusState;
use crate::effect::Write;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::pull;
use crate::pull::Culprit;
use crate::pull::RevertSpec;
use crate::query::Observed;
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
        if asked != baseline.promoted.template_hash && !failed {
            return self.begin(&baseline, false);
        }
        self.hold_services(true);
        self.hold_primary(&baseline.promoted);
        self.hold_weight(0);
        self.hold_replicas(0);
        if failed {
            let baseline = self.with_chain(baseline);
            self.still_failed(&baseline)
        } else {
            self.stable(&baseline)
        }
    }

    /// Git asks for what is promoted. After a failure that is the end of it: nothing is analysed again.
    fn stable(&mut self, baseline: &Baseline) -> Reason {
        self.follow_chain(baseline);
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
            _ if self.status.canary_weight > 0 => self.now,
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
        match self.revert(baseline) {
            Ok(()) => Reason::StillFailed,
            Err(detail) => Reason::NotBlamed { detail },
        }
    }

    fn revert(&mut self, baseline: &Baseline) -> Result<(), String> {
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
        let mut culprit = pull::culprit(&self.target.reference(), &baseline.promoted, candidate)?;
        self.keep_appliers(&mut culprit)?;
        let name = culprit.name();
        let seen = match self.seen.object(&name) {
            Observed::Known(seen) => seen.as_ref(),
            Observed::Unknown(_) => {
                self.wake_in(super::RETRY);
                return Ok(());
            }
        };
        self.say(revert_write(seen, &name, self.canary, &culprit)?);
        let page = seen.and_then(pull::open_page);
        let news = page.filter(|page| run.pull_request.as_ref() != Some(page));
        if let Some(run) = &mut self.status.analysis {
            run.revert = Some(format!("{}/{}", name.namespace, name.name));
            run.pull_request = news.clone().or_else(|| run.pull_request.clone());
        }
        if let Some(page) = news {
            self.alert_pull(&page);
        }
        Ok(())
    }

    /// Leaves out what another Kustomization applies, or none: that its change came with these commits is not known.
    fn keep_appliers(&self, culprit: &mut Culprit) -> Result<(), String> {
        let by = &culprit.bad.kustomization;
        let elsewhere = |name: &ObjectRef| match self.seen.object(name) {
            Observed::Known(Some(object)) if config::is_config(name) => {
                chain::applier(object).as_ref() != Some(by)
            }
            _ => false,
        };
        let (others, own): (Vec<_>, Vec<_>) = culprit.objects.drain(..).partition(|name| elsewhere(name));
        culprit.objects = own;
        match others.first() {
            Some(other) if culprit.objects.is_empty() => Err(format!(
                "{other} is not applied by {}, as the workload is: its change is not in the same commits",
                culprit.bad.kustomization
            )),
            _ => Ok(()),
        }
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
        self.status.analysis = Some(Run {
            template_hash: candidate.template_hash.clone(),
            revision: revision.clone(),
            started_at: Some(self.now),
            next_check_at: self.alone_from(),
            ..Run::default()
        });
        self.status.last_applied_spec.clone_from(&candidate.template_hash);
        self.note_configs();
        self.status.failed_checks = 0;
        self.status.iterations = 0;
        self.status.drop_condition("Reverted");
        let chain = candidate.chain.clone();
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
        self.commit_status_of(&chain, StatusState::Pending, "analysis begins");
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

/// Whether a failure speaks against the commit: something must have been measured, or seen on the pods.
fn blame(failure: &Reason, run: &Run) -> Result<(), String> {
    match failure {
        Reason::AnalysisFailed { check, .. } => {
            if check.measured() || run.ticks.iter().any(|tick| tick.bad) {
                Ok(())
            } else {
                Err(format!(
                    "nothing was measured ({check}); mend the metrics and retry"
                ))
            }
        }
        _ => Ok(()),
    }
}

/// What is to be written so that the Revert serves this Canary.
fn revert_write(
    seen: Option<&Object>,
    name: &ObjectRef,
    canary: &Object,
    culprit: &Culprit,
) -> Result<Option<Effect>, String> {
    let spec = RevertSpec::serving(seen, canary, culprit)?;
    let mut object = seen.cloned().unwrap_or_else(|| Object::named(name));
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
