//! From record to branch to pull request: each step on record before it is made.

use crate::effect::Effect;
use crate::effect::PullComment;
use crate::effect::PullText;
use crate::effect::PullWishes;
use crate::effect::Push;
use crate::pull::body::Page;
use crate::pull::branch;
use crate::pull::look::Life;
use crate::pull::look::Unseen;
use crate::pull::look::known;
use crate::pull::marker;
use crate::pull::marker::BodyMarker;
use crate::pull::policy;
use crate::pull::proposal;
use crate::pull::proposal::NoProposal;
use crate::pull::proposal::Proposal;
use crate::pull::record::Deed;
use crate::pull::record::Does;
use crate::pull::record::RevertPhase;
use crate::pull::standing::Pushed;
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
        }
        self.status.branch.clone_from(&self.own.name);
        self.status.summary = self.page(proposal, None).title();
        match pull {
            None => {
                if let Some(because) = self.refused_before(proposal)? {
                    return Ok(because);
                }
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
            Move::Rival(detail) => match self.separate(pull, &detail) {
                Some(()) => Ok(planned),
                None => Ok(self.block(detail)),
            },
            Move::Open(work) => {
                self.status.commit.clone_from(&work.commit);
                Ok(self.open(proposal, pull, work, outage.as_deref()))
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
            return Ok(Move::Open(work.pushed()));
        }
        let another = work.cluster != marker::word(&self.settings.cluster_name);
        let elsewhere = marker::word(&work.revert) != branch::name(self.revert);
        if !another && !elsewhere {
            return Ok(Move::Push(Some(work.commit)));
        }
        let detail = format!(
            "cluster {} proposes another edit for the same change, which does not restore what failed here",
            work.cluster
        );
        if !work.is_fresh(tree) {
            // Whoever looks first writes it anew; but not another edit in its place.
            return Ok(match !elsewhere || work.is_in_files_of(proposal) {
                true => Move::Push(Some(work.commit)),
                false => Move::Rival(detail),
            });
        }
        // Another cluster undoes the same change in another way: it was first, and two do not fight over a branch. An
        // edit that does what that one does, and more, takes its place.
        match proposal::restores(&self.spec, self.seen, (tree, &work.merged_into(tree))) {
            Ok(true) => Ok(Move::Open(work.pushed())),
            Ok(false) | Err(NoProposal::Moot | NoProposal::Blocked(_)) => {
                Ok(match work.is_within(proposal, tree) {
                    true => Move::Push(Some(work.commit)),
                    false => Move::Rival(detail),
                })
            }
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
        work: Pushed,
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
            let commit = work.commit;
            let deed = self.deed(Does::OpenPull, commit.clone());
            self.will(deed, Effect::OpenPull(text));
            self.enter(RevertPhase::Pushed);
            return Reason::Pushed { commit };
        };
        self.say(pull, text, evidence, &work.digest);
        self.enter(RevertPhase::Proposed);
        self.wake_in(self.settings.pull_poll_s);
        Reason::Proposed {
            url: pull.url.clone(),
        }
    }

    /// Keeps the body up to date, or, under a pull request that another cluster wrote, this cluster's comment. What a
    /// person has edited stays as long as the plan does. `pushed` is the digest of what stands on the branch: the body is
    /// written by those whose plan that is.
    fn say(&mut self, pull: &Pull, text: PullText, evidence: String, pushed: &str) {
        let own = (
            marker::word(&self.settings.cluster_name),
            branch::name(self.revert),
        );
        let found = BodyMarker::read(&pull.body);
        if let Some((marker, edited)) = &found
            && marker.digest == pushed
        {
            if (&marker.cluster, &marker.revert) != (&own.0, &own.1) {
                self.comment(pull, evidence);
                return;
            }
            if *edited {
                return;
            }
        } else if self.status.plan.as_ref().is_none_or(|plan| plan.digest != pushed) {
            self.comment(pull, evidence);
            return;
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
    Open(Pushed),
    /// A person has pushed there.
    Foreign(String),
    /// Another cluster has, and what it proposes does not help here.
    Rival(String),
}
