//! Ages, as kubectl shortens them.

use jiff::Timestamp;

/// The time since a timestamp: `5s`, `3m12s`, `7h`, `2d3h`.
pub(super) fn since(timestamp: &str, now: Timestamp) -> String {
    timestamp.parse::<Timestamp>().map_or_else(
        |_| "<unknown>".to_owned(),
        |at| short(now.as_second() - at.as_second()),
    )
}

/// A number of seconds, shortened.
pub(super) fn short(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let pair = |large: i64, unit: char, small: i64, small_unit: char| {
        if small == 0 {
            format!("{large}{unit}")
        } else {
            format!("{large}{unit}{small}{small_unit}")
        }
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => pair(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => pair(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => pair(days, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => pair(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn ages_are_shortened_as_kubectl_shortens_them() {
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (11_100, "3h5m"),
            (28_800, "8h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (180_000, "2d2h"),
            (691_200, "8d"),
            (63_072_000, "2y"),
            (63_158_400, "2y1d"),
            (-5, "<invalid>"),
        ];
        for (seconds, shown) in cases {
            assert_eq!(short(seconds), shown);
        }
    }
}
