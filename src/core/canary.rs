//! A Canary's life: [`ask`] what must be seen, then [`step`].
//!
//! Level-triggered: each step compares what the target *is* with what was *promoted* (the Baseline) and what is being
//! *analysed* (its candidate), and holds every object around it to what the phase wants. Nothing depends on having
//! seen the world a moment ago. Never here: the revert in Git (that is `pull`), a clock, a message that is not a
//! [`Reason`].

mod alerts;
mod analyse;
mod coming;
mod configs;
mod fail;
mod finalize;
mod hand_over;
mod hold;
mod hooks;
mod initialize;
mod promote;
mod rest;
mod route;
mod scaler;
mod services;
pub mod spec;
pub mod status;
mod strategy;
mod supported;
mod takeover;
mod tell;
mod turn;
pub mod verbs;
mod wait;
mod wanted;
mod workload;

pub use finalize::FINALIZER;
pub use hand_over::HAND_OVER;

#[cfg(test)]
mod tests;

use crate::baseline::Baseline;
use crate::canary::spec::Spec;
use crate::canary::status::Phase;
use crate::canary::status::Run;
use crate::canary::status::Status;
use crate::canary::turn::Turn;
use crate::chain;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::pull;
use crate::pull::Culprit;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::reason::Reason;
use crate::settings::Settings;
use crate::step::Step;
use crate::verdict;
use jiff::SignedDuration;
use jiff::Timestamp;

/// How long to wait before looking again at what could not be seen.
const RETRY: SignedDuration = SignedDuration::from_secs(10);

/// What must be seen before the next move. Ask again with the answers until nothing new is asked: some things are
/// only known by name once others have been seen.
pub fn ask(now: Timestamp, settings: &Settings, canary: &Object, seen: &Observation) -> Vec<Query> {
    let Ok(spec) = Spec::of(canary) else {
        return Vec::new();
    };
    let namespace = canary.namespace();
    let baseline = Baseline::name(canary);
    let mut wanted = vec![Query::Object(baseline.clone())];
    if !seen.has(&Query::Object(baseline)) {
        return wanted;
    }
    // The chain is read before the target: a revision that is noted as good beside the promoted template must have
    // been applied before that template was read.
    if let Some(first) = recorded_applier(canary, seen) {
        wanted.extend(chain::ask(seen, &first));
        if wanted.iter().any(|query| !seen.has(query)) {
            return wanted;
        }
    }
    wanted.push(Query::Object(spec.target(namespace)));
    wanted.push(Query::Object(spec.primary(namespace)));
    wanted.extend(services::names(&spec, namespace).map(Query::Object));
    wanted.extend(
        scaler::names(&spec, namespace)
            .into_iter()
            .flatten()
            .map(Query::Object),
    );
    wanted.extend(ask_configs(settings, canary, &spec, seen));
    if let Ok(router) = route::Router::of(&spec, settings) {
        wanted.extend(router.names(&spec, namespace).into_iter().map(Query::Object));
    }
    if let Observed::Known(Some(target)) = seen.object(&spec.target(namespace))
        && let Some(first) = chain::applier(target)
    {
        wanted.extend(chain::ask(seen, &first));
    }
    wanted.extend(verdict::templates(settings, canary, &spec));
    let status = Status::of(canary);
    wanted.extend(coming::ask(&status, canary, &spec.target(namespace), seen));
    if status.phase == Phase::Failed {
        wanted.extend(ask_revert(canary, &status, seen));
    }
    // Metrics and webhooks are asked when the move itself comes to them, and only then: a webhook that is called does
    // something.
    if !spec.suspend && wanted.iter().all(|query| seen.has(query)) {
        wanted.extend(turn::missing(now, settings, canary, &spec, seen));
    }
    wanted
}

/// The next move.
pub fn step(now: Timestamp, settings: &Settings, canary: &Object, seen: &Observation) -> Step {
    let mut status = Status::of(canary);
    status.observed_generation = canary.generation();
    let spec = Spec::of(canary);
    if let Some(step) = finalize::finalizer(canary, spec.as_ref().ok(), &status, seen) {
        return step;
    }
    let spec = match spec {
        Ok(spec) => spec,
        Err(detail) => return turn::stuck(now, canary, status, None, Reason::InvalidSpec { detail }),
    };
    if spec.suspend && !canary.is_deleting() {
        return turn::stuck(now, canary, status, None, Reason::Suspended);
    }
    if hand_over::is_done(canary, seen) {
        return turn::stuck(now, canary, status, None, Reason::HandedOver);
    }
    let kind = spec.target_ref.kind.clone();
    match Turn::new(now, settings, canary, &spec, status.clone(), seen) {
        Ok(turn) => turn.play(),
        Err(because) => turn::stuck(now, canary, status, Some(&kind), because),
    }
}

/// What the pods read, once it is known what they name.
fn ask_configs(settings: &Settings, canary: &Object, spec: &Spec, seen: &Observation) -> Vec<Query> {
    let namespace = canary.namespace();
    let object = |name: &ObjectRef| match seen.object(name) {
        Observed::Known(object) => object.as_ref(),
        Observed::Unknown(_) => None,
    };
    let templates = [object(&spec.target(namespace)), object(&spec.primary(namespace))];
    let record = object(&Baseline::name(canary)).and_then(|object| Baseline::of(object).ok());
    let record = record.filter(|baseline| !baseline.handed_over);
    configs::ask(settings, namespace, templates, record.as_ref(), seen)
}

/// The Kustomization that the Baseline says applies the target.
fn recorded_applier(canary: &Object, seen: &Observation) -> Option<ObjectRef> {
    let Observed::Known(Some(object)) = seen.object(&Baseline::name(canary)) else {
        return None;
    };
    let baseline = Baseline::of(object).ok()?;
    baseline
        .promoted
        .chain
        .first()
        .map(|link| link.kustomization.clone())
}

/// What must be seen of the Revert that undoes what this Canary failed with, if Git can be blamed: which one it is
/// takes a look into Git, once.
fn ask_revert(canary: &Object, status: &Status, seen: &Observation) -> Vec<Query> {
    let named = status.analysis.as_ref().and_then(Run::revert_name);
    if let Some(name) = &named {
        match seen.object(name) {
            Observed::Known(Some(_)) => return Vec::new(),
            Observed::Known(None) => {}
            Observed::Unknown(_) => return vec![Query::Object(name.clone())],
        }
    }
    let Some(culprit) = culprit_of(canary, seen) else {
        return Vec::new();
    };
    let mut wanted = culprit.ask(seen);
    if let Ok(change) = culprit.change(seen) {
        wanted.push(Query::Object(culprit.name(&change)));
    }
    wanted
}

fn culprit_of(canary: &Object, seen: &Observation) -> Option<Culprit> {
    let Observed::Known(Some(object)) = seen.object(&Baseline::name(canary)) else {
        return None;
    };
    let baseline = Baseline::of(object).ok()?;
    let candidate = baseline.candidate.as_ref()?;
    let target = Spec::of(canary).ok()?.target(canary.namespace());
    let culprit = pull::culprit(&target, &baseline.promoted, candidate).ok()?;
    culprit.with_own_appliers(seen).ok()
}
