//! A look at a Revert: what must be seen, and which of the moves in `propose` and `ending` is next.

use crate::canary::status::Phase;
use crate::canary::status::Status;
use crate::canary::status::set_condition;
use crate::effect::Effect;
use crate::object::Object;
use crate::pull::proposal;
use crate::pull::proposal::NoProposal;
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

/// One look at a Revert: what was seen, and the move that grows out of it.
pub(super) struct Life<'a> {
    pub(super) now: Timestamp,
    pub(super) settings: &'a Settings,
    pub(super) revert: &'a Object,
    pub(super) spec: &'a RevertSpec,
    pub(super) seen: &'a Observation,
    pub(super) own: Branch,
    pub(super) status: RevertStatus,
    pub(super) effects: Vec<Effect>,
    pub(super) wake: Option<Timestamp>,
}

/// What could not be seen, and why not.
pub(super) type Unseen = (String, Why);

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

    pub(super) const fn enter(&mut self, phase: RevertPhase) {
        self.status.phase = phase;
    }

    pub(super) fn note(&mut self, pull: &Pull) {
        self.status.pull_request = Some(PullRecord {
            number: pull.number,
            url: pull.url.clone(),
        });
    }

    pub(super) fn wake_in(&mut self, seconds: i64) {
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

pub(super) fn known<T>(observed: Observed<T>, what: &str) -> Result<T, Unseen> {
    match observed {
        Observed::Known(value) => Ok(value),
        Observed::Unknown(why) => Err((what.to_owned(), why)),
    }
}
