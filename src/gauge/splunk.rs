//! Splunk Observability (SignalFx): a SignalFlow program, run over HTTP, answered as server-sent events.

use crate::gauge::ask::Ask;
use crate::gauge::ask::Read;
use crate::gauge::ask::Request;
use crate::gauge::ask::number;
use crate::port::PortError;
use serde_json::Value;
use std::collections::BTreeSet;

/// The Secret has an `sf_token_key`. As with Flagger, the address may be that of the API or of the stream of a realm:
/// programs run at the stream's.
pub(super) fn request(ask: &Ask<'_>) -> Result<Request, PortError> {
    let address = streaming(&ask.query.provider.address);
    let url = ask.url(&address, "/v2/signalflow/execute")?;
    let (from_ms, to_ms) = ask.window_ms();
    let (start, stop) = (from_ms.to_string(), to_ms.to_string());
    let program = ask.query.query.clone().into_bytes();
    Ok(Request::post(url, "text/plain", program)
        .query(&[("start", start.as_str()), ("stop", &stop), ("immediate", "true")])
        .header("x-sf-token", ask.credential("sf_token_key")?))
}

/// `https://api.REALM.signalfx.com` and `wss://stream.REALM.signalfx.com` mean `https://stream.REALM.signalfx.com`.
fn streaming(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let scheme = match scheme {
        "wss" => "https",
        "ws" => "http",
        other => other,
    };
    match rest.strip_prefix("api.") {
        Some(realm) => format!("{scheme}://stream.{realm}"),
        None => format!("{scheme}://{rest}"),
    }
}

/// The last value, of the only time series there may be.
pub(super) fn read(body: &[u8]) -> Read {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not text")?;
    let mut series = BTreeSet::new();
    let mut last = None;
    for (name, data) in events(text)? {
        match name.as_str() {
            "data" => {
                let points = data.get("data").and_then(Value::as_array);
                for point in points.ok_or("a data message without data")? {
                    let Some(value) = number(point.get("value"), "a value")? else {
                        continue;
                    };
                    series.insert(
                        point
                            .get("tsId")
                            .and_then(Value::as_str)
                            .unwrap_or_default()
                            .to_owned(),
                    );
                    last = Some(value);
                }
            }
            "error" => {
                let message = data
                    .get("message")
                    .and_then(Value::as_str)
                    .unwrap_or("no reason given");
                return Err(format!("SignalFlow says: {message}"));
            }
            "control-message" if data.get("event").and_then(Value::as_str) == Some("CHANNEL_ABORT") => {
                let reason = data
                    .pointer("/abortInfo/sf_job_abortReason")
                    .and_then(Value::as_str);
                let reason = reason.unwrap_or("no reason given");
                return Err(format!("SignalFlow stopped the program: {reason}"));
            }
            _ => {}
        }
    }
    if series.len() > 1 {
        return Err(format!("the program gives {} time series, not one", series.len()));
    }
    Ok(last)
}

/// The events of a stream: names and data.
fn events(text: &str) -> Result<Vec<(String, Value)>, String> {
    let mut events = Vec::new();
    let (mut name, mut data) = (String::new(), String::new());
    for line in text.lines().chain([""]) {
        if line.is_empty() {
            if !data.is_empty() {
                let json = serde_json::from_str(&data).map_err(|e| format!("an event is not JSON: {e}"))?;
                events.push((std::mem::take(&mut name), json));
            }
            name.clear();
            data.clear();
        } else if let Some(rest) = line.strip_prefix("event:") {
            name = rest.trim().to_owned();
        } else if let Some(rest) = line.strip_prefix("data:") {
            data.push_str(rest);
            data.push('\n');
        }
    }
    if events.is_empty() && !text.trim().is_empty() {
        return Err("the answer has no events: not SignalFlow's?".to_owned());
    }
    Ok(events)
}
