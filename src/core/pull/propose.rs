//! From record to branch to pull request: each step on record before it is made.

use crate::effect::Effect;
use crate::effect::PullComment;
use crate::effect::PullText;
use crate::effect::PullWishes;
use crate::effect::Push;
use crate::pull::body::Page;
use crate::pull::life::Life;
use crate::pull::life::Unseen;
use crate::pull::life::known;
use crate::pull::marker;
use crate::pull::marker::BodyMarker;
use crate::pull::policy;
use crate::pull::proposal;
use crate::pull::proposal::NoProposal;
use crate::pull::proposal::Proposal;
use crate::pull::record::Deed;
use crate::pull::record::Does;
use crate::pull::record::RevertPhase;
use crate::pull::standing::Standing;
use crate::query::CommitRef;
use crate::query::Pull;
use crate::reason::Reason;
use crate::reason::short;
use recant_render::Tree;

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
        let outage = policy::common_mode(self.settings, &self.all, self.seen)?;
        let tree = self.tree(head)?.clone();
        let move_ = self.next_move(head, &tree, proposal)?;
        let is_new = self.status.plan.as_ref() != Some(&proposal.record) || self.status.base != head;
        if is_new {
            self.status.base = head.to_owned();
            self.status.plan = Some(proposal.record.clone());
            self.status.branch.clone_from(&self.own.name);
        }
        self.status.summary = self.page(proposal, None).title();
        match pull {
            None => {
                if let Some(because) = self.gate(outage.as_deref())? {
                    return Ok(because);
                }
            }
            Some(pull) => {
                self.note(pull);
                if let Some(because) = self.hands_off(pull, &move_) {
                    return Ok(because);
                }
            }
        }
        match move_ {
            Move::Foreign(commit) => Ok(self.taken_over(&commit, pull)),
            Move::Rival(detail) => Ok(self.block(detail)),
            Move::Open(commit) => {
                self.status.commit.clone_from(&commit);
                Ok(self.open(proposal, pull, commit, outage.as_deref()))
            }
            Move::Push(_) if is_new || self.status.planned_at.is_none() => {
                self.status.planned_at = Some(self.now);
                self.enter(RevertPhase::Planned);
                self.wake_in(0);
                Ok(planned)
            }
            Move::Push(expect) => {
                self.push(proposal, expect);
                Ok(planned)
            }
        }
    }

    /// What is missing on recant's branch.
    fn next_move(&self, head: &str, tree: &Tree, proposal: &Proposal) -> Result<Move, Unseen> {
        let work = match self.standing(head)? {
            Standing::Nothing => return Ok(Move::Push(None)),
            Standing::Merged(commit) => return Ok(Move::Push(Some(commit))),
            Standing::Foreign(commit) => return Ok(Move::Foreign(commit)),
            Standing::Own(work) => work,
        };
        if work.fits(proposal, tree) {
            return Ok(Move::Open(work.commit));
        }
        let another = work.cluster != marker::word(&self.settings.cluster_name);
        if !another || !work.is_fresh(tree) {
            return Ok(Move::Push(Some(work.commit)));
        }
        // Another cluster undoes the same change in another way: it was first, and two do not fight over a branch.
        match proposal::restores(&self.spec, self.seen, &work.merged_into(tree)) {
            Ok(true) => Ok(Move::Open(work.commit)),
            Ok(false) | Err(NoProposal::Moot | NoProposal::Blocked(_)) => Ok(Move::Rival(format!(
                "cluster {} proposes another edit for the same change, which does not restore what failed here",
                work.cluster
            ))),
            Err(NoProposal::Unseen(what, why)) => Err((what, why)),
        }
    }

    fn tree(&self, commit: &str) -> Result<&Tree, Unseen> {
        let commit = CommitRef {
            repo: self.spec.repo(),
            commit: commit.to_owned(),
        };
        known(self.seen.tree(&commit), "the branch's files")
    }

    /// Why the plan is not proposed, or not now.
    fn gate(&mut self, outage: Option<&str>) -> Result<Option<Reason>, Unseen> {
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

    fn hold(&mut self, phase: RevertPhase) {
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

    /// Why an open pull request is left as it is.
    fn hands_off(&mut self, pull: &Pull, move_: &Move) -> Option<Reason> {
        if self.policy.report_only.is_some() && !matches!(move_, Move::Foreign(_)) {
            self.enter(RevertPhase::Proposed);
            self.wake_in(self.settings.pull_poll_s);
            return Some(Reason::Proposed {
                url: pull.url.clone(),
            });
        }
        None
    }

    fn taken_over(&mut self, commit: &str, pull: Option<&Pull>) -> Reason {
        let pull = pull.map(|pull| format!(", {}", pull.url)).unwrap_or_default();
        let detail = format!("{} was pushed to {}{pull}", short(commit), self.own.name);
        self.hold(RevertPhase::TakenOver);
        Reason::TakenOver { detail }
    }

    fn push(&mut self, proposal: &Proposal, expect: Option<String>) {
        let message = self.page(proposal, None).commit_message();
        let deed = Deed {
            base: self.status.base.clone(),
            ..self.deed(Does::Push, expect.clone().unwrap_or_default())
        };
        let commits = &self.policy.forge.commits;
        let effect = Effect::Push(Push {
            branch: self.own.clone(),
            base: self.status.base.clone(),
            expect,
            files: proposal.files.clone(),
            message: self.policy.forge.with_trailers(&message),
            date_s: self.status.planned_at.unwrap_or(self.now).as_second(),
            author: commits.author.clone(),
            by_forge: commits.sign_by_forge,
        });
        self.will(deed, effect);
        self.enter(RevertPhase::Planned);
    }

    fn deed(&self, does: Does, expect: String) -> Deed {
        let plan = self.status.plan.as_ref();
        Deed {
            does,
            branch: self.own.name.clone(),
            expect,
            base: String::new(),
            digest: plan.map(|plan| plan.digest.clone()).unwrap_or_default(),
            number: None,
            because: String::new(),
        }
    }

    fn page<'p>(&'p self, proposal: &'p Proposal, outage: Option<&'p str>) -> Page<'p> {
        Page {
            settings: self.settings,
            forge: &self.policy.forge,
            revert: self.revert,
            spec: &self.spec,
            seen: self.seen,
            head: &self.status.base,
            outage,
            proposal,
        }
    }

    fn open(
        &mut self,
        proposal: &Proposal,
        pull: Option<&Pull>,
        commit: String,
        outage: Option<&str>,
    ) -> Reason {
        let page = self.page(proposal, outage);
        let looks = &self.policy.forge.pull_requests;
        let text = PullText {
            branch: self.own.clone(),
            base: self.spec.branch.clone(),
            title: page.title(),
            body: page.body(),
            labels: looks.labels.clone(),
            wishes: PullWishes {
                reviewers: looks.reviewers.clone(),
                assign_authors_of: if looks.assign_author {
                    vec![self.spec.change().to_owned()]
                } else {
                    Vec::new()
                },
                draft: looks.draft,
                auto_merge: looks.auto_merge,
            },
        };
        let evidence = page.evidence();
        let Some(pull) = pull else {
            let deed = self.deed(Does::OpenPull, commit.clone());
            self.will(deed, Effect::OpenPull(text));
            self.enter(RevertPhase::Pushed);
            return Reason::Pushed { commit };
        };
        self.say(pull, text, evidence);
        self.enter(RevertPhase::Proposed);
        self.wake_in(self.settings.pull_poll_s);
        Reason::Proposed {
            url: pull.url.clone(),
        }
    }

    /// Keeps the body up to date, or, under a pull request that another cluster wrote, this cluster's comment. What a
    /// person has edited stays as long as the plan does.
    fn say(&mut self, pull: &Pull, text: PullText, evidence: String) {
        let own = marker::word(&self.settings.cluster_name);
        let digest = self.status.plan.as_ref().map(|plan| plan.digest.clone());
        let found = BodyMarker::read(&pull.body);
        if let Some((marker, edited)) = &found
            && Some(&marker.digest) == digest.as_ref()
        {
            if marker.cluster != own {
                self.comment(pull, evidence);
                return;
            }
            if *edited {
                return;
            }
        }
        let said = marker::text_hash(&format!("{}\n{}", text.title, text.body));
        let is_there = pull.title == text.title && pull.body.trim() == text.body.trim();
        if !is_there && self.status.said != said {
            self.effects.push(Effect::UpdatePull {
                number: pull.number,
                text,
            });
        }
        self.status.said = said;
    }

    fn comment(&mut self, pull: &Pull, body: String) {
        let said = marker::text_hash(&body);
        if self.status.evidence == said {
            return;
        }
        self.effects.push(Effect::Comment(PullComment {
            branch: self.own.clone(),
            number: pull.number,
            marker: marker::evidence(&self.settings.cluster_name),
            body,
        }));
        self.status.evidence = said;
    }
}

/// What is to be done with recant's branch.
enum Move {
    /// Push; the head that the branch has now.
    Push(Option<String>),
    /// It is as it should be: the pull request can be opened, or stands.
    Open(String),
    /// A person has pushed there.
    Foreign(String),
    /// Another cluster has, and what it proposes does not help here.
    Rival(String),
}
