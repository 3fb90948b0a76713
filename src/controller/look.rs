//! One look at one object.

use crate::controller::Asked;
use crate::controller::Controller;
use crate::controller::Sight;
use crate::controller::Told;
use crate::observe::observe;
use crate::perform;
use crate::port::PortError;
use jiff::Timestamp;
use recant_core::canary;
use recant_core::effect::Write;
use recant_core::forge;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_core::pull;
use recant_core::query::Observation;
use recant_core::query::Query;
use recant_core::step;
use recant_core::step::Step;
use std::time::Instant;

/// What a look came to.
pub(super) struct Looked {
    pub(super) name: ObjectRef,
    pub(super) asked: Asked,
    pub(super) wake: Option<Timestamp>,
    /// Whether something was refused or failed, so that the world must be observed again soon.
    pub(super) again: bool,
}

/// Observes, decides, performs, saves.
pub(super) async fn look(controller: &Controller, name: ObjectRef) -> Looked {
    let object = match controller.ports.cluster.get(&name).await {
        Ok(Some(object)) => object,
        Ok(None) => {
            return Looked {
                name,
                asked: Asked::new(),
                wake: None,
                again: false,
            };
        }
        Err(error) => {
            tracing::warn!(object = %name, %error, "cannot be read");
            return Looked {
                name,
                asked: Asked::new(),
                wake: None,
                again: true,
            };
        }
    };
    let since = Instant::now();
    let now = controller.clock.now();
    let seen = observe(&controller.ports, |seen| ask(controller, now, &object, seen)).await;
    let asked = seen.queries().filter_map(about).collect();
    let step = match object.str("/kind") {
        "Revert" => pull::step(now, &controller.settings, &object, &seen),
        "Forge" => forge::step(now, &object, &seen),
        _ => canary::step(now, &controller.settings, &object, &seen),
    };
    let wake = step.wake;
    let next = step.status.clone().filter(|_| !controller.dry_run);
    let again = carry_out(controller, now, &object, step).await.is_err();
    let after = next.as_ref().filter(|_| !again).unwrap_or(&object);
    (controller.witness)(&Sight::Looked {
        before: &object,
        after,
        took: since.elapsed(),
        done: !again,
    });
    Looked {
        name,
        asked,
        wake,
        again,
    }
}

fn ask(controller: &Controller, now: Timestamp, object: &Object, seen: &Observation) -> Vec<Query> {
    match object.str("/kind") {
        "Revert" => pull::ask(&controller.settings, object, seen),
        "Forge" => forge::ask(object),
        _ => canary::ask(now, &controller.settings, object, seen),
    }
}

fn about(query: &Query) -> Option<ObjectRef> {
    match query {
        Query::Object(name) => Some(name.clone()),
        _ => None,
    }
}

/// Performs the effects in order, then saves the status. The first one that is refused ends it: what follows may
/// rest on it.
async fn carry_out(
    controller: &Controller,
    now: Timestamp,
    object: &Object,
    step: Step,
) -> Result<(), PortError> {
    if controller.dry_run {
        tell(controller, now, object, &step);
        return Ok(());
    }
    for effect in &step.effects {
        let Err(error) = perform::perform(&controller.ports, effect).await else {
            continue;
        };
        let what = perform::describe(effect);
        tracing::warn!(object = %object.reference(), %error, "{what}");
        if perform::is_telling(effect) {
            continue;
        }
        if !matches!(error, PortError::Stale(_)) {
            let said = step::failed(now, object, &what, &error.to_string());
            drop(save(controller, said).await);
        }
        return Err(error);
    }
    let changes = step.status.is_some();
    save(controller, step.status.clone()).await?;
    if changes || !step.effects.is_empty() {
        tell(controller, now, object, &step);
    }
    Ok(())
}

async fn save(controller: &Controller, status: Option<Object>) -> Result<(), PortError> {
    let Some(status) = status else { return Ok(()) };
    controller
        .ports
        .cluster
        .write(&Write::UpdateStatus(status))
        .await
        .map(drop)
}

fn tell(controller: &Controller, at: Timestamp, object: &Object, step: &Step) {
    let about = object.reference();
    tracing::info!(object = %about, reason = step.because.name(), "{}", step.because);
    for effect in &step.effects {
        if controller.dry_run {
            tracing::info!(object = %about, "would {}", perform::describe(effect));
        } else {
            tracing::debug!(object = %about, "{}", perform::describe(effect));
        }
    }
    let told = Told {
        at,
        about,
        because: step.because.clone(),
        effects: step.effects.clone(),
    };
    (controller.listener)(&told);
}
