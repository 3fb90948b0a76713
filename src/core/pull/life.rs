//! A look at a Revert: what must be seen, and which of the moves in `propose` and `ending` is next.

use crate::baseline::RECANT_API;
use crate::effect::Effect;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::pull::condition;
use crate::pull::ending;
use crate::pull::left::Left;
use crate::pull::policy;
use crate::pull::policy::Policy;
use crate::pull::proposal;
use crate::pull::proposal::NoProposal;
use crate::pull::record::Deed;
use crate::pull::record::Does;
use crate::pull::record::PullRecord;
use crate::pull::record::RevertPhase;
use crate::pull::record::RevertSpec;
use crate::pull::record::RevertStatus;
use crate::pull::standing;
use crate::query::Branch;
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
use crate::trail;
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
    let mut wanted = policy::ask(&spec);
    for target in &spec.targets {
        wanted.push(Query::Object(target.canary.clone()));
        wanted.extend(trail::ask_root(seen, &target.kustomization));
        wanted.push(Query::Object(baseline_of(&target.canary)));
    }
    let Ok(policy) = Policy::of(settings, &spec, seen) else {
        return wanted;
    };
    let own = spec.own_branch(policy.prefix(), revert);
    wanted.extend([policy::canaries(), policy::reverts(), Query::Head(spec.base())]);
    if !policy.unbound {
        wanted.push(Query::Pulls(own.clone()));
        wanted.extend(ending::ask(&status, &spec, &own, seen));
    }
    if let Observed::Known(Some(head)) = seen.head(&spec.base()) {
        wanted.push(between(&spec, head, spec.change()));
        wanted.push(between(&spec, spec.change(), head));
        wanted.extend(proposal::ask(&spec, head));
        wanted.extend(standing::ask(seen, &own, head));
    }
    wanted
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

/// The next move of a Revert.
pub fn step(now: Timestamp, settings: &Settings, revert: &Object, seen: &Observation) -> Step {
    let mut status = RevertStatus::of(revert);
    status.observed_generation = revert.generation();
    let spec = match RevertSpec::of(revert) {
        Ok(spec) => spec,
        Err(detail) => {
            let because = Reason::InvalidSpec { detail };
            return end(revert, status, Vec::new(), None, now, because);
        }
    };
    let cannot_see = |what: String, why: Why| Reason::CannotSee { what, why };
    let retry = now + SignedDuration::from_secs(settings.pull_poll_s.min(RETRY_S));
    let policy = match Policy::of(settings, &spec, seen) {
        Ok(policy) => policy,
        // Nothing is asked about a Revert that is at its end.
        Err(_) if status.phase.is_final() => Policy::silent(&spec),
        Err((what, why)) => {
            let because = cannot_see(what, why);
            return end(revert, status, Vec::new(), Some(retry), now, because);
        }
    };
    let mut life = Life {
        now,
        settings,
        revert,
        own: spec.own_branch(policy.prefix(), revert),
        policy,
        all: spec.clone(),
        spec,
        seen,
        recorded: status.next.take(),
        status,
        effects: Vec::new(),
        wake: None,
    };
    let because = life.next().unwrap_or_else(|(what, why)| {
        // What was on record stays there: it may have been done.
        life.status.next = life.recorded.clone();
        life.effects.clear();
        life.wake = Some(retry);
        cannot_see(what, why)
    });
    end(revert, life.status, life.effects, life.wake, now, because)
}

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
    fn next(&mut self) -> Result<Reason, Unseen> {
        if self.status.phase.is_final() {
            return Ok(self.last_word());
        }
        let pull = self.pull()?;
        match pull.as_ref().map(|pull| (&pull.state, pull)) {
            Some((PullState::Merged(commit), pull)) => return self.merged(Some(pull), commit),
            Some((PullState::Closed, pull)) => return self.closed(pull),
            Some((PullState::Open, _)) | None => {}
        }
        if self.status.phase == RevertPhase::Merged {
            return self.merged(None, "");
        }
        let pull = pull.as_ref();
        match self.left()? {
            Left::Wait(because) => {
                self.status.next = self.recorded.take();
                self.wake_in(RETRY_S);
                Ok(because)
            }
            Left::Nothing { detail, everywhere } => self.supersede(pull, detail, everywhere),
            Left::Targets(targets) => {
                self.spec.targets = targets;
                self.go_on(pull)
            }
        }
    }

    fn go_on(&mut self, pull: Option<&Pull>) -> Result<Reason, Unseen> {
        let Some(head) = self.head()? else {
            let base = self.spec.base();
            return Ok(self.block(format!("branch {} does not exist any more", base.name)));
        };
        let shared = self.policy.forge.shared_reverts;
        match proposal::propose(&self.spec, self.seen, &head, shared) {
            Ok(proposal) if proposal.record.proved => self.propose(&head, &proposal, pull),
            Ok(proposal) => {
                self.status.base.clone_from(&head);
                self.status.plan = Some(proposal.record.clone());
                Ok(self.block(proposal.record.proof))
            }
            Err(NoProposal::Moot) => {
                let detail = format!("{} renders the promoted state already", short(&head));
                self.supersede(pull, detail, true)
            }
            Err(NoProposal::Blocked(detail)) => Ok(self.block(detail)),
            Err(NoProposal::Unseen(what, why)) => Err((what, why)),
        }
    }

    pub(super) fn head(&self) -> Result<Option<String>, Unseen> {
        known(self.seen.head(&self.spec.base()), "the branch's head").cloned()
    }

    /// The newest pull request from recant's branch.
    fn pull(&self) -> Result<Option<Pull>, Unseen> {
        if self.policy.unbound {
            return Ok(None);
        }
        let pulls = known(self.seen.pulls(&self.own), "the pull requests")?;
        let open = pulls.iter().find(|pull| pull.state == PullState::Open);
        Ok(open.or_else(|| pulls.first()).cloned())
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

fn end(
    revert: &Object,
    mut status: RevertStatus,
    effects: Vec<Effect>,
    wake: Option<Timestamp>,
    now: Timestamp,
    because: Reason,
) -> Step {
    condition::set(&mut status, now, &because);
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

pub(super) fn known<T>(observed: Observed<T>, what: &str) -> Result<T, Unseen> {
    match observed {
        Observed::Known(value) => Ok(value),
        Observed::Unknown(why) => Err((what.to_owned(), why)),
    }
}
