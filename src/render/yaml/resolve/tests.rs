//! What scalars mean, by both versions of go-yaml's rules.

use super::Rules;
use super::Value;
use super::plain;
use Value::Bool;
use Value::Float;
use Value::Int;
use Value::Null;

fn text(s: &str) -> Value {
    Value::Str(s.to_owned())
}

#[test]
fn plain_scalars_mean_what_go_yaml_says() {
    // As written, in resources (v3), in kustomization files and JSON patches (YAML 1.1).
    let table = [
        ("", Null, Null),
        ("~", Null, Null),
        ("null", Null, Null),
        ("Null", Null, Null),
        ("nULL", text("nULL"), text("nULL")),
        ("true", Bool(true), Bool(true)),
        ("False", Bool(false), Bool(false)),
        ("yes", text("yes"), Bool(true)),
        ("On", text("On"), Bool(true)),
        ("y", text("y"), Bool(true)),
        ("NO", text("NO"), Bool(false)),
        ("off", text("off"), Bool(false)),
        ("0", Int(0), Int(0)),
        ("-1", Int(-1), Int(-1)),
        ("+1", Int(1), Int(1)),
        ("010", Int(8), Int(8)),
        ("08", Float(8.0), Float(8.0)),
        ("0o14", Int(12), Int(12)),
        ("0xFF", Int(255), Int(255)),
        ("0b11", Int(3), Int(3)),
        ("-0b11", Int(-3), Int(-3)),
        ("1_000", Int(1000), Int(1000)),
        (
            "18446744073709551615",
            Value::Uint(u64::MAX),
            Value::Uint(u64::MAX),
        ),
        (
            "12345678901234567890123",
            Float(1.234_567_890_123_456_8e22),
            Float(1.234_567_890_123_456_8e22),
        ),
        ("1e3", Float(1000.0), Float(1000.0)),
        ("1.50", Float(1.5), Float(1.5)),
        (".5", Float(0.5), Float(0.5)),
        ("1.", Float(1.0), Float(1.0)),
        ("1.2.3", text("1.2.3"), text("1.2.3")),
        ("1e999", text("1e999"), text("1e999")),
        (".inf", Float(f64::INFINITY), Float(f64::INFINITY)),
        ("-.Inf", Float(f64::NEG_INFINITY), Float(f64::NEG_INFINITY)),
        ("1:30", text("1:30"), text("1:30")),
        ("-", text("-"), text("-")),
        ("0x", text("0x"), text("0x")),
        ("2001-01-01", text("2001-01-01T00:00:00Z"), text("2001-01-01")),
        ("2001-1-2", text("2001-01-02T00:00:00Z"), text("2001-1-2")),
        ("2001-02-30", text("2001-02-30"), text("2001-02-30")),
        (
            "2001-12-14t21:59:43.10-05:00",
            text("2001-12-14T21:59:43.1-05:00"),
            text("2001-12-14t21:59:43.10-05:00"),
        ),
        (
            "2001-12-14 21:59:43",
            text("2001-12-14T21:59:43Z"),
            text("2001-12-14 21:59:43"),
        ),
        ("v1.0", text("v1.0"), text("v1.0")),
    ];
    for (written, v3, v11) in table {
        assert_eq!(plain(written, Rules::V3).1, v3, "{written} by v3");
        assert_eq!(plain(written, Rules::V11).1, v11, "{written} by YAML 1.1");
    }
}
