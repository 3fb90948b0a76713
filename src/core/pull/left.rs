//! What is left of a Revert: which of its targets still need it. Judged by records, ancestry and rendering, never by
//! time.

use crate::baseline::Baseline;
use crate::canary::status::Phase;
use crate::canary::status::Status;
use crate::pull::look::Life;
use crate::pull::look::Unseen;
use crate::pull::look::baseline_of;
use crate::pull::look::between;
use crate::pull::look::known;
use crate::pull::proposal;
use crate::pull::proposal::NoProposal;
use crate::pull::proposal::Stand;
use crate::pull::record::Target;
use crate::query::Why;
use crate::reason::Reason;
use crate::reason::short;

/// What is left of a Revert.
pub(super) enum Left {
    /// These targets.
    Targets(Vec<Target>),
    /// Nothing: why, and whether that is so wherever the branch is deployed.
    Nothing { detail: String, everywhere: bool },
    /// The branch is not where it can be judged.
    Wait(Reason),
}

impl Life<'_> {
    /// Which targets still need this Revert: their Canary failed on what it undoes and nothing was promoted since, and
    /// the head still renders it. Judged by records, ancestry and rendering, never by time.
    pub(super) fn left(&self) -> Result<Left, Unseen> {
        let (mut left, mut gone_on) = (Vec::new(), Vec::new());
        for target in &self.all.targets {
            match self.gone_on(target)? {
                Some(word) => gone_on.push(word),
                None => left.push(target.clone()),
            }
        }
        if left.is_empty() {
            let detail = gone_on.join(", ");
            return Ok(Left::Nothing {
                detail,
                everywhere: false,
            });
        }
        let Some(head) = self.head()? else {
            return Ok(Left::Targets(left));
        };
        if let Some(because) = self.behind(&head)? {
            return Ok(Left::Wait(because));
        }
        // The plan on record stands on this very head: it rendered what failed.
        let judged = self.status.base == head && self.status.plan.is_some();
        let mut bad = Vec::new();
        let mut words = gone_on;
        for target in left {
            let id = short(&head);
            if judged {
                bad.push(target);
                continue;
            }
            match self.stand(&target, &head)? {
                Stand::Bad => bad.push(target),
                Stand::Good => words.push(format!(
                    "{id} renders the promoted state of {} already",
                    target.object
                )),
                Stand::Other => words.push(format!(
                    "{id} renders another state of {} than failed",
                    target.object
                )),
            }
        }
        if bad.is_empty() {
            let detail = words.join(", ");
            return Ok(Left::Nothing {
                detail,
                everywhere: true,
            });
        }
        Ok(Left::Targets(bad))
    }

    /// What a commit renders of a target. Where its Kustomization cannot say, the proposal will tell why.
    pub(super) fn stand(&self, target: &Target, commit: &str) -> Result<Stand, Unseen> {
        match proposal::stand(&self.all, self.seen, target, commit) {
            Ok(stand) => Ok(stand),
            Err(NoProposal::Unseen(what, why)) => Err((what, why)),
            Err(NoProposal::Moot | NoProposal::Blocked(_)) => Ok(Stand::Bad),
        }
    }

    /// A head that the failed commit descends from is an old one: a mirror that lags, a push that is being taken back.
    fn behind(&self, head: &str) -> Result<Option<Reason>, Unseen> {
        let commits = |from: &str, to: &str| {
            let log = self.seen.log(&between(&self.all, from, to));
            known(log, "the history of the branch").map(|commits| commits.is_empty())
        };
        let change = self.all.change();
        let holds_it = commits(head, change)?;
        let is_older = commits(change, head)?;
        if holds_it || !is_older {
            return Ok(None);
        }
        let what = format!(
            "the branch as it is now: its head {} is older than what failed",
            short(head)
        );
        let why = Why::Unreachable("the host may lag".to_owned());
        Ok(Some(Reason::CannotSee { what, why }))
    }

    /// Why a target needs nothing any more, as far as its Canary and its record say.
    pub(super) fn gone_on(&self, target: &Target) -> Result<Option<String>, Unseen> {
        let name = &target.canary;
        let Some(canary) = known(self.seen.object(name), &name.to_string())? else {
            return Ok(Some(format!("{name} is gone")));
        };
        let status = Status::of(canary);
        if status.phase != Phase::Failed {
            return Ok(Some(format!("{name} went on to {:?}", status.phase)));
        }
        let run = status.analysis.as_ref();
        let failed_on = run.map_or("", |run| run.template_hash.as_str());
        if !target.failed.is_empty() && failed_on != target.failed {
            return Ok(Some(format!("{name} failed on something newer")));
        }
        if status.is("Reverted") {
            return Ok(Some(format!("{name} asks for what was promoted")));
        }
        let record = baseline_of(name);
        let Some(record) = known(self.seen.object(&record), &record.to_string())? else {
            return Ok(None);
        };
        let promoted = Baseline::of(record).map(|baseline| baseline.promoted.template_hash);
        let newer = promoted.is_ok_and(|hash| !target.promoted.is_empty() && hash != target.promoted);
        Ok(newer.then(|| format!("{name} has promoted something newer")))
    }
}
