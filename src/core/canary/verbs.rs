//! A person's verbs: annotations on the Canary, each acted on once.
//!
//! recant never writes the annotations; that a verb was heard is in the status, with the annotation's value, and that
//! is written together with what came of it. A new value is a new verb. Only `pause` is a state: it lasts as long as
//! the annotation is there.

use crate::baseline::Baseline;
use crate::canary::status::Phase;
use crate::canary::turn::Turn;
use crate::reason::Reason;
use crate::template;
use jiff::Timestamp;
use std::fmt;

/// What a person can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Analyse the failed revision again.
    Retry,
    /// Stop the run and roll back.
    Abort,
    /// Promote without further checks.
    Promote,
    /// Let nothing go on until this is taken away; the checks go on.
    Pause,
}

impl Verb {
    /// All verbs that are acted on once, the strongest first.
    const ONCE: [Self; 3] = [Self::Abort, Self::Promote, Self::Retry];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Abort => "abort",
            Self::Promote => "promote",
            Self::Pause => "pause",
        }
    }

    /// The annotation that asks for it.
    pub fn annotation(self) -> String {
        format!("recant.dev/{self}")
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What stands in the annotation: when, who, and why.
pub fn words(now: Timestamp, by: &str, reason: &str) -> String {
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    let colon = if reason.is_empty() { "" } else { ": " };
    format!("{now} by {by}{colon}{reason}")
}

impl Turn<'_> {
    /// Hears the verbs; the reason when one of them is this turn's move.
    pub(super) fn heed(&mut self) -> Option<Reason> {
        let (_, baseline) = self.baseline.clone()?;
        self.heed_pause();
        let mut asked = Verb::ONCE
            .into_iter()
            .filter_map(|verb| Some((verb, self.asked(verb)?)));
        let (verb, by) = asked.next()?;
        let weaker: Vec<_> = asked.collect();
        self.heard(verb, by.clone());
        // A stronger verb is the last word: what else was asked must not be done after it.
        for (weaker, by) in weaker {
            self.heard(weaker, by);
            self.tell(format!("Not heeding {weaker}: {verb} is asked for too"));
        }
        let name = self.dotted(self.canary.name());
        self.tell(format!("Asked to {verb} {name}: {by}"));
        match verb {
            Verb::Abort => self.heed_abort(&baseline, by),
            Verb::Promote => self.heed_promote(&baseline, by),
            Verb::Retry => self.heed_retry(&baseline),
            Verb::Pause => None,
        }
    }

    /// Who paused it, if it is paused.
    pub(super) fn paused(&self) -> Option<String> {
        self.annotated(Verb::Pause).map(|by| format!("paused: {by}"))
    }

    fn annotated(&self, verb: Verb) -> Option<String> {
        let key = template::escaped(&verb.annotation());
        let value = self
            .canary
            .at(&format!("/metadata/annotations/{key}"))?
            .as_str()?;
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        (!value.is_empty()).then_some(value)
    }

    /// The annotation's value, if it was not heard yet.
    fn asked(&self, verb: Verb) -> Option<String> {
        let value = self.annotated(verb)?;
        (self.status.last_handled_verbs.get(verb.word()) != Some(&value)).then_some(value)
    }

    fn heard(&mut self, verb: Verb, value: String) {
        self.status
            .last_handled_verbs
            .insert(verb.word().to_owned(), value);
    }

    /// Tells, once, that it is paused or goes on.
    fn heed_pause(&mut self) {
        let name = self.dotted(self.canary.name());
        if let Some(by) = self.asked(Verb::Pause) {
            self.tell(format!("Paused {name}: {by}"));
            self.heard(Verb::Pause, by);
        } else if self.annotated(Verb::Pause).is_none()
            && self
                .status
                .last_handled_verbs
                .remove(Verb::Pause.word())
                .is_some()
        {
            self.tell(format!("Resumed {name}"));
            if let Some(run) = &mut self.status.analysis
                && run.held_by.starts_with("paused: ")
            {
                run.held_by.clear();
            }
        }
    }

    fn heed_abort(&mut self, baseline: &Baseline, by: String) -> Option<Reason> {
        let because = Reason::Aborted { by };
        match self.status.phase {
            // What is asked for already is a better end than a failure.
            _ if self.target_hash() == baseline.promoted.template_hash => self.nothing(Verb::Abort),
            Phase::Waiting => {
                self.hold_rest(baseline);
                Some(self.fail(because))
            }
            Phase::Progressing | Phase::WaitingPromotion => {
                self.hold_services(true);
                Some(self.fail(because))
            }
            Phase::Promoting if baseline.candidate.is_some() => {
                if let Some(run) = &mut self.status.analysis {
                    run.failure = Some(because);
                }
                None
            }
            _ => self.nothing(Verb::Abort),
        }
    }

    fn heed_promote(&mut self, baseline: &Baseline, by: String) -> Option<Reason> {
        let is_new = self.target_hash() != baseline.promoted.template_hash;
        match self.status.phase {
            Phase::Progressing | Phase::WaitingPromotion if is_new => {
                if let Some(run) = &mut self.status.analysis {
                    run.promoted_by = Some(by);
                }
                None
            }
            Phase::Initialized | Phase::Succeeded | Phase::Failed | Phase::Waiting if is_new => {
                let because = self.begin(baseline, false);
                if let Some(run) = &mut self.status.analysis {
                    run.promoted_by = Some(by);
                }
                Some(because)
            }
            _ => self.nothing(Verb::Promote),
        }
    }

    /// The failed revision counts as one that was never seen.
    fn heed_retry(&mut self, baseline: &Baseline) -> Option<Reason> {
        let asked = self.target_hash();
        let failed = self.status.phase == Phase::Failed && asked != baseline.promoted.template_hash;
        match &mut self.status.analysis {
            Some(run) if failed && run.template_hash == asked => run.template_hash.clear(),
            _ => return self.nothing(Verb::Retry),
        }
        None
    }

    fn nothing(&mut self, verb: Verb) -> Option<Reason> {
        let name = self.dotted(self.canary.name());
        self.tell(format!("There is nothing to {verb} for {name}"));
        None
    }
}
