//! The YAML text that Flux substitutes variables in.
//!
//! Only strings with a `$` need go-yaml's own choice of quoting, because only those can change: `"${PORT}"` becomes
//! plain `${PORT}`, and a number once it is replaced. Everything else is written as JSON.

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
            scalar(text, s, Some(indent));
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
    if !s.contains('$') {
        let _ = write!(text, "{}", Value::from(s));
        return;
    }
    let look = Look::at(s);
    match indent {
        Some(indent) if look.breaks && look.block_allowed() => literal(text, s, indent),
        _ if look.breaks || look.special => {
            let _ = write!(text, "{}", Value::from(s));
        }
        _ if look.plain_allowed() => text.push_str(s),
        _ => {
            let _ = write!(text, "'{}'", s.replace('\'', "''"));
        }
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
