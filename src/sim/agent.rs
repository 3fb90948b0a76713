//! recant in the simulator: the same `ask` and `step` as in the shell, answered and carried out by the world itself.
//!
//! Where the shell has a queue, the agent looks at everything that is due or may have changed, once a turn. It can be
//! made to stop anywhere between two effects, and to begin again knowing nothing.

mod observe;
mod perform;

use crate::fault::Faults;
use crate::receiver::Says;
use crate::world::World;
use jiff::SignedDuration;
use jiff::Timestamp;
use observe::answer;
use observe::head_before;
use perform::perform;
use recant_core::baseline::RECANT_API;
use recant_core::canary;
use recant_core::canary::spec::API_VERSION;
use recant_core::effect::Effect;
use recant_core::effect::Write;
use recant_core::hook::HookAnswer;
use recant_core::hook::HookCall;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_core::pull;
use recant_core::query::Answer;
use recant_core::query::Observation;
use recant_core::query::Observed;
use recant_core::query::Query;
use recant_core::query::Why;
use recant_core::reason::Reason;
use recant_core::settings::Settings;
use recant_core::step::Step;
use std::collections::BTreeMap;

/// What the agent did about an object, and why.
#[derive(Clone, Debug)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// The Canary or Revert.
    pub about: ObjectRef,
    /// Why.
    pub because: Reason,
}

/// recant, without a shell.
#[derive(Clone, Debug)]
pub struct Agent {
    settings: Settings,
    due: BTreeMap<ObjectRef, Timestamp>,
    /// The cluster's resource version after the last turn: nothing changed while it stays.
    looked_at: u64,
    /// The last call of every webhook, as the shell remembers them.
    called: BTreeMap<(ObjectRef, String), Called>,
    /// What goes wrong.
    pub faults: Faults,
}

impl Agent {
    /// An agent that knows nothing yet.
    pub const fn new(settings: Settings, faults: Faults) -> Self {
        Self {
            settings,
            due: BTreeMap::new(),
            looked_at: 0,
            called: BTreeMap::new(),
            faults,
        }
    }

    /// Looks at whatever may need it.
    pub fn turn(&mut self, world: &mut World) -> Vec<Told> {
        Self::turns(&mut [self], world)
    }

    /// Several replicas look at the same moment: each decides on what all of them saw, and only then do they act, one
    /// after the other.
    pub fn turns(agents: &mut [&mut Self], world: &mut World) -> Vec<Told> {
        let version = world.cluster.resource_version();
        let mut told = Vec::new();
        for (api_version, kind) in [(API_VERSION, "Canary"), (RECANT_API, "Revert")] {
            for object in world.cluster.list(api_version, kind, "") {
                let mut steps = Vec::new();
                for (at, agent) in agents.iter_mut().enumerate() {
                    if agent.is_due(world.now(), version, &object) {
                        steps.push((at, agent.decide(world, &object)));
                    }
                }
                for (at, step) in steps {
                    if let Some(agent) = agents.get_mut(at) {
                        told.extend(agent.act(world, object.reference(), step));
                    }
                }
            }
        }
        // What the agents themselves wrote is looked at in the next turn.
        for agent in agents {
            if agent.looked_at != version {
                agent.looked_at = world.cluster.resource_version();
            }
        }
        told
    }

    fn is_due(&self, now: Timestamp, version: u64, object: &Object) -> bool {
        let due = self.due.get(&object.reference());
        self.looked_at != version || due.is_some_and(|due| *due <= now)
    }

    fn decide(&mut self, world: &mut World, object: &Object) -> Step {
        let now = world.now();
        let seen = self.observe(world, object);
        match object.str("/kind") {
            "Revert" => pull::step(now, &self.settings, object, &seen),
            _ => canary::step(now, &self.settings, object, &seen),
        }
    }

    fn act(&mut self, world: &mut World, name: ObjectRef, step: Step) -> Option<Told> {
        let now = world.now();
        match step.wake {
            Some(wake) => drop(self.due.insert(name.clone(), wake)),
            None => drop(self.due.remove(&name)),
        }
        let (because, news) = (
            step.because.clone(),
            !step.effects.is_empty() || step.status.is_some(),
        );
        if self.carry_out(world, &name, step).is_err() {
            self.due.insert(name, now);
            return None;
        }
        news.then_some(Told {
            at: now,
            about: name,
            because,
        })
    }

    fn observe(&mut self, world: &mut World, object: &Object) -> Observation {
        let now = world.now();
        let mut seen = Observation::default();
        loop {
            let wanted = match object.str("/kind") {
                "Revert" => pull::ask(&self.settings, object, &seen),
                _ => canary::ask(now, &self.settings, object, &seen),
            };
            let new: Vec<_> = wanted.into_iter().filter(|query| !seen.has(query)).collect();
            if new.is_empty() {
                return seen;
            }
            for query in new {
                let answer = match self.faults.blind(now, &query) {
                    Some(why) => Observed::Unknown(why),
                    None => match &query {
                        Query::Hook(call) => self.hook(world, call),
                        Query::Head(branch) if self.faults.lags(now) => head_before(world, branch),
                        _ => answer(world, &query),
                    },
                };
                seen.note(query, answer);
            }
        }
    }

    /// Calls a webhook, or tells what became of the call.
    fn hook(&mut self, world: &mut World, call: &HookCall) -> Observed<Answer> {
        let now = world.now();
        let slot = (call.canary.clone(), call.hook.clone());
        let known = self
            .called
            .get(&slot)
            .filter(|known| known.occasion == call.occasion);
        let known = known.cloned().unwrap_or_else(|| Called {
            occasion: call.occasion.clone(),
            at: now,
            says: world.receivers.call(now, &call.url, &call.key(), &call.body),
        });
        self.called.insert(slot, known.clone());
        let timeout = SignedDuration::from_millis(call.timeout_ms);
        let refused = |detail: &str| Observed::Unknown(Why::Unreachable(detail.to_owned()));
        let answered = match known.says {
            Says::Nothing => return refused("connection refused"),
            Says::Answer { after, .. } if now < known.at + after.min(timeout) => HookAnswer::Pending,
            Says::Answer { after, .. } if after > timeout => return refused("no answer in time"),
            Says::Answer { status, body, .. } => HookAnswer::Answered { status, body },
        };
        Observed::Known(Answer::Hook(answered))
    }

    /// Performs the effects in order, then saves the status, unless something ends it on the way.
    fn carry_out(&mut self, world: &mut World, about: &ObjectRef, step: Step) -> Result<(), Stopped> {
        let status = step
            .status
            .map(|status| Effect::Write(Write::UpdateStatus(status)));
        for effect in step.effects.into_iter().chain(status) {
            if self.faults.crash(about) {
                self.due.clear();
                self.called.clear();
                self.looked_at = 0;
                return Err(Stopped);
            }
            let telling = matches!(
                effect,
                Effect::Event(_)
                    | Effect::Status(_)
                    | Effect::Check(_)
                    | Effect::Alert(_)
                    | Effect::EventHook(_)
            );
            if perform(world, &effect).is_err() && !telling {
                return Err(Stopped);
            }
            if self.faults.lose() {
                return Err(Stopped);
            }
        }
        Ok(())
    }
}

/// A webhook that was called, and what it says.
#[derive(Clone, Debug)]
struct Called {
    occasion: String,
    at: Timestamp,
    says: Says,
}

/// The rest of a step was not carried out: refused, failed, or the agent stopped.
struct Stopped;
