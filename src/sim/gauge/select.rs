//! Selectors: which series, and which of their samples.

use super::Gauge;
use super::Labels;
use super::Point;
use super::QueryError;
use super::Sample;
use promql_parser::label::Matcher;
use promql_parser::parser::MatrixSelector;
use promql_parser::parser::Offset;
use promql_parser::parser::VectorSelector;
use std::collections::VecDeque;

/// The newest sample of each matching series, if it is neither stale nor older than the look-back.
pub(super) fn instant(
    gauge: &Gauge,
    at_ms: i64,
    selector: &VectorSelector,
) -> Result<Vec<Point>, QueryError> {
    let at_ms = shifted(at_ms, selector)?;
    let oldest_ms = at_ms - i64::from(gauge.scrapes.lookback_s) * 1000;
    let points = matching(gauge, selector)
        .into_iter()
        .filter_map(|(labels, samples)| {
            let end = samples.partition_point(|sample| sample.at_ms <= at_ms);
            let newest = samples.get(end.checked_sub(1)?)?;
            let counts = !newest.is_stale() && newest.at_ms > oldest_ms;
            counts.then(|| Point {
                labels: labels.clone(),
                value: newest.value,
            })
        });
    Ok(points.collect())
}

/// The samples of one series inside a range, which is open to the left as in Prometheus 3: `(start, end]`.
pub(super) struct Window {
    /// The series.
    pub(super) labels: Labels,
    /// Its samples, oldest first; at least one.
    pub(super) samples: Vec<Sample>,
    /// Where the range starts, in milliseconds since 1970.
    pub(super) start_ms: i64,
    /// Where it ends.
    pub(super) end_ms: i64,
}

/// The samples of each matching series inside the range.
pub(super) fn windows(
    gauge: &Gauge,
    at_ms: i64,
    selector: &MatrixSelector,
) -> Result<Vec<Window>, QueryError> {
    let end_ms = shifted(at_ms, &selector.vs)?;
    let start_ms = end_ms - selector.range.as_millis() as i64;
    let series = matching(gauge, &selector.vs).into_iter();
    let windows = series.map(|(labels, samples)| Window {
        labels: labels.clone(),
        samples: inside(samples, start_ms, end_ms),
        start_ms,
        end_ms,
    });
    Ok(windows.filter(|window| !window.samples.is_empty()).collect())
}

fn inside(samples: &VecDeque<Sample>, start_ms: i64, end_ms: i64) -> Vec<Sample> {
    let from = samples.partition_point(|sample| sample.at_ms <= start_ms);
    let to = samples.partition_point(|sample| sample.at_ms <= end_ms);
    let kept = samples.range(from..to.max(from)).copied();
    kept.filter(|sample| !sample.is_stale()).collect()
}

fn shifted(at_ms: i64, selector: &VectorSelector) -> Result<i64, QueryError> {
    if selector.at.is_some() {
        let message = "the @ modifier is not evaluated here: leave it out and give the query's time instead";
        return Err(QueryError::Execution(message.to_owned()));
    }
    Ok(match &selector.offset {
        Some(Offset::Pos(by)) => at_ms - by.as_millis() as i64,
        Some(Offset::Neg(by)) => at_ms + by.as_millis() as i64,
        None => at_ms,
    })
}

fn matching<'a>(gauge: &'a Gauge, selector: &VectorSelector) -> Vec<(&'a Labels, &'a VecDeque<Sample>)> {
    let candidates: Vec<_> = match &selector.name {
        Some(name) => gauge.series.get(name).into_iter().collect(),
        None => gauge.series.values().collect(),
    };
    candidates
        .into_iter()
        .flatten()
        .filter(|(labels, _)| matches(selector, labels))
        .collect()
}

/// Matchers with `or` between them are groups of which one must hold, next to those that must hold anyway.
fn matches(selector: &VectorSelector, labels: &Labels) -> bool {
    let holds = |matcher: &Matcher| matcher.is_match(labels.get(&matcher.name));
    let either = &selector.matchers.or_matchers;
    selector.matchers.matchers.iter().all(holds)
        && (either.is_empty() || either.iter().any(|group| group.iter().all(holds)))
}
