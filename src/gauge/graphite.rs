//! Graphite's render URL API.

use crate::gauge::ask::Ask;
use crate::gauge::ask::Read;
use crate::gauge::ask::Request;
use crate::gauge::ask::json;
use crate::port::PortError;
use serde_json::Value;

/// The query is the URL's own: `target=...&from=-1min`. A Secret has a `username` and a `password`.
pub(super) fn request(ask: &Ask<'_>) -> Result<Request, PortError> {
    let mut url = ask.url(&ask.query.provider.address, "/render")?;
    let line = ask.query.query.split_whitespace().collect::<Vec<_>>().join(" ");
    let asked = url::form_urlencoded::parse(line.trim_start_matches('?').as_bytes());
    let asked = asked.filter(|(key, _)| key != "format");
    url.query_pairs_mut()
        .extend_pairs(asked)
        .append_pair("format", "json");
    let mut request = Request::get(url);
    if ask.secret.is_some() {
        let username = ask.credential("username")?;
        request.basic = Some((username.secret().to_owned(), ask.credential("password")?));
    }
    Ok(request)
}

/// The last value of the last target that has one, as Flagger takes it.
pub(super) fn read(body: &[u8]) -> Read {
    let reply = json(body)?;
    let targets = reply
        .as_array()
        .ok_or("the answer is no list of targets: not Graphite's?")?;
    let mut last = None;
    for target in targets {
        let points = target.get("datapoints").and_then(Value::as_array);
        for point in points.ok_or("a target without datapoints")? {
            last = value(point.get(0))?.or(last);
        }
    }
    Ok(last)
}

/// Some servers write numbers as strings.
fn value(value: Option<&Value>) -> Read {
    match value {
        Some(Value::String(text)) => {
            let number = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
            Ok(Some(number))
        }
        other => super::ask::number(other, "a datapoint"),
    }
}
