//! New Relic's Insights query API, in NRQL.

use crate::gauge::ask::Ask;
use crate::gauge::ask::Read;
use crate::gauge::ask::Request;
use crate::gauge::ask::json;
use crate::gauge::ask::number;
use crate::port::PortError;
use serde_json::Value;

const ADDRESS: &str = "https://insights-api.newrelic.com";

/// The Secret has a `newrelic_account_id` and a `newrelic_query_key`. The time is Flagger's to say: the query is asked
/// `SINCE` one interval ago.
pub(super) fn request(ask: &Ask<'_>) -> Result<Request, PortError> {
    let account = ask.credential("newrelic_account_id")?;
    let account = account.secret();
    if !account.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(PortError::Denied(
            "newrelic_account_id is not a number".to_owned(),
        ));
    }
    let own = ask.query.provider.address.as_str();
    let address = if own.is_empty() { ADDRESS } else { own };
    let url = ask.url(address, &format!("/v1/accounts/{account}/query"))?;
    let nrql = format!(
        "{} SINCE {} seconds ago",
        ask.query.query,
        ask.query.interval_ms / 1000
    );
    Ok(Request::get(url)
        .query(&[("nrql", nrql.as_str())])
        .header("x-query-key", ask.credential("newrelic_query_key")?))
}

/// The only result, which the query must call `result`.
pub(super) fn read(body: &[u8]) -> Read {
    let reply = json(body)?;
    let results = reply.get("results").and_then(Value::as_array);
    match results.map(Vec::as_slice) {
        None => Err("the answer has no results: not New Relic's?".to_owned()),
        Some([]) => Ok(None),
        Some([only]) => match only.get("result") {
            None => Err("the result has no name: write SELECT ... AS result".to_owned()),
            value => number(value, "result"),
        },
        Some(several) => Err(format!("the query gives {} results, not one", several.len())),
    }
}
