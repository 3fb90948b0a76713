//! What a Revert says: whom it blames, whom it serves, how far it is.

use crate::baseline::RECANT_API;
use crate::baseline::Snapshot;
use crate::canary::status::Condition;
use crate::chain::Link;
use crate::config;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Branch;
use crate::query::RepoUrl;
use crate::reason::short;
use crate::settings::Settings;
use crate::template;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;

/// The link of the chain where a template was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Culprit {
    /// The link as it was when the promoted template was applied.
    pub good: Link,
    /// The link as it was when the failed template was applied.
    pub bad: Link,
    /// What Git spells out there, and is to be restored: the workload itself, ConfigMaps and Secrets that its pods
    /// read, or the Kustomization that patches it.
    pub objects: Vec<ObjectRef>,
}

/// Finds the culprit between what was promoted and what failed.
///
/// # Errors
/// Why Git is not to blame, or cannot be mended.
pub fn culprit(target: &ObjectRef, promoted: &Snapshot, failed: &Snapshot) -> Result<Culprit, String> {
    let [bad, bad_parents @ ..] = failed.chain.as_slice() else {
        return Err(format!("{target} is not applied by a Flux Kustomization"));
    };
    let [good, good_parents @ ..] = promoted.chain.as_slice() else {
        return Err(format!(
            "there is no revision on record that rendered the promoted template of {target}"
        ));
    };
    let (good, bad, objects) = match (good_parents.first(), bad_parents.first()) {
        // The Kustomization itself was changed: its own manifest is what is to be restored, one level up.
        (Some(good_parent), Some(bad_parent)) if good.spec_hash != bad.spec_hash => {
            (good_parent, bad_parent, vec![bad.kustomization.clone()])
        }
        _ => (good, bad, changed(target, promoted, failed)),
    };
    let Some(object) = objects.first() else {
        return Err(format!(
            "what the pods of {target} read now was not there when it was promoted: going back would delete it, which \
             only a person may decide"
        ));
    };
    if bad.branch.is_empty() {
        return Err(format!(
            "{} follows no branch: there is nothing to merge into",
            bad.source
        ));
    }
    if good.kustomization != bad.kustomization || good.url != bad.url || good.branch != bad.branch {
        return Err(format!(
            "{} is not applied from where it was when it was promoted",
            object
        ));
    }
    if good.commit() == bad.commit() {
        return Err(format!(
            "Git did not change: {} was and is at {}",
            bad.source,
            short(bad.commit())
        ));
    }
    Ok(Culprit {
        good: good.clone(),
        bad: bad.clone(),
        objects,
    })
}

/// What differs: the workload's own template, and what its pods read under the same name.
fn changed(target: &ObjectRef, promoted: &Snapshot, failed: &Snapshot) -> Vec<ObjectRef> {
    let own = (promoted.template != failed.template).then(|| target.clone());
    let configs = promoted.configs.iter().filter(|(key, sum)| {
        let now = failed.configs.get(*key);
        now.is_some_and(|now| now != *sum)
    });
    let configs = configs.map(|(key, _)| config::object_ref(key, &target.namespace));
    own.into_iter().chain(configs).collect()
}

impl Culprit {
    /// The name of the Revert that undoes it, in the namespace of the source.
    pub fn name(&self) -> ObjectRef {
        let Link {
            source, url, branch, ..
        } = &self.bad;
        let id = template::hash(&json!([url, branch, self.bad.commit()]));
        ObjectRef::new(
            RECANT_API,
            "Revert",
            &source.namespace,
            &format!("{}-{}", source.name, short(&id)),
        )
    }
}

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
}

impl RevertSpec {
    /// The spec of the Revert for a culprit, serving also this Canary.
    ///
    /// # Errors
    /// What is wrong with the Revert that stands.
    pub fn serving(seen: Option<&Object>, canary: &Object, culprit: &Culprit) -> Result<Self, String> {
        let mut spec = match seen {
            Some(seen) => Self::of(seen)?,
            None => Self {
                url: culprit.bad.url.clone(),
                branch: culprit.bad.branch.clone(),
                source: culprit.bad.source.clone(),
                bad: culprit.bad.commit().to_owned(),
                targets: Vec::new(),
            },
        };
        let canary = canary.reference();
        if spec.targets.iter().all(|target| target.canary != canary) {
            for object in &culprit.objects {
                spec.targets.push(Target {
                    canary: canary.clone(),
                    object: object.clone(),
                    kustomization: culprit.bad.kustomization.clone(),
                    good: culprit.good.commit().to_owned(),
                });
            }
            // Of one Canary the workload stays first.
            spec.targets.sort_by(|a, b| a.canary.cmp(&b.canary));
        }
        Ok(spec)
    }

    /// Reads the spec of a Revert.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(revert: &Object) -> Result<Self, String> {
        let spec = revert.at("/spec").cloned().unwrap_or_default();
        serde_json::from_value(spec).map_err(|e| format!("spec: {e}"))
    }

    /// The branch the pull request is merged into.
    pub fn base(&self) -> Branch {
        Branch {
            repo: RepoUrl(self.url.clone()),
            name: self.branch.clone(),
        }
    }

    /// recant's own branch for it: `recant/revert/<source>-<what is undone>`.
    pub fn own_branch(&self, settings: &Settings, revert: &Object) -> Branch {
        let name = format!("{}revert/{}", settings.branch_prefix, revert.name());
        Branch {
            repo: RepoUrl(self.url.clone()),
            name,
        }
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
    /// The head does not render the failed state any more.
    Superseded,
    /// There is no proved plan for this head.
    Blocked,
}

impl RevertPhase {
    /// Whether nothing comes after it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Reverted | Self::Refused | Self::Superseded)
    }
}

/// What is known of a Revert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RevertStatus {
    /// The phase.
    pub phase: RevertPhase,
    /// `Ready`, as kstatus reads it.
    pub conditions: Vec<Condition>,
    /// The generation this status speaks of.
    pub observed_generation: i64,
    /// recant's own branch.
    pub branch: String,
    /// The head of the base branch that the plan stands on.
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
    /// Whether everything was proved.
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
