//! The time the controller lives in: the wall clock or, in the demo, one that runs faster.
//!
//! This is the only place of the shell that reads a clock for a decision; the pure crates get the time as an argument.

use jiff::SignedDuration;
use jiff::Timestamp;
use std::time::Duration;
use std::time::Instant;

/// A clock.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The wall clock.
    Wall,
    /// A clock that began at `start` when the wall clock showed `since`, and runs `speed` times as fast.
    Fast {
        /// Its time at the beginning.
        start: Timestamp,
        /// The beginning.
        since: Instant,
        /// How much faster than the wall clock.
        speed: f64,
    },
}

impl Clock {
    /// A clock that begins now, at `start`, and runs `speed` times as fast as the wall clock.
    pub fn fast(start: Timestamp, speed: f64) -> Self {
        Self::Fast {
            start,
            since: Instant::now(),
            speed,
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Wall => Timestamp::now(),
            Self::Fast { start, since, speed } => {
                let passed = since.elapsed().as_secs_f64() * speed;
                *start + SignedDuration::from_millis((passed * 1000.0) as i64)
            }
        }
    }

    /// How long a wait until then takes on the wall clock; nothing for a time that has passed.
    pub fn until(&self, at: Timestamp) -> Duration {
        let left_ms = at.duration_since(self.now()).as_millis().max(0);
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(u64::MAX));
        match self {
            Self::Wall => left,
            Self::Fast { speed, .. } => left.div_f64(*speed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_shortens_waits_by_its_speed() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let clock = Clock::fast(start, 10.0);
        let wait = clock.until(start + SignedDuration::from_secs(100));
        assert!(
            wait <= Duration::from_secs(10) && wait > Duration::from_secs(8),
            "{wait:?}"
        );
        assert_eq!(clock.until(start - SignedDuration::from_secs(1)), Duration::ZERO);
    }
}
