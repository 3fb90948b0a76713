//! A Forge's own condition: whether its credential does what recant will ask of it.

use super::Forge;
use crate::canary::status::Condition;
use crate::canary::status::set_condition;
use crate::object::Object;
use crate::query::Access;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::Why;
use crate::reason::Reason;
use crate::step::Step;
use jiff::SignedDuration;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

/// Time between two looks at a credential that is good, in seconds. A check costs two or three requests.
const AGAIN_S: i64 = 600;
/// Time before another look at one that is not, in seconds.
const RETRY_S: i64 = 60;
/// How long before its end a credential is said to expire, in seconds.
const EXPIRY_WARNING_S: i64 = 14 * 24 * 3600;

/// What is known of a Forge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ForgeStatus {
    observed_generation: i64,
    /// Who recant is there.
    #[serde(skip_serializing_if = "String::is_empty")]
    login: String,
    /// When the credential ends, where the host says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    conditions: Vec<Condition>,
}

/// What must be seen of a Forge.
pub fn ask(forge: &Object) -> Vec<Query> {
    match Forge::of(forge) {
        Ok(forge) => vec![Query::Access(forge.name)],
        Err(_) => Vec::new(),
    }
}

/// The next state of a Forge: `Ready`, as kstatus reads it, and `Stalled` while its spec makes no sense.
pub fn step(now: Timestamp, forge: &Object, seen: &Observation) -> Step {
    let mut status: ForgeStatus =
        serde_json::from_value(forge.at("/status").cloned().unwrap_or_default()).unwrap_or_default();
    status.observed_generation = forge.generation();
    let because = match Forge::of(forge) {
        Err(detail) => Reason::InvalidSpec { detail },
        Ok(read) => judge(now, &mut status, seen.access(&read.name)),
    };
    let ready = match &because {
        Reason::ForgeReady { .. } => "True",
        Reason::CannotSee { .. } => "Unknown",
        _ => "False",
    };
    let text = because.to_string();
    set_condition(&mut status.conditions, now, "Ready", ready, because.name(), &text);
    status.conditions.retain(|c| c.r#type != "Stalled");
    let invalid = matches!(because, Reason::InvalidSpec { .. });
    if invalid {
        set_condition(
            &mut status.conditions,
            now,
            "Stalled",
            "True",
            because.name(),
            &text,
        );
    }
    let wait = if ready == "True" { AGAIN_S } else { RETRY_S };
    let mut next = forge.clone();
    next.set("/status", serde_json::to_value(status).unwrap_or_default());
    Step {
        status: (next.at("/status") != forge.at("/status")).then_some(next),
        effects: Vec::new(),
        wake: (!invalid).then(|| now + SignedDuration::from_secs(wait)),
        because,
    }
}

fn judge(now: Timestamp, status: &mut ForgeStatus, access: Observed<&Access>) -> Reason {
    let access = match access {
        Observed::Known(access) => access,
        Observed::Unknown(Why::Denied(detail) | Why::Invalid(detail)) => {
            return Reason::ForgeNotReady { detail };
        }
        Observed::Unknown(why) => {
            let what = "what the credential may do".to_owned();
            return Reason::CannotSee { what, why };
        }
    };
    status.login.clone_from(&access.login);
    status.expires = access.expires;
    if !access.missing.is_empty() {
        let detail = format!("the credential lacks {}", access.missing.join("; "));
        return Reason::ForgeNotReady { detail };
    }
    let mut notes = access.notes.clone();
    if let Some(at) = access
        .expires
        .filter(|at| at.as_second() - now.as_second() < EXPIRY_WARNING_S)
    {
        notes.insert(0, format!("it expires at {at}"));
    }
    Reason::ForgeReady {
        login: access.login.clone(),
        notes,
    }
}
