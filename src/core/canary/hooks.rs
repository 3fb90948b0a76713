//! Webhooks within a turn: who is called, with which words, and what came of it.
//!
//! A hook is called once for each occasion: that is the revision, the phase and the check that is due. Never here: how
//! a call is made, and what is done about its answer.

use crate::canary::spec::Webhook;
use crate::canary::status::Phase;
use crate::canary::turn::Turn;
use crate::hook::HookCall;
use crate::hook::HookType;
use crate::hook::HookVerdict;
use crate::query::Query;
use crate::reason::Check;
use crate::reason::Reason;
use crate::template;
use jiff::SignedDuration;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// How soon an answer that was not there yet is asked about again.
const AGAIN: SignedDuration = SignedDuration::from_secs(3);
/// What is shorter is no credential.
const SECRET_MIN: usize = 8;

/// What came of calling the hooks of one type.
pub(super) enum Called {
    /// Not all have answered.
    Waiting(Reason),
    /// All that were called have.
    Answered(Vec<Said>),
}

/// What one hook said.
pub(super) struct Said {
    pub(super) name: String,
    pub(super) mute_alert: bool,
    pub(super) verdict: HookVerdict,
}

impl Said {
    pub(super) fn is_yes(&self) -> bool {
        self.verdict == HookVerdict::Yes
    }

    /// Why it is not a yes.
    pub(super) fn detail(&self) -> String {
        match &self.verdict {
            HookVerdict::Yes => String::new(),
            HookVerdict::No(words) => words.clone(),
            HookVerdict::Unanswered(why) => why.to_string(),
        }
    }

    /// As a check of the run.
    pub(super) fn check(&self, r#type: HookType) -> Check {
        Check::of_hook(r#type, &self.name, self.verdict.clone())
    }
}

impl Turn<'_> {
    /// Whether there are hooks of this type.
    pub(super) fn has_hooks(&self, r#type: HookType) -> bool {
        self.spec
            .analysis
            .webhooks
            .iter()
            .any(|hook| hook.r#type == r#type)
    }

    /// Calls the hooks of one type and tells them this phase. They are called all at once; only pre-rollout hooks one
    /// after another, up to the first no, since a preparation may need the one before it.
    pub(super) fn call(&mut self, r#type: HookType, phase: Phase) -> Called {
        let spec = self.spec;
        let hooks = spec.analysis.webhooks.iter().enumerate();
        let one_by_one = r#type == HookType::PreRollout;
        let mut said = Vec::new();
        let mut waiting = None;
        for (place, hook) in hooks.filter(|(_, hook)| hook.r#type == r#type) {
            let call = self.hook_call(place, hook, phase);
            let known = self.has_seen(vec![Query::Hook(call.clone())]);
            match HookVerdict::of(self.seen.hook(&call)).filter(|_| known) {
                Some(verdict) => said.push(Said {
                    name: hook.name.clone(),
                    mute_alert: hook.mute_alert,
                    verdict: struck(verdict, hook),
                }),
                None => {
                    waiting = waiting.or_else(|| Some(format!("{} webhook {}", r#type.name(), hook.name)))
                }
            }
            let is_yes = said.last().is_some_and(Said::is_yes);
            if one_by_one && (waiting.is_some() || !is_yes) {
                break;
            }
        }
        match waiting {
            Some(hook) => {
                self.wake_in(AGAIN);
                Called::Waiting(Reason::WaitingForHook { hook })
            }
            None => Called::Answered(said),
        }
    }

    fn hook_call(&self, place: usize, hook: &Webhook, phase: Phase) -> HookCall {
        let run = self.status.analysis.as_ref();
        let revision = match hook.r#type {
            HookType::ConfirmRollout => self.target_hash(),
            _ => run.map(|run| run.template_hash.clone()).unwrap_or_default(),
        };
        let due = run.and_then(|run| run.next_check_at);
        let entered = self.status.last_transition_time;
        let occasion = template::hash(&json!([revision, entered, due, phase]));
        let mut payload = self.payload(phase);
        payload.insert("type".to_owned(), json!(hook.r#type.name()));
        payload.insert("failedChecks".to_owned(), json!(self.status.failed_checks));
        payload.insert("canaryWeight".to_owned(), json!(self.status.canary_weight));
        payload.insert("iterations".to_owned(), json!(self.status.iterations));
        if !hook.metadata.is_empty() {
            payload.insert("metadata".to_owned(), json!(hook.metadata));
        }
        HookCall {
            canary: self.canary.reference(),
            hook: format!("{place}/{}", hook.name),
            occasion,
            url: hook.url.clone(),
            body: Value::Object(payload).to_string(),
            timeout_ms: timeout_ms(hook),
            retries: retries(hook),
            disable_tls: hook.disable_tls,
        }
    }

    /// What Flagger tells every webhook.
    pub(super) fn payload(&self, phase: Phase) -> Map<String, Value> {
        let fields = [
            ("name", json!(self.canary.name())),
            ("namespace", json!(self.canary.namespace())),
            ("phase", json!(phase)),
            ("checksum", json!(self.checksum())),
        ];
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }
}

/// How long one attempt may take; what cannot be read was refused before.
pub(super) fn timeout_ms(hook: &Webhook) -> i64 {
    let timeout = hook.timeout().unwrap_or(SignedDuration::from_secs(10));
    i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX)
}

/// How often it is tried again.
pub(super) fn retries(hook: &Webhook) -> u32 {
    u32::try_from(hook.retries.max(0)).unwrap_or(u32::MAX)
}

/// An answer without what it repeats of the metadata it was sent: that may be a credential.
fn struck(verdict: HookVerdict, hook: &Webhook) -> HookVerdict {
    let HookVerdict::No(words) = verdict else {
        return verdict;
    };
    let secrets = hook.metadata.values().filter(|value| value.len() >= SECRET_MIN);
    HookVerdict::No(secrets.fold(words, |words, secret| words.replace(secret.as_str(), "***")))
}
