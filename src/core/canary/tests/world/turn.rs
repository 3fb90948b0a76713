//! recant in the world: it observes, steps and performs, and whoever is asked answers.

use super::Reply;
use super::World;
use super::commit;
use super::weight_of;
use crate::canary::ask;
use crate::canary::status::Phase;
use crate::canary::step;
use crate::canary::tests::BAD;
use crate::effect::Effect;
use crate::effect::Write;
use crate::hook::HookAnswer;
use crate::hook::HookCall;
use crate::object::Object;
use crate::query::Answer;
use crate::query::Commit;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::Why;
use crate::settings::Settings;
use crate::step::Step;
use jiff::SignedDuration;
use recant_render::Tree;
use serde_json::Value;
use serde_json::json;

impl World {
    pub(crate) fn run_until(&mut self, phase: Phase) {
        self.run_while(|world| world.status().phase != phase);
    }

    pub(crate) fn run_until_weight(&mut self, weight: i64) {
        self.run_while(|world| world.weight() != weight);
    }

    pub(crate) fn run_until_promoted(&mut self, image: &str) {
        self.run_while(|world| {
            world.image("podinfo-primary") != image || world.status().phase != Phase::Succeeded
        });
    }

    pub(crate) fn run_while(&mut self, go_on: impl Fn(&Self) -> bool) {
        for _ in 0..400 {
            if !go_on(self) {
                return;
            }
            self.turn();
        }
        panic!(
            "it never came: {:?} because {:?}",
            self.status().phase,
            self.because
        );
    }

    pub(crate) fn settle_down(&mut self) {
        for _ in 0..8 {
            self.turn();
        }
    }

    /// Observe, step, perform, save; then some seconds pass.
    pub(crate) fn turn(&mut self) {
        self.run_pods();
        let settings = self.settings.clone();
        let canary = self.canary();
        let seen = self.observe(&settings, &canary);
        let step = step(self.now, &settings, &canary, &seen);
        self.because = Some(step.because.clone());
        self.woken = step.wake.is_some();
        self.perform(step);
        self.check();
        self.now += SignedDuration::from_secs(self.pace_s);
    }

    pub(crate) fn observe(&mut self, settings: &Settings, canary: &Object) -> Observation {
        let mut seen = Observation::default();
        loop {
            let wanted = ask(self.now, settings, canary, &seen);
            let new: Vec<_> = wanted.into_iter().filter(|query| !seen.has(query)).collect();
            if new.is_empty() {
                return seen;
            }
            for query in new {
                let answer = self.answer(&query);
                seen.note(query, answer);
            }
        }
    }

    pub(crate) fn answer(&mut self, query: &Query) -> Observed<Answer> {
        match query {
            Query::Object(name) if self.hidden && name.api_version.contains("toolkit.fluxcd.io") => {
                Observed::Unknown(Why::Unreachable("no answer".to_owned()))
            }
            Query::Object(name) => Observed::Known(Answer::Object(self.objects.get(name).cloned())),
            Query::Metric(_) => {
                let image = self.target_image();
                self.analysed.push(image.clone());
                let bad = self.bad_when.map_or(image == BAD, |bad_when| bad_when(self));
                match self
                    .dark
                    .clone()
                    .unwrap_or(Observed::Known(Some(if bad { 62.0 } else { 99.9 })))
                {
                    Observed::Known(value) => Observed::Known(Answer::Metric(value)),
                    Observed::Unknown(why) => Observed::Unknown(why),
                }
            }
            Query::Log { from, to, .. } => {
                let number = |id: &str| id.parse::<u32>().unwrap_or_default();
                let numbers = (number(from) + 1..=number(to)).rev();
                let made = |n: u32| Commit {
                    id: commit(n),
                    parents: vec![commit(n - 1)],
                    author: "Dana <dana@example.com>".to_owned(),
                    message: format!("commit {n}"),
                };
                Observed::Known(Answer::Log(numbers.map(made).collect()))
            }
            Query::Tree(at) => {
                // Every commit changes the target.
                let file = format!(
                    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: podinfo, namespace: test}}\nspec: \
                     {{template: {{metadata: {{annotations: {{at: \"{}\"}}}}}}}}\n",
                    at.commit
                );
                Observed::Known(Answer::Tree(
                    Tree::default().with("apps/podinfo.yaml", file.as_bytes()),
                ))
            }
            Query::Hook(call) => self.hook(call),
            other => panic!("a canary does not ask {other:?}"),
        }
    }

    fn hook(&mut self, call: &HookCall) -> Observed<Answer> {
        let (_, name) = call.hook.split_once('/').expect("place and name");
        let body: Value = serde_json::from_str(&call.body).expect("JSON");
        if self
            .occasions
            .insert(name.to_owned(), call.occasion.clone())
            .as_ref()
            != Some(&call.occasion)
        {
            let phase = body["phase"].as_str().unwrap_or_default().to_owned();
            self.called.push((name.to_owned(), phase));
        }
        let answered = |status, body: &str| {
            let body = body.to_owned();
            Observed::Known(Answer::Hook(HookAnswer::Answered { status, body }))
        };
        match self.replies.get(name).copied().unwrap_or(Reply::Yes) {
            Reply::Yes => answered(200, ""),
            Reply::No(words) => answered(403, words),
            Reply::Late => Observed::Known(Answer::Hook(HookAnswer::Pending)),
            Reply::Away => Observed::Unknown(Why::Unreachable("connection refused".to_owned())),
        }
    }

    /// Why the last step did what it did, in words.
    pub(crate) fn perform(&mut self, step: Step) {
        for effect in step.effects {
            self.effects += 1;
            if self.crash_at.is_some_and(|at| at < self.effects) {
                self.crash_at = None;
                return;
            }
            match effect {
                Effect::Event(event) => self.events.push(event.message),
                Effect::Status(status) => {
                    self.statuses.push(status.state);
                    self.told_commits.push((status.commit.clone(), status.state));
                    self.commit_statuses.push(status);
                }
                Effect::Check(check) => self.checks.push(check),
                Effect::Alert(alert) => self.alerts.push(alert),
                Effect::EventHook(hook) => self.event_hooks.push(hook),
                Effect::Write(write) => self.write(write),
                other => panic!("a canary does not do {other:?}"),
            }
        }
        if let Some(status) = step.status {
            self.write(Write::UpdateStatus(status));
        }
    }

    pub(crate) fn write(&mut self, write: Write) {
        let name = write.name();
        let seen = self.objects.get(&name);
        let version = seen.map(|o| o.resource_version().to_owned());
        let next = match write {
            Write::Create(object) => {
                assert!(seen.is_none(), "{name} is created twice");
                object
            }
            Write::Update(object) | Write::UpdateStatus(object) => {
                assert_eq!(
                    version.as_deref(),
                    Some(object.resource_version()),
                    "{name} is written twice in a step"
                );
                object
            }
            Write::Patch {
                resource_version,
                patch,
                ..
            } => {
                assert_eq!(
                    version,
                    Some(resource_version),
                    "{name} is written twice in a step"
                );
                let mut object = seen.expect("the object").clone();
                merge(&mut object.0, &patch);
                object
            }
            Write::Delete { .. } => panic!("a canary deletes nothing"),
        };
        self.written.push(name.to_string());
        self.weights.extend(weight_of(&next));
        self.put(next);
    }
}

/// JSON merge patch (RFC 7396).
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in fields {
        match value {
            Value::Null => drop(into.as_object_mut().map(|map| map.remove(key))),
            value => merge(&mut into[key], value),
        }
    }
}
