//! What a scalar means: go-yaml's rules, in the two versions kustomize uses.
//!
//! Resources and strategic merge patches are read by go-yaml v3; `kustomization.yaml` and JSON6902 patches go
//! through sigs.k8s.io/yaml, which reads YAML 1.1.

use super::Scalar;
use super::Style;
use super::Tag;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Which version of the rules holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// go-yaml v3: resources and strategic merge patches.
    V3,
    /// YAML 1.1 as sigs.k8s.io/yaml reads it: kustomization files and JSON6902 patches.
    V11,
}

/// The value of a scalar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Str(String),
}

/// The type of a scalar.
pub(crate) fn tag(scalar: &Scalar, rules: Rules) -> Tag {
    match &scalar.tag {
        Some(tag) => tag.clone(),
        None if scalar.style != Style::Plain => Tag::Str,
        None => plain(&scalar.text, rules).0,
    }
}

/// The value of a scalar, or why it has none.
pub(crate) fn value(scalar: &Scalar, rules: Rules) -> Result<Value, String> {
    let text = &*scalar.text;
    match &scalar.tag {
        None if scalar.style != Style::Plain => Ok(Value::Str(text.to_owned())),
        None => Ok(plain(text, rules).1),
        Some(Tag::Str | Tag::Other(_)) => Ok(Value::Str(text.to_owned())),
        Some(Tag::Binary) => binary(text),
        Some(wanted) => match (wanted, plain(text, rules)) {
            (Tag::Float, (Tag::Int, Value::Int(i))) => Ok(Value::Float(i as f64)),
            (Tag::Float, (Tag::Int, Value::Uint(i))) => Ok(Value::Float(i as f64)),
            (wanted, (found, value)) if *wanted == found => Ok(value),
            (wanted, _) => Err(format!("`{text}` is not a {}", name(wanted))),
        },
    }
}

fn name(tag: &Tag) -> &str {
    match tag {
        Tag::Null => "null",
        Tag::Bool => "bool",
        Tag::Int => "int",
        Tag::Float => "float",
        Tag::Str => "string",
        Tag::Binary => "binary",
        Tag::Timestamp => "timestamp",
        Tag::Other(tag) => tag,
    }
}

fn binary(text: &str) -> Result<Value, String> {
    let bytes = STANDARD
        .decode(text.split_whitespace().collect::<String>())
        .map_err(|e| format!("!!binary value is not base64: {e}"))?;
    String::from_utf8(bytes)
        .map(Value::Str)
        .map_err(|_| "!!binary value is not UTF-8".to_owned())
}

/// The type and value of a plain scalar without a tag.
pub(crate) fn plain(text: &str, rules: Rules) -> (Tag, Value) {
    let string = || (Tag::Str, Value::Str(text.to_owned()));
    match text.as_bytes().first() {
        None => (Tag::Null, Value::Null),
        Some(b'0'..=b'9' | b'+' | b'-') => number(text, rules).unwrap_or_else(string),
        Some(b'.') => special(text)
            .or_else(|| {
                let float = go_float(text)?;
                Some((Tag::Float, Value::Float(float)))
            })
            .unwrap_or_else(string),
        Some(_) => word(text, rules).unwrap_or_else(string),
    }
}

fn word(text: &str, rules: Rules) -> Option<(Tag, Value)> {
    let bool = |b| Some((Tag::Bool, Value::Bool(b)));
    match text {
        "~" | "null" | "Null" | "NULL" => Some((Tag::Null, Value::Null)),
        "true" | "True" | "TRUE" => bool(true),
        "false" | "False" | "FALSE" => bool(false),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if rules == Rules::V11 => bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if rules == Rules::V11 => bool(false),
        _ => None,
    }
}

fn special(text: &str) -> Option<(Tag, Value)> {
    let float = match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => f64::INFINITY,
        "-.inf" | "-.Inf" | "-.INF" => f64::NEG_INFINITY,
        ".nan" | ".NaN" | ".NAN" => f64::NAN,
        _ => return None,
    };
    Some((Tag::Float, Value::Float(float)))
}

fn number(text: &str, rules: Rules) -> Option<(Tag, Value)> {
    if let Some(found) = special(text) {
        return Some(found);
    }
    if let Some(time) = timestamp(text) {
        return Some(match rules {
            Rules::V3 => (Tag::Timestamp, Value::Str(time)),
            Rules::V11 => (Tag::Str, Value::Str(text.to_owned())),
        });
    }
    let digits = text.replace('_', "");
    if let Some(int) = go_int(&digits) {
        return Some((Tag::Int, int));
    }
    if looks_float(&digits)
        && let Some(float) = go_float(&digits)
    {
        return Some((Tag::Float, Value::Float(float)));
    }
    None
}

/// Go's `ParseInt(s, 0, 64)`, then `ParseUint`.
fn go_int(text: &str) -> Option<Value> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(magnitude).map(Value::Int);
    }
    Some(match i64::try_from(magnitude) {
        Ok(int) => Value::Int(int),
        Err(_) if text.starts_with('+') => return None,
        Err(_) => Value::Uint(magnitude),
    })
}

/// go-yaml's shape of a float: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn looks_float(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((m, e)) => (m, Some(e.strip_prefix(['-', '+']).unwrap_or(e))),
        None => (body, None),
    };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        None => digits(mantissa),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
    };
    mantissa_ok && exponent.is_none_or(digits)
}

/// Go's `ParseFloat` on decimal digits: out of range is an error.
fn go_float(text: &str) -> Option<f64> {
    if !looks_float(text) {
        return None;
    }
    text.parse::<f64>().ok().filter(|f| f.is_finite())
}

/// go-yaml's timestamps, as RFC 3339 with nanoseconds cut of trailing zeros.
fn timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let year_len = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    if year_len != 4 || bytes.get(4) != Some(&b'-') {
        return None;
    }
    let year: u32 = text[..4].parse().ok()?;
    let (month, rest) = short(&text[5..])?;
    let (day, rest) = short(rest.strip_prefix('-')?)?;
    if !(1..=12).contains(&month) || day == 0 || day > days(year, month) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    if rest.is_empty() {
        return Some(format!("{date}T00:00:00Z"));
    }
    let (clock, zoned) = match rest.as_bytes()[0] {
        b'T' | b't' => (&rest[1..], true),
        b' ' => (&rest[1..], false),
        _ => return None,
    };
    let (time, zone) = clock_time(clock)?;
    match (zoned, zone) {
        (false, "") | (true, "Z") => Some(format!("{date}T{time}Z")),
        (true, zone) if is_zone(zone) && &zone[1..] == "00:00" => Some(format!("{date}T{time}Z")),
        (true, zone) if is_zone(zone) => Some(format!("{date}T{time}{zone}")),
        _ => None,
    }
}

/// A number of one or two digits, and what follows.
fn short(text: &str) -> Option<(u32, &str)> {
    let len = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    Some((text.get(..len)?.parse().ok()?, &text[len..]))
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Hours, minutes, seconds and fraction in canonical form, and what follows.
fn clock_time(text: &str) -> Option<(String, &str)> {
    let (hour, rest) = short(text)?;
    let (minute, rest) = short(rest.strip_prefix(':')?)?;
    let (second, rest) = short(rest.strip_prefix(':')?)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    let Some(fraction) = rest.strip_prefix('.') else {
        return Some((time, rest));
    };
    let len = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if len == 0 {
        return None;
    }
    let kept = fraction[..len.min(9)].trim_end_matches('0');
    let point = if kept.is_empty() { "" } else { "." };
    Some((format!("{time}{point}{kept}"), &fraction[len..]))
}

fn is_zone(zone: &str) -> bool {
    let b = zone.as_bytes();
    b.len() == 6
        && matches!(b[0], b'+' | b'-')
        && b[3] == b':'
        && [b[1], b[2], b[4], b[5]].iter().all(u8::is_ascii_digit)
        && zone[1..3] < *"25"
        && zone[4..6] < *"60"
}

#[cfg(test)]
mod tests;
