//! Prometheus, or a server with its HTTP API, asked as Flagger asks it.

use crate::credential::Token;
use crate::gauge::ask::Ask;
use crate::gauge::ask::Read;
use crate::gauge::ask::Request;
use crate::port::PortError;
use serde::Deserialize;
use serde_json::Value;

/// Servers may refuse longer request lines; longer queries go into a POST's body.
const GET_MAX: usize = 2000;

/// `<address>/api/v1/query`; the address may have a path of its own and credentials. A Secret has a `token`, or a
/// `username` and a `password`.
pub(super) fn request(ask: &Ask<'_>, default_address: &str) -> Result<Request, PortError> {
    let own = ask.query.provider.address.as_str();
    let address = if own.is_empty() { default_address } else { own };
    let url = ask.url(address, "/api/v1/query")?;
    let promql = ask.query.query.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut request = if promql.len() > GET_MAX {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let body = form.append_pair("query", &promql).finish().into_bytes();
        Request::post(url, "application/x-www-form-urlencoded", body)
    } else {
        Request::get(url).query(&[("query", promql.as_str())])
    };
    let Some(secret) = ask.secret else {
        return Ok(request);
    };
    if secret.has("token") {
        let bearer = format!("Bearer {}", ask.credential("token")?.secret());
        return Ok(request.header("authorization", Token::new(bearer)));
    }
    let username = ask.credential("username")?;
    request.basic = Some((username.secret().to_owned(), ask.credential("password")?));
    Ok(request)
}

#[derive(Deserialize)]
struct Reply {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

/// The last series' value, as Flagger takes it; none for no series.
pub(super) fn read(body: &[u8]) -> Read {
    let reply: Reply =
        serde_json::from_slice(body).map_err(|e| format!("not an answer of a Prometheus server: {e}"))?;
    let data = match reply.data {
        Some(data) if reply.status == "success" => data,
        _ => return Err(format!("the answer has no data: {}", reply.error)),
    };
    let sample = match data.result_type.as_str() {
        "vector" => {
            let series = data.result.as_array().ok_or("a vector that is no list")?;
            let Some(last) = series.last() else {
                return Ok(None);
            };
            last.get("value")
                .ok_or("a series without a value (native histogram?)")?
        }
        "scalar" => &data.result,
        other => return Err(format!("the query gives a {other}, not one number a series")),
    };
    let text = sample.get(1).and_then(Value::as_str).unwrap_or_default();
    let number = text
        .parse::<f64>()
        .map_err(|_| format!("{text:?} is not a number"))?;
    Ok(Some(number))
}
