//! After the merge: Flux is asked to apply it, and who writes the failed state again is told.

use crate::effect::Effect;
use crate::effect::Write;
use crate::object::ObjectRef;
use crate::pull::look::Life;
use crate::pull::look::Unseen;
use crate::pull::look::between;
use crate::pull::look::known;
use crate::pull::proposal::Stand;
use crate::pull::record::RevertPhase;
use crate::pull::record::RevertSpec;
use crate::pull::record::Target;
use crate::pull::text;
use crate::query::Commit;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Pull;
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

/// What must be seen once a pull request was merged as this commit.
pub(super) fn ask(spec: &RevertSpec, commit: &str, seen: &Observation) -> Vec<Query> {
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
}
