//! Telling: events on the Canary and statuses on the commits, in Flagger's words where it has them.

use crate::baseline::Baseline;
use crate::canary::turn::Turn;
use crate::chain;
use crate::effect::CommitStatus;
use crate::effect::Effect;
use crate::effect::Event;
use crate::effect::StatusState;
use crate::query::RepoUrl;

impl Turn<'_> {
    /// Records an event of type `Normal`.
    pub(super) fn tell(&mut self, message: String) {
        self.event(false, message);
    }

    /// Records an event of type `Warning`.
    pub(super) fn warn(&mut self, message: String) {
        self.event(true, message);
    }

    fn event(&mut self, warning: bool, message: String) {
        let about = self.canary.reference();
        self.said.push(Effect::Event(Event {
            about,
            uid: self.canary.uid().to_owned(),
            warning,
            message,
        }));
    }

    /// Sets the commit status of the revision that is analysed.
    pub(super) fn commit_status(&mut self, state: StatusState, description: &str) {
        let Some((
            _,
            Baseline {
                candidate: Some(candidate),
                ..
            },
        )) = &self.baseline
        else {
            return;
        };
        let chain = candidate.chain.clone();
        self.commit_status_of(&chain, state, description);
    }

    /// Sets the commit status of the revision that came through this chain.
    pub(super) fn commit_status_of(&mut self, chain: &[chain::Link], state: StatusState, description: &str) {
        let Some(link) = chain
            .first()
            .filter(|link| !link.url.is_empty() && !link.revision.is_empty())
        else {
            return;
        };
        let (namespace, name) = (self.canary.namespace(), self.canary.name());
        self.said.push(Effect::Status(CommitStatus {
            repo: RepoUrl(link.url.clone()),
            commit: link.commit().to_owned(),
            context: format!("recant/{}/{namespace}/{name}", self.settings.cluster_name),
            state,
            description: description.chars().take(140).collect(),
            url: String::new(),
        }));
    }
}
