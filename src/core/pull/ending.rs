//! How a Revert ends: merged, superseded, refused; or waits, blocked.

use crate::effect::Effect;
use crate::effect::PullComment;
use crate::effect::Write;
use crate::object::ObjectRef;
use crate::pull::left::Left;
use crate::pull::life::Life;
use crate::pull::life::Unseen;
use crate::pull::life::between;
use crate::pull::life::known;
use crate::pull::marker;
use crate::pull::proposal::Stand;
use crate::pull::record::Deed;
use crate::pull::record::Does;
use crate::pull::record::RevertPhase;
use crate::pull::record::RevertSpec;
use crate::pull::record::RevertStatus;
use crate::pull::record::Target;
use crate::pull::standing;
use crate::pull::standing::Standing;
use crate::pull::text;
use crate::query::Branch;
use crate::query::Commit;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Pull;
use crate::query::PullState;
use crate::query::Query;
use crate::query::RepoUrl;
use crate::reason::Reason;
use crate::reason::short;
use crate::trail;
use crate::trail::Trail;
use crate::trail::Until;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;

/// What must be seen of a pull request that is at its end, or is about to be.
pub(super) fn ask(status: &RevertStatus, spec: &RevertSpec, own: &Branch, seen: &Observation) -> Vec<Query> {
    let Observed::Known(pulls) = seen.pulls(own) else {
        return Vec::new();
    };
    let open = pulls.iter().find(|pull| pull.state == PullState::Open);
    let Some(pull) = open.or_else(|| pulls.first()) else {
        return Vec::new();
    };
    let closing = status
        .next
        .as_ref()
        .is_some_and(|deed| deed.does == Does::ClosePull);
    match &pull.state {
        PullState::Open if !closing => Vec::new(),
        PullState::Open | PullState::Closed => vec![comments(own, pull)],
        PullState::Merged(commit) => {
            let Observed::Known(Some(head)) = seen.head(&spec.base()) else {
                return Vec::new();
            };
            let mut wanted = vec![between(spec, head, commit), between(spec, commit, head)];
            let repo = spec.repo();
            for target in spec.targets.iter().filter(|_| !commit.is_empty()) {
                let trail = since(&repo, target, commit, head);
                wanted.extend(trail::ask(seen, &trail, Until::Newest));
            }
            wanted
        }
    }
}

fn comments(own: &Branch, pull: &Pull) -> Query {
    Query::Comments {
        branch: own.clone(),
        number: pull.number,
    }
}

fn since<'a>(repo: &'a RepoUrl, target: &'a Target, commit: &'a str, head: &'a str) -> Trail<'a> {
    Trail {
        repo,
        from: commit,
        to: head,
        kustomization: &target.kustomization,
        objects: std::slice::from_ref(&target.object),
    }
}

impl Life<'_> {
    /// After the merge: Flux is asked, once, to apply it now; then the canaries tell when they have settled.
    pub(super) fn merged(&mut self, pull: Option<&Pull>, commit: &str) -> Result<Reason, Unseen> {
        if let Some(pull) = pull {
            self.note(pull);
        }
        let first = self.status.phase != RevertPhase::Merged;
        self.enter(RevertPhase::Merged);
        self.nudge(first);
        let url = self.url();
        for target in self.all.targets.clone() {
            if self.gone_on(&target)?.is_some() {
                continue;
            }
            if let Some(detail) = self.written_back(&target, commit)? {
                self.wake_in(self.settings.pull_poll_s.saturating_mul(10));
                return Ok(Reason::WrittenBack { detail });
            }
            self.wake_in(self.settings.pull_poll_s);
            return Ok(Reason::Merged { url });
        }
        if !self.tidy("")? {
            return Ok(Reason::Merged { url });
        }
        self.enter(RevertPhase::Reverted);
        Ok(Reason::Reverted)
    }

    /// Who wrote the failed state again after the merge, if somebody did: a bot that knows nothing of the failure.
    fn written_back(&self, target: &Target, commit: &str) -> Result<Option<String>, Unseen> {
        let Some(head) = self.head()?.filter(|_| !commit.is_empty()) else {
            return Ok(None);
        };
        let is_in = known(
            self.seen.log(&between(&self.all, &head, commit)),
            "the history of the branch",
        )?;
        if !is_in.is_empty() || self.stand(target, &head)? != Stand::Bad {
            return Ok(None);
        }
        let repo = self.all.repo();
        let changed = trail::commits(self.seen, &since(&repo, target, commit, &head), Until::Newest)?;
        let log = known(
            self.seen.log(&between(&self.all, commit, &head)),
            "the history of the branch",
        )?;
        let by = |commit: &Commit| {
            let author = commit.author.split('<').next().unwrap_or_default().trim();
            format!("commit {} by {}", short(&commit.id), text::plain(author))
        };
        let newest = changed.first().and_then(|id| log.iter().find(|c| c.id == *id));
        Ok(Some(newest.map_or_else(|| "somebody".to_owned(), by)))
    }

    /// Whether Flux was not asked to look at an object since the plan was made.
    fn is_not_asked(&self, name: &ObjectRef) -> bool {
        let Observed::Known(Some(object)) = self.seen.object(name) else {
            return false;
        };
        let asked = object.annotation("reconcile.fluxcd.io/requestedAt");
        let asked: Option<Timestamp> = asked.and_then(|at| at.parse().ok());
        asked.is_none_or(|at| self.status.planned_at.is_some_and(|planned| at < planned))
    }

    /// Asks Flux to fetch and apply now, as `flux reconcile --with-source` does; again where a crash swallowed that.
    fn nudge(&mut self, first: bool) {
        let mut names: Vec<ObjectRef> = vec![self.spec.source.clone()];
        let kustomizations: BTreeSet<_> = self.all.targets.iter().map(|t| t.kustomization.clone()).collect();
        names.extend(kustomizations);
        names.retain(|name| first || self.is_not_asked(name));
        if names.is_empty() {
            return;
        }
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

    /// What stands on recant's own branch, now that the base is at `head`.
    pub(super) fn standing(&self, head: &str) -> Result<Standing<'_>, Unseen> {
        standing::standing(self.seen, &self.own, head, self.all.change())
    }

    /// Takes recant's branch away, unless somebody has gone on with it; whether there is nothing left to take away.
    fn tidy(&mut self, because: &str) -> Result<bool, Unseen> {
        let Some(head) = self.head()? else {
            return Ok(true);
        };
        let expect = match self.standing(&head)? {
            Standing::Nothing | Standing::Foreign(_) => return Ok(true),
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
    /// the branch can need it any more; else one that others stand behind stays open.
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
        if self.closing().is_some() && !everywhere && self.others_stand(pull)? {
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

    /// Whether other clusters stand behind the pull request.
    fn others_stand(&self, pull: &Pull) -> Result<bool, Unseen> {
        let said = known(self.seen.comments(&comments(&self.own, pull)), "the comments")?;
        let own = marker::word(&self.settings.cluster_name);
        let standing = marker::standing(&pull.body, said);
        Ok(standing.iter().any(|cluster| *cluster != own))
    }

    /// Leaves an open pull request to those who go on with it: other clusters, or a person.
    fn part_with(&mut self, pull: &Pull, detail: &str) {
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
        self.enter(RevertPhase::Superseded);
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
