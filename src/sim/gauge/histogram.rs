//! `histogram_quantile` over classic histograms (series with a label `le`).

use super::Labels;
use super::Point;
use std::collections::BTreeMap;

struct Bucket {
    upper: f64,
    /// Observations up to `upper`.
    count: f64,
}

/// The quantile of each histogram in a vector of buckets; series without a readable `le` are left out.
pub(super) fn quantiles(quantile: f64, points: &[Point]) -> Vec<Point> {
    let mut histograms: BTreeMap<Labels, Vec<Bucket>> = BTreeMap::new();
    for point in points {
        if let Some(upper) = bound(point.labels.get("le")) {
            let labels = point.labels.unnamed().with("le", "");
            let count = point.value;
            histograms
                .entry(labels)
                .or_default()
                .push(Bucket { upper, count });
        }
    }
    let points = histograms.into_iter().map(|(labels, buckets)| Point {
        labels,
        value: of_buckets(quantile, buckets),
    });
    points.collect()
}

fn bound(le: &str) -> Option<f64> {
    match le {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        _ => le.parse().ok(),
    }
}

/// Linear within the bucket that the rank falls into; the highest finite bound when it falls above all of them.
fn of_buckets(quantile: f64, mut buckets: Vec<Bucket>) -> f64 {
    if quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    let buckets = monotonic(merged(buckets));
    let [.., highest, infinite] = buckets.as_slice() else {
        return f64::NAN;
    };
    if infinite.upper != f64::INFINITY || infinite.count == 0.0 || infinite.count.is_nan() {
        return f64::NAN;
    }
    let rank = quantile * infinite.count;
    let at = buckets.partition_point(|bucket| bucket.count < rank);
    if at >= buckets.len() - 1 {
        return highest.upper;
    }
    let end = buckets[at].upper;
    if at == 0 && end <= 0.0 {
        return end;
    }
    let (start, below) = match at.checked_sub(1).map(|i| &buckets[i]) {
        Some(previous) => (previous.upper, previous.count),
        None => (0.0, 0.0),
    };
    start + (end - start) * ((rank - below) / (buckets[at].count - below))
}

/// Buckets of the same bound (spelled differently in `le`) are one.
fn merged(buckets: Vec<Bucket>) -> Vec<Bucket> {
    let mut merged: Vec<Bucket> = Vec::new();
    for bucket in buckets {
        match merged.last_mut() {
            Some(last) if last.upper == bucket.upper => last.count += bucket.count,
            _ => merged.push(bucket),
        }
    }
    merged
}

/// Scrapes and rounding may leave a higher bucket with fewer observations than a lower one: that cannot be.
fn monotonic(mut buckets: Vec<Bucket>) -> Vec<Bucket> {
    let mut most = f64::NEG_INFINITY;
    for bucket in &mut buckets {
        most = most.max(bucket.count);
        bucket.count = most;
    }
    buckets
}
