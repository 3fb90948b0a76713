//! The steps of a Revert.

use crate::canary::status::Phase;
use crate::canary::status::Status;
use crate::canary::status::set_condition;
use crate::effect::Effect;
use crate::effect::PullText;
use crate::effect::Push;
use crate::effect::Write;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::pull::body::Page;
use crate::pull::proposal;
use crate::pull::proposal::NoProposal;
use crate::pull::proposal::Proposal;
use crate::pull::record::PullRecord;
use crate::pull::record::RevertPhase;
use crate::pull::record::RevertSpec;
use crate::pull::record::RevertStatus;
use crate::query::Branch;
use crate::query::CommitRef;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Pull;
use crate::query::PullState;
use crate::query::Query;
use crate::query::Why;
use crate::reason::Reason;
use crate::reason::short;
use crate::settings::Settings;
use crate::step::Step;
use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;

/// Time before another look at what could not be seen, in seconds.
const RETRY_S: i64 = 10;

/// What must be seen before the next move of a Revert; ask again with the answers until nothing new is asked.
pub fn ask(settings: &Settings, revert: &Object, seen: &Observation) -> Vec<Query> {
    let Ok(spec) = RevertSpec::of(revert) else {
        return Vec::new();
    };
    let status = RevertStatus::of(revert);
    if status.phase.is_final() {
        return Vec::new();
    }
    let own = spec.own_branch(settings, revert);
    let mut wanted = vec![
        Query::Pulls(own.clone()),
        Query::Head(spec.base()),
        Query::Head(own.clone()),
    ];
    for target in &spec.targets {
        wanted.push(Query::Object(target.canary.clone()));
        wanted.push(Query::Object(target.kustomization.clone()));
    }
    if status.phase == RevertPhase::Merged {
        return wanted;
    }
    if let Observed::Known(Some(head)) = seen.head(&spec.base()) {
        wanted.extend(proposal::ask(&spec, head));
    }
    if let Observed::Known(Some(commit)) = seen.head(&own) {
        wanted.push(Query::Tree(CommitRef {
            repo: own.repo,
            commit: commit.clone(),
        }));
    }
    wanted
}

/// The next move of a Revert.
pub fn step(now: Timestamp, settings: &Settings, revert: &Object, seen: &Observation) -> Step {
    let mut status = RevertStatus::of(revert);
    status.observed_generation = revert.generation();
    let spec = match RevertSpec::of(revert) {
        Ok(spec) => spec,
        Err(detail) => {
            return Life::end(
                revert,
                status,
                Vec::new(),
                None,
                now,
                Reason::InvalidSpec { detail },
            );
        }
    };
    let own = spec.own_branch(settings, revert);
    let mut life = Life {
        now,
        settings,
        revert,
        spec: &spec,
        seen,
        own,
        status,
        effects: Vec::new(),
        wake: None,
    };
    let because = life.next().unwrap_or_else(|(what, why)| {
        life.wake_in(settings.pull_poll_s.min(RETRY_S));
        Reason::CannotSee { what, why }
    });
    let Life {
        status,
        effects,
        wake,
        ..
    } = life;
    Life::end(revert, status, effects, wake, now, because)
}

struct Life<'a> {
    now: Timestamp,
    settings: &'a Settings,
    revert: &'a Object,
    spec: &'a RevertSpec,
    seen: &'a Observation,
    own: Branch,
    status: RevertStatus,
    effects: Vec<Effect>,
    wake: Option<Timestamp>,
}

/// What could not be seen, and why not.
type Unseen = (String, Why);

impl Life<'_> {
    fn next(&mut self) -> Result<Reason, Unseen> {
        if self.status.phase.is_final() {
            return Ok(self.last_word());
        }
        let pull = self.pull()?;
        match pull.as_ref().map(|pull| &pull.state) {
            Some(PullState::Merged(_)) => return self.merged(pull.as_ref()),
            Some(PullState::Closed) if self.is_closing() => {
                let detail = self.word();
                return Ok(self.supersede(pull.as_ref(), detail));
            }
            Some(PullState::Closed) => return Ok(self.refused(pull.as_ref())),
            Some(PullState::Open) | None => {}
        }
        if self.status.phase == RevertPhase::Merged {
            return self.merged(None);
        }
        if let Some(detail) = self.moot()? {
            return Ok(self.supersede(pull.as_ref(), detail));
        }
        let base = self.spec.base();
        let head = known(self.seen.head(&base), "the branch's head")?.clone();
        let Some(head) = head else {
            return Ok(self.block(format!("branch {} does not exist any more", base.name)));
        };
        match proposal::propose(self.spec, self.seen, &head) {
            Ok(proposal) if proposal.record.proved => self.propose(&head, &proposal, pull.as_ref()),
            Ok(proposal) => Ok(self.block(proposal.record.proof)),
            Err(NoProposal::Moot) => {
                let detail = format!("{} renders the promoted state already", short(&head));
                Ok(self.supersede(pull.as_ref(), detail))
            }
            Err(NoProposal::Blocked(detail)) => Ok(self.block(detail)),
            Err(NoProposal::Unseen(what, why)) => Err((what, why)),
        }
    }

    /// The newest pull request from recant's branch.
    fn pull(&self) -> Result<Option<Pull>, Unseen> {
        let pulls = known(self.seen.pulls(&self.own), "the pull requests")?;
        let open = pulls.iter().find(|pull| pull.state == PullState::Open);
        Ok(open.or_else(|| pulls.first()).cloned())
    }

    /// Why nobody needs this Revert any more: every Canary it serves has gone on.
    fn moot(&self) -> Result<Option<String>, Unseen> {
        let own = format!("{}/{}", self.revert.namespace(), self.revert.name());
        let mut gone_on = Vec::new();
        for target in &self.spec.targets {
            let canary = known(self.seen.object(&target.canary), &target.canary.to_string())?;
            let Some(canary) = canary else {
                gone_on.push(format!("{} is gone", target.canary));
                continue;
            };
            let status = Status::of(canary);
            let ours = status.analysis.as_ref().and_then(|run| run.revert.as_deref()) == Some(own.as_str());
            if status.phase == Phase::Failed && (ours || !status.is("Reverted")) {
                return Ok(None);
            }
            gone_on.push(format!("{} went on to {:?}", target.canary, status.phase));
        }
        Ok(Some(gone_on.join(", ")))
    }

    /// From record to branch to pull request, one recorded step at a time.
    fn propose(&mut self, head: &str, proposal: &Proposal, pull: Option<&Pull>) -> Result<Reason, Unseen> {
        let planned = Reason::Planned {
            files: proposal.record.files.len(),
            lines: proposal.record.lines_added.max(proposal.record.lines_removed),
        };
        if self.status.base != head || self.status.plan.as_ref() != Some(&proposal.record) {
            self.status.base = head.to_owned();
            self.status.plan = Some(proposal.record.clone());
            self.status.planned_at = Some(self.now);
            self.status.branch.clone_from(&self.own.name);
            self.enter(RevertPhase::Planned);
            self.wake_in(0);
            return Ok(planned);
        }
        let Some(commit) = known(self.seen.head(&self.own), "recant's branch")?.clone() else {
            self.push(proposal, None);
            return Ok(planned);
        };
        if self.is_pushed(&commit, proposal)? {
            // On record before the pull request is there: so that the branch is known to be recant's own when it goes.
            if self.status.commit != commit {
                self.status.commit.clone_from(&commit);
                self.enter(RevertPhase::Pushed);
                self.wake_in(0);
                return Ok(Reason::Pushed { commit });
            }
            return Ok(self.open(proposal, pull, commit));
        }
        if commit != self.status.commit {
            let detail = format!("{} was pushed to {}: hands off", short(&commit), self.own.name);
            return Ok(self.block(detail));
        }
        self.push(proposal, Some(commit));
        Ok(planned)
    }

    fn push(&mut self, proposal: &Proposal, expect: Option<String>) {
        self.effects.push(Effect::Push(Push {
            branch: self.own.clone(),
            base: self.status.base.clone(),
            expect,
            files: proposal.files.clone(),
            message: self.page(proposal).commit_message(),
            date_s: self.status.planned_at.unwrap_or(self.now).as_second(),
        }));
        self.wake_in(0);
    }

    fn page<'p>(&'p self, proposal: &'p Proposal) -> Page<'p> {
        Page {
            settings: self.settings,
            revert: self.revert,
            spec: self.spec,
            seen: self.seen,
            head: &self.status.base,
            proposal,
        }
    }

    /// Whether what stands on the branch is the plan: the files of the head with the edit, and nothing else.
    fn is_pushed(&self, commit: &str, proposal: &Proposal) -> Result<bool, Unseen> {
        let pushed = CommitRef {
            repo: self.own.repo.clone(),
            commit: commit.to_owned(),
        };
        Ok(*known(self.seen.tree(&pushed), "what was pushed")? == proposal.after)
    }

    fn open(&mut self, proposal: &Proposal, pull: Option<&Pull>, commit: String) -> Reason {
        let text = PullText {
            branch: self.own.clone(),
            base: self.spec.branch.clone(),
            title: self.page(proposal).title(),
            body: self.page(proposal).body(),
            labels: self.settings.pull_labels.clone(),
        };
        let Some(pull) = pull else {
            self.enter(RevertPhase::Pushed);
            self.effects.push(Effect::OpenPull(text));
            self.wake_in(0);
            return Reason::Pushed { commit };
        };
        if pull.body.trim() != text.body.trim() || pull.title != text.title {
            self.effects.push(Effect::UpdatePull {
                number: pull.number,
                text,
            });
        }
        self.enter(RevertPhase::Proposed);
        self.note(pull);
        self.wake_in(self.settings.pull_poll_s);
        Reason::Proposed {
            url: pull.url.clone(),
        }
    }

    /// After the merge: Flux is asked, once, to apply it now; then the canaries tell when they have settled.
    fn merged(&mut self, pull: Option<&Pull>) -> Result<Reason, Unseen> {
        if let Some(pull) = pull {
            self.note(pull);
        }
        let first = self.status.phase != RevertPhase::Merged;
        self.enter(RevertPhase::Merged);
        if first {
            self.nudge();
        }
        let url = self
            .status
            .pull_request
            .as_ref()
            .map(|p| p.url.clone())
            .unwrap_or_default();
        for target in &self.spec.targets {
            let canary = known(self.seen.object(&target.canary), &target.canary.to_string())?;
            let settled = canary.as_ref().is_none_or(|canary| {
                let status = Status::of(canary);
                status.is("Reverted") || matches!(status.phase, Phase::Succeeded | Phase::Initialized)
            });
            if !settled {
                self.wake_in(self.settings.pull_poll_s);
                return Ok(Reason::Merged { url });
            }
        }
        self.tidy()?;
        self.enter(RevertPhase::Reverted);
        Ok(Reason::Reverted)
    }

    /// Asks Flux to fetch and apply now, as `flux reconcile --with-source` does.
    fn nudge(&mut self) {
        let mut names: Vec<ObjectRef> = vec![self.spec.source.clone()];
        let kustomizations: BTreeSet<_> = self
            .spec
            .targets
            .iter()
            .map(|t| t.kustomization.clone())
            .collect();
        names.extend(kustomizations);
        for name in names {
            self.effects.push(Effect::Write(Write::Patch {
                name,
                resource_version: String::new(),
                patch: json!({"metadata": {"annotations":
                    {"reconcile.fluxcd.io/requestedAt": self.now.to_string()}}}),
            }));
        }
        self.wake_in(self.settings.pull_poll_s);
    }

    /// Takes recant's branch away, unless somebody has gone on with it.
    fn tidy(&mut self) -> Result<(), Unseen> {
        let head = known(self.seen.head(&self.own), "recant's branch")?;
        if let Some(head) = head.as_ref().filter(|head| **head == self.status.commit) {
            self.effects.push(Effect::DeleteBranch {
                branch: self.own.clone(),
                expect: head.clone(),
            });
        }
        Ok(())
    }

    /// Closes the pull request. That it will is put on record first: after a crash between the two, a closed pull
    /// request would look as if a person had closed it.
    fn supersede(&mut self, pull: Option<&Pull>, detail: String) -> Reason {
        let because = Reason::Superseded { detail };
        if pull.is_some() && !self.is_closing() {
            self.wake_in(0);
            return because;
        }
        if let Some(pull) = pull {
            self.note(pull);
        }
        if let Some(pull) = pull.filter(|pull| pull.state == PullState::Open) {
            self.effects.push(Effect::ClosePull {
                branch: self.own.clone(),
                number: pull.number,
                comment: format!("recant closes this pull request. {because}"),
            });
        }
        if self.tidy().is_ok() {
            self.enter(RevertPhase::Superseded);
        }
        because
    }

    /// Whether it is on record that recant closes the pull request itself.
    fn is_closing(&self) -> bool {
        let ready = self.status.conditions.iter().find(|c| c.r#type == "Ready");
        ready.is_some_and(|c| c.reason == "Superseded")
    }

    /// Why it was superseded, as it is on record.
    fn word(&self) -> String {
        let ready = self.status.conditions.iter().find(|c| c.r#type == "Ready");
        let message = ready.map(|c| c.message.as_str()).unwrap_or_default();
        message.trim_start_matches("superseded: ").to_owned()
    }

    fn refused(&mut self, pull: Option<&Pull>) -> Reason {
        if let Some(pull) = pull {
            self.note(pull);
        }
        self.enter(RevertPhase::Refused);
        self.last_word()
    }

    /// No pull request, and why; a change of the head or of the targets may mend that.
    fn block(&mut self, detail: String) -> Reason {
        self.enter(RevertPhase::Blocked);
        self.wake_in(self.settings.pull_poll_s.saturating_mul(10));
        Reason::NoPlan { detail }
    }

    fn last_word(&self) -> Reason {
        let url = self
            .status
            .pull_request
            .as_ref()
            .map(|p| p.url.clone())
            .unwrap_or_default();
        match self.status.phase {
            RevertPhase::Refused => Reason::Refused { url },
            RevertPhase::Superseded => Reason::Superseded { detail: self.word() },
            _ => Reason::Reverted,
        }
    }

    const fn enter(&mut self, phase: RevertPhase) {
        self.status.phase = phase;
    }

    fn note(&mut self, pull: &Pull) {
        self.status.pull_request = Some(PullRecord {
            number: pull.number,
            url: pull.url.clone(),
        });
    }

    fn wake_in(&mut self, seconds: i64) {
        let at = self.now + SignedDuration::from_secs(seconds);
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    fn end(
        revert: &Object,
        mut status: RevertStatus,
        effects: Vec<Effect>,
        wake: Option<Timestamp>,
        now: Timestamp,
        because: Reason,
    ) -> Step {
        let value = match status.phase {
            _ if matches!(because, Reason::CannotSee { .. }) => "Unknown",
            RevertPhase::Reverted | RevertPhase::Superseded => "True",
            RevertPhase::Refused | RevertPhase::Blocked => "False",
            _ => "Unknown",
        };
        set_condition(
            &mut status.conditions,
            now,
            "Ready",
            value,
            because.name(),
            &because.to_string(),
        );
        let mut next = revert.clone();
        next.set("/status", serde_json::to_value(&status).unwrap_or_default());
        let status = (next != *revert).then_some(next);
        Step {
            status,
            effects,
            wake,
            because,
        }
    }
}

fn known<T>(observed: Observed<T>, what: &str) -> Result<T, Unseen> {
    match observed {
        Observed::Known(value) => Ok(value),
        Observed::Unknown(why) => Err((what.to_owned(), why)),
    }
}
