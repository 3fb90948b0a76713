//! The JSON of Prometheus' `/api/v1/query`.

use super::Labels;
use super::QueryError;
use super::Value;
use serde_json::json;

/// An HTTP status and a body.
pub type Reply = (u16, serde_json::Value);

/// Spells out what a query came to. `at_s` is the time of evaluation, in seconds since 1970.
pub(super) fn reply(outcome: Result<Value, QueryError>, at_s: f64) -> Reply {
    match outcome {
        Ok(value) => {
            let data = json!({"resultType": value.type_name(), "result": result(&value, at_s)});
            (200, json!({"status": "success", "data": data}))
        }
        Err(error) => {
            let (status, kind) = match error {
                QueryError::Parse(_) => (400, "bad_data"),
                QueryError::Execution(_) => (422, "execution"),
            };
            let body = json!({"status": "error", "errorType": kind, "error": error.to_string()});
            (status, body)
        }
    }
}

fn result(value: &Value, at_s: f64) -> serde_json::Value {
    match value {
        Value::Scalar(number) => json!([time(at_s), spelled(*number)]),
        Value::Text(text) => json!([time(at_s), text]),
        Value::Vector(points) => points
            .iter()
            .map(
                |point| json!({"metric": metric(&point.labels), "value": [time(at_s), spelled(point.value)]}),
            )
            .collect(),
        Value::Matrix(series) => series
            .iter()
            .map(|(labels, samples)| {
                let values: Vec<_> = samples
                    .iter()
                    .map(|sample| json!([time(sample.at_ms as f64 / 1000.0), spelled(sample.value)]))
                    .collect();
                json!({"metric": metric(labels), "values": values})
            })
            .collect(),
    }
}

/// Whole seconds stand without a fraction, as Prometheus writes them.
fn time(at_s: f64) -> serde_json::Value {
    if at_s.fract() == 0.0 {
        json!(at_s as i64)
    } else {
        json!(at_s)
    }
}

fn metric(labels: &Labels) -> serde_json::Value {
    labels
        .iter()
        .map(|(label, value)| (label.to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A number as Go's `strconv` spells it with format `f`.
fn spelled(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        number.to_string()
    }
}
