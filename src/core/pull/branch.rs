//! On which of recant's branches a Revert works: on the one that every cluster names alike, or on one of its own when
//! what another cluster has put there does not help here.

use crate::object::Object;
use crate::pull::look::Life;
use crate::pull::look::Unseen;
use crate::pull::look::known;
use crate::pull::look::newest;
use crate::pull::marker;
use crate::pull::marker::BodyMarker;
use crate::pull::policy::Policy;
use crate::pull::proposal::Proposal;
use crate::pull::record::RevertPhase;
use crate::pull::record::RevertSpec;
use crate::pull::record::RevertStatus;
use crate::query::Branch;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Pull;
use crate::query::PullState;
use crate::query::Query;
use crate::reason::Reason;
use crate::reason::short;
use crate::repo_url::plain_url;
use crate::template;
use serde_json::json;

/// What must be seen to know the branch, and what became of the shared one.
pub(super) fn ask(
    policy: &Policy,
    revert: &Object,
    spec: &RevertSpec,
    status: &RevertStatus,
    seen: &Observation,
) -> Vec<Query> {
    let shared = shared(spec, policy.prefix());
    let own = own(policy, revert, spec, status, seen);
    let mut wanted = vec![Query::Pulls(shared.clone())];
    if own != shared {
        wanted.extend(closed(seen, &shared).map(|pull| comments(&shared, pull)));
        wanted.push(Query::Pulls(own));
    }
    wanted
}

/// The branch on which this Revert works: the one that all clusters name alike. A pull request from there that has come
/// to its end without this Revert, which another cluster opened for something else to restore, says nothing of it: then,
/// and once that is on record, it is a branch of its own.
pub(super) fn own(
    policy: &Policy,
    revert: &Object,
    spec: &RevertSpec,
    status: &RevertStatus,
    seen: &Observation,
) -> Branch {
    let (shared, separate) = (
        shared(spec, policy.prefix()),
        separate(spec, policy.prefix(), revert),
    );
    if status.branch == separate.name {
        return separate;
    }
    let Observed::Known(pulls) = seen.pulls(&shared) else {
        return shared;
    };
    let own = name(revert);
    let stood = |pull: &Pull| {
        let noted = status.pull_request.as_ref().map(|noted| noted.number);
        let wrote = BodyMarker::read(&pull.body).is_none_or(|(marker, _)| marker.revert == own);
        wrote || noted == Some(pull.number) || !status.evidence.is_empty()
    };
    match newest(pulls) {
        Some(pull) if pull.state != PullState::Open && !stood(pull) => separate,
        _ => shared,
    }
}

/// A Revert as a marker names it.
pub(super) fn name(revert: &Object) -> String {
    marker::word(&format!("{}/{}", revert.namespace(), revert.name()))
}

/// By what is undone alone: every cluster that undoes the same change names it so.
fn shared(spec: &RevertSpec, prefix: &str) -> Branch {
    let repo = plain_url(&spec.url);
    let id = template::hash(&json!([repo, spec.branch, spec.change()]));
    let name = repo.rsplit('/').next().unwrap_or_default();
    Branch {
        repo: spec.repo(),
        name: format!("{prefix}revert/{}-{}", marker::word(name), short(&id)),
    }
}

/// For this Revert alone.
fn separate(spec: &RevertSpec, prefix: &str, revert: &Object) -> Branch {
    Branch {
        repo: spec.repo(),
        name: format!("{prefix}revert/{}", revert.name()),
    }
}

/// The newest pull request from a branch, when it was closed.
fn closed<'a>(seen: &'a Observation, branch: &Branch) -> Option<&'a Pull> {
    let Observed::Known(pulls) = seen.pulls(branch) else {
        return None;
    };
    newest(pulls).filter(|pull| pull.state == PullState::Closed)
}

/// What is said under a pull request.
pub(super) fn comments(branch: &Branch, pull: &Pull) -> Query {
    Query::Comments {
        branch: branch.clone(),
        number: pull.number,
    }
}

impl Life<'_> {
    /// Goes on on a branch of its own: the edit that another cluster has put on the shared one does not help here.
    /// None when it has gone there before.
    pub(super) fn separate(&mut self, pull: Option<&Pull>, detail: &str) -> Option<()> {
        let separate = separate(&self.all, self.policy.prefix(), self.revert);
        if self.own == separate {
            return None;
        }
        if let Some(pull) = pull.filter(|_| !self.status.evidence.is_empty()) {
            self.withdraw(pull, detail);
        }
        self.status.branch = separate.name;
        self.status.pull_request = None;
        self.status.evidence.clear();
        self.status.said.clear();
        self.wake_in(0);
        Some(())
    }

    /// Whether a person has closed the pull request of another cluster for this very edit: no to one is no to all.
    pub(super) fn refused_before(&mut self, proposal: &Proposal) -> Result<Option<Reason>, Unseen> {
        let shared = shared(&self.all, self.policy.prefix());
        if self.own == shared {
            return Ok(None);
        }
        let Some(pull) = closed(self.seen, &shared) else {
            return Ok(None);
        };
        let is_same = |(marker, _): &(BodyMarker, bool)| marker.digest == proposal.record.digest;
        if BodyMarker::read(&pull.body).filter(is_same).is_none() {
            return Ok(None);
        }
        let said = known(self.seen.comments(&comments(&shared, pull)), "the comments")?;
        if marker::is_closed_by_recant(said) {
            return Ok(None);
        }
        self.note(pull);
        self.enter(RevertPhase::Refused);
        Ok(Some(Reason::Refused {
            url: pull.url.clone(),
        }))
    }
}

#[cfg(test)]
mod tests;
