//! Telling: events on the Canary and statuses on the commits, in Flagger's words where it has them.

use crate::baseline::Baseline;
use crate::canary::turn::Turn;
use crate::chain;
use crate::effect::CommitStatus;
use crate::effect::Effect;
use crate::effect::Event;
use crate::effect::EventHook;
use crate::effect::StatusState;
use crate::hook::HookType;
use crate::query::RepoUrl;
use crate::template;
use serde_json::Value;
use serde_json::json;

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
            about: about.clone(),
            uid: self.canary.uid().to_owned(),
            warning,
            message: message.clone(),
        }));
        if self.settings.event_webhook && !self.has_event_hooks() {
            self.said.push(Effect::EventHook(EventHook {
                about,
                name: "events".to_owned(),
                url: None,
                timeout_ms: 10_000,
                retries: 0,
                insecure_skip_verify: false,
                payload: self.event_payload(warning, &message),
            }));
        }
    }

    /// Whether the Canary has event webhooks: then they get its events, and recant's own webhook does not.
    fn has_event_hooks(&self) -> bool {
        let mut hooks = self.spec.analysis.webhooks.iter();
        hooks.any(|hook| hook.r#type == HookType::Event)
    }

    /// What Flagger posts for an event.
    fn event_payload(&self, warning: bool, message: &str) -> Value {
        json!({
            "name": self.canary.name(),
            "namespace": self.canary.namespace(),
            "phase": self.status.phase,
            "checksum": self.checksum(),
            "metadata": {
                "eventMessage": message,
                "eventType": if warning { "Warning" } else { "Normal" },
                "timestamp": self.now.as_millisecond().to_string(),
            },
        })
    }

    /// Tells one revision of template and configuration from another, for whoever is called.
    fn checksum(&self) -> String {
        let configs = self.status.rest.get("trackedConfigs");
        template::hash(&json!([self.status.last_applied_spec, configs]))
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
