#![expect(clippy::unwrap_used, reason = "tests")]
//! PromQL against tables worked out by hand.

use super::*;

const BOUNDS: &[f64] = &[1.0, 2.0, 5.0];

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// Samples every `every_s` seconds from 0 on; a `-` leaves one out.
fn load(gauge: &mut Gauge, every_s: i64, series: &[(&str, &str)]) {
    for (spelled, values) in series {
        let (name, labels) = spelled.split_once('{').unwrap_or((spelled, "}"));
        let labels: Vec<(&str, &str)> = labels
            .trim_end_matches('}')
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        for (i, value) in values.split(' ').enumerate().filter(|(_, v)| *v != "-") {
            let sample = Sample::new(i as i64 * every_s * 1000, value.parse().unwrap());
            gauge.push(Labels::new(name, &labels), sample);
        }
    }
}

/// The answer in short: a number, or `labels value` lines.
fn ask(gauge: &Gauge, query: &str, seconds: i64) -> String {
    match gauge.query(query, at(seconds)) {
        Ok(Value::Scalar(number)) => format!("{number}"),
        Ok(Value::Text(text)) => text,
        Ok(Value::Vector(points)) => {
            let spell = |point: &Point| {
                let labels: Vec<_> = point.labels.iter().map(|(l, v)| format!("{l}={v}")).collect();
                format!("{{{}}} {}", labels.join(","), (point.value * 1e6).round() / 1e6)
            };
            points.iter().map(spell).collect::<Vec<_>>().join("; ")
        }
        Ok(Value::Matrix(series)) => format!("{} series", series.len()),
        Err(error) => format!("! {error}"),
    }
}

fn check(gauge: &Gauge, seconds: i64, table: &[(&str, &str)]) {
    for (query, expected) in table {
        assert_eq!(ask(gauge, query, seconds), *expected, "{query}");
    }
}

#[test]
fn rates_extrapolate_to_the_edges_of_the_range_as_prometheus_does() {
    let mut gauge = Gauge::default();
    load(
        &mut gauge,
        10,
        &[
            // 1 a second for 100 s.
            ("steady", "100 110 120 130 140 150 160 170 180 190 200"),
            // Restarted after the fourth sample: 30 before, 5 + 10 + 10 … after.
            ("reset", "0 10 20 30 5 15 25 35 45 55 65"),
            // Appears at 80 s: too far from the start of the range to be taken back there, and it starts at zero.
            ("young", "- - - - - - - - 0 10 20"),
            ("gauge", "50 40 30 20 10 0 -10 -20 -30 -40 -50"),
            ("single", "- - - - - - - - - - 7"),
            ("flat", "5 5 5 5 5 5 5 5 5 5 5"),
        ],
    );
    check(
        &gauge,
        100,
        &[
            // Samples at 50 (open) … 100: five of them, 40 s apart; 10 s to the left edge, within 1.1 intervals.
            ("increase(steady[50s])", "{} 50"),
            ("rate(steady[50s])", "{} 1"),
            // The whole life but the sample at 0, which is on the open edge: 65 - 10 + 30 = 85 in 90 s; the counter
            // would be 0 at 90 * 10/85 = 10.588 s before the first sample, the edge is nearer.
            ("increase(reset[100s])", "{} 94.444444"),
            // 20 in 20 s; it was 0 at the first sample, so nothing is added to the left.
            ("increase(young[60s])", "{} 20"),
            ("rate(young[60s])", "{} 0.333333"),
            ("delta(gauge[50s])", "{} -50"),
            ("rate(single[1m])", ""),
            ("increase(flat[1m])", "{} 0"),
            ("irate(steady[1m])", "{} 1"),
            ("irate(reset[1m])", "{} 1"),
            ("rate(steady[20s] offset 30s)", "{} 1"),
            ("resets(reset[2m])", "{} 1"),
            ("max_over_time(gauge[2m])", "{} 50"),
            ("last_over_time(gauge[2m])", "{__name__=gauge} -50"),
            ("avg_over_time(flat[1m])", "{} 5"),
            ("nothing", ""),
            ("rate(nothing[1m])", ""),
        ],
    );
    // 5 s after the last sample: within 1.1 intervals of the right edge, so taken to it; at 130 s not: half an interval.
    check(&gauge, 105, &[("increase(steady[50s])", "{} 50")]);
    check(
        &gauge,
        130,
        // Samples 90 and 100: 10 in 10 s, 10 s to the left edge (80), 30 s to the right: 5 s are added.
        &[("increase(steady[50s])", "{} 25")],
    );
}

#[test]
fn a_quantile_is_linear_within_its_bucket() {
    let mut gauge = Gauge::default();
    load(
        &mut gauge,
        10,
        &[
            ("h_bucket{le=1}", "10"),
            ("h_bucket{le=2}", "30"),
            ("h_bucket{le=5}", "36"),
            ("h_bucket{le=+Inf}", "40"),
            ("none_bucket{le=1}", "0"),
            ("none_bucket{le=+Inf}", "0"),
            ("open_bucket{le=1}", "4"),
            ("open_bucket{le=2}", "5"),
        ],
    );
    check(
        &gauge,
        0,
        &[
            // Rank 20 of 40: half way through the 20 observations between 1 and 2.
            ("histogram_quantile(0.5, h_bucket)", "{} 1.5"),
            // Rank 5: half way through the first bucket, which starts at 0.
            ("histogram_quantile(0.125, h_bucket)", "{} 0.5"),
            // Rank 36: the end of the third.
            ("histogram_quantile(0.9, h_bucket)", "{} 5"),
            // Rank 39.6: above every bound.
            ("histogram_quantile(0.99, h_bucket)", "{} 5"),
            ("histogram_quantile(1.1, h_bucket)", "{} inf"),
            ("histogram_quantile(-1, h_bucket)", "{} -inf"),
            ("histogram_quantile(0.5, none_bucket)", "{} NaN"),
            ("histogram_quantile(0.5, open_bucket)", "{} NaN"),
        ],
    );
}

#[test]
fn selectors_are_anchored_and_treat_a_missing_label_as_empty() {
    let mut gauge = Gauge::default();
    load(
        &mut gauge,
        10,
        &[
            ("m{a=x,b=1}", "1"),
            ("m{a=xy,b=1}", "2"),
            ("m{b=2}", "3"),
            ("other{a=x}", "4"),
        ],
    );
    check(
        &gauge,
        0,
        &[
            ("m{a=\"x\"}", "{__name__=m,a=x,b=1} 1"),
            ("m{a=~\"x\"}", "{__name__=m,a=x,b=1} 1"),
            ("m{a=~\"x.*\"}", "{__name__=m,a=x,b=1} 1; {__name__=m,a=xy,b=1} 2"),
            ("m{a!~\"x.*\"}", "{__name__=m,b=2} 3"),
            ("m{a!=\"x\"}", "{__name__=m,a=xy,b=1} 2; {__name__=m,b=2} 3"),
            ("m{a=\"\"}", "{__name__=m,b=2} 3"),
            (
                "{__name__=~\"m|other\",a=\"x\"}",
                "{__name__=m,a=x,b=1} 1; {__name__=other,a=x} 4",
            ),
            ("sum(m)", "{} 6"),
            ("sum(m) by (b)", "{b=1} 3; {b=2} 3"),
            ("sum without (a) (m)", "{b=1} 3; {b=2} 3"),
            ("avg(m)", "{} 2"),
            ("min(m)", "{} 1"),
            ("max(m)", "{} 3"),
            ("count(m)", "{} 3"),
            ("topk(1, m)", "{__name__=m,b=2} 3"),
            ("quantile(0.5, m)", "{} 2"),
            ("sum(nothing)", ""),
        ],
    );
}

#[test]
fn operators_match_one_to_one_and_filter_or_answer_with_a_number() {
    let mut gauge = Gauge::default();
    load(
        &mut gauge,
        10,
        &[
            ("ok{d=a}", "9"),
            ("ok{d=b}", "1"),
            ("all{d=a}", "10"),
            ("all{d=b}", "0"),
            ("all{d=c}", "5"),
            ("info{d=a,v=one}", "1"),
            ("dup{d=a,x=1}", "1"),
            ("dup{d=a,x=2}", "2"),
        ],
    );
    check(
        &gauge,
        0,
        &[
            ("1 + 2 * 3 ^ 2 % 5", "4"),
            ("-2 ^ 2", "-4"),
            ("1 > bool 2", "0"),
            ("ok / all * 100", "{d=a} 90; {d=b} inf"),
            ("ok / on(d) all", "{d=a} 0.9; {d=b} inf"),
            ("ok > 5", "{__name__=ok,d=a} 9"),
            ("5 < ok", "{__name__=ok,d=a} 9"),
            ("ok > bool 5", "{d=a} 1; {d=b} 0"),
            ("ok < all", "{__name__=ok,d=a} 9"),
            ("ok == bool all", "{d=a} 0; {d=b} 0"),
            ("info / ignoring(v) ok", "{d=a} 0.111111"),
            ("all and ok", "{__name__=all,d=a} 10; {__name__=all,d=b} 0"),
            ("all unless ok", "{__name__=all,d=c} 5"),
            ("nothing or vector(0)", "{} 0"),
            ("sum(ok) or vector(0)", "{} 10"),
            ("ok * on(d) group_left(v) info", "{d=a,v=one} 9"),
            ("-ok", "{d=a} -9; {d=b} -1"),
            ("0 / 0", "NaN"),
            (
                "ok{d=\"b\"} / all{d=\"b\"} - all{d=\"b\"} / all{d=\"b\"}",
                "{d=b} NaN",
            ),
            (
                "ok * on(d) dup",
                "! found duplicate series for the match group on the right hand-side of the operation; \
                 many-to-many matching not allowed: matching labels must be unique on one side",
            ),
            (
                "dup * on(d) ok",
                "! multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
            ),
        ],
    );
}

#[test]
fn functions_of_single_values() {
    let mut gauge = Gauge::default();
    load(&mut gauge, 10, &[("m{a=x}", "-2.5"), ("m{a=y}", "2.5")]);
    check(
        &gauge,
        0,
        &[
            ("vector(3)", "{} 3"),
            ("scalar(m{a=\"y\"})", "2.5"),
            ("scalar(m)", "NaN"),
            ("abs(m)", "{a=x} 2.5; {a=y} 2.5"),
            ("round(m)", "{a=x} -2; {a=y} 3"),
            ("round(m, 5)", "{a=x} 0; {a=y} 5"),
            ("ceil(m)", "{a=x} -2; {a=y} 3"),
            ("floor(m)", "{a=x} -3; {a=y} 2"),
            ("clamp(m, -1, 1)", "{a=x} -1; {a=y} 1"),
            ("clamp_min(m, 0)", "{a=x} 0; {a=y} 2.5"),
            ("clamp_max(m, 0)", "{a=x} -2.5; {a=y} 0"),
            ("absent(m)", ""),
            ("absent(nothing{a=\"b\",c=~\"d\"})", "{a=b} 1"),
            ("sort_desc(m)", "{__name__=m,a=y} 2.5; {__name__=m,a=x} -2.5"),
            ("time()", "0"),
            ("m[1m]", "2 series"),
        ],
    );
}

#[test]
fn queries_that_are_wrong_are_told_so_in_prometheus_words() {
    let gauge = Gauge::default();
    let (status, body) = gauge.handle("frobnicate(up)", at(0));
    assert_eq!(status, 400);
    assert_eq!(body["status"], "error");
    assert_eq!(body["errorType"], "bad_data");
    assert_eq!(
        body["error"],
        "invalid parameter \"query\": parse error: unknown function with name \"frobnicate\""
    );
    for query in [
        "sum(",
        "rate(up)",
        "up[",
        "{}",
        "",
        "1 +",
        "sum(up) by",
        "up{a=~\"(\"}",
    ] {
        assert_eq!(gauge.handle(query, at(0)).0, 400, "{query}");
    }
    for query in [
        "deriv(up[5m])",
        "up @ 10",
        "rate(up[5m:10s])",
        "count_values(\"v\", up)",
    ] {
        let (status, body) = gauge.handle(query, at(0));
        let expected = if query.starts_with("count") {
            (200, "")
        } else {
            (422, "execution")
        };
        assert_eq!(status, expected.0, "{query}");
        assert_eq!(
            body["errorType"].as_str().unwrap_or_default(),
            expected.1,
            "{query}"
        );
    }
}

#[test]
fn answers_are_spelled_as_the_http_api_does() {
    let mut gauge = Gauge::default();
    load(&mut gauge, 10, &[("up{job=a}", "0.1")]);
    let cases = [
        (
            "up",
            r#"{"data":{"result":[{"metric":{"__name__":"up","job":"a"},"value":[5,"0.1"]}],"resultType":"vector"},"status":"success"}"#,
        ),
        (
            "1/0",
            r#"{"data":{"result":[5,"+Inf"],"resultType":"scalar"},"status":"success"}"#,
        ),
        (
            "-1/0",
            r#"{"data":{"result":[5,"-Inf"],"resultType":"scalar"},"status":"success"}"#,
        ),
        (
            "vector(0/0)",
            r#"{"data":{"result":[{"metric":{},"value":[5,"NaN"]}],"resultType":"vector"},"status":"success"}"#,
        ),
        (
            "down",
            r#"{"data":{"result":[],"resultType":"vector"},"status":"success"}"#,
        ),
        (
            "up[1m]",
            r#"{"data":{"result":[{"metric":{"__name__":"up","job":"a"},"values":[[0,"0.1"]]}],"resultType":"matrix"},"status":"success"}"#,
        ),
    ];
    for (query, expected) in cases {
        let (status, body) = gauge.handle(query, at(5));
        assert_eq!((status, body.to_string().as_str()), (200, expected), "{query}");
    }
}

#[test]
fn a_series_that_is_gone_is_stale_at_once_and_its_samples_are_dropped_in_the_end() {
    let scrapes = Scrapes {
        retention_s: 60,
        ..Scrapes::default()
    };
    let mut gauge = Gauge::new(scrapes);
    gauge.add(&Labels::new("c", &[("pod", "one")]), 3.0);
    gauge.observe(&Labels::new("h", &[("pod", "two")]), BOUNDS, &[0.5, 2.0, 9.0]);
    for second in 0..=20 {
        gauge.scrape(at(second));
    }
    check(
        &gauge,
        20,
        &[
            ("c", "{__name__=c,pod=one} 3"),
            ("count_over_time(c[1m])", "{pod=one} 5"),
            ("h_bucket{le=\"2\"}", "{__name__=h_bucket,le=2,pod=two} 2"),
            ("h_bucket{le=\"+Inf\"}", "{__name__=h_bucket,le=+Inf,pod=two} 3"),
            ("h_sum", "{__name__=h_sum,pod=two} 11.5"),
            ("h_count", "{__name__=h_count,pod=two} 3"),
        ],
    );
    gauge.forget("pod", "one");
    gauge.scrape(at(25));
    check(
        &gauge,
        26,
        &[("c", ""), ("count_over_time(c[1m])", "{pod=one} 5")],
    );
    gauge.scrape(at(90));
    assert!(!gauge.series.contains_key("c"));
    assert!(gauge.series.contains_key("h_sum"));
}

#[test]
fn samples_are_taken_at_whole_multiples_and_old_ones_are_not_looked_back_to() {
    let mut gauge = Gauge::default();
    gauge.add(&Labels::new("c", &[]), 1.0);
    for second in 3..=21 {
        gauge.scrape(at(second));
    }
    // 3 (the first call), 5, 10, 15, 20.
    check(&gauge, 21, &[("count_over_time(c[1m])", "{} 5")]);
    check(&gauge, 319, &[("c", "{__name__=c} 1")]);
    check(&gauge, 320, &[("c", "")]);
}
