//! Datadog's metrics query (v1).

use crate::gauge::ask::Ask;
use crate::gauge::ask::Read;
use crate::gauge::ask::Request;
use crate::gauge::ask::json;
use crate::gauge::ask::number;
use crate::port::PortError;
use serde_json::Value;

const ADDRESS: &str = "https://api.datadoghq.com";

/// The Secret has a `datadog_api_key` and a `datadog_application_key`.
pub(super) fn request(ask: &Ask<'_>) -> Result<Request, PortError> {
    let own = ask.query.provider.address.as_str();
    let url = ask.url(if own.is_empty() { ADDRESS } else { own }, "/api/v1/query")?;
    let (from_ms, to_ms) = ask.window_ms();
    let (from, to) = ((from_ms / 1000).to_string(), (to_ms / 1000).to_string());
    Ok(Request::get(url)
        .query(&[("query", ask.query.query.as_str()), ("from", &from), ("to", &to)])
        .header("dd-api-key", ask.credential("datadog_api_key")?)
        .header("dd-application-key", ask.credential("datadog_application_key")?))
}

/// The oldest point of the first series, as Flagger takes it: the newest bucket is mostly not full yet. Points
/// without a value are passed over.
pub(super) fn read(body: &[u8]) -> Read {
    let reply = json(body)?;
    if reply.get("status").and_then(Value::as_str) == Some("error") {
        let error = reply.get("error").and_then(Value::as_str).unwrap_or_default();
        return Err(format!("Datadog says: {error}"));
    }
    let series = reply.get("series").and_then(Value::as_array);
    let series = series.ok_or("the answer has no series: not Datadog's?")?;
    let points = series.first().and_then(|first| first.get("pointlist"));
    let points = points.and_then(Value::as_array).into_iter().flatten();
    let mut values = points.map(|point| number(point.get(1), "a point's value"));
    values
        .find(|value| !matches!(value, Ok(None)))
        .unwrap_or(Ok(None))
}
