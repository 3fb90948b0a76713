//! The workload and its primary: is it ready, how is it brought up and down, what does the primary look like. One file
//! for each kind of target.

mod daemon_set;
mod deployment;
mod metadata;
mod service;

pub(super) use metadata::included;
pub(super) use metadata::put_own;
pub(super) use service::hold_canary as hold_canary_service;

use crate::baseline::Snapshot;
use crate::canary::spec::TargetRef;
use crate::effect::Effect;
use crate::effect::Write;
use crate::object::Object;
use crate::reason::Reason;
use crate::settings::Settings;
use crate::template::Naming;
use jiff::Timestamp;
use serde_json::Value;

/// A kind of target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Down is `replicas: 0`.
    Deployment,
    /// Down is a node selector that no node has.
    DaemonSet,
    /// There is no workload: two copies of the Service are told apart.
    Service,
}

/// How far a rollout is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rollout {
    /// Enough pods of the wanted template are available.
    Ready,
    /// Not yet.
    Waiting(String),
    /// Not any more in the time it had.
    Dead(String),
}

/// What a rollout is measured by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The share of the new pods that must be available, in percent.
    pub(super) ready_pct: i64,
    /// The time it has, in seconds.
    pub(super) deadline_s: i64,
    /// When it began, for kinds that do not tell themselves.
    pub(super) since: Option<Timestamp>,
    /// Now.
    pub(super) now: Timestamp,
}

/// What a primary is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Making<'a> {
    pub(super) canary: &'a Object,
    pub(super) settings: &'a Settings,
    pub(super) target: &'a Object,
    pub(super) naming: &'a Naming,
    /// Whether an autoscaler, not recant, says how many replicas there are.
    pub(super) autoscaled: bool,
}

impl Kind {
    /// The kind of a target.
    pub(super) fn of(target: &TargetRef) -> Result<Self, Reason> {
        match (target.kind.as_str(), target.api_version.as_str()) {
            ("Deployment", _) => Ok(Self::Deployment),
            ("DaemonSet", _) => Ok(Self::DaemonSet),
            ("Service", "v1") => Ok(Self::Service),
            ("Service", other) => Err(Reason::Unsupported {
                field: "spec.targetRef.apiVersion".to_owned(),
                value: other.to_owned(),
                hint: "use v1; Knative Services are not supported by this engine".to_owned(),
            }),
            (other, _) => Err(Reason::Unsupported {
                field: "spec.targetRef.kind".to_owned(),
                value: other.to_owned(),
                hint: "use a Deployment, a DaemonSet or a Service".to_owned(),
            }),
        }
    }

    /// How far a workload is, by Flagger's rules.
    pub(super) fn rollout(self, workload: &Object, terms: Terms) -> Rollout {
        match self {
            Self::Deployment => deployment::rollout(workload, terms),
            Self::DaemonSet => daemon_set::rollout(workload, terms),
            Self::Service => Rollout::Ready,
        }
    }

    /// Whether a target is scaled down.
    pub(super) fn is_down(self, target: &Object) -> bool {
        match self {
            Self::Deployment => replicas(target) == 0,
            Self::DaemonSet => daemon_set::is_down(target),
            Self::Service => false,
        }
    }

    /// Whether a target that is down has no pods left.
    pub(super) fn is_gone(self, target: &Object) -> bool {
        let count = |field: &str| target.int(&format!("/status/{field}")).unwrap_or_default();
        let observed = count("observedGeneration") >= target.generation();
        match self {
            Self::Deployment => observed && count("replicas") == 0,
            Self::DaemonSet => observed && count("currentNumberScheduled") == 0,
            Self::Service => true,
        }
    }

    /// Scales a target, if it is not at that number already; to a DaemonSet, any number but 0 is up.
    pub(super) fn scale(self, target: &Object, to: i64) -> Option<Effect> {
        let patch = match self {
            Self::Deployment => deployment::scale(target, to),
            Self::DaemonSet => daemon_set::scale(target, to > 0),
            Self::Service => None,
        }?;
        Some(Effect::Write(Write::Patch {
            name: target.reference(),
            resource_version: target.resource_version().to_owned(),
            patch,
        }))
    }

    /// Whether a primary of this target can be made at all.
    pub(super) fn check(self, target: &Object) -> Result<(), Reason> {
        match self {
            Self::DaemonSet => daemon_set::check(target),
            Self::Deployment | Self::Service => Ok(()),
        }
    }

    /// The primary's own template, or a Service's spec.
    pub(super) fn primary_has(self, primary: &Object, wanted: &Value) -> bool {
        match self {
            Self::Service => crate::template::of(primary) == *wanted,
            Self::Deployment | Self::DaemonSet => primary.at("/spec/template") == Some(wanted),
        }
    }

    /// The primary as it is made: Flagger's copy of the target, with what is promoted.
    pub(super) fn primary(self, making: Making<'_>, snapshot: &Snapshot) -> Object {
        let mut name = making.target.reference();
        name.name.push_str("-primary");
        let mut primary = Object::named(&name);
        put_own(&mut primary, making);
        match self {
            Self::Deployment => deployment::make(&mut primary, making, snapshot),
            Self::DaemonSet => daemon_set::make(&mut primary, making, snapshot),
            Self::Service => service::make(&mut primary, making, snapshot),
        }
        primary
    }

    /// Gives the primary this template; and, when that is a promotion, what else of the target Flagger copies then.
    pub(super) fn update(
        self,
        primary: &mut Object,
        making: Making<'_>,
        snapshot: &Snapshot,
        promotes: bool,
    ) {
        match self {
            Self::Service => service::update(primary, snapshot),
            Self::Deployment | Self::DaemonSet => {
                primary.set("/spec/template", snapshot.primary(making.naming));
            }
        }
        if promotes {
            metadata::put_included(primary, making);
            match self {
                Self::Deployment => deployment::promote(primary, making),
                Self::DaemonSet => daemon_set::promote(primary, making),
                Self::Service => {}
            }
        }
    }
}

/// The replicas a Deployment asks for.
pub(super) fn replicas(deployment: &Object) -> i64 {
    deployment.int("/spec/replicas").unwrap_or(1)
}

/// Copies fields of the spec; one that the target does not have goes.
fn copy_spec(from: &Object, to: &mut Object, fields: &[&str]) {
    for field in fields {
        let pointer = format!("/spec/{field}");
        match from.at(&pointer) {
            Some(value) => to.set(&pointer, value.clone()),
            None => {
                if let Some(Value::Object(spec)) = to.0.get_mut("spec") {
                    spec.remove(*field);
                }
            }
        }
    }
}

/// How many of `of` are `pct` percent, rounded down as Flagger does.
const fn share(of: i64, pct: i64) -> i64 {
    of * pct / 100
}
