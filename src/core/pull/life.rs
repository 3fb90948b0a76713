//! A look at a Revert: what must be seen, and which of the moves in `propose`, `merged` and `ending` is next.

use crate::effect::Effect;
use crate::object::Object;
use crate::pull::branch;
use crate::pull::condition;
use crate::pull::ending;
use crate::pull::left::Left;
use crate::pull::look::Life;
use crate::pull::look::Unseen;
use crate::pull::look::baseline_of;
use crate::pull::look::between;
use crate::pull::policy;
use crate::pull::policy::Policy;
use crate::pull::proposal;
use crate::pull::proposal::NoProposal;
use crate::pull::record::RevertPhase;
use crate::pull::record::RevertSpec;
use crate::pull::record::RevertStatus;
use crate::pull::standing;
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
    let own = branch::own(&policy, revert, &spec, &status, seen);
    wanted.extend([policy::canaries(), policy::reverts(), proposal::kustomizations()]);
    wanted.push(Query::Head(spec.base()));
    if !policy.unbound {
        wanted.extend(branch::ask(&policy, revert, &spec, &status, seen));
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
        own: branch::own(&policy, revert, &spec, &status, seen),
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
