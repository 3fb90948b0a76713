//! YAML text of values, quoted as go-yaml does it in kustomize's output.
//!
//! Flux substitutes variables in that very text, so the choice of quotes matters: `"${PORT}"` in a file becomes plain
//! `${PORT}`, and a number once it is replaced.

use super::Style;
use super::Tag;
use super::resolve;
use super::resolve::Rules;
use serde_json::Value;
use std::fmt::Write;

/// The text of a value, as a block document.
pub(crate) fn emit(value: &Value) -> String {
    let mut text = String::new();
    block(&mut text, value, 0);
    text
}

fn block(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                pad(text, indent);
                scalar(text, key, None);
                text.push(':');
                after(text, value, indent);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                pad(text, indent);
                text.push('-');
                after(text, item, indent);
            }
        }
        Value::String(s) => {
            scalar(text, s, Some(indent).filter(|indent| *indent > 0));
            text.push('\n');
        }
        other => {
            let _ = writeln!(text, "{other}");
        }
    }
}

/// What follows a key or a dash.
fn after(text: &mut String, value: &Value, indent: usize) {
    let nested = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        text.push('\n');
        block(text, value, indent + 2);
    } else {
        text.push(' ');
        block(text, value, indent + 2);
    }
}

fn pad(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// One string. Keys (`indent` is `None`) cannot be block scalars.
fn scalar(text: &mut String, s: &str, indent: Option<usize>) {
    let look = Look::at(s);
    match indent {
        Some(indent) if look.breaks && look.block_allowed() => literal(text, s, indent),
        _ if look.breaks || look.special || !is_string(s) => {
            let _ = write!(text, "{}", Value::from(s));
        }
        _ if look.plain_allowed() => text.push_str(s),
        _ => {
            let _ = write!(text, "'{}'", s.replace('\'', "''"));
        }
    }
}

/// Whether a plain text would be read as the string it is, by any version of the rules. `1:30` was a number once.
fn is_string(s: &str) -> bool {
    let reads_as_string = |rules| resolve::plain(s, rules).0 == Tag::Str;
    !is_base_60(s) && s != "<<" && s != "=" && reads_as_string(Rules::V3) && reads_as_string(Rules::V11)
}

/// Numbers as `1:30:05.2`, which only YAML 1.0 knew.
fn is_base_60(s: &str) -> bool {
    let mut parts = s.strip_prefix(['+', '-']).unwrap_or(s).split(':');
    let first = parts.next().unwrap_or_default();
    let mut rest: Vec<&str> = parts.collect();
    if let Some((whole, fraction)) = rest.last().and_then(|last| last.split_once('.'))
        && fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && let Some(last) = rest.last_mut()
    {
        *last = whole;
    }
    let sixties = |part: &&str| match part.as_bytes() {
        [b'0'..=b'9'] => true,
        [b'0'..=b'5', b] => b.is_ascii_digit(),
        _ => false,
    };
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && !rest.is_empty()
        && rest.iter().all(sixties)
}

/// How go-yaml writes a string on its own.
pub(crate) fn style(s: &str) -> Style {
    let look = Look::at(s);
    if look.breaks && look.block_allowed() {
        Style::Literal
    } else if look.breaks || look.special || !is_string(s) {
        Style::Double
    } else if look.plain_allowed() {
        Style::Plain
    } else {
        Style::Single
    }
}

fn literal(text: &mut String, s: &str, indent: usize) {
    text.push('|');
    if s.starts_with([' ', '\n']) {
        text.push('2');
    }
    if !s.ends_with('\n') {
        text.push('-');
    } else if s.ends_with("\n\n") || s == "\n" {
        text.push('+');
    }
    for line in s.strip_suffix('\n').unwrap_or(s).split('\n') {
        text.push('\n');
        if !line.is_empty() {
            // Relative to the parent, which is one level out.
            pad(text, indent);
            text.push_str(line);
        }
    }
}

/// What go-yaml looks at when it chooses how to write a string.
#[derive(Default)]
struct Look {
    indicators: bool,
    breaks: bool,
    special: bool,
    space_at_end: bool,
    edge: bool,
}

impl Look {
    fn at(s: &str) -> Self {
        let mut look = Self {
            indicators: s.starts_with("---") || s.starts_with("..."),
            edge: s.starts_with([' ', '\n']) || s.ends_with([' ', '\n']),
            space_at_end: s.ends_with(' '),
            ..Self::default()
        };
        let mut before: Option<char> = None;
        let mut chars = s.chars().peekable();
        while let Some(c) = chars.next() {
            let blank_next = chars.peek().is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            look.indicators |= match (before, c) {
                (
                    None,
                    '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                    | '`',
                ) => true,
                (None, '-' | '?') | (_, ':') => blank_next,
                (Some(' ' | '\t' | '\n'), '#') => true,
                _ => false,
            };
            look.breaks |= matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
            look.special |= !is_printable(c) || (before == Some(' ') && c == '\n');
            before = Some(c);
        }
        look
    }

    fn plain_allowed(&self) -> bool {
        !(self.indicators || self.edge || self.breaks || self.special)
    }

    fn block_allowed(&self) -> bool {
        !(self.special || self.space_at_end)
    }
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

#[cfg(test)]
mod tests {
    //! What is written is read back as it was.

    use super::emit;
    use crate::second;
    use crate::yaml::Document;
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::json;

    #[test]
    fn strings_are_quoted_as_go_yaml_quotes_them() {
        let table = [
            ("text", "text\n"),
            ("yes", "\"yes\"\n"),
            ("1.0", "\"1.0\"\n"),
            ("1:30", "\"1:30\"\n"),
            ("", "\"\"\n"),
            ("a: b", "'a: b'\n"),
            ("# c", "'# c'\n"),
            ("it's", "it's\n"),
            (" x", "' x'\n"),
            ("${PORT}", "${PORT}\n"),
            ("tab\there", "\"tab\\there\"\n"),
        ];
        for (value, text) in table {
            assert_eq!(emit(&json!(value)), text);
        }
        assert_eq!(
            emit(&json!({"a": "x\ny\n", "b": [1, {"c": {}}]})),
            "a: |\n  x\n  y\nb:\n  -\n    c: {}\n".replace("  -\n    c", "  - 1\n  -\n    c")
        );
    }

    fn value(depth: u32) -> BoxedStrategy<Value> {
        let scalar = prop_oneof![
            "[ -~é\n\t]{0,10}".prop_map(Value::from),
            "[0-9a-fxo.eE+_:-]{1,6}".prop_map(Value::from),
            "[:#&*!|>{}\\[\\],%@`'\" ?-]{1,4}[a-z]?".prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
        ];
        if depth == 0 {
            return scalar.boxed();
        }
        prop_oneof![
            scalar,
            prop::collection::vec(value(depth - 1), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ -~é]{0,6}", value(depth - 1), 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
        .boxed()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_by_both_readers(value in value(3)) {
            let text = emit(&value);
            let read = Document::read(text.as_bytes());
            let read = read.map_err(|p| TestCaseError::fail(format!("{p}: {text:?}")))?;
            let back = read.first().map_or(Ok(Value::Null), Document::json);
            prop_assert_eq!(back, Ok(value), "{:?}", text);
            prop_assert_eq!(second::agrees(text.as_bytes()), Ok(()), "{:?}", text);
        }
    }
}
