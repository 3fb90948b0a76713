//! From record to branch to pull request, one recorded step at a time.

use crate::effect::Effect;
use crate::effect::PullText;
use crate::effect::PullWishes;
use crate::effect::Push;
use crate::pull::body::Page;
use crate::pull::life::Life;
use crate::pull::life::Unseen;
use crate::pull::life::known;
use crate::pull::proposal::Proposal;
use crate::pull::record::RevertPhase;
use crate::query::CommitRef;
use crate::query::Pull;
use crate::reason::Reason;
use crate::reason::short;

impl Life<'_> {
    /// Records what is new, else makes the one move that is missing between the record and the pull request.
    pub(super) fn propose(
        &mut self,
        head: &str,
        proposal: &Proposal,
        pull: Option<&Pull>,
    ) -> Result<Reason, Unseen> {
        let planned = Reason::Planned {
            files: proposal.record.files.len(),
            lines: proposal.record.lines_added.max(proposal.record.lines_removed),
        };
        if self.status.base != head || self.status.plan.as_ref() != Some(&proposal.record) {
            self.status.base = head.to_owned();
            self.status.plan = Some(proposal.record.clone());
            self.status.planned_at = Some(self.now);
            self.status.branch.clone_from(&self.own.name);
            self.enter(RevertPhase::Planned);
            self.wake_in(0);
            return Ok(planned);
        }
        let Some(commit) = known(self.seen.head(&self.own), "recant's branch")?.clone() else {
            self.push(proposal, None);
            return Ok(planned);
        };
        if self.is_pushed(&commit, proposal)? {
            // On record before the pull request is there: so that the branch is known to be recant's own when it goes.
            if self.status.commit != commit {
                self.status.commit.clone_from(&commit);
                self.enter(RevertPhase::Pushed);
                self.wake_in(0);
                return Ok(Reason::Pushed { commit });
            }
            return Ok(self.open(proposal, pull, commit));
        }
        if commit != self.status.commit {
            let detail = format!("{} was pushed to {}: hands off", short(&commit), self.own.name);
            return Ok(self.block(detail));
        }
        self.push(proposal, Some(commit));
        Ok(planned)
    }

    fn push(&mut self, proposal: &Proposal, expect: Option<String>) {
        self.effects.push(Effect::Push(Push {
            branch: self.own.clone(),
            base: self.status.base.clone(),
            expect,
            files: proposal.files.clone(),
            message: self.page(proposal).commit_message(),
            date_s: self.status.planned_at.unwrap_or(self.now).as_second(),
            author: None,
            by_forge: false,
        }));
        self.wake_in(0);
    }

    fn page<'p>(&'p self, proposal: &'p Proposal) -> Page<'p> {
        Page {
            settings: self.settings,
            revert: self.revert,
            spec: self.spec,
            seen: self.seen,
            head: &self.status.base,
            proposal,
        }
    }

    /// Whether what stands on the branch is the plan: the files of the head with the edit, and nothing else.
    fn is_pushed(&self, commit: &str, proposal: &Proposal) -> Result<bool, Unseen> {
        let pushed = CommitRef {
            repo: self.own.repo.clone(),
            commit: commit.to_owned(),
        };
        Ok(*known(self.seen.tree(&pushed), "what was pushed")? == proposal.after)
    }

    fn open(&mut self, proposal: &Proposal, pull: Option<&Pull>, commit: String) -> Reason {
        let text = PullText {
            branch: self.own.clone(),
            base: self.spec.branch.clone(),
            title: self.page(proposal).title(),
            body: self.page(proposal).body(),
            labels: self.settings.pull_labels.clone(),
            wishes: PullWishes::default(),
        };
        let Some(pull) = pull else {
            self.enter(RevertPhase::Pushed);
            self.effects.push(Effect::OpenPull(text));
            self.wake_in(0);
            return Reason::Pushed { commit };
        };
        if pull.body.trim() != text.body.trim() || pull.title != text.title {
            self.effects.push(Effect::UpdatePull {
                number: pull.number,
                text,
            });
        }
        self.enter(RevertPhase::Proposed);
        self.note(pull);
        self.wake_in(self.settings.pull_poll_s);
        Reason::Proposed {
            url: pull.url.clone(),
        }
    }
}
