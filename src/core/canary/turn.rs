//! One turn of a Canary: what was seen, and the move that grows out of it.

use crate::baseline::Baseline;
use crate::baseline::Snapshot;
use crate::canary::RETRY;
use crate::canary::configs::Configs;
use crate::canary::route;
use crate::canary::route::Router;
use crate::canary::scaler::Scaler;
use crate::canary::services;
use crate::canary::spec::Spec;
use crate::canary::status::Phase;
use crate::canary::status::Status;
use crate::canary::status::set_condition;
use crate::canary::supported;
use crate::canary::wanted::Wanted;
use crate::canary::workload::Kind;
use crate::canary::workload::Making;
use crate::canary::workload::Rollout;
use crate::canary::workload::Terms;
use crate::chain;
use crate::chain::Chain;
use crate::effect::Effect;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::Why;
use crate::reason::Reason;
use crate::settings::Settings;
use crate::step::Step;
use crate::template;
use crate::template::Naming;
use crate::verdict;
use jiff::SignedDuration;
use jiff::Timestamp;

/// What was seen, and the move so far.
pub(super) struct Turn<'a> {
    pub(super) now: Timestamp,
    pub(super) settings: &'a Settings,
    pub(super) canary: &'a Object,
    pub(super) spec: &'a Spec,
    pub(super) seen: &'a Observation,
    pub(super) kind: Kind,
    pub(super) target: &'a Object,
    pub(super) primary: Option<&'a Object>,
    /// The record, and the object it stands in; that may stand without a record that is of use.
    pub(super) baseline: Option<(&'a Object, Baseline)>,
    pub(super) record: Option<&'a Object>,
    pub(super) configs: Configs<'a>,
    pub(super) scaler: Option<Scaler<'a>>,
    /// What the target asks for now.
    pub(super) asked: Snapshot,
    /// The chain, when Flux applies the target and all of it could be seen.
    pub(super) chain: Option<Chain>,
    /// How the primary is told from the target.
    pub(super) naming: Naming,
    /// The label that selects the target's pods; empty for a Service.
    pub(super) label: (String, String),
    pub(super) services: [Option<&'a Object>; 3],
    pub(super) router: Router,
    /// The router's objects, in the order of its names.
    pub(super) routes: Vec<Option<&'a Object>>,

    pub(super) status: Status,
    pub(super) wanted: Wanted,
    /// Events, commit statuses and Reverts: said after everything is held.
    pub(super) said: Vec<Effect>,
    /// What must be seen before this move can be made: while there is any, it is none.
    pub(super) missing: Vec<Query>,
    wake: Option<Timestamp>,
}

impl<'a> Turn<'a> {
    /// Gathers what was seen.
    ///
    /// # Errors
    /// Why no move can be made.
    pub(super) fn new(
        now: Timestamp,
        settings: &'a Settings,
        canary: &'a Object,
        spec: &'a Spec,
        status: Status,
        seen: &'a Observation,
    ) -> Result<Self, Reason> {
        supported::check(spec, settings)?;
        // Not in the middle of a run: what cannot be measured then fails it, and the traffic goes back.
        if status.phase.is_at_rest()
            && let Some(reason) = verdict::unsupported(settings, canary, spec, seen)
        {
            return Err(reason);
        }
        let namespace = canary.namespace();
        let kind = Kind::of(&spec.target_ref)?;
        let router = Router::of(spec, settings)?;
        let name = spec.target(namespace);
        let target = look(seen, &name)?.ok_or_else(|| Reason::TargetMissing {
            target: name.to_string(),
        })?;
        kind.check(target)?;
        let naming = naming(settings, kind, target)?;
        let primary = look(seen, &spec.primary(namespace))?;
        let [apex, primary_service, own] = services::names(spec, namespace);
        let name = Baseline::name(canary);
        let record = look(seen, &name)?;
        let baseline = match record {
            None => None,
            Some(object) => {
                let baseline = Baseline::of(object).map_err(|e| Reason::InvalidSpec {
                    detail: format!("{name}: {e}"),
                })?;
                Some((object, baseline)).filter(|(_, baseline)| !baseline.handed_over)
            }
        };
        let known = baseline.as_ref().map(|(_, baseline)| baseline);
        let configs = Configs::look(settings, namespace, [Some(target), primary], known, seen)?;
        let chain = chain::applier(target).and_then(|first| chain::read(seen, &first).ok());
        let links = chain
            .as_ref()
            .map(|chain| chain.links.clone())
            .unwrap_or_default();
        let template = template::of(target);
        let sums = configs.asked(&template);
        Ok(Self {
            now,
            settings,
            canary,
            spec,
            seen,
            kind,
            target,
            primary,
            baseline,
            record,
            configs,
            scaler: Scaler::look(spec, namespace, seen)?,
            asked: Snapshot::new(now, template, sums, links),
            chain,
            label: naming.label.clone().unwrap_or_default(),
            naming,
            services: [
                look(seen, &apex)?,
                look(seen, &primary_service)?,
                look(seen, &own)?,
            ],
            routes: router
                .names(spec, namespace)
                .iter()
                .map(|name| look(seen, name))
                .collect::<Result<_, _>>()?,
            router,
            status,
            wanted: Wanted::default(),
            said: Vec::new(),
            missing: Vec::new(),
            wake: None,
        })
    }

    /// Makes the move.
    pub(super) fn play(mut self) -> Step {
        let because = self.decide();
        if self.missing.is_empty() {
            return self.end(because);
        }
        Step {
            status: None,
            effects: Vec::new(),
            wake: Some(self.now + RETRY),
            because,
        }
    }

    fn decide(&mut self) -> Reason {
        if self.canary.is_deleting() && self.spec.revert_on_deletion {
            return self.terminate();
        }
        if self.may_hand_over() {
            return self.hand_over();
        }
        if self.baseline.is_some() {
            self.announce();
        }
        if let Some(because) = self.heed() {
            return because;
        }
        match self.status.phase {
            Phase::New | Phase::Initializing => self.initialize(),
            Phase::Initialized | Phase::Succeeded | Phase::Failed => self.rest(),
            Phase::Waiting => self.wait(),
            Phase::Progressing | Phase::WaitingPromotion => self.analyse(),
            Phase::Promoting => self.promote(),
            Phase::Finalising => self.finalise(),
            Phase::Terminating | Phase::Terminated => self.terminate(),
        }
    }

    /// Whether all of this has been seen; if not, it is what must be seen next, and the move waits for it.
    pub(super) fn has_seen(&mut self, wanted: Vec<Query>) -> bool {
        let new = wanted.into_iter().filter(|query| !self.seen.has(query));
        let before = self.missing.len();
        self.missing.extend(new);
        self.missing.len() == before
    }

    fn end(mut self, because: Reason) -> Step {
        if !self.asked.configs.is_empty() {
            // ConfigMaps and Secrets are not watched: that would be all of the cluster's.
            self.wake_in(self.spec.analysis.interval());
        }
        if let Some(traffic) = self.wanted.traffic {
            route::remember(&mut self.status, self.spec, self.canary, traffic);
        }
        let mut effects = match self.hold() {
            Ok(effects) => effects,
            // Nothing moves, and nothing is said of a move, while the traffic cannot follow.
            Err(because) => {
                let status = Status::of(self.canary);
                return stuck(self.now, self.canary, status, None, because);
            }
        };
        ready(&mut self.status, self.now, &because);
        effects.append(&mut self.said);
        Step {
            status: with_status(self.canary, &self.status),
            effects,
            wake: self.wake,
            because,
        }
    }

    /// The hash of what the target asks for now: its template, and what its pods read.
    pub(super) fn target_hash(&self) -> String {
        self.asked.template_hash.clone()
    }

    /// What a primary is made of.
    pub(super) const fn making(&self) -> Making<'_> {
        Making {
            canary: self.canary,
            settings: self.settings,
            target: self.target,
            naming: &self.naming,
            autoscaled: self.scaler.is_some(),
        }
    }

    /// Goes to a phase.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.status.enter(self.now, phase, &self.spec.target_ref.kind);
    }

    /// Looks again after this time at the latest.
    pub(super) fn wake_in(&mut self, time: SignedDuration) {
        self.wake_at(self.now + time);
    }

    /// Looks again then at the latest.
    pub(super) fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// How far the target's pods are.
    pub(super) fn target_rollout(&self) -> Rollout {
        let ready_pct = self.spec.analysis.canary_ready_threshold.unwrap_or(100);
        let run = self.status.analysis.as_ref();
        let last_tick = run.and_then(|run| run.ticks.last()).map(|tick| tick.at);
        let since = last_tick.max(run.and_then(|run| run.started_at));
        self.kind.rollout(self.target, self.terms(ready_pct, since))
    }

    /// How far the primary's pods are.
    pub(super) fn primary_rollout(&self) -> Rollout {
        let Some(primary) = self.primary else {
            return Rollout::Waiting("it is being created".to_owned());
        };
        // Flagger means to look, and compares two pointers.
        if self.scaler.is_none() && primary.int("/spec/replicas") == Some(0) {
            return Rollout::Waiting("it is scaled to zero: scale it up".to_owned());
        }
        let ready_pct = self.spec.analysis.primary_ready_threshold.unwrap_or(100);
        let since = self.status.last_transition_time;
        self.kind.rollout(primary, self.terms(ready_pct, since))
    }

    const fn terms(&self, ready_pct: i64, since: Option<Timestamp>) -> Terms {
        Terms {
            ready_pct,
            deadline_s: self.spec.progress_deadline_seconds,
            since,
            now: self.now,
        }
    }

    /// Whether a link of the chain did not answer; it may the next time.
    pub(super) fn chain_is_hidden(&self) -> bool {
        let asked = chain::applier(self.target).map(|first| chain::ask(self.seen, &first));
        asked.into_iter().flatten().any(|query| match &query {
            Query::Object(name) => matches!(self.seen.object(name), Observed::Unknown(Why::Unreachable(_))),
            _ => false,
        })
    }

    /// `name.namespace`, as Flagger's events spell a workload.
    pub(super) fn dotted(&self, workload: &str) -> String {
        format!("{workload}.{}", self.canary.namespace())
    }
}

/// What must still be seen for the move that the rest of the observation leads to.
pub(super) fn missing(
    now: Timestamp,
    settings: &Settings,
    canary: &Object,
    spec: &Spec,
    seen: &Observation,
) -> Vec<Query> {
    let turn = Turn::new(now, settings, canary, spec, Status::of(canary), seen);
    turn.map_or_else(
        |_| Vec::new(),
        |mut turn| {
            turn.decide();
            turn.missing
        },
    )
}

/// How the primary is told from the target; a Service's is told by its own name alone.
fn naming(settings: &Settings, kind: Kind, target: &Object) -> Result<Naming, Reason> {
    let label = template::selector_label(target, &settings.selector_labels);
    if label.is_none() && kind != Kind::Service {
        let (name, names) = (target.reference(), settings.selector_labels.join(", "));
        return Err(Reason::InvalidSpec {
            detail: format!("{name}: spec.selector.matchLabels must have one of {names}"),
        });
    }
    Ok(Naming {
        target: target.name().to_owned(),
        label: label.filter(|_| kind != Kind::Service),
        selector_labels: settings.selector_labels.clone(),
    })
}

fn look<'a>(seen: &'a Observation, name: &ObjectRef) -> Result<Option<&'a Object>, Reason> {
    match seen.object(name) {
        Observed::Known(object) => Ok(object.as_ref()),
        Observed::Unknown(why) => Err(Reason::CannotSee {
            what: name.to_string(),
            why,
        }),
    }
}

/// A step that changes nothing but what is said about it.
pub(super) fn stuck(
    now: Timestamp,
    canary: &Object,
    mut status: Status,
    kind: Option<&str>,
    because: Reason,
) -> Step {
    if status.phase == Phase::New && matches!(because, Reason::TargetMissing { .. }) {
        status.enter(now, Phase::Initializing, kind.unwrap_or("Deployment"));
    }
    ready(&mut status, now, &because);
    // A mended manifest wakes by itself; a mended route, and what could not be seen, does not.
    let sleeps = matches!(because, Reason::CannotSee { .. } | Reason::InvalidRoute { .. });
    let wake = sleeps.then(|| now + RETRY);
    Step {
        status: with_status(canary, &status),
        effects: Vec::new(),
        wake,
        because,
    }
}

/// The `Ready` condition, which kstatus (and so Flux's health checks) reads: whether what Git asks for is promoted.
fn ready(status: &mut Status, now: Timestamp, because: &Reason) {
    let value = match because {
        Reason::Initialized | Reason::Promoted | Reason::Settled { .. } => "True",
        // What is said of it is Flagger's affair now.
        Reason::HandedOver => return,
        Reason::InvalidSpec { .. }
        | Reason::Unsupported { .. }
        | Reason::InvalidRoute { .. }
        | Reason::TargetMissing { .. }
        | Reason::AnalysisFailed { .. }
        | Reason::ProgressDeadlineExceeded { .. }
        | Reason::PromotionFailed { .. }
        | Reason::RolledBack { .. }
        | Reason::Aborted { .. }
        | Reason::TakingBack { .. }
        | Reason::NotBlamed { .. }
        | Reason::StillFailed => "False",
        // What recant could not see says nothing of the workload: the condition stays.
        Reason::CannotSee { .. } | Reason::Suspended => return,
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
}

fn with_status(canary: &Object, status: &Status) -> Option<Object> {
    let mut next = canary.clone();
    next.set("/status", serde_json::to_value(status).unwrap_or_default());
    (next != *canary).then_some(next)
}
