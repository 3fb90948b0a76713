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

/// A whole number of milliseconds as Go prints durations: `0s`, `812ms`, `1.5s`, `2m0.25s`, `1h0m0s`.
///
/// ```
/// # use recant_core::duration::go;
/// assert_eq!(go(61_500), "1m1.5s");
/// ```
pub fn go(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    if ms == 0 {
        return "0s".to_owned();
    }
    if ms < 1000 {
        return format!("{sign}{ms}ms");
    }
    let (minutes, rest_ms) = (ms / 60_000, ms % 60_000);
    let fraction = format!("{:03}", rest_ms % 1000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let seconds = format!("{}{point}{fraction}s", rest_ms / 1000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::go;
    use super::parse;

    #[test]
    fn milliseconds_are_printed_as_go_prints_them() {
        let table = [
            (0, "0s"),
            (1, "1ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (1_250, "1.25s"),
            (60_000, "1m0s"),
            (120_250, "2m0.25s"),
            (3_600_000, "1h0m0s"),
            (-1_500, "-1.5s"),
        ];
        for (ms, text) in table {
            assert_eq!(go(ms), text);
        }
    }

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
