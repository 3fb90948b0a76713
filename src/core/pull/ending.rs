//! How a Revert ends without a merge: superseded, refused; or waits, blocked.

use crate::effect::Effect;
use crate::effect::PullComment;
use crate::pull::branch;
use crate::pull::branch::comments;
use crate::pull::left::Left;
use crate::pull::look::Life;
use crate::pull::look::Unseen;
use crate::pull::look::known;
use crate::pull::look::newest;
use crate::pull::marker;
use crate::pull::marker::BodyMarker;
use crate::pull::merged;
use crate::pull::record::Deed;
use crate::pull::record::Does;
use crate::pull::record::RevertPhase;
use crate::pull::record::RevertSpec;
use crate::pull::record::RevertStatus;
use crate::pull::standing;
use crate::pull::standing::Standing;
use crate::pull::text;
use crate::query::Branch;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Pull;
use crate::query::PullState;
use crate::query::Query;
use crate::reason::Reason;

/// What must be seen of a pull request that is at its end, or is about to be.
pub(super) fn ask(status: &RevertStatus, spec: &RevertSpec, own: &Branch, seen: &Observation) -> Vec<Query> {
    let Observed::Known(pulls) = seen.pulls(own) else {
        return Vec::new();
    };
    let Some(pull) = newest(pulls) else {
        return Vec::new();
    };
    let closing = status
        .next
        .as_ref()
        .is_some_and(|deed| deed.does == Does::ClosePull);
    match &pull.state {
        PullState::Open if !closing => Vec::new(),
        PullState::Open | PullState::Closed => vec![comments(own, pull)],
        PullState::Merged(commit) => merged::ask(spec, commit, seen),
    }
}

impl Life<'_> {
    /// What stands on recant's own branch, now that the base is at `head`.
    pub(super) fn standing(&self, head: &str) -> Result<Standing<'_>, Unseen> {
        standing::standing(self.seen, &self.own, head, self.all.change())
    }

    /// Takes recant's branch away, unless somebody has gone on with it; whether there is nothing left to take away.
    pub(super) fn tidy(&mut self, because: &str) -> Result<bool, Unseen> {
        let Some(head) = self.head()? else {
            return Ok(true);
        };
        let expect = match self.standing(&head)? {
            Standing::Nothing | Standing::Foreign(_) => return Ok(true),
            // Another cluster's, which takes it away itself.
            Standing::Own(work) if marker::word(&work.revert) != branch::name(self.revert) => {
                return Ok(true);
            }
            Standing::Own(work) => work.commit,
            Standing::Merged(commit) => commit,
        };
        let deed = Deed {
            does: Does::DeleteBranch,
            branch: self.own.name.clone(),
            expect: expect.clone(),
            base: String::new(),
            digest: String::new(),
            number: None,
            because: because.to_owned(),
        };
        let effect = Effect::DeleteBranch {
            branch: self.own.clone(),
            expect,
        };
        self.will(deed, effect);
        Ok(false)
    }

    /// Closes the pull request: recorded, then done, then the branch goes. `everywhere` when no cluster that deploys
    /// the same directory can need it any more; one that others stand behind stays open.
    pub(super) fn supersede(
        &mut self,
        pull: Option<&Pull>,
        detail: String,
        everywhere: bool,
    ) -> Result<Reason, Unseen> {
        let because = Reason::Superseded {
            detail: detail.clone(),
        };
        let Some(pull) = pull else {
            if self.policy.unbound || self.tidy(&detail)? {
                self.enter(RevertPhase::Superseded);
            }
            return Ok(because);
        };
        self.note(pull);
        if let Some(head) = self.head()?
            && let Standing::Foreign(_) = self.standing(&head)?
        {
            self.part_with(pull, &detail);
            return Ok(because);
        }
        let deed = Deed {
            does: Does::ClosePull,
            branch: self.own.name.clone(),
            expect: String::new(),
            base: String::new(),
            digest: String::new(),
            number: Some(pull.number),
            because: detail.clone(),
        };
        if self.closing().is_some() && self.others_stand(pull, everywhere)? {
            self.part_with(pull, &detail);
            return Ok(because);
        }
        let marker = marker::closed(&self.settings.cluster_name);
        let said = text::escaped(&because.to_string());
        self.will(
            deed,
            Effect::ClosePull {
                branch: self.own.clone(),
                number: pull.number,
                comment: format!("recant closes this pull request. {said}.\n\n{marker}"),
            },
        );
        Ok(because)
    }

    /// Whether other clusters stand behind the pull request; perhaps only those that deploy another directory.
    fn others_stand(&self, pull: &Pull, only_elsewhere: bool) -> Result<bool, Unseen> {
        let said = known(self.seen.comments(&comments(&self.own, pull)), "the comments")?;
        let own = marker::word(&self.settings.cluster_name);
        let here = branch::name(self.revert);
        let standing = marker::standing(&pull.body, said);
        let is_other =
            |(cluster, revert): &(String, String)| *revert != here || (!only_elsewhere && *cluster != own);
        Ok(standing.iter().any(is_other))
    }

    /// Leaves an open pull request to those who go on with it: other clusters, or a person.
    fn part_with(&mut self, pull: &Pull, detail: &str) {
        let wrote = BodyMarker::read(&pull.body).is_some_and(|(marker, _)| {
            marker.cluster == marker::word(&self.settings.cluster_name)
                && marker.revert == branch::name(self.revert)
        });
        if wrote || !self.status.evidence.is_empty() {
            self.withdraw(pull, detail);
        }
        self.enter(RevertPhase::Superseded);
    }

    /// Says under a pull request that this cluster does not stand behind it any more.
    pub(super) fn withdraw(&mut self, pull: &Pull, detail: &str) {
        let marker = marker::evidence(&self.settings.cluster_name);
        let cluster = text::code(&self.settings.cluster_name);
        let body = format!(
            "{marker}\n{}\nCluster {cluster} does not need this any more: {}.",
            marker::WITHDRAWN,
            text::escaped(detail)
        );
        self.effects.push(Effect::Comment(PullComment {
            branch: self.own.clone(),
            number: pull.number,
            marker,
            body,
        }));
    }

    /// Somebody closed the pull request: recant here, recant of another cluster, a person who had made the change
    /// already, or a person who does not want it.
    pub(super) fn closed(&mut self, pull: &Pull) -> Result<Reason, Unseen> {
        self.note(pull);
        let mut detail = self.closing();
        if detail.is_none() {
            let said = known(self.seen.comments(&comments(&self.own, pull)), "the comments")?;
            detail = marker::is_closed_by_recant(said).then(|| "recant had closed it".to_owned());
        }
        if detail.is_none() {
            match self.left()? {
                Left::Nothing {
                    detail: word,
                    everywhere: true,
                } => detail = Some(word),
                Left::Nothing { .. } | Left::Targets(_) => {}
                Left::Wait(because) => {
                    self.wake_in(self.settings.pull_poll_s);
                    return Ok(because);
                }
            }
        }
        let Some(detail) = detail else {
            self.enter(RevertPhase::Refused);
            return Ok(self.last_word());
        };
        if self.tidy(&detail)? {
            self.enter(RevertPhase::Superseded);
        }
        Ok(Reason::Superseded { detail })
    }

    /// No pull request, and why; a change of the head or of the targets may mend that.
    pub(super) fn block(&mut self, detail: String) -> Reason {
        self.enter(RevertPhase::Blocked);
        self.wake_in(self.settings.pull_poll_s.saturating_mul(10));
        Reason::NoPlan { detail }
    }

    /// Why it ended, as it is on record.
    pub(super) fn last_word(&self) -> Reason {
        let ready = self.status.conditions.iter().find(|c| c.r#type == "Ready");
        let message = ready.map(|c| c.message.as_str()).unwrap_or_default();
        match self.status.phase {
            RevertPhase::Refused => Reason::Refused { url: self.url() },
            RevertPhase::Superseded => Reason::Superseded {
                detail: message.trim_start_matches("superseded: ").to_owned(),
            },
            _ => Reason::Reverted,
        }
    }

    pub(super) fn url(&self) -> String {
        let pull = self.status.pull_request.as_ref();
        pull.map(|pull| pull.url.clone()).unwrap_or_default()
    }
}
