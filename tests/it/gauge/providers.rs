//! Every other provider: what it is asked, and what each of its answers means.

use super::NOW_S;
use super::ask;
use super::provider;
use super::query;
use crate::serve::Fake;
use crate::serve::Seen;
use crate::serve::json;
use axum::response::IntoResponse;
use axum::response::Response;
use recant::port::PortError;
use recant_core::provider::ProviderKind;
use recant_core::query::MetricQuery;
use serde_json::Value;
use serde_json::json as j;

/// One provider's API.
struct Api {
    kind: ProviderKind,
    secret: &'static [(&'static str, &'static str)],
    query: &'static str,
    /// What is wrong with a request, if anything.
    check: fn(&Seen) -> Option<String>,
    answers: fn() -> Vec<Answer>,
}

/// An answer, and what it comes to: a number, no data, or an error that says this.
type Answer = (String, Result<Option<f64>, &'static str>);

/// What differs from what is expected.
fn differs<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, expected: T) -> Option<String> {
    (seen != expected).then(|| format!("{what}: {seen:?}, not {expected:?}"))
}

fn first(problems: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    problems.into_iter().flatten().next()
}

fn header<'a>(seen: &'a Seen, name: &str) -> &'a str {
    seen.headers.get(name).map_or("", String::as_str)
}

/// The keys of the query, in order.
fn keys(seen: &Seen) -> Vec<String> {
    let query = seen.target.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(key, _)| key.into_owned())
        .collect()
}

fn text(value: Value) -> String {
    value.to_string()
}

const DATADOG: Api = Api {
    kind: ProviderKind::Datadog,
    secret: &[
        ("datadog_api_key", "api-s3cret"),
        ("datadog_application_key", "app-s3cret"),
    ],
    query: "avg:system.cpu.user{*} by {host}",
    check: |seen| {
        first([
            differs(
                "call",
                (seen.method.as_str(), seen.path()),
                ("GET", "/api/v1/query"),
            ),
            differs("api key", header(seen, "dd-api-key"), "api-s3cret"),
            differs(
                "application key",
                header(seen, "dd-application-key"),
                "app-s3cret",
            ),
            differs("query", seen.query("query").as_deref(), Some(DATADOG.query)),
            differs("from", seen.query("from"), Some((NOW_S - 600).to_string())),
            differs("to", seen.query("to"), Some(NOW_S.to_string())),
            differs("keys", keys(seen).len(), 3),
        ])
    },
    answers: || {
        let series = |points: Value| {
            text(j!({"status": "ok", "res_type": "time_series", "series": [
                {"metric": "system.cpu.user", "pointlist": points, "scope": "host:a"},
                {"metric": "system.cpu.user", "pointlist": [[1.0, 77.0]], "scope": "host:b"}]}))
        };
        vec![
            (series(j!([[1.767e12, 1.5], [1.768e12, 2.5]])), Ok(Some(1.5))),
            (series(j!([[1.767e12, null], [1.768e12, 2.5]])), Ok(Some(2.5))),
            (series(j!([[1.767e12, null]])), Ok(None)),
            (series(j!([])), Ok(None)),
            (text(j!({"status": "ok", "series": []})), Ok(None)),
            (
                text(j!({"status": "error", "error": "Rule not parsed"})),
                Err("Datadog says: Rule not parsed"),
            ),
            (
                series(j!([[1.0, "x"]])),
                Err("a point's value is \"x\", not a number"),
            ),
            (text(j!({})), Err("has no series")),
        ]
    },
};

const NEW_RELIC: Api = Api {
    kind: ProviderKind::NewRelic,
    secret: &[
        ("newrelic_account_id", "51312"),
        ("newrelic_query_key", "nr-s3cret"),
    ],
    query: "SELECT percentage(count(*), WHERE error) as 'result' FROM Transaction",
    check: |seen| {
        let nrql = format!("{} SINCE 60 seconds ago", NEW_RELIC.query);
        first([
            differs(
                "call",
                (seen.method.as_str(), seen.path()),
                ("GET", "/v1/accounts/51312/query"),
            ),
            differs("key", header(seen, "x-query-key"), "nr-s3cret"),
            differs("nrql", seen.query("nrql"), Some(nrql)),
            differs("keys", keys(seen).len(), 1),
        ])
    },
    answers: || {
        let results =
            |results: Value| text(j!({"results": results, "metadata": {"eventType": "Transaction"}}));
        vec![
            (results(j!([{"result": 1.5}])), Ok(Some(1.5))),
            (results(j!([{"result": null}])), Ok(None)),
            (results(j!([])), Ok(None)),
            (results(j!([{"average": 2}])), Err("write SELECT ... AS result")),
            (
                results(j!([{"result": 1}, {"result": 2}])),
                Err("gives 2 results, not one"),
            ),
            (text(j!([])), Err("has no results")),
        ]
    },
};

const GRAPHITE: Api = Api {
    kind: ProviderKind::Graphite,
    secret: &[("username", "u"), ("password", "gr-s3cret")],
    query: "target=sumSeries(\n  stats.{a,b}.count\n)&from=-2min&format=png",
    check: |seen| {
        first([
            differs("call", (seen.method.as_str(), seen.path()), ("GET", "/render")),
            differs("who", header(seen, "authorization"), "Basic dTpnci1zM2NyZXQ="),
            differs(
                "target",
                seen.query("target").as_deref(),
                Some("sumSeries( stats.{a,b}.count )"),
            ),
            differs("from", seen.query("from").as_deref(), Some("-2min")),
            differs(
                "keys",
                keys(seen),
                ["target", "from", "format"].map(str::to_owned).to_vec(),
            ),
            differs("format", seen.query("format").as_deref(), Some("json")),
        ])
    },
    answers: || {
        let one = |points: Value| text(j!([{"target": "a", "datapoints": points}]));
        vec![
            (one(j!([[1.0, 1], [2.5, 2], [null, 3]])), Ok(Some(2.5))),
            (one(j!([["3.5", "1"]])), Ok(Some(3.5))),
            (
                text(j!([{"target": "a", "datapoints": [[1, 1]]}, {"target": "b", "datapoints": [[9, 1]]}])),
                Ok(Some(9.0)),
            ),
            (one(j!([[null, 1]])), Ok(None)),
            (one(j!([])), Ok(None)),
            (text(j!([])), Ok(None)),
            (one(j!([[true, 1]])), Err("a datapoint is true, not a number")),
            (one(j!([["x", 1]])), Err("\"x\" is not a number")),
            (text(j!([{"target": "a"}])), Err("a target without datapoints")),
            (text(j!({})), Err("not Graphite's?")),
        ]
    },
};

const INFLUXDB: Api = Api {
    kind: ProviderKind::InfluxDb,
    secret: &[("token", "in-s3cret"), ("org", "my org")],
    query: "from(bucket: \"default\")\n  |> range(start: -2h) // two hours\n  |> mean()",
    check: |seen| {
        let body = j!({"query": INFLUXDB.query, "type": "flux", "dialect": {
            "annotations": ["datatype", "group", "default"], "delimiter": ",", "header": true}});
        first([
            differs(
                "call",
                (seen.method.as_str(), seen.path()),
                ("POST", "/api/v2/query"),
            ),
            differs("token", header(seen, "authorization"), "Token in-s3cret"),
            differs("type", header(seen, "content-type"), "application/json"),
            differs("org", seen.query("org").as_deref(), Some("my org")),
            differs("keys", keys(seen).len(), 1),
            differs("body", seen.json(), body),
        ])
    },
    answers: || {
        let table = |r#type: &str, default: &str, rows: &str| {
            format!(
                "#datatype,string,long,dateTime:RFC3339,{type}\r\n#group,false,false,true,false\r\n\
                 #default,_result,,,{default}\r\n,result,table,_time,_value\r\n{rows}"
            )
        };
        vec![
            (
                table(
                    "double",
                    "",
                    ",,0,2026-01-01T00:00:00Z,1.5\r\n,,0,2026-01-01T00:00:01Z,2.5\r\n\r\n",
                ),
                Ok(Some(1.5)),
            ),
            (table("long", "", ",,0,2026-01-01T00:00:00Z,7\r\n"), Ok(Some(7.0))),
            (
                table("double", "4.5", ",,0,2026-01-01T00:00:00Z,\r\n"),
                Ok(Some(4.5)),
            ),
            (table("double", "", ",,0,2026-01-01T00:00:00Z,\r\n"), Ok(None)),
            (table("double", "", ",,0,2026-01-01T00:00:00Z,NaN\r\n"), Ok(None)),
            (table("double", "", ""), Ok(None)),
            ("\r\n".to_owned(), Ok(None)),
            (
                table("string", "", ",,0,2026-01-01T00:00:00Z,\"a,b\"\r\n"),
                Err("_value is a string, not a number"),
            ),
            (
                "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n\
                 ,Failed to parse query,897\r\n"
                    .to_owned(),
                Err("InfluxDB says: Failed to parse query"),
            ),
            (
                "#datatype,string,long,string\r\n,result,table,other\r\n,,0,x\r\n".to_owned(),
                Err("has no _value"),
            ),
        ]
    },
};

const DYNATRACE: Api = Api {
    kind: ProviderKind::Dynatrace,
    secret: &[("dynatrace_token", "dt-s3cret")],
    query: "builtin:service.response.time:merge(0):avg",
    check: |seen| {
        first([
            differs(
                "call",
                (seen.method.as_str(), seen.path()),
                ("GET", "/api/v2/metrics/query"),
            ),
            differs("token", header(seen, "authorization"), "Api-Token dt-s3cret"),
            differs(
                "selector",
                seen.query("metricSelector").as_deref(),
                Some(DYNATRACE.query),
            ),
            differs("resolution", seen.query("resolution").as_deref(), Some("Inf")),
            differs("from", seen.query("from"), Some(format!("{}000", NOW_S - 600))),
            differs("to", seen.query("to"), Some(format!("{NOW_S}000"))),
            differs("keys", keys(seen).len(), 4),
        ])
    },
    answers: || {
        let data = |data: Value| {
            text(j!({"totalCount": 1, "nextPageKey": null, "resolution": "Inf",
                     "result": [{"metricId": "m", "data": data}]}))
        };
        let points = |values: Value| j!({"dimensions": [], "timestamps": [1], "values": values});
        vec![
            (data(j!([points(j!([1.5]))])), Ok(Some(1.5))),
            (
                data(j!([points(j!([1.5])), points(j!([2.5, 3.5]))])),
                Ok(Some(2.5)),
            ),
            (data(j!([points(j!([null]))])), Ok(None)),
            (data(j!([points(j!([]))])), Ok(None)),
            (data(j!([])), Ok(None)),
            (text(j!({"result": []})), Ok(None)),
            (text(j!({})), Err("not Dynatrace's?")),
        ]
    },
};

const SPLUNK: Api = Api {
    kind: ProviderKind::Splunk,
    secret: &[("sf_token_key", "sf-s3cret")],
    query: "data('service.request.count', filter=filter('sf_service', 'a')).sum().publish()",
    check: |seen| {
        first([
            differs(
                "call",
                (seen.method.as_str(), seen.path()),
                ("POST", "/v2/signalflow/execute"),
            ),
            differs("token", header(seen, "x-sf-token"), "sf-s3cret"),
            differs("type", header(seen, "content-type"), "text/plain"),
            differs("start", seen.query("start"), Some(format!("{}000", NOW_S - 600))),
            differs("stop", seen.query("stop"), Some(format!("{NOW_S}000"))),
            differs("immediate", seen.query("immediate").as_deref(), Some("true")),
            differs("body", seen.body.as_ref(), SPLUNK.query.as_bytes()),
        ])
    },
    answers: || {
        let event = |name: &str, data: Value| {
            let lines = serde_json::to_string_pretty(&data).unwrap();
            let lines: String = lines.lines().map(|line| format!("data: {line}\n")).collect();
            format!("event: {name}\n{lines}\n")
        };
        let point = |id: &str, value: Value| {
            event(
                "data",
                j!({"data": [{"tsId": id, "value": value}], "logicalTimestampMs": 1}),
            )
        };
        let begin = event("control-message", j!({"event": "STREAM_START", "timestampMs": 1}));
        let end = event(
            "control-message",
            j!({"event": "END_OF_CHANNEL", "timestampMs": 2}),
        );
        vec![
            (
                format!("{begin}{}{}{end}", point("A", j!(1.5)), point("A", j!(2.5))),
                Ok(Some(2.5)),
            ),
            (
                format!("{begin}{}{}{end}", point("A", j!(7)), point("A", Value::Null)),
                Ok(Some(7.0)),
            ),
            (format!("{begin}{end}"), Ok(None)),
            (format!("{begin}{}", event("data", j!({"data": []}))), Ok(None)),
            (
                format!("{}{}", point("A", j!(1)), point("B", j!(2))),
                Err("gives 2 time series, not one"),
            ),
            (
                event(
                    "error",
                    j!({"error": 400, "errorType": "ANALYTICS_PROGRAM_NAME_ERROR", "message": "bad name"}),
                ),
                Err("SignalFlow says: bad name"),
            ),
            (
                event(
                    "control-message",
                    j!({"event": "CHANNEL_ABORT",
                    "abortInfo": {"sf_job_abortState": "ABORTED", "sf_job_abortReason": "too big"}}),
                ),
                Err("SignalFlow stopped the program: too big"),
            ),
            ("event: data\ndata: {\n\n".to_owned(), Err("an event is not JSON")),
        ]
    },
};

const APIS: [&Api; 6] = [&DATADOG, &NEW_RELIC, &GRAPHITE, &INFLUXDB, &DYNATRACE, &SPLUNK];

impl Api {
    fn query(&self, address: &str) -> MetricQuery {
        query(provider(self.kind, address), self.query)
    }

    /// A server of this API that says this.
    async fn server(&'static self, body: String) -> Fake {
        Fake::start(move |seen| match (self.check)(seen) {
            Some(problem) => json(400, j!({"error": {"message": problem}})),
            None => body.clone().into_response(),
        })
        .await
    }
}

#[tokio::test]
async fn every_provider_is_asked_as_its_api_wants_it_and_every_answer_is_read() {
    for api in APIS {
        for (body, expected) in (api.answers)() {
            let fake = api.server(body.clone()).await;
            let got = ask(api.secret, api.query(&fake.url())).await;
            match expected {
                Ok(value) => assert_eq!(got.as_ref().ok(), Some(&value), "{:?} {body}: {got:?}", api.kind),
                Err(words) => assert!(
                    matches!(&got, Err(PortError::Invalid(why)) if why.contains(words)),
                    "{:?} {body}: {got:?}",
                    api.kind
                ),
            }
            assert_eq!(fake.seen().len(), 1, "one question, one request");
        }
    }
}

#[tokio::test]
async fn every_provider_tells_who_refuses_from_who_is_away_and_who_talks_nonsense() {
    for api in APIS {
        for (status, expected) in [
            (401, "denied"),
            (403, "denied"),
            (404, "invalid"),
            (429, "unreachable"),
            (500, "unreachable"),
            (503, "unreachable"),
        ] {
            // The server repeats the credential: it must not come back.
            let fake = Fake::start(move |seen| {
                let all = seen.headers.values().cloned().collect::<Vec<_>>().join(" ");
                json(status, j!({"errors": [format!("I saw {all}")]}))
            })
            .await;
            let got = ask(api.secret, api.query(&fake.url()))
                .await
                .unwrap_err()
                .to_string();
            assert!(got.starts_with(expected), "{:?} {status}: {got}", api.kind);
            assert!(
                got.contains(&format!("HTTP {status}: I saw")) && !got.contains("s3cret"),
                "{got}"
            );
        }
        for nonsense in ["<html>", "\0\u{1}", "null"] {
            let fake = Fake::start(move |_| nonsense.into_response()).await;
            let got = ask(api.secret, api.query(&fake.url())).await;
            let is_csv = api.kind == ProviderKind::InfluxDb;
            assert!(
                matches!(got, Err(PortError::Invalid(_))) || (is_csv && got.as_ref().ok() == Some(&None)),
                "{:?} {nonsense:?}: {got:?}",
                api.kind
            );
        }
        let away = ask(api.secret, api.query(&crate::serve::nobody().await)).await;
        assert!(
            matches!(away, Err(PortError::Unreachable(_))),
            "{:?} {away:?}",
            api.kind
        );
    }
}

#[tokio::test]
async fn no_provider_is_asked_without_its_credential() {
    for api in APIS {
        for (missing, _) in api.secret {
            let fake = Fake::start(|_| Response::default()).await;
            let rest: Vec<_> = api
                .secret
                .iter()
                .filter(|(key, _)| key != missing)
                .copied()
                .collect();
            let got = ask(&rest, api.query(&fake.url())).await.unwrap_err().to_string();
            assert_eq!(
                got,
                format!("denied: Secret/ops/creds: there is no key {missing}")
            );
            assert!(fake.seen().is_empty());
        }
    }
}

#[tokio::test]
async fn splunks_api_address_and_its_stream_address_mean_the_stream() {
    for (address, host) in [
        ("https://api.us1.invalid", "https://stream.us1.invalid/"),
        ("wss://stream.us1.invalid", "https://stream.us1.invalid/"),
        ("http://api.us1.invalid:8080", "http://stream.us1.invalid:8080/"),
    ] {
        let away = ask(SPLUNK.secret, SPLUNK.query(address))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            away.starts_with(&format!("unreachable: {host}v2/signalflow/execute: ")),
            "{away}"
        );
    }
}

#[tokio::test]
async fn an_account_id_cannot_lead_to_another_path() {
    let fake = Fake::start(|_| Response::default()).await;
    let secret = [
        ("newrelic_account_id", "../../admin"),
        ("newrelic_query_key", "k"),
    ];
    let got = ask(&secret, NEW_RELIC.query(&fake.url())).await;
    assert!(matches!(got, Err(PortError::Denied(_))), "{got:?}");
    assert!(fake.seen().is_empty());
}
