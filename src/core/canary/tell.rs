//! Telling: events on the Canary and statuses on the commits, in Flagger's words where it has them.

use crate::canary::hooks;
use crate::canary::status::Judged;
use crate::canary::turn::Turn;
use crate::chain::Link;
use crate::effect::CheckRun;
use crate::effect::CommitStatus;
use crate::effect::Effect;
use crate::effect::Event;
use crate::effect::EventHook;
use crate::effect::StatusState;
use crate::hook::HookType;
use crate::pull;
use crate::query::RepoUrl;
use crate::template;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

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
        for hook in self
            .spec
            .analysis
            .webhooks
            .iter()
            .filter(|hook| hook.r#type == HookType::Event)
        {
            self.said.push(Effect::EventHook(EventHook {
                about: about.clone(),
                name: hook.name.clone(),
                url: Some(hook.url.clone()),
                timeout_ms: hooks::timeout_ms(hook),
                retries: hooks::retries(hook),
                insecure_skip_verify: hook.disable_tls,
                payload: self.event_payload(warning, &message, &hook.metadata),
            }));
        }
        if self.settings.event_webhook && !self.has_hooks(HookType::Event) {
            self.said.push(Effect::EventHook(EventHook {
                about,
                name: "events".to_owned(),
                url: None,
                timeout_ms: 10_000,
                retries: 0,
                insecure_skip_verify: false,
                payload: self.event_payload(warning, &message, &BTreeMap::new()),
            }));
        }
    }

    /// What Flagger posts for an event; of the hook's own metadata, what does not contradict it.
    fn event_payload(&self, warning: bool, message: &str, own: &BTreeMap<String, String>) -> Value {
        let mut metadata = own.clone();
        let event = [
            ("eventMessage", message.to_owned()),
            ("eventType", if warning { "Warning" } else { "Normal" }.to_owned()),
            ("timestamp", self.now.as_millisecond().to_string()),
        ];
        metadata.extend(event.map(|(name, value)| (name.to_owned(), value)));
        let mut payload = self.payload(self.status.phase);
        payload.insert("metadata".to_owned(), json!(metadata));
        Value::Object(payload)
    }

    /// Tells one revision of template and configuration from another, for whoever is called.
    pub(super) fn checksum(&self) -> String {
        let configs = self.status.rest.get("trackedConfigs");
        template::hash(&json!([self.status.last_applied_spec, configs]))
    }

    /// Sets the status of the commits that are analysed.
    pub(super) fn commit_status(&mut self, state: StatusState, description: &str) {
        let run = self.status.analysis.as_ref();
        let mut commits = run.map(|run| run.commits.clone()).unwrap_or_default();
        let seen = self.baseline.as_ref().map(|(_, baseline)| baseline);
        let record = self.wanted.baseline.as_ref().or(seen);
        let hash = run.map(|run| run.template_hash.as_str());
        // What is on record may be the candidate of the run before.
        if commits.is_empty()
            && let Some(candidate) = record.and_then(|baseline| baseline.candidate.as_ref())
            && hash == Some(candidate.template_hash.as_str())
        {
            commits = judged(&candidate.chain);
        }
        self.statuses(&commits, state, description);
    }

    /// Sets the status of commits; with a verdict, its details too.
    pub(super) fn statuses(&mut self, commits: &[Judged], state: StatusState, description: &str) {
        let (namespace, name) = (self.canary.namespace(), self.canary.name());
        let dashboard = &self.settings.dashboard_url;
        let url = if dashboard.is_empty() {
            String::new()
        } else {
            format!("{dashboard}/#{namespace}/{name}")
        };
        for Judged { url: repo, commit } in commits {
            let status = CommitStatus {
                repo: RepoUrl(repo.clone()),
                commit: commit.clone(),
                context: format!("recant/{}/{namespace}/{name}", self.settings.cluster_name),
                state,
                description: description.chars().take(140).collect(),
                url: url.clone(),
            };
            self.said.push(Effect::Status(status.clone()));
            let table = self.status.analysis.as_ref().map(pull::checks_table);
            if let Some(summary) = table.filter(|table| !table.is_empty() && state != StatusState::Pending) {
                self.said.push(Effect::Check(CheckRun { status, summary }));
            }
        }
    }
}

/// The commit that was applied last through a chain.
pub(super) fn judged(chain: &[Link]) -> Vec<Judged> {
    let first = chain.first();
    let known = first.filter(|link| !link.url.is_empty() && !link.commit().is_empty());
    let judged = known.map(|link| Judged {
        url: link.url.clone(),
        commit: link.commit().to_owned(),
    });
    judged.into_iter().collect()
}
