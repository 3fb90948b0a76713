//! Amazon CloudWatch's GetMetricData, in its JSON protocol.

use crate::credential::Token;
use crate::gauge::ask::Ask;
use crate::gauge::ask::Read;
use crate::gauge::ask::Request;
use crate::gauge::ask::json;
use crate::gauge::ask::number;
use crate::gauge::aws;
use crate::gauge::aws::Aws;
use crate::gauge::http::Http;
use crate::port::PortError;
use serde_json::Value;
use serde_json::json as j;
use std::time::Duration;

/// Flagger's limit.
const POINTS_MAX: i64 = 20;

/// The query is a list of MetricDataQueries in JSON. The region is the template's, the identity the pod's own.
pub(super) async fn request(
    ask: &Ask<'_>,
    aws: &Aws,
    http: &Http,
    timeout: Duration,
) -> Result<Request, PortError> {
    let region = ask.query.provider.region.as_str();
    let url = aws.service("monitoring", region)?;
    let queries: Value = serde_json::from_str(&ask.query.query)
        .map_err(|e| PortError::Invalid(format!("cloudwatch: spec.query is not JSON: {e}")))?;
    if !queries.is_array() {
        let what = "cloudwatch: spec.query is not a list of MetricDataQueries";
        return Err(PortError::Invalid(what.to_owned()));
    }
    let (from_ms, to_ms) = ask.window_ms();
    let body = j!({
        "MetricDataQueries": queries,
        "StartTime": from_ms / 1000,
        "EndTime": to_ms / 1000,
        "MaxDatapoints": POINTS_MAX,
    });
    let target = Token::new("GraniteServiceVersion20100801.GetMetricData");
    let request = Request::post(url, "application/x-amz-json-1.0", body.to_string().into_bytes())
        .header("x-amz-target", target);
    let credentials = aws.credentials(region, http, timeout).await?;
    aws::signed(request, credentials, ("monitoring", region), ask.now.as_second())
}

/// The first (newest) value of the first result, as Flagger takes it.
pub(super) fn read(body: &[u8]) -> Read {
    let reply = json(body)?;
    let results = reply.get("MetricDataResults").and_then(Value::as_array);
    let results = results.ok_or("the answer has no MetricDataResults: not CloudWatch's?")?;
    let values = results.first().and_then(|first| first.get("Values")?.as_array());
    number(values.and_then(|values| values.first()), "a value")
}
