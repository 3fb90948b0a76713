//! One look at a Revert: what was seen of it, and what the moves have in common.

use crate::baseline::RECANT_API;
use crate::effect::Effect;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::pull::policy::Policy;
use crate::pull::record::Deed;
use crate::pull::record::Does;
use crate::pull::record::PullRecord;
use crate::pull::record::RevertPhase;
use crate::pull::record::RevertSpec;
use crate::pull::record::RevertStatus;
use crate::query::Branch;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Pull;
use crate::query::PullState;
use crate::query::Query;
use crate::query::Why;
use crate::settings::Settings;
use jiff::SignedDuration;
use jiff::Timestamp;

/// One look at a Revert: what was seen, and the move that grows out of it.
pub(super) struct Life<'a> {
    pub(super) now: Timestamp,
    pub(super) settings: &'a Settings,
    pub(super) revert: &'a Object,
    pub(super) policy: Policy,
    /// The whole spec.
    pub(super) all: RevertSpec,
    /// The spec with those targets alone that still need it.
    pub(super) spec: RevertSpec,
    pub(super) seen: &'a Observation,
    pub(super) own: Branch,
    pub(super) status: RevertStatus,
    /// What was on record to be done next: it may have been done since, or not.
    pub(super) recorded: Option<Deed>,
    pub(super) effects: Vec<Effect>,
    pub(super) wake: Option<Timestamp>,
}

/// What could not be seen, and why not.
pub(super) type Unseen = (String, Why);

impl Life<'_> {
    pub(super) fn head(&self) -> Result<Option<String>, Unseen> {
        known(self.seen.head(&self.spec.base()), "the branch's head").cloned()
    }

    /// The newest pull request from recant's branch.
    pub(super) fn pull(&self) -> Result<Option<Pull>, Unseen> {
        if self.policy.unbound {
            return Ok(None);
        }
        let pulls = known(self.seen.pulls(&self.own), "the pull requests")?;
        Ok(newest(pulls).cloned())
    }

    pub(super) const fn enter(&mut self, phase: RevertPhase) {
        self.status.phase = phase;
    }

    pub(super) fn note(&mut self, pull: &Pull) {
        let old = self
            .status
            .pull_request
            .take()
            .filter(|old| old.number == pull.number);
        let merged_as = match &pull.state {
            PullState::Merged(commit) => commit.clone(),
            PullState::Open | PullState::Closed => String::new(),
        };
        self.status.pull_request = Some(PullRecord {
            number: pull.number,
            url: pull.url.clone(),
            seen_at: old.and_then(|old| old.seen_at).or(Some(self.now)),
            merged_as,
        });
    }

    /// Does it, if it is on record that this is done next; else puts it there.
    pub(super) fn will(&mut self, deed: Deed, effect: Effect) {
        let same = |old: &Deed| {
            let reasoned = Deed {
                because: deed.because.clone(),
                ..old.clone()
            };
            reasoned == deed
        };
        match self.recorded.take_if(|old| same(old)) {
            Some(old) => {
                self.effects.push(effect);
                self.status.next = Some(old);
            }
            None => self.status.next = Some(deed),
        }
        self.wake_in(0);
    }

    /// Whether it is on record that recant closes the pull request itself; and why.
    pub(super) fn closing(&self) -> Option<String> {
        let deed = self.recorded.as_ref()?;
        let closing = matches!(deed.does, Does::ClosePull) || !deed.because.is_empty();
        closing.then(|| deed.because.clone())
    }

    pub(super) fn wake_in(&mut self, seconds: i64) {
        let at = self.now + SignedDuration::from_secs(seconds);
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }
}

/// Of the pull requests from a branch the one that counts: the open one, else the newest.
pub(super) fn newest(pulls: &[Pull]) -> Option<&Pull> {
    let open = pulls.iter().find(|pull| pull.state == PullState::Open);
    open.or_else(|| pulls.first())
}

/// The Baseline of a Canary.
pub(super) fn baseline_of(canary: &ObjectRef) -> ObjectRef {
    ObjectRef::new(RECANT_API, "Baseline", &canary.namespace, &canary.name)
}

/// The commits that `to` has and `from` has not: none when `to` is in the history of `from`.
pub(super) fn between(spec: &RevertSpec, from: &str, to: &str) -> Query {
    Query::Log {
        repo: spec.repo(),
        from: from.to_owned(),
        to: to.to_owned(),
    }
}

pub(super) fn known<T>(observed: Observed<T>, what: &str) -> Result<T, Unseen> {
    match observed {
        Observed::Known(value) => Ok(value),
        Observed::Unknown(why) => Err((what.to_owned(), why)),
    }
}
