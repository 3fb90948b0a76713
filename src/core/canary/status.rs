//! `Canary.status`: Flagger's fields as Flagger writes them, and recant's own beside them.

use crate::baseline::RECANT_API;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::reason::Check;
use crate::reason::Reason;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where a Canary is: Flagger's phases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// Not looked at yet.
    #[default]
    #[serde(rename = "")]
    New,
    /// The primary is being made.
    Initializing,
    /// The primary serves; nothing has been analysed yet.
    Initialized,
    /// Waiting for an approval to begin.
    Waiting,
    /// The analysis runs.
    Progressing,
    /// Waiting for an approval to promote.
    WaitingPromotion,
    /// The primary is getting the analysed template.
    Promoting,
    /// Traffic goes back to the primary.
    Finalising,
    /// Promoted.
    Succeeded,
    /// Rolled back.
    Failed,
    /// Being deleted, with `revertOnDeletion`.
    Terminating,
    /// Deleted.
    Terminated,
}

impl Phase {
    /// Whether no analysis and no promotion is under way.
    pub const fn is_at_rest(self) -> bool {
        matches!(
            self,
            Self::New | Self::Initializing | Self::Initialized | Self::Succeeded | Self::Failed
        )
    }
}

/// What is known of a Canary.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// The phase.
    pub phase: Phase,
    /// Failed checks of this run.
    pub failed_checks: i64,
    /// The canary's weight, in percent.
    pub canary_weight: i64,
    /// Iterations of this run.
    pub iterations: i64,
    /// The hash of the template that was analysed last.
    pub last_applied_spec: String,
    /// The hash of the template that was promoted last.
    pub last_promoted_spec: String,
    /// The checksums of the ConfigMaps and Secrets that were analysed last, in Flagger's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracked_configs: Option<crate::config::Checksums>,
    /// When the phase changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
    /// The cookie of clients that were sent to the canary in this run: `name=value`; empty when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub session_affinity_cookie: String,
    /// The cookie of clients that were sent to the primary: `name=value`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub primary_session_affinity_cookie: String,
    /// The canary's cookie of the run before, which is to be taken away from clients.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub previous_session_affinity_cookie: String,
    /// Conditions: Flagger's `Promoted`, and `Ready` and `Reverted`.
    pub conditions: Vec<Condition>,
    /// The generation this status speaks of.
    pub observed_generation: i64,
    /// The person's verbs that were heard, each with the annotation's value: none is acted on twice.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub last_handled_verbs: BTreeMap<String, String>,
    /// What has come in Git, and is not applied yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coming: Vec<Coming>,
    /// The run: of now, or the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Run>,
    /// What recant does not know and keeps.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// One analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Run {
    /// The hash of the template that is analysed.
    pub template_hash: String,
    /// The Git revision it came with, in Flux's words; empty when unknown.
    pub revision: String,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the next check is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_check_at: Option<Timestamp>,
    /// When the metrics may be asked at the earliest: before, they still speak of another template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Whether the canary gets a copy of the traffic.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mirrored: bool,
    /// What is waited for an approval of: the hook, or who paused it; empty when nothing is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub held_by: String,
    /// Who asked for the promotion without further checks, in the annotation's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted_by: Option<String>,
    /// The phase that post-rollout hooks are still to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_rollout: Option<Phase>,
    /// What the hooks said at the last tick.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<Check>,
    /// The checks of the last tick.
    pub checks: Vec<Check>,
    /// The ticks so far, oldest first; the oldest are dropped after [`Run::TICKS`].
    pub ticks: Vec<Tick>,
    /// Why the run failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Reason>,
    /// The commits that this run judges: their statuses follow it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<Judged>,
    /// The Revert that undoes the failed change: `namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revert: Option<String>,
    /// The page of the pull request that undoes it, once people have been told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
}

/// A commit that is judged by an analysis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The repository's URL.
    pub url: String,
    /// The commit.
    pub commit: String,
}

/// What a source has and its Kustomization has not applied yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Coming {
    /// The Kustomization: `Kind/namespace/name`.
    pub kustomization: String,
    /// The source's revision, in Flux's words.
    pub revision: String,
    /// The commits on the way there that change the target.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<Judged>,
}

/// One tick of the analysis: the weight and what was measured under it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tick {
    /// When.
    pub at: Timestamp,
    /// The canary's weight, in percent.
    pub weight: i64,
    /// The measured values, in the order of the metrics; `None` where nothing was measured.
    pub values: Vec<Option<f64>>,
    /// Whether all checks passed.
    pub passed: bool,
    /// Whether something bad was measured: what could only not be seen speaks against nobody.
    #[serde(default)]
    pub bad: bool,
}

impl Run {
    /// The Revert that undoes the failed change.
    pub fn revert_name(&self) -> Option<ObjectRef> {
        let (namespace, name) = self.revert.as_ref()?.split_once('/')?;
        Some(ObjectRef::new(RECANT_API, "Revert", namespace, name))
    }

    /// How many ticks are kept.
    pub const TICKS: usize = 60;

    /// Notes a tick: what the metrics and the hooks said.
    pub fn note(&mut self, at: Timestamp, weight: i64, checks: Vec<Check>, hooks: Vec<Check>) {
        let values = checks.iter().map(Check::value).collect();
        let all = || checks.iter().chain(&hooks);
        let passed = all().all(Check::passed);
        let bad = all().any(|check| check.measured() && !check.passed());
        self.ticks.push(Tick {
            at,
            weight,
            values,
            passed,
            bad,
        });
        let surplus = self.ticks.len().saturating_sub(Self::TICKS);
        self.ticks.drain(..surplus);
        self.checks = checks;
        self.hooks = hooks;
    }
}

/// A condition, in Flagger's form (with `lastUpdateTime`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// The type.
    pub r#type: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// CamelCase.
    #[serde(default)]
    pub reason: String,
    /// For people.
    #[serde(default)]
    pub message: String,
    /// When it was written last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update_time: Option<Timestamp>,
    /// When its status changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
}

/// Sets a condition; the times move only when something changes.
pub fn set_condition(
    conditions: &mut Vec<Condition>,
    now: Timestamp,
    r#type: &str,
    status: &str,
    reason: &str,
    message: &str,
) {
    let old = conditions.iter_mut().find(|c| c.r#type == r#type);
    if let Some(old) = &old
        && (old.status.as_str(), old.reason.as_str(), old.message.as_str()) == (status, reason, message)
    {
        return;
    }
    let kept = old
        .as_ref()
        .filter(|old| old.status == status)
        .and_then(|old| old.last_transition_time);
    let new = Condition {
        r#type: r#type.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_update_time: Some(now),
        last_transition_time: kept.or(Some(now)),
    };
    match old {
        Some(old) => *old = new,
        None => conditions.push(new),
    }
}

impl Status {
    /// Reads the status of a Canary. What cannot be read is as if it were not there: the level-triggered decision
    /// then finds its way back from what the cluster shows.
    pub fn of(canary: &Object) -> Self {
        let status = canary.at("/status").cloned().unwrap_or_default();
        serde_json::from_value(status).unwrap_or_default()
    }

    /// Whether a condition is `True`.
    pub fn is(&self, r#type: &str) -> bool {
        self.conditions
            .iter()
            .any(|c| c.r#type == r#type && c.status == "True")
    }

    /// Takes a condition away.
    pub fn drop_condition(&mut self, r#type: &str) {
        self.conditions.retain(|c| c.r#type != r#type);
    }

    /// Goes to a phase, with the `Promoted` condition that Flagger sets there.
    pub fn enter(&mut self, now: Timestamp, phase: Phase, target_kind: &str) {
        if self.phase != phase {
            self.last_transition_time = Some(now);
        }
        self.phase = phase;
        let (status, message) = promoted(phase, target_kind);
        let reason = format!("{phase:?}");
        set_condition(&mut self.conditions, now, "Promoted", status, &reason, &message);
    }
}

/// Status and message of the `Promoted` condition: users wait for it and match on it, so the words are Flagger's.
fn promoted(phase: Phase, kind: &str) -> (&'static str, String) {
    match phase {
        Phase::New | Phase::Initializing => (
            "Unknown",
            format!("New {kind} detected, starting initialization."),
        ),
        Phase::Initialized => ("True", format!("{kind} initialization completed.")),
        Phase::Waiting | Phase::WaitingPromotion => ("Unknown", "Waiting for approval.".to_owned()),
        Phase::Progressing => (
            "Unknown",
            "New revision detected, progressing canary analysis.".to_owned(),
        ),
        Phase::Promoting => (
            "Unknown",
            "Canary analysis completed, starting primary rolling update.".to_owned(),
        ),
        Phase::Finalising => (
            "Unknown",
            "Canary analysis completed, routing all traffic to primary.".to_owned(),
        ),
        Phase::Succeeded => (
            "True",
            "Canary analysis completed successfully, promotion finished.".to_owned(),
        ),
        Phase::Failed => ("False", format!("Canary analysis failed, {kind} scaled to zero.")),
        Phase::Terminating | Phase::Terminated => ("Unknown", "Canary is being deleted.".to_owned()),
    }
}
