//! What goes wrong in a simulation, and when: drawn from a seed, so that the same seed is the same story.

use crate::seed::Seeded;
use jiff::Timestamp;
use recant_core::object::ObjectRef;
use recant_core::query::Query;
use recant_core::query::Why;

/// How often things go wrong.
#[derive(Clone, Debug)]
pub struct Faults {
    seeded: Seeded,
    /// The share of effects before which recant stops and begins again, in per mille.
    pub crash_per_mille: u64,
    /// The share of queries that are not answered, in per mille.
    pub blind_per_mille: u64,
    /// The share of effects that are done and whose answer is lost, in per mille.
    pub lose_per_mille: u64,
    /// Before which effect for a Revert recant stops, once: counted from 0, the saving of its status included.
    stop_before: Option<usize>,
    /// Effects for Reverts so far.
    counted: usize,
    /// For so many of every 180 seconds the host answers with a head that is a commit too old.
    lag_s: i64,
    /// When things stop going wrong: from then on the story must come to its end.
    pub until: Timestamp,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self {
            seeded: Seeded::new(0, "fault"),
            crash_per_mille: 0,
            blind_per_mille: 0,
            lose_per_mille: 0,
            stop_before: None,
            counted: 0,
            lag_s: 0,
            until: Timestamp::UNIX_EPOCH,
        }
    }

    /// recant stops once: before this effect for a Revert.
    pub fn before_revert_effect(n: usize) -> Self {
        Self {
            stop_before: Some(n),
            ..Self::none()
        }
    }

    /// Things go wrong until this time.
    pub fn seeded(seed: u64, crash_per_mille: u64, blind_per_mille: u64, until: Timestamp) -> Self {
        Self {
            seeded: Seeded::new(seed, "fault"),
            crash_per_mille,
            blind_per_mille,
            lose_per_mille: 0,
            stop_before: None,
            counted: 0,
            lag_s: 0,
            until,
        }
    }

    /// The same, and this share of effects is done without an answer, in per mille.
    #[must_use]
    pub const fn losing(mut self, lose_per_mille: u64) -> Self {
        self.lose_per_mille = lose_per_mille;
        self
    }

    /// The same, and a mirror of the repository lags: for so many of every 180 seconds the head of a branch that people
    /// push to is a commit too old.
    #[must_use]
    pub const fn lagging(mut self, lag_s: i64) -> Self {
        self.lag_s = lag_s;
        self
    }

    /// Whether a mirror lags now.
    pub(crate) fn lags(&self, now: Timestamp) -> bool {
        now.as_second() % 180 < self.lag_s
    }

    /// Whether it stopped as it was told to.
    pub const fn has_stopped(&self) -> bool {
        self.stop_before.is_none()
    }

    /// Whether recant stops here, about to do something for this object.
    pub(crate) fn crash(&mut self, about: &ObjectRef) -> bool {
        if about.kind == "Revert" {
            self.counted += 1;
            if self.stop_before.take_if(|n| *n + 1 == self.counted).is_some() {
                return true;
            }
        }
        self.crash_per_mille > 0 && self.seeded.next_u64() % 1000 < self.crash_per_mille
    }

    /// Whether the answer to what was just done is lost.
    pub(crate) fn lose(&mut self) -> bool {
        self.lose_per_mille > 0 && self.seeded.next_u64() % 1000 < self.lose_per_mille
    }

    /// Why a query is not answered, if it is not.
    pub(crate) fn blind(&mut self, now: Timestamp, query: &Query) -> Option<Why> {
        if now >= self.until {
            self.crash_per_mille = 0;
            self.blind_per_mille = 0;
            self.lose_per_mille = 0;
        }
        let blind = self.blind_per_mille > 0 && self.seeded.next_u64() % 1000 < self.blind_per_mille;
        blind.then(|| Why::Unreachable(format!("fault: {}", kind(query))))
    }
}

const fn kind(query: &Query) -> &'static str {
    match query {
        Query::Object(_) | Query::Objects { .. } => "the API server does not answer",
        Query::Metric(_) => "the metric provider does not answer",
        Query::Head(_) | Query::Tree(_) | Query::Log { .. } => "the Git server does not answer",
        Query::Forge(_) => "the API server does not answer",
        Query::Pulls(_) | Query::Comments { .. } | Query::Access(_) => "the forge does not answer",
        Query::Hook(_) => "the webhook does not answer",
    }
}
