//! One turn of a Canary: what was seen, and the move that grows out of it.

use crate::baseline::Baseline;
use crate::canary::RETRY;
use crate::canary::route::Router;
use crate::canary::services;
use crate::canary::spec::Spec;
use crate::canary::status::Phase;
use crate::canary::status::Status;
use crate::canary::status::set_condition;
use crate::canary::workload;
use crate::canary::workload::Rollout;
use crate::chain;
use crate::chain::Chain;
use crate::effect::CommitStatus;
use crate::effect::Effect;
use crate::effect::Event;
use crate::effect::StatusState;
use crate::effect::Write;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::RepoUrl;
use crate::query::Why;
use crate::reason::Reason;
use crate::settings::Settings;
use crate::step::Step;
use crate::template;
use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;

/// What was seen, and the move so far.
pub(super) struct Turn<'a> {
    pub(super) now: Timestamp,
    pub(super) settings: &'a Settings,
    pub(super) canary: &'a Object,
    pub(super) spec: &'a Spec,
    pub(super) seen: &'a Observation,
    pub(super) target: &'a Object,
    pub(super) primary: Option<&'a Object>,
    pub(super) baseline: Option<(&'a Object, Baseline)>,
    /// The chain, when Flux applies the target and all of it could be seen.
    pub(super) chain: Option<Chain>,
    /// The label that selects the pods.
    pub(super) label: (String, String),
    services: [Option<&'a Object>; 3],
    router: Router,
    route: Option<&'a Object>,

    pub(super) status: Status,
    wanted: Wanted,
    /// Events, commit statuses and Reverts: said after everything is held.
    said: Vec<Effect>,
    wake: Option<Timestamp>,
}

/// What the objects around the Canary are to be when the turn ends. A later word replaces an earlier one.
#[derive(Default)]
struct Wanted {
    baseline: Option<Baseline>,
    primary_serves: Option<bool>,
    primary_template: Option<Value>,
    weight: Option<i64>,
    replicas: Option<i64>,
}

impl<'a> Turn<'a> {
    /// Gathers what was seen.
    ///
    /// # Errors
    /// Why no move can be made.
    pub(super) fn new(
        now: Timestamp,
        settings: &'a Settings,
        canary: &'a Object,
        spec: &'a Spec,
        status: Status,
        seen: &'a Observation,
    ) -> Result<Self, Reason> {
        supported(spec)?;
        let namespace = canary.namespace();
        let router = Router::of(spec, settings)?;
        let name = spec.target(namespace);
        let target = look(seen, &name)?.ok_or_else(|| Reason::TargetMissing {
            target: name.to_string(),
        })?;
        let label = template::selector_label(target, &settings.selector_labels).ok_or_else(|| {
            let names = settings.selector_labels.join(", ");
            Reason::InvalidSpec {
                detail: format!("{name}: spec.selector.matchLabels must have one of {names}"),
            }
        })?;
        let [apex, primary_service, own] = services::names(spec, namespace);
        let name = Baseline::name(canary);
        let baseline = match look(seen, &name)? {
            None => None,
            Some(object) => {
                let baseline = Baseline::of(object).map_err(|e| Reason::InvalidSpec {
                    detail: format!("{name}: {e}"),
                })?;
                Some((object, baseline))
            }
        };
        Ok(Self {
            now,
            settings,
            canary,
            spec,
            seen,
            target,
            primary: look(seen, &spec.primary(namespace))?,
            baseline,
            chain: chain::applier(target).and_then(|first| chain::read(seen, &first).ok()),
            label,
            services: [
                look(seen, &apex)?,
                look(seen, &primary_service)?,
                look(seen, &own)?,
            ],
            router,
            route: look(seen, &router.name(spec, namespace))?,
            status,
            wanted: Wanted::default(),
            said: Vec::new(),
            wake: None,
        })
    }

    /// Makes the move.
    pub(super) fn play(mut self) -> Step {
        let because = match self.status.phase {
            Phase::New | Phase::Initializing => self.initialize(),
            Phase::Initialized | Phase::Succeeded | Phase::Failed => self.rest(),
            Phase::Progressing | Phase::Waiting | Phase::WaitingPromotion => self.analyse(),
            Phase::Promoting => self.promote(),
            Phase::Finalising => self.finalise(),
            Phase::Terminating | Phase::Terminated => Reason::Suspended,
        };
        self.end(because)
    }

    fn end(mut self, because: Reason) -> Step {
        ready(&mut self.status, self.now, &because);
        let mut effects = self.hold();
        effects.append(&mut self.said);
        Step {
            status: with_status(self.canary, &self.status),
            effects,
            wake: self.wake,
            because,
        }
    }

    /// What is to be written, in the order that is safe to be cut short: the record before what it speaks of, the
    /// route before the pods behind it go.
    fn hold(&self) -> Vec<Effect> {
        let mut effects = Vec::new();
        effects.extend(
            self.wanted
                .baseline
                .as_ref()
                .and_then(|next| self.baseline_write(next)),
        );
        if let Some(primary_serves) = self.wanted.primary_serves {
            effects.extend(services::hold(
                self.canary,
                self.spec,
                &self.label,
                self.services,
                primary_serves,
            ));
        }
        effects.extend(
            self.wanted
                .primary_template
                .as_ref()
                .and_then(|template| self.primary_write(template)),
        );
        if let Some(weight) = self.wanted.weight {
            effects.extend(self.router.hold(self.canary, self.spec, self.route, weight));
        }
        effects.extend(
            self.wanted
                .replicas
                .and_then(|replicas| workload::scale(self.target, replicas)),
        );
        effects
    }

    fn baseline_write(&self, next: &Baseline) -> Option<Effect> {
        let seen = self.baseline.as_ref().map(|(object, _)| *object);
        let object = next.object(self.canary, seen);
        let write = if seen.is_some() {
            Write::Update(object.clone())
        } else {
            Write::Create(object.clone())
        };
        (seen != Some(&object)).then_some(Effect::Write(write))
    }

    fn primary_write(&self, template: &Value) -> Option<Effect> {
        let Some(primary) = self.primary else {
            let new = workload::primary(self.canary, self.spec, self.target, &self.label, template);
            return Some(Effect::Write(Write::Create(new)));
        };
        if self.primary_has(template) {
            return None;
        }
        let mut next = primary.clone();
        next.set("/spec/template", template::primary_of(template, &self.label));
        Some(Effect::Write(Write::Update(next)))
    }

    /// Whether the primary has the given target template already, whatever id its last promotion gave it: a primary
    /// that Flagger promoted is not restarted for another id.
    pub(super) fn primary_has(&self, template: &Value) -> bool {
        self.primary
            .is_some_and(|primary| template::target_of(&template::of(primary), &self.label) == *template)
    }

    /// The hash of the template that the target asks for now.
    pub(super) fn target_hash(&self) -> String {
        template::hash(&template::of(self.target))
    }

    /// Goes to a phase.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.status.enter(self.now, phase, &self.spec.target_ref.kind);
    }

    /// Looks again after this time at the latest.
    pub(super) fn wake_in(&mut self, time: SignedDuration) {
        self.wake_at(self.now + time);
    }

    /// Looks again then at the latest.
    pub(super) fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// Holds the Services to what they should be; the apex selects the primary only if that is to serve.
    pub(super) const fn hold_services(&mut self, primary_serves: bool) {
        self.wanted.primary_serves = Some(primary_serves);
    }

    /// Holds the primary to the given target template.
    pub(super) fn hold_primary(&mut self, template: &Value) {
        self.wanted.primary_template = Some(template.clone());
    }

    /// Holds the route to this weight of the canary, in percent.
    pub(super) const fn hold_weight(&mut self, weight: i64) {
        self.wanted.weight = Some(weight);
        self.status.canary_weight = weight;
    }

    /// Holds the target to this many replicas.
    pub(super) const fn hold_replicas(&mut self, replicas: i64) {
        self.wanted.replicas = Some(replicas);
    }

    /// Holds the Baseline to this.
    pub(super) fn hold_baseline(&mut self, next: Baseline) {
        self.wanted.baseline = Some(next);
    }

    /// Writes, after everything is held, what another room decided on.
    pub(super) fn say(&mut self, effect: Option<Effect>) {
        self.said.extend(effect);
    }

    /// Brings the target up, if it is down, to as many replicas as the primary has.
    pub(super) fn scale_up(&mut self) {
        if workload::replicas(self.target) == 0 {
            self.hold_replicas(self.primary.map_or(1, workload::replicas).max(1));
        }
    }

    /// How far the target's pods are.
    pub(super) fn target_rollout(&self) -> Rollout {
        let ready_pct = self.spec.analysis.canary_ready_threshold.unwrap_or(100);
        workload::rollout(
            self.target,
            ready_pct,
            self.spec.progress_deadline_seconds,
            self.now,
        )
    }

    /// How far the primary's pods are.
    pub(super) fn primary_rollout(&self) -> Rollout {
        let Some(primary) = self.primary else {
            return Rollout::Waiting("it is being created".to_owned());
        };
        let ready_pct = self.spec.analysis.primary_ready_threshold.unwrap_or(100);
        workload::rollout(primary, ready_pct, self.spec.progress_deadline_seconds, self.now)
    }

    /// The links of the chain as they are seen.
    pub(super) fn links(&self) -> Vec<chain::Link> {
        self.chain
            .as_ref()
            .map(|chain| chain.links.clone())
            .unwrap_or_default()
    }

    /// Whether a link of the chain did not answer; it may the next time.
    pub(super) fn chain_is_hidden(&self) -> bool {
        let asked = chain::applier(self.target).map(|first| chain::ask(self.seen, &first));
        asked.into_iter().flatten().any(|query| match &query {
            Query::Object(name) => matches!(self.seen.object(name), Observed::Unknown(Why::Unreachable(_))),
            _ => false,
        })
    }

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
        }));
    }

    /// `name.namespace`, as Flagger's events spell a workload.
    pub(super) fn dotted(&self, workload: &str) -> String {
        format!("{workload}.{}", self.canary.namespace())
    }
}

/// What this engine does not have is said before anything is touched.
fn supported(spec: &Spec) -> Result<(), Reason> {
    let unsupported = |field: &str, value: &str, hint: &str| {
        Err(Reason::Unsupported {
            field: field.to_owned(),
            value: value.to_owned(),
            hint: hint.to_owned(),
        })
    };
    let analysis = &spec.analysis;
    if spec.target_ref.kind != "Deployment" {
        return unsupported("spec.targetRef.kind", &spec.target_ref.kind, "use a Deployment");
    }
    if !analysis.step_weights.is_empty() {
        return unsupported("spec.analysis.stepWeights", "", "use stepWeight and maxWeight");
    }
    if analysis.iterations.is_some_and(|n| n > 0) || !analysis.r#match.is_empty() {
        return unsupported("spec.analysis.iterations", "", "use stepWeight and maxWeight");
    }
    if analysis.mirror {
        return unsupported(
            "spec.analysis.mirror",
            "true",
            "use stepWeight and maxWeight without it",
        );
    }
    if analysis.session_affinity.is_some() {
        return unsupported("spec.analysis.sessionAffinity", "", "leave it out");
    }
    if !analysis.webhooks.is_empty() {
        return unsupported("spec.analysis.webhooks", "", "leave them out");
    }
    if !spec.skip_analysis && analysis.step_weight <= 0 {
        return Err(Reason::InvalidSpec {
            detail: "spec.analysis.stepWeight: must be 1 to 100".to_owned(),
        });
    }
    Ok(())
}

fn look<'a>(seen: &'a Observation, name: &ObjectRef) -> Result<Option<&'a Object>, Reason> {
    match seen.object(name) {
        Observed::Known(object) => Ok(object.as_ref()),
        Observed::Unknown(why) => Err(Reason::CannotSee {
            what: name.to_string(),
            why,
        }),
    }
}

/// A step that changes nothing but what is said about it.
pub(super) fn stuck(
    now: Timestamp,
    canary: &Object,
    mut status: Status,
    kind: Option<&str>,
    because: Reason,
) -> Step {
    if status.phase == Phase::New && matches!(because, Reason::TargetMissing { .. }) {
        status.enter(now, Phase::Initializing, kind.unwrap_or("Deployment"));
    }
    ready(&mut status, now, &because);
    // A mended manifest wakes by itself; what could not be seen does not.
    let wake = matches!(because, Reason::CannotSee { .. }).then(|| now + RETRY);
    Step {
        status: with_status(canary, &status),
        effects: Vec::new(),
        wake,
        because,
    }
}

/// The `Ready` condition, which kstatus (and so Flux's health checks) reads: whether what Git asks for is promoted.
fn ready(status: &mut Status, now: Timestamp, because: &Reason) {
    let value = match because {
        Reason::Initialized | Reason::Promoted | Reason::Settled { .. } => "True",
        Reason::InvalidSpec { .. }
        | Reason::Unsupported { .. }
        | Reason::TargetMissing { .. }
        | Reason::AnalysisFailed { .. }
        | Reason::ProgressDeadlineExceeded { .. }
        | Reason::PromotionFailed { .. }
        | Reason::NotBlamed { .. }
        | Reason::StillFailed => "False",
        // What recant could not see says nothing of the workload: the condition stays.
        Reason::CannotSee { .. } | Reason::Suspended => return,
        _ => "Unknown",
    };
    set_condition(
        &mut status.conditions,
        now,
        "Ready",
        value,
        because.name(),
        &because.to_string(),
    );
}

fn with_status(canary: &Object, status: &Status) -> Option<Object> {
    let mut next = canary.clone();
    next.set("/status", serde_json::to_value(status).unwrap_or_default());
    (next != *canary).then_some(next)
}
