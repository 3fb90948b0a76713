//! The only time there is in the world: a value that moves when it is told to, and how times are spelled.

use jiff::SignedDuration;
use jiff::Timestamp;
use std::fmt::Write;

/// Where the world's time stands. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    now: Timestamp,
}

impl Clock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self { now: start }
    }

    /// The world's time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Moves towards `to` by one second at most, and onto whole seconds first, so that everything that happens once
    /// a second does. Says whether it moved.
    pub fn tick(&mut self, to: Timestamp) -> bool {
        if to <= self.now {
            return false;
        }
        let next_s = self.now.as_second() + 1;
        let next = Timestamp::from_second(next_s).unwrap_or(to);
        self.now = next.min(to);
        true
    }
}

/// A time as Kubernetes spells it in metadata and conditions: whole seconds, UTC.
pub fn stamp(at: Timestamp) -> String {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.to_string()
}

/// Reads what [`stamp`] wrote, or any other RFC 3339 time.
pub fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// Seconds since 1970, to the millisecond.
pub fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// `at` and some seconds; `at` itself at the end of time.
pub fn after(at: Timestamp, seconds: f64) -> Timestamp {
    SignedDuration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|by| at.checked_add(by).ok())
        .unwrap_or(at)
}

/// Seconds from `from` to `to`; negative when `to` is earlier.
pub fn since(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_millisecond() - from.as_millisecond()) as f64 / 1000.0
}

/// A duration as Go writes it and Flux's objects hold it (`1m0s`, `10m`, `500ms`, `1.5h`), in seconds.
pub fn go_duration_s(text: &str) -> Option<f64> {
    if text == "0" {
        return Some(0.0);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_len = rest[digits..]
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len() - digits);
        total += number * unit_s(&rest[digits..digits + unit_len])?;
        rest = &rest[digits + unit_len..];
    }
    (!text.is_empty()).then_some(total)
}

fn unit_s(unit: &str) -> Option<f64> {
    match unit {
        "ns" => Some(1e-9),
        "us" | "µs" => Some(1e-6),
        "ms" => Some(1e-3),
        "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    }
}

/// Whole seconds as Go prints a duration: `1m0s`, `1h0m0s`, `45s`.
pub fn go_duration(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if hours > 0 || minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    let _ = write!(text, "{seconds}s");
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn go_durations_are_read_and_written_as_go_does() {
        for (text, seconds) in [
            ("1m0s", 60.0),
            ("10m", 600.0),
            ("500ms", 0.5),
            ("1.5h", 5400.0),
            ("0", 0.0),
        ] {
            assert_eq!(go_duration_s(text), Some(seconds), "{text}");
        }
        for text in ["", "10", "m", "1d", "1m5"] {
            assert_eq!(go_duration_s(text), None, "{text}");
        }
        assert_eq!(go_duration(3600), "1h0m0s");
        assert_eq!(go_duration(65), "1m5s");
        assert_eq!(go_duration(5), "5s");
    }

    #[test]
    fn the_clock_stops_at_every_whole_second_and_never_goes_back() {
        let start = Timestamp::from_millisecond(1_500).unwrap();
        let mut clock = Clock::new(start);
        let end = Timestamp::from_millisecond(3_200).unwrap();
        let mut seen = Vec::new();
        while clock.tick(end) {
            seen.push(clock.now().as_millisecond());
        }
        assert_eq!(seen, [2_000, 3_000, 3_200]);
        assert!(!clock.tick(start));
    }
}
