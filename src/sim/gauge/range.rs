//! Functions over a range of samples: `rate` and its kin, and `*_over_time`.

use super::Point;
use super::Sample;
use super::select::Window;

/// A function of one series' samples in a range; no value when there are too few samples.
type Over = fn(&Window) -> Option<f64>;

/// The function of that name, and whether its result still measures the same thing (and keeps the metric's name).
pub(super) fn named(name: &str) -> Option<(Over, bool)> {
    let over: Over = match name {
        "rate" => |window| extrapolated(window, true).map(|grown| grown / window.seconds()),
        "increase" => |window| extrapolated(window, true),
        "delta" => |window| extrapolated(window, false),
        "irate" => |window| last_two(window, true).map(|(grown, seconds)| grown / seconds),
        "idelta" => |window| last_two(window, false).map(|(grown, _)| grown),
        "avg_over_time" => |window| Some(window.values().sum::<f64>() / window.samples.len() as f64),
        "sum_over_time" => |window| Some(window.values().sum()),
        "min_over_time" => |window| window.values().reduce(f64::min),
        "max_over_time" => |window| window.values().reduce(f64::max),
        "count_over_time" => |window| Some(window.samples.len() as f64),
        "last_over_time" => |window| window.values().last(),
        "present_over_time" => |_| Some(1.0),
        "changes" => |window| Some(changes(window, |a, b| a != b && !(a.is_nan() && b.is_nan()))),
        "resets" => |window| Some(changes(window, |a, b| b < a)),
        _ => return None,
    };
    Some((over, name == "last_over_time"))
}

/// The function of each series' samples.
pub(super) fn evaluate(windows: Vec<Window>, over: Over, keeps_name: bool) -> Vec<Point> {
    let points = windows.into_iter().filter_map(|window| {
        Some(Point {
            value: over(&window)?,
            labels: if keeps_name {
                window.labels
            } else {
                window.labels.unnamed()
            },
        })
    });
    points.collect()
}

impl Window {
    fn values(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|sample| sample.value)
    }

    fn seconds(&self) -> f64 {
        (self.end_ms - self.start_ms) as f64 / 1000.0
    }
}

/// How much the value has grown over the whole range, as Prometheus 3 guesses it from the samples inside: the
/// average distance between samples tells whether the series filled the range at either end, and a counter is never
/// taken back below zero.
fn extrapolated(window: &Window, counter: bool) -> Option<f64> {
    let samples = &window.samples;
    let (first, last) = (*samples.first()?, *samples.last()?);
    if samples.len() < 2 {
        return None;
    }
    let grown = grown(samples, counter);
    let sampled_s = (last.at_ms - first.at_ms) as f64 / 1000.0;
    let between_s = sampled_s / (samples.len() - 1) as f64;
    let near_s = between_s * 1.1;

    let mut before_s = (first.at_ms - window.start_ms) as f64 / 1000.0;
    if before_s >= near_s {
        before_s = between_s / 2.0;
    }
    if counter && grown > 0.0 && first.value >= 0.0 {
        before_s = before_s.min(sampled_s * (first.value / grown));
    }
    let mut after_s = (window.end_ms - last.at_ms) as f64 / 1000.0;
    if after_s >= near_s {
        after_s = between_s / 2.0;
    }
    Some(grown * ((sampled_s + before_s + after_s) / sampled_s))
}

/// Last minus first; a counter that falls has started again from zero.
fn grown(samples: &[Sample], counter: bool) -> f64 {
    let plain = match samples {
        [first, .., last] => last.value - first.value,
        _ => 0.0,
    };
    let lost: f64 = samples
        .windows(2)
        .filter(|pair| counter && pair[1].value < pair[0].value)
        .map(|pair| pair[0].value)
        .sum();
    plain + lost
}

fn last_two(window: &Window, counter: bool) -> Option<(f64, f64)> {
    let [.., before, last] = window.samples.as_slice() else {
        return None;
    };
    let seconds = (last.at_ms - before.at_ms) as f64 / 1000.0;
    let grown = if counter && last.value < before.value {
        last.value
    } else {
        last.value - before.value
    };
    (seconds > 0.0).then_some((grown, seconds))
}

fn changes(window: &Window, changed: fn(f64, f64) -> bool) -> f64 {
    let pairs = window.samples.windows(2);
    pairs.filter(|pair| changed(pair[0].value, pair[1].value)).count() as f64
}
