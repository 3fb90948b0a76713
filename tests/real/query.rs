//! The world's PromQL beside Prometheus': the same samples in both, the same queries, the same answers.

use crate::namespace::Parts;
use crate::process::Process;
use crate::report::On;
use crate::report::Trial;
use crate::stage::cluster::Http;
use crate::stage::room;
use crate::stage::within;
use jiff::Timestamp;
use recant_sim::gauge::Gauge;
use recant_sim::gauge::Labels;
use recant_sim::gauge::Sample;
use serde_json::Value;
use std::cell::OnceCell;
use std::fmt::Write as _;
use std::process::Command;
use std::rc::Rc;
use tempfile::TempDir;

const PORT: u16 = 29091;

/// A metric, its labels, and how it moves.
type Series = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// Samples every 10 s, the last one a second before the time of the queries: no sample is on the edge of a range, of
/// which Prometheus 2 has the left one in it and Prometheus 3, as the world, has not. A `-` leaves one out.
const SERIES: &[Series] = &[
    (
        "steady_total",
        &[("pod", "a"), ("job", "x")],
        "100 110 120 130 140 150 160 170 180 190 200",
    ),
    (
        "steady_total",
        &[("pod", "b"), ("job", "x")],
        "0 20 40 60 80 100 120 140 160 180 200",
    ),
    ("reset_total", &[], "0 10 20 30 5 15 25 35 45 55 65"),
    ("young_total", &[], "- - - - - - - - 0 10 20"),
    ("level", &[("job", "x")], "50 40 30 20 10 0 -10 -20 -30 -40 -50"),
    ("single", &[], "- - - - - - - - - - 7"),
    ("gone", &[], "1 1 1 - - - - - - - -"),
    ("took_bucket", &[("le", "0.1")], "0 1 2 3 4 5 6 7 8 9 10"),
    ("took_bucket", &[("le", "0.5")], "0 2 4 6 8 10 12 14 16 18 20"),
    ("took_bucket", &[("le", "+Inf")], "0 3 6 9 12 15 18 21 24 27 30"),
    (
        "response_total",
        &[("classification", "success"), ("deployment", "web")],
        "0 9 18 27 36 45 54 63 72 81 90",
    ),
    (
        "response_total",
        &[("classification", "failure"), ("deployment", "web")],
        "0 1 2 3 4 5 6 7 8 9 10",
    ),
];

const QUERIES: &[&str] = &[
    "1 + 2 * 3",
    "1 / 0",
    "vector(7)",
    "\"text\"",
    "steady_total",
    "steady_total{pod=\"a\"}",
    "steady_total{pod=~\"a|b\", job!=\"y\"}",
    "nothing",
    "gone",
    "rate(steady_total[1m])",
    "increase(steady_total[50s])",
    "increase(reset_total[100s])",
    "rate(young_total[1m])",
    "rate(single[1m])",
    "irate(reset_total[1m])",
    "delta(level[50s])",
    "resets(reset_total[2m])",
    "max_over_time(level[2m])",
    "avg_over_time(level[1m])",
    "last_over_time(level[1m])",
    "count_over_time(level[1m])",
    "rate(steady_total[20s] offset 30s)",
    "sum(rate(steady_total[1m]))",
    "sum by (pod) (rate(steady_total[1m]))",
    "sum without (pod) (rate(steady_total[1m]))",
    "avg(steady_total)",
    "max(steady_total)",
    "count(steady_total)",
    "topk(1, steady_total)",
    "steady_total > 150",
    "steady_total > bool 300",
    "steady_total{pod=\"a\"} / on (job) level",
    "steady_total / on (job) group_left () level",
    "steady_total and on (pod) steady_total{pod=\"b\"}",
    "steady_total unless steady_total{pod=\"b\"}",
    "nothing or vector(0)",
    "absent(nothing)",
    "scalar(single)",
    "clamp_min(level, 0)",
    "abs(level)",
    "histogram_quantile(0.9, rate(took_bucket[1m]))",
    "histogram_quantile(0.99, sum by (le) (rate(took_bucket[1m])))",
    "sum(rate(response_total{classification=\"success\"}[1m])) / sum(rate(response_total[1m])) * 100",
    "100 - sum(rate(nothing[1m])) / sum(rate(response_total[1m])) * 100",
    "sum(steady_total",
    "rate(steady_total)",
    "unknown_function(1)",
    "steady_total{pod=~\"(\"}",
];

/// Both, with the same samples.
struct Pair {
    http: Http,
    world: Gauge,
    at: Timestamp,
    _process: Process,
    _room: TempDir,
}

pub(crate) fn trials() -> Vec<Trial> {
    let pair: Rc<OnceCell<Pair>> = Rc::default();
    let trial = |query: &'static str| {
        let pair = Rc::clone(&pair);
        Trial {
            suite: "query",
            check: format!("`{query}`").replace('|', "\\|"),
            on: On::Real,
            parts: &["prometheus"],
            long: false,
            run: Box::new(move |parts: &Parts| pair.get_or_init(|| Pair::start(parts)).compare(query)),
        }
    };
    QUERIES.iter().map(|query| trial(query)).collect()
}

impl Pair {
    fn start(parts: &Parts) -> Self {
        let room = room();
        let at = Timestamp::from_second(Timestamp::now().as_second() / 60 * 60 - 3600).unwrap();
        let file = within(&room, "samples");
        std::fs::write(&file, open_metrics(at)).unwrap();
        let data = within(&room, "data");
        let made = Command::new(parts.file("prometheus", "usr/bin/promtool"))
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([&file, &data])
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "promtool: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let config = within(&room, "prometheus.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        let mut command = Command::new(parts.file("prometheus", "usr/bin/prometheus"));
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", data.display()));
        command
            .arg(format!("--web.listen-address=127.0.0.1:{PORT}"))
            .arg("--log.level=warn");
        let mut process = Process::start("prometheus", &mut command, within(&room, "log"));
        let http = Http::new(&format!("http://127.0.0.1:{PORT}"), None, b"");
        process.wait_for_port(PORT);
        process.wait("readiness", |_| {
            http.json("GET", "/-/ready", &Value::Null).status == 200
        });
        Self {
            http,
            world: world(at),
            at,
            _process: process,
            _room: room,
        }
    }

    fn compare(&self, query: &str) {
        let at = self.at.as_second().to_string();
        let form: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("query", query)
            .append_pair("time", &at)
            .finish();
        let real = self
            .http
            .json("GET", &format!("/api/v1/query?{form}"), &Value::Null);
        let (status, body) = self.world.handle(query, self.at);
        assert_eq!(
            (status, plain(&body)),
            (real.status, plain(&real.body)),
            "the world's, Prometheus'"
        );
    }
}

/// The samples in time, oldest first.
fn samples(
    at: Timestamp,
) -> impl Iterator<Item = (&'static str, &'static [(&'static str, &'static str)], i64, f64)> {
    SERIES.iter().flat_map(move |(name, labels, values)| {
        let values: Vec<&str> = values.split(' ').collect();
        let first = at.as_second() - 1 - 10 * (values.len() as i64 - 1);
        let there = values.into_iter().enumerate().filter(|(_, value)| *value != "-");
        there
            .map(move |(i, value)| (*name, *labels, first + 10 * i as i64, value.parse().unwrap()))
            .collect::<Vec<_>>()
    })
}

fn open_metrics(at: Timestamp) -> String {
    let mut text = String::new();
    for (name, labels, seconds, value) in samples(at) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        let _ = writeln!(text, "{name}{{{}}} {value} {seconds}", labels.join(","));
    }
    text + "# EOF\n"
}

fn world(at: Timestamp) -> Gauge {
    let mut gauge = Gauge::default();
    for (name, labels, seconds, value) in samples(at) {
        gauge.push(Labels::new(name, labels), Sample::new(seconds * 1000, value));
    }
    gauge
}

/// An answer without what is a matter of taste: the order of series, the last digits, the words of an error.
fn plain(body: &Value) -> (String, String, Vec<String>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = match body["status"].as_str() {
        Some("success") => text(&body["data"]["resultType"]),
        _ => text(&body["errorType"]),
    };
    let result = &body["data"]["result"];
    let mut lines: Vec<String> = match result.as_array() {
        Some(series) if series.iter().all(Value::is_object) => series
            .iter()
            .map(|one| {
                let labels: std::collections::BTreeMap<String, Value> =
                    serde_json::from_value(one["metric"].clone()).unwrap_or_default();
                format!("{labels:?} {}", rounded(&one["value"]))
            })
            .collect(),
        _ => vec![rounded(result)],
    };
    lines.sort();
    (text(&body["status"]), kind, lines)
}

fn rounded(value: &Value) -> String {
    let text = value[1].as_str().unwrap_or_default();
    text.parse::<f64>()
        .map_or_else(|_| text.to_owned(), |number| format!("{number:.9}"))
}
