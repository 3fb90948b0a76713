//! What recant may do about a Revert: what the Forge, the namespace, the Canary and the Revert itself say, and what
//! happens elsewhere at the same time.

use crate::baseline::RECANT_API;
use crate::canary::spec::API_VERSION;
use crate::canary::status::Phase;
use crate::canary::status::Status;
use crate::forge::ForgeSpec;
use crate::forge::ForgeType;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::pull::record::RevertPhase;
use crate::pull::record::RevertSpec;
use crate::pull::record::RevertStatus;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::Why;
use crate::repo_url::plain_url;
use crate::settings::Settings;
use jiff::SignedDuration;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// On a Canary or a namespace (there as a label, too): `"true"` makes recant say what it would propose, and no more.
pub const REPORT_ONLY: &str = "recant.dev/report-only";
/// On a Revert: `"true"` lets it go on although recant holds it.
pub const PROCEED: &str = "recant.dev/proceed";

/// The day of the cap per day.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What recant may do about one Revert.
pub(super) struct Policy {
    /// How the host is dealt with.
    pub(super) forge: ForgeSpec,
    /// Who says that recant is only to report.
    pub(super) report_only: Option<String>,
    /// Whether no Forge is bound to the repository: then the host is not even asked.
    pub(super) unbound: bool,
}

type Unseen = (String, Why);

/// What must be seen to know the policy.
pub(super) fn ask(spec: &RevertSpec) -> Vec<Query> {
    let mut wanted = vec![Query::Forge(spec.repo())];
    wanted.extend(namespaces(spec).into_iter().map(Query::Object));
    wanted
}

fn namespaces(spec: &RevertSpec) -> BTreeSet<ObjectRef> {
    let names = spec.targets.iter().map(|target| target.canary.namespace.clone());
    names
        .map(|name| ObjectRef::new("v1", "Namespace", "", &name))
        .collect()
}

impl Policy {
    /// Reads the policy.
    ///
    /// # Errors
    /// What could not be seen.
    pub(super) fn of(settings: &Settings, spec: &RevertSpec, seen: &Observation) -> Result<Self, Unseen> {
        let repo = spec.repo();
        let bound = match seen.forge(&repo) {
            Observed::Known(forge) => forge.as_ref(),
            Observed::Unknown(why) => return Err((format!("the Forge of {repo}"), why)),
        };
        let forge = bound.map(|forge| forge.spec.clone());
        let unbound = forge.is_none();
        let forge = forge.unwrap_or_else(|| ForgeSpec::new(ForgeType::Gitea, &repo.0));
        let mut report_only = None;
        if settings.report_only {
            report_only = Some("recant runs with --report-only".to_owned());
        } else if unbound {
            report_only = Some(format!("no Forge is bound to {repo}: create one"));
        } else if let Some(bound) = bound.filter(|bound| bound.spec.report_only) {
            report_only = Some(format!("{} has reportOnly", bound.name));
        } else if let Some(who) = told_to_report(spec, seen)? {
            report_only = Some(who);
        }
        Ok(Self {
            forge,
            report_only,
            unbound,
        })
    }

    /// For a Revert that nothing is done about any more.
    pub(super) fn silent(spec: &RevertSpec) -> Self {
        Self {
            forge: ForgeSpec::new(ForgeType::Gitea, &spec.url),
            report_only: None,
            unbound: true,
        }
    }

    /// What the names of recant's branches begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.forge.pull_requests.branch_prefix
    }
}

/// The first Canary or namespace that asks for reports only. What one of them refuses is refused for all that the
/// Revert serves: it is one change.
fn told_to_report(spec: &RevertSpec, seen: &Observation) -> Result<Option<String>, Unseen> {
    let canaries = spec.targets.iter().map(|target| target.canary.clone());
    for name in namespaces(spec).into_iter().chain(canaries) {
        let object = match seen.object(&name) {
            Observed::Known(Some(object)) => object,
            Observed::Known(None) => continue,
            Observed::Unknown(why) => return Err((name.to_string(), why)),
        };
        let label = object.label(REPORT_ONLY).filter(|_| name.kind == "Namespace");
        if object.annotation(REPORT_ONLY).or(label) == Some("true") {
            return Ok(Some(format!("{name} has {REPORT_ONLY}")));
        }
    }
    Ok(None)
}

/// Whether a person has said that this Revert is to go on.
pub(super) fn proceeds(revert: &Object) -> bool {
    revert.annotation(PROCEED) == Some("true")
}

/// All Canaries: who fails together.
pub(super) fn canaries() -> Query {
    Query::objects(API_VERSION, "Canary")
}

/// All Reverts: how many pull requests there are.
pub(super) fn reverts() -> Query {
    Query::objects(RECANT_API, "Revert")
}

/// Whether canaries that have nothing to do with one another failed together with this Revert's: then it was hardly
/// the commit. Says which.
///
/// # Errors
/// What could not be seen.
pub(super) fn common_mode(
    settings: &Settings,
    spec: &RevertSpec,
    seen: &Observation,
) -> Result<Option<String>, Unseen> {
    let Some(at) = spec.failed_at() else {
        return Ok(None);
    };
    let all = match seen.objects(&canaries()) {
        Observed::Known(all) => all,
        Observed::Unknown(why) => return Err(("the canaries".to_owned(), why)),
    };
    let mut causes = BTreeSet::new();
    let mut names = Vec::new();
    for canary in all {
        if let Some(cause) = failing(canary, at, settings.storm_window_s) {
            names.push(format!("{}.{}", canary.name(), canary.namespace()));
            causes.insert(cause);
        }
    }
    let minutes = settings.storm_window_s / 60;
    Ok((causes.len() >= settings.storm_changes).then(|| {
        format!(
            "{} failed within {minutes} minutes of one another, on {} unrelated changes: more likely an outage than \
             this commit",
            names.join(", "),
            causes.len()
        )
    }))
}

/// The change that a Canary fails on, if it fails about that time: a failed run, or a check of a running one.
fn failing(canary: &Object, at: Timestamp, window_s: i64) -> Option<String> {
    let status = Status::of(canary);
    let run = status.analysis.as_ref()?;
    let when = match status.phase {
        Phase::Failed => status.last_transition_time?,
        Phase::Progressing => run.ticks.last().filter(|tick| !tick.passed)?.at,
        _ => return None,
    };
    let near = (when.as_second() - at.as_second()).abs() <= window_s;
    let change = run.commits.first().map(|commit| commit.commit.clone());
    near.then(|| change.unwrap_or_else(|| run.revision.clone()))
}

/// Why there are pull requests enough, if there are. Those that were first go first, so that two that look at the same
/// moment do not both take the last place.
///
/// # Errors
/// What could not be seen.
pub(super) fn capped(
    now: Timestamp,
    policy: &Policy,
    revert: &Object,
    spec: &RevertSpec,
    seen: &Observation,
) -> Result<Option<String>, Unseen> {
    let all = match seen.objects(&reverts()) {
        Observed::Known(all) => all,
        Observed::Unknown(why) => return Err(("the Reverts".to_owned(), why)),
    };
    let (mut open, mut today) = (0, 0);
    for other in all.iter().filter(|other| other.reference() != revert.reference()) {
        if !same_host(other, spec) {
            continue;
        }
        let status = RevertStatus::of(other);
        let pull = status.pull_request.as_ref();
        let before_us = pull.is_none() && status.phase.wants_pull() && order(other) < order(revert);
        let is_open = pull.is_some()
            && matches!(
                status.phase,
                RevertPhase::Planned | RevertPhase::Pushed | RevertPhase::Proposed | RevertPhase::TakenOver
            );
        open += u32::from(is_open || before_us);
        let fresh = pull
            .and_then(|pull| pull.seen_at)
            .is_some_and(|at| at + DAY > now);
        today += u32::from(fresh || before_us);
    }
    let caps = &policy.forge.caps;
    let full = |n: u32, cap: u32| cap > 0 && n >= cap;
    if full(open, caps.open_pull_requests) {
        let cap = caps.open_pull_requests;
        return Ok(Some(format!(
            "{open} of recant's pull requests are open there, and its Forge allows {cap}"
        )));
    }
    if full(today, caps.per_day) {
        let cap = caps.per_day;
        return Ok(Some(format!(
            "recant opened {today} pull requests there in 24 hours, and its Forge allows {cap}"
        )));
    }
    Ok(None)
}

fn same_host(other: &Object, spec: &RevertSpec) -> bool {
    let host = |url: &str| plain_url(url).split('/').next().map(str::to_owned);
    host(other.str("/spec/url")) == host(&spec.url)
}

fn order(revert: &Object) -> (&str, &str, &str) {
    let created = revert.str("/metadata/creationTimestamp");
    (created, revert.namespace(), revert.name())
}

#[cfg(test)]
mod tests;
