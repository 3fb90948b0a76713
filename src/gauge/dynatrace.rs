//! Dynatrace's metrics API (v2).

use crate::credential::Token;
use crate::gauge::ask::Ask;
use crate::gauge::ask::Read;
use crate::gauge::ask::Request;
use crate::gauge::ask::json;
use crate::gauge::ask::number;
use crate::port::PortError;
use serde_json::Value;

/// The query is a metric selector. The Secret has a `dynatrace_token`.
pub(super) fn request(ask: &Ask<'_>) -> Result<Request, PortError> {
    let url = ask.url(&ask.query.provider.address, "/api/v2/metrics/query")?;
    let (from_ms, to_ms) = ask.window_ms();
    let token = format!("Api-Token {}", ask.credential("dynatrace_token")?.secret());
    let (from, to) = (from_ms.to_string(), to_ms.to_string());
    Ok(Request::get(url)
        .query(&[
            ("metricSelector", ask.query.query.as_str()),
            ("resolution", "Inf"),
            ("from", &from),
            ("to", &to),
        ])
        .header("authorization", Token::new(token)))
}

/// The first value of the last series of the first result, as Flagger takes it.
pub(super) fn read(body: &[u8]) -> Read {
    let reply = json(body)?;
    let results = reply.get("result").and_then(Value::as_array);
    let results = results.ok_or("the answer has no result: not Dynatrace's?")?;
    let data = results.first().and_then(|first| first.get("data")?.as_array());
    let last = data.and_then(|data| data.last());
    number(last.and_then(|last| last.pointer("/values/0")), "a value")
}
