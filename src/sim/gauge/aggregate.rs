//! Aggregations: one value out of the values of a group.

use super::Labels;
use super::Point;
use super::QueryError;
use super::eval::Eval;
use promql_parser::parser::AggregateExpr;
use promql_parser::parser::LabelModifier;
use std::collections::BTreeMap;

/// The aggregation's value for each group, in order of the groups' labels.
pub(super) fn evaluate(eval: &Eval<'_>, aggregate: &AggregateExpr) -> Result<Vec<Point>, QueryError> {
    let points = eval.vector(&aggregate.expr)?;
    let mut groups: BTreeMap<Labels, Vec<Point>> = BTreeMap::new();
    for point in points {
        let group = group(&point.labels, aggregate.modifier.as_ref());
        groups.entry(group).or_default().push(point);
    }
    let op = aggregate.op.to_string();
    let param = match &aggregate.param {
        Some(param) if matches!(op.as_str(), "topk" | "bottomk" | "quantile") => eval.scalar(param)?,
        _ => 0.0,
    };
    let mut all = Vec::new();
    for (labels, points) in groups {
        match op.as_str() {
            "topk" | "bottomk" => all.extend(extreme(points, param, op == "topk")),
            _ => {
                let values: Vec<f64> = points.iter().map(|point| point.value).collect();
                let value = combined(&op, param, values)?;
                all.push(Point { labels, value });
            }
        }
    }
    Ok(all)
}

fn group(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    match modifier {
        None => Labels::default(),
        Some(LabelModifier::Include(by)) => labels.only(&by.labels),
        Some(LabelModifier::Exclude(without)) => labels.unnamed().except(&without.labels),
    }
}

fn combined(op: &str, param: f64, values: Vec<f64>) -> Result<f64, QueryError> {
    let count = values.len() as f64;
    let sum: f64 = values.iter().sum();
    let mean = sum / count;
    let variance = || values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    Ok(match op {
        "sum" => sum,
        "avg" => mean,
        "count" => count,
        "group" => 1.0,
        // `f64::min` and `f64::max` prefer a number over NaN, and so does Prometheus.
        "min" => values.into_iter().fold(f64::NAN, f64::min),
        "max" => values.into_iter().fold(f64::NAN, f64::max),
        "stdvar" => variance(),
        "stddev" => variance().sqrt(),
        "quantile" => quantile(param, values),
        other => {
            let message = format!("the aggregation \"{other}\" is not evaluated here");
            return Err(QueryError::Execution(message));
        }
    })
}

fn quantile(quantile: f64, mut values: Vec<f64>) -> f64 {
    if quantile.is_nan() || values.is_empty() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(f64::total_cmp);
    let rank = quantile * (values.len() - 1) as f64;
    let lower = rank.floor();
    let upper = (lower as usize + 1).min(values.len() - 1);
    let weight = rank - lower;
    values[lower as usize] * (1.0 - weight) + values[upper] * weight
}

/// The `k` highest or lowest elements, best first, with all their labels.
fn extreme(mut points: Vec<Point>, k: f64, highest: bool) -> Vec<Point> {
    points.sort_by(|a, b| match highest {
        true => b.value.total_cmp(&a.value),
        false => a.value.total_cmp(&b.value),
    });
    points.truncate(if k >= 1.0 { k as usize } else { 0 });
    points
}
