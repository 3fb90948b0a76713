//! Why a plan is not proposed, or not now.

use crate::pull::look::Life;
use crate::pull::look::Unseen;
use crate::pull::look::known;
use crate::pull::marker;
use crate::pull::policy;
use crate::pull::proposal;
use crate::pull::record::RevertPhase;
use crate::reason::Reason;
use crate::reason::short;

impl Life<'_> {
    /// Why the plan is not proposed, or not now.
    pub(super) fn gate(&mut self, outage: Option<&str>) -> Result<Option<Reason>, Unseen> {
        if let Some(who) = self.policy.report_only.clone() {
            let would = self.would();
            self.hold(RevertPhase::Reported);
            return Ok(Some(Reason::ReportOnly { who, would }));
        }
        if let Some(detail) = self.undoes_a_revert()? {
            return Ok(Some(self.block(detail)));
        }
        if policy::proceeds(self.revert) {
            return Ok(None);
        }
        if let Some(because) = self.storm(outage) {
            self.hold(RevertPhase::Held);
            return Ok(Some(because));
        }
        if let Some(because) = self.too_old() {
            self.hold(RevertPhase::Held);
            return Ok(Some(because));
        }
        let capped = policy::capped(self.now, &self.policy, self.revert, &self.spec, self.seen)?;
        Ok(capped.map(|detail| {
            self.hold(RevertPhase::Held);
            Reason::Capped { detail }
        }))
    }

    pub(super) fn hold(&mut self, phase: RevertPhase) {
        self.enter(phase);
        self.wake_in(self.settings.pull_poll_s.saturating_mul(2));
    }

    /// What would be proposed, in one line.
    fn would(&self) -> String {
        let plan = self.status.plan.clone().unwrap_or_default();
        let files = plan.files.join(", ");
        format!(
            "\"{}\": +{} −{} in {files}; {}",
            self.status.summary, plan.lines_added, plan.lines_removed, plan.proof
        )
    }

    /// Once held for an outage, only a person lets it go on: that the others recovered says nothing of this one.
    fn storm(&self, outage: Option<&str>) -> Option<Reason> {
        let ready = self.status.conditions.iter().find(|c| c.r#type == "Ready");
        let before = ready.filter(|c| c.reason == "CommonMode" && self.status.phase == RevertPhase::Held);
        let said = before.and_then(|c| {
            let detail = c.message.strip_prefix("held: ")?;
            detail
                .split_once(". To propose")
                .map(|(detail, _)| detail.to_owned())
        });
        let detail = said.or_else(|| outage.map(str::to_owned))?;
        Some(Reason::CommonMode { detail })
    }

    fn too_old(&self) -> Option<Reason> {
        let failed_at = self.all.failed_at()?;
        let most = self.policy.forge.max_age_s();
        let age = self.now.as_second() - failed_at.as_second();
        (age > most).then(|| Reason::TooOld {
            detail: format!(
                "it failed at {failed_at}, longer ago than {}",
                self.policy.forge.max_age
            ),
        })
    }

    /// Whether the change that failed is itself a revert, recant's or a person's: going back and forth is no way out.
    fn undoes_a_revert(&self) -> Result<Option<String>, Unseen> {
        let change = self.all.change();
        let reverts = known(self.seen.objects(&policy::reverts()), "the Reverts")?;
        let merged = |revert: &&crate::object::Object| revert.str("/status/pullRequest/mergedAs") == change;
        let mut why = reverts
            .iter()
            .find(merged)
            .map(|revert| format!("it is the merge of {}", revert.reference()));
        for target in &self.spec.targets {
            let log = known(
                self.seen
                    .log(&proposal::log(&self.spec, target, &self.status.base)),
                "the commits",
            )?;
            let message = log.iter().find(|commit| commit.id == change).map(|c| &c.message);
            let says = |message: &&String| {
                marker::trailer(message, marker::UNDOES).is_some() || message.contains("This reverts commit ")
            };
            if message.filter(says).is_some() {
                why = Some("its message says so".to_owned());
            }
        }
        Ok(why.map(|why| {
            format!(
                "the change in {} is a revert itself ({why}), and a revert is not reverted: a person decides",
                short(change)
            )
        }))
    }
}
