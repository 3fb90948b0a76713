//! How a Revert ends: merged, superseded, refused; or waits, blocked.

use crate::canary::status::Phase;
use crate::canary::status::Status;
use crate::effect::Effect;
use crate::effect::Write;
use crate::object::ObjectRef;
use crate::pull::life::Life;
use crate::pull::life::Unseen;
use crate::pull::life::known;
use crate::pull::record::RevertPhase;
use crate::query::Pull;
use crate::query::PullState;
use crate::reason::Reason;
use serde_json::json;
use std::collections::BTreeSet;

impl Life<'_> {
    /// After the merge: Flux is asked, once, to apply it now; then the canaries tell when they have settled.
    pub(super) fn merged(&mut self, pull: Option<&Pull>) -> Result<Reason, Unseen> {
        if let Some(pull) = pull {
            self.note(pull);
        }
        let first = self.status.phase != RevertPhase::Merged;
        self.enter(RevertPhase::Merged);
        if first {
            self.nudge();
        }
        let url = self
            .status
            .pull_request
            .as_ref()
            .map(|p| p.url.clone())
            .unwrap_or_default();
        for target in &self.spec.targets {
            let canary = known(self.seen.object(&target.canary), &target.canary.to_string())?;
            let settled = canary.as_ref().is_none_or(|canary| {
                let status = Status::of(canary);
                status.is("Reverted") || matches!(status.phase, Phase::Succeeded | Phase::Initialized)
            });
            if !settled {
                self.wake_in(self.settings.pull_poll_s);
                return Ok(Reason::Merged { url });
            }
        }
        self.tidy()?;
        self.enter(RevertPhase::Reverted);
        Ok(Reason::Reverted)
    }

    /// Asks Flux to fetch and apply now, as `flux reconcile --with-source` does.
    fn nudge(&mut self) {
        let mut names: Vec<ObjectRef> = vec![self.spec.source.clone()];
        let kustomizations: BTreeSet<_> = self
            .spec
            .targets
            .iter()
            .map(|t| t.kustomization.clone())
            .collect();
        names.extend(kustomizations);
        for name in names {
            self.effects.push(Effect::Write(Write::Patch {
                name,
                resource_version: String::new(),
                patch: json!({"metadata": {"annotations":
                    {"reconcile.fluxcd.io/requestedAt": self.now.to_string()}}}),
            }));
        }
        self.wake_in(self.settings.pull_poll_s);
    }

    /// Takes recant's branch away, unless somebody has gone on with it.
    fn tidy(&mut self) -> Result<(), Unseen> {
        let head = known(self.seen.head(&self.own), "recant's branch")?;
        if let Some(head) = head.as_ref().filter(|head| **head == self.status.commit) {
            self.effects.push(Effect::DeleteBranch {
                branch: self.own.clone(),
                expect: head.clone(),
            });
        }
        Ok(())
    }

    /// Closes the pull request. That it will is put on record first: after a crash between the two, a closed pull
    /// request would look as if a person had closed it.
    pub(super) fn supersede(&mut self, pull: Option<&Pull>, detail: String) -> Reason {
        let because = Reason::Superseded { detail };
        if pull.is_some() && !self.is_closing() {
            self.wake_in(0);
            return because;
        }
        if let Some(pull) = pull {
            self.note(pull);
        }
        if let Some(pull) = pull.filter(|pull| pull.state == PullState::Open) {
            self.effects.push(Effect::ClosePull {
                branch: self.own.clone(),
                number: pull.number,
                comment: format!("recant closes this pull request. {because}"),
            });
        }
        if self.tidy().is_ok() {
            self.enter(RevertPhase::Superseded);
        }
        because
    }

    /// Whether it is on record that recant closes the pull request itself.
    pub(super) fn is_closing(&self) -> bool {
        let ready = self.status.conditions.iter().find(|c| c.r#type == "Ready");
        ready.is_some_and(|c| c.reason == "Superseded")
    }

    /// Why it was superseded, as it is on record.
    pub(super) fn word(&self) -> String {
        let ready = self.status.conditions.iter().find(|c| c.r#type == "Ready");
        let message = ready.map(|c| c.message.as_str()).unwrap_or_default();
        message.trim_start_matches("superseded: ").to_owned()
    }

    pub(super) fn refused(&mut self, pull: Option<&Pull>) -> Reason {
        if let Some(pull) = pull {
            self.note(pull);
        }
        self.enter(RevertPhase::Refused);
        self.last_word()
    }

    /// No pull request, and why; a change of the head or of the targets may mend that.
    pub(super) fn block(&mut self, detail: String) -> Reason {
        self.enter(RevertPhase::Blocked);
        self.wake_in(self.settings.pull_poll_s.saturating_mul(10));
        Reason::NoPlan { detail }
    }

    pub(super) fn last_word(&self) -> Reason {
        let url = self
            .status
            .pull_request
            .as_ref()
            .map(|p| p.url.clone())
            .unwrap_or_default();
        match self.status.phase {
            RevertPhase::Refused => Reason::Refused { url },
            RevertPhase::Superseded => Reason::Superseded { detail: self.word() },
            _ => Reason::Reverted,
        }
    }
}
