//! What a Revert says: whom it blames, whom it serves, how far it is, and what recant does next.

use crate::canary::status::Condition;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Branch;
use crate::query::RepoUrl;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

/// One change to be undone, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevertSpec {
    /// The repository's URL.
    pub url: String,
    /// The branch that is deployed: the pull request's base.
    pub branch: String,
    /// The Flux source.
    pub source: ObjectRef,
    /// The commit that was applied when the analysis failed.
    pub bad: String,
    /// The commit that made the change: `bad`, or one before it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub change: String,
    /// What is to be restored, for each Canary that failed.
    pub targets: Vec<Target>,
}

/// One object to be restored for one Canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The Canary.
    pub canary: ObjectRef,
    /// The object that Git spells out.
    pub object: ObjectRef,
    /// The Kustomization that renders it.
    pub kustomization: ObjectRef,
    /// The commit whose rendering is to come back.
    pub good: String,
    /// The hash of the template that was promoted; once another one is, this target needs nothing any more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub promoted: String,
    /// The hash of the template that failed; once another one is asked for, this target needs nothing any more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failed: String,
    /// When it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Timestamp>,
}

impl RevertSpec {
    /// Reads the spec of a Revert.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(revert: &Object) -> Result<Self, String> {
        let spec = revert.at("/spec").cloned().unwrap_or_default();
        serde_json::from_value(spec).map_err(|e| format!("spec: {e}"))
    }

    /// The same, serving also these targets: in the place of what it had for the same Canary.
    #[must_use]
    pub fn serving(mut self, targets: Vec<Target>) -> Self {
        self.targets
            .retain(|old| targets.iter().all(|new| new.canary != old.canary));
        self.targets.extend(targets);
        // Of one Canary the workload stays first.
        self.targets.sort_by(|a, b| a.canary.cmp(&b.canary));
        self
    }

    /// The commit that made the change.
    pub fn change(&self) -> &str {
        if self.change.is_empty() {
            &self.bad
        } else {
            &self.change
        }
    }

    /// The repository.
    pub fn repo(&self) -> RepoUrl {
        RepoUrl(self.url.clone())
    }

    /// The branch the pull request is merged into.
    pub fn base(&self) -> Branch {
        Branch {
            repo: self.repo(),
            name: self.branch.clone(),
        }
    }

    /// When the first of the canaries failed.
    pub fn failed_at(&self) -> Option<Timestamp> {
        self.targets.iter().filter_map(|target| target.failed_at).min()
    }
}

/// Where a Revert is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RevertPhase {
    /// Being planned.
    #[default]
    Planning,
    /// A proved plan is on record.
    Planned,
    /// The branch is pushed.
    Pushed,
    /// The pull request is open.
    Proposed,
    /// The pull request is merged; the cluster is to follow.
    Merged,
    /// Git and cluster agree again.
    Reverted,
    /// A person closed the pull request.
    Refused,
    /// The head does not render the failed state any more, or nobody needs it to be undone.
    Superseded,
    /// There is no proved plan for this head.
    Blocked,
    /// There is a plan, and a reason not to propose it now.
    Held,
    /// There is a plan, and recant was told to report only.
    Reported,
    /// A person has pushed to recant's branch: it is theirs now.
    TakenOver,
}

impl RevertPhase {
    /// Whether nothing comes after it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Reverted | Self::Refused | Self::Superseded)
    }

    /// Whether it keeps a place among those that have a pull request or are to have one.
    pub const fn wants_pull(self) -> bool {
        matches!(
            self,
            Self::Planning | Self::Planned | Self::Pushed | Self::Proposed
        )
    }
}

/// What is known of a Revert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RevertStatus {
    /// The phase.
    pub phase: RevertPhase,
    /// What is undone, in one line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// `Ready`, `Reconciling` and `Stalled`, as kstatus reads them.
    pub conditions: Vec<Condition>,
    /// The generation this status speaks of.
    pub observed_generation: i64,
    /// recant's own branch.
    pub branch: String,
    /// The head of the base branch that the plan was proved on.
    pub base: String,
    /// When the plan was made: the date of its commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_at: Option<Timestamp>,
    /// The plan, without the files' contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanRecord>,
    /// The commit on recant's branch.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub commit: String,
    /// The pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRecord>,
    /// What recant does next in Git: written before it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Deed>,
    /// The hash of title and body as recant wrote them last.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub said: String,
    /// The hash of what this cluster's comment says, under a pull request that another cluster opened.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub evidence: String,
}

/// A plan, as a status can hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlanRecord {
    /// Tells this plan from another one: a hash over what it writes.
    pub digest: String,
    /// The files it changes.
    pub files: Vec<String>,
    /// Lines it adds.
    pub lines_added: usize,
    /// Lines it removes.
    pub lines_removed: usize,
    /// What was proved: one line for a person.
    pub proof: String,
    /// Whether it may be proposed: everything was proved, or what moves beside is listed and the policy allows it.
    pub proved: bool,
}

/// A pull request, as a status can hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PullRecord {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// When recant saw it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
    /// The commit of the base branch as which it was merged.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub merged_as: String,
}

/// One thing that recant is about to do in Git, and what must hold for it to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deed {
    /// What.
    pub does: Does,
    /// The branch.
    pub branch: String,
    /// The head that branch must have; empty when there must be no such branch.
    pub expect: String,
    /// The commit of the base branch that it stands on; empty where that does not matter.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base: String,
    /// The plan, by its digest; empty where that does not matter.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// The pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Why, for what cannot be asked again once it is done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
}

/// What recant does in Git.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Does {
    /// Commits and pushes to its own branch.
    Push,
    /// Opens a pull request from there.
    OpenPull,
    /// Closes it.
    ClosePull,
    /// Deletes its own branch.
    DeleteBranch,
}

/// The page of the open pull request of a Revert.
pub fn open_page(revert: &Object) -> Option<String> {
    let status = RevertStatus::of(revert);
    let is_open = status.phase == RevertPhase::Proposed;
    status
        .pull_request
        .map(|pull| pull.url)
        .filter(|url| is_open && !url.is_empty())
}

impl RevertStatus {
    /// Reads the status of a Revert; what cannot be read is found again from the forge.
    pub fn of(revert: &Object) -> Self {
        let status = revert.at("/status").cloned().unwrap_or_default();
        serde_json::from_value(status).unwrap_or_default()
    }
}
