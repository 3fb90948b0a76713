//! The independent second reader: yaml-rust2 must read the same values from a file as our own reader.
//!
//! Two parsers of different descent rarely make the same mistake. What they disagree on is not touched.

use crate::problem::Problem;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::Style;
use crate::yaml::Tag;
use crate::yaml::parse;
use crate::yaml::parse::Place;
use crate::yaml::parse::Twice;
use std::collections::BTreeMap;
use yaml_rust2::parser::Event;
use yaml_rust2::parser::Parser;
use yaml_rust2::scanner::TScalarStyle;

/// Whether both readers read the same values from a text.
///
/// # Errors
/// A problem, with its line where one is known, when one of them cannot read it or they disagree.
pub fn agrees(bytes: &[u8]) -> Result<(), Problem> {
    let ours = parse::documents(bytes, &Place::File(0), Twice::Last).map_err(|fault| Problem {
        line: Some(fault.line),
        ..Problem::error(fault.message)
    })?;
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::error("not valid UTF-8"))?;
    let theirs = read(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    if ours.len() != theirs.len() {
        return Err(disagree(
            &format!("{} documents or {}", ours.len(), theirs.len()),
            None,
        ));
    }
    ours.iter()
        .zip(&theirs)
        .try_for_each(|(a, b)| compare(a, b, &mut String::new()))
}

fn disagree(what: &str, node: Option<&Node>) -> Problem {
    let line = node.and_then(|n| match n.origin {
        crate::origin::OriginId::Src(src) => Some(src.line as usize),
        _ => None,
    });
    Problem {
        line,
        ..Problem::unsupported(format!("two YAML readers disagree: {what}; write this plainer"))
    }
}

/// What the second reader sees.
#[derive(Clone, Debug)]
enum Value {
    Scalar {
        text: String,
        plain: bool,
        tag: Option<String>,
    },
    Seq(Vec<Self>),
    Map(Vec<(String, Self)>),
}

enum Open {
    Seq(usize, Vec<Value>),
    Map(usize, Vec<(String, Value)>, Option<String>),
}

/// The most values that aliases may expand to; our own reader has the same kind of bound.
const MAX_VALUES: usize = 1_000_000;

fn read(text: &str) -> Result<Vec<Value>, Problem> {
    let mut parser = Parser::new_from_str(text);
    let (mut stack, mut done): (Vec<Open>, Vec<Value>) = (Vec::new(), Vec::new());
    let mut anchors: BTreeMap<usize, Value> = BTreeMap::new();
    let mut budget = MAX_VALUES;
    loop {
        let (event, mark) = parser.next_token().map_err(|e| Problem {
            line: Some(e.marker().line()),
            ..Problem::error(format!("the second YAML reader cannot read this: {}", e.info()))
        })?;
        let (value, anchor) = match event {
            Event::StreamEnd => return Ok(done),
            Event::DocumentStart => {
                anchors.clear();
                continue;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == TScalarStyle::Plain;
                let tag = tag.map(|t| t.suffix);
                (Value::Scalar { text, plain, tag }, anchor)
            }
            Event::Alias(id) => match anchors.get(&id) {
                Some(value) => {
                    budget = budget.saturating_sub(size(value));
                    (value.clone(), 0)
                }
                None => return Err(disagree("an alias without its anchor", None)),
            },
            Event::SequenceStart(anchor, _) => {
                stack.push(Open::Seq(anchor, Vec::new()));
                continue;
            }
            Event::MappingStart(anchor, _) => {
                stack.push(Open::Map(anchor, Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match stack.pop() {
                Some(Open::Seq(anchor, items)) => (Value::Seq(items), anchor),
                Some(Open::Map(anchor, entries, _)) => (Value::Map(merged(entries)), anchor),
                None => continue,
            },
            _ => continue,
        };
        if budget == 0 {
            return Err(disagree("aliases expand to too many values", None));
        }
        if anchor != 0 {
            anchors.insert(anchor, value.clone());
        }
        match stack.last_mut() {
            None => done.extend((!is_null(&value)).then_some(value)),
            Some(Open::Seq(_, items)) => items.push(value),
            Some(Open::Map(_, entries, key)) => match (key.take(), value) {
                (Some(key), value) => {
                    entries.retain(|(known, _)| *known != key || key == "<<");
                    entries.push((key, value));
                }
                (None, Value::Scalar { text, .. }) => *key = Some(text),
                (None, _) => {
                    return Err(Problem {
                        line: Some(mark.line()),
                        ..Problem::error("a map or list as a key")
                    });
                }
            },
        }
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Scalar { .. } => 0,
        Value::Seq(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|(_, v)| size(v)).sum(),
    }
}

fn is_null(value: &Value) -> bool {
    matches!(value, Value::Scalar { text, plain: true, tag: None } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
}

/// Merge keys applied: own keys win, then earlier maps.
fn merged(entries: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let (merges, mut own): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .partition(|(key, value)| key == "<<" && !matches!(value, Value::Scalar { .. }));
    for (_, value) in merges {
        let maps = match value {
            Value::Seq(items) => items,
            other => vec![other],
        };
        for map in maps {
            let Value::Map(more) = map else { continue };
            for (key, value) in more {
                if own.iter().all(|(known, _)| *known != key) {
                    own.push((key, value));
                }
            }
        }
    }
    own
}

fn compare(ours: &Node, theirs: &Value, path: &mut String) -> Result<(), Problem> {
    match (&ours.kind, theirs) {
        (Kind::Scalar(a), Value::Scalar { text, plain, tag }) => {
            let block = matches!(a.style, Style::Literal | Style::Folded);
            let same_text = *a.text == **text
                || (a.is_missing() && text == "~")
                || *a.text == *text.replace("\r\n", "\n")
                // A block scalar that ends a file without a line break.
                || (block && text.strip_suffix('\n') == Some(&a.text));
            let same_tag = match (&a.tag, tag) {
                (None, None) => true,
                (None, Some(tag)) => tag.is_empty(),
                (Some(a), Some(b)) => tag_name(a).is_none_or(|a| a == b),
                (Some(_), None) => false,
            };
            if same_text && same_tag && *plain == (a.style == Style::Plain) {
                return Ok(());
            }
            Err(disagree(
                &format!("`{}` or `{text}` at `{path}`", a.text),
                Some(ours),
            ))
        }
        (Kind::Seq(a), Value::Seq(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                let len = path.len();
                path.push_str(&format!("/{at}"));
                compare(a, b, path)?;
                path.truncate(len);
            }
            Ok(())
        }
        (Kind::Map(a), Value::Map(b)) if a.len() == b.len() => a.iter().try_for_each(|entry| {
            let len = path.len();
            path.push('/');
            path.push_str(&entry.key.text);
            let key = if entry.key.is_missing() {
                "~"
            } else {
                &entry.key.text
            };
            let Some((_, value)) = b.iter().find(|(known, _)| known == key) else {
                return Err(disagree(
                    &format!("there is a key at `{path}` or not"),
                    Some(&entry.value),
                ));
            };
            compare(&entry.value, value, path)?;
            path.truncate(len);
            Ok(())
        }),
        _ => Err(disagree(&format!("the shape of `{path}`"), Some(ours))),
    }
}

fn tag_name(tag: &Tag) -> Option<&'static str> {
    Some(match tag {
        Tag::Null => "null",
        Tag::Bool => "bool",
        Tag::Int => "int",
        Tag::Float => "float",
        Tag::Str => "str",
        Tag::Binary => "binary",
        Tag::Timestamp => "timestamp",
        Tag::Other(_) => return None,
    })
}
