//! DaemonSets. They have no replicas: Flagger scales one to zero by a node selector that no node has.

use super::Making;
use super::Rollout;
use super::Terms;
use super::copy_spec;
use super::deployment;
use super::share;
use crate::baseline::Snapshot;
use crate::object::Object;
use crate::reason::Reason;
use crate::template;
use crate::template::SCALE_TO_ZERO;
use serde_json::Value;
use serde_json::json;

/// What of the target's spec, beside its template, the primary has too.
const COPIED: [&str; 3] = ["minReadySeconds", "revisionHistoryLimit", "updateStrategy"];

/// All scheduled pods have the new template, and enough of them are available. A DaemonSet does not tell when its
/// rollout began, so the deadline is counted from when recant wanted it.
pub(super) fn rollout(set: &Object, terms: Terms) -> Rollout {
    let status = |name: &str| set.int(&format!("/status/{name}")).unwrap_or_default();
    if status("observedGeneration") < set.generation() {
        return Rollout::Waiting("the new template is not observed yet".to_owned());
    }
    let (desired, updated) = (status("desiredNumberScheduled"), status("updatedNumberScheduled"));
    let (available, enough) = (status("numberAvailable"), share(desired, terms.ready_pct));
    let waiting = if updated < desired {
        format!("{updated} of {desired} pods have the new template")
    } else if available < enough {
        format!("{available} of {desired} pods are available")
    } else {
        return Rollout::Ready;
    };
    let too_long = |since: jiff::Timestamp| terms.now.as_second() - since.as_second() > terms.deadline_s;
    if terms.since.is_some_and(too_long) {
        let deadline_s = terms.deadline_s;
        return Rollout::Dead(format!("not available for more than {deadline_s} s: {waiting}"));
    }
    Rollout::Waiting(waiting)
}

pub(super) fn is_down(set: &Object) -> bool {
    let (key, value) = SCALE_TO_ZERO;
    set.str(&format!(
        "/spec/template/spec/nodeSelector/{}",
        template::escaped(key)
    )) == value
}

pub(super) fn scale(set: &Object, up: bool) -> Option<Value> {
    let (key, value) = SCALE_TO_ZERO;
    let wanted = if up { Value::Null } else { Value::from(value) };
    let patch = json!({"spec": {"template": {"spec": {"nodeSelector": {key: wanted}}}}});
    (is_down(set) == up).then_some(patch)
}

/// With `OnDelete` the primary would never get what is promoted.
pub(super) fn check(set: &Object) -> Result<(), Reason> {
    match set.str("/spec/updateStrategy/type") {
        "" | "RollingUpdate" => Ok(()),
        other => Err(Reason::InvalidSpec {
            detail: format!(
                "{}: spec.updateStrategy.type must be RollingUpdate, and is {other}",
                set.reference()
            ),
        }),
    }
}

pub(super) fn make(primary: &mut Object, making: Making<'_>, snapshot: &Snapshot) {
    copy_spec(making.target, primary, &COPIED);
    deployment::put_selector(primary, making);
    primary.set("/spec/template", snapshot.primary(making.naming));
}

pub(super) fn promote(primary: &mut Object, making: Making<'_>) {
    copy_spec(making.target, primary, &COPIED);
}
