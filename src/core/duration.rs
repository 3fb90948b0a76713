//! Durations as Kubernetes manifests spell them: `10s`, `1m`, `1h30m`.

use jiff::SignedDuration;

/// Parses a Go duration made of hours, minutes, seconds and milliseconds (`1h`, `90s`, `1m30s`, `500ms`).
///
/// ```
/// # use recant_core::duration::parse;
/// assert_eq!(parse("1m30s").map(|d| d.as_secs()), Some(90));
/// assert_eq!(parse("10"), None);
/// ```
pub fn parse(text: &str) -> Option<SignedDuration> {
    let mut rest = text;
    let mut total_ms = 0.0_f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        let unit = rest.get(digits..)?;
        let (factor, length) = match unit {
            u if u.starts_with("ms") => (1.0, 2),
            u if u.starts_with('s') => (1e3, 1),
            u if u.starts_with('m') => (60e3, 1),
            u if u.starts_with('h') => (3600e3, 1),
            _ => return None,
        };
        total_ms += number * factor;
        rest = unit.get(length..)?;
    }
    (total_ms < 1e14).then(|| SignedDuration::from_millis(total_ms as i64))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn go_durations_are_read_and_nothing_else_is() {
        let table = [
            ("10s", Some(10_000)),
            ("1m", Some(60_000)),
            ("1h30m", Some(5_400_000)),
            ("500ms", Some(500)),
            ("1.5s", Some(1_500)),
            ("", None),
            ("10", None),
            ("s", None),
            ("1d", None),
            ("1m ", None),
            ("-1s", None),
            ("99999999999999999999h", None),
        ];
        for (text, ms) in table {
            assert_eq!(parse(text).map(|d| d.as_millis()), ms, "{text:?}");
        }
    }
}
