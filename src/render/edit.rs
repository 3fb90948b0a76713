//! Edits that splice bytes: one scalar gets a new value, and nothing else in the file moves.
//!
//! Every edit is checked before it is given out: read again by both readers, the file must hold the new value where
//! it was asked for and the old values everywhere else.

use crate::object::escape;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::second;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::Style;
use crate::yaml::json;
use crate::yaml::parse;
use crate::yaml::parse::Place;
use crate::yaml::parse::Twice;
use crate::yaml::resolve::Rules;
use serde_json::Value;
use std::ops::Range;

/// The same bytes with one scalar set: in the document of that index (empty documents do not count), at a JSON
/// pointer. Quotes, comments, anchors, line endings and all else stay.
///
/// # Errors
/// A problem when there is no scalar at the place, or it cannot be changed without touching something else: block
/// scalars, values that came by an alias or a merge key, values that an alias elsewhere repeats.
pub fn set_scalar(bytes: &[u8], document: usize, pointer: &str, value: &Value) -> Result<Vec<u8>, Problem> {
    let documents = read(bytes)?;
    let Some(root) = documents.get(document) else {
        return Err(Problem::error(format!("the file has no document {document}")));
    };
    let target =
        find(root, pointer).ok_or_else(|| Problem::error(format!("there is no value at `{pointer}`")))?;
    let (mut span, line) = place(target, pointer)?;
    if span.is_empty() {
        // The value was not written at all: it goes behind the colon of its key.
        let colon = colon(bytes, root, pointer).ok_or_else(|| Problem {
            line: Some(line),
            ..Problem::error(format!("`{pointer}` is empty; write the value by hand"))
        })?;
        span = colon..colon;
    }
    if json::to_json(target, Rules::V3).as_ref() == Ok(value) {
        return Ok(bytes.to_vec());
    }
    let style = target.as_scalar().map_or(Style::Plain, |s| s.style);
    for text in spellings(style, value, pointer)? {
        let edited = spliced(bytes, &span, &text);
        if holds(&edited, &documents, document, pointer, value) && second::agrees(&edited).is_ok() {
            return Ok(edited);
        }
    }
    Err(Problem {
        line: Some(line),
        ..Problem::error(format!(
            "`{pointer}` cannot be set to {value} without changing something else; edit this line by hand"
        ))
    })
}

fn read(bytes: &[u8]) -> Result<Vec<Node>, Problem> {
    parse::documents(bytes, &Place::File(0), Twice::Fault).map_err(|fault| Problem {
        line: Some(fault.line),
        ..Problem::error(fault.message)
    })
}

fn find<'n>(node: &'n Node, pointer: &str) -> Option<&'n Node> {
    pointer
        .split('/')
        .skip(1)
        .try_fold(node, |node, part| match &node.kind {
            Kind::Map(entries) => entries
                .iter()
                .find(|e| escape(&e.key.text) == part)
                .map(|e| &e.value),
            Kind::Seq(items) => items.get(part.parse::<usize>().ok()?),
            Kind::Scalar(_) => None,
        })
}

/// The bytes of a scalar that can be replaced, and its line.
fn place(node: &Node, pointer: &str) -> Result<(Range<usize>, usize), Problem> {
    let OriginId::Src(src) = node.origin else {
        return Err(Problem::error(format!("`{pointer}` stands nowhere")));
    };
    let line = src.line as usize;
    let refuse = |why: &str| Problem {
        line: Some(line),
        ..Problem::error(format!("`{pointer}` {why}"))
    };
    let Some(scalar) = node.as_scalar() else {
        return Err(refuse("is no scalar"));
    };
    if node.aliased {
        return Err(refuse(
            "comes from an alias or a merge key; edit it where it stands",
        ));
    }
    if matches!(scalar.style, Style::Literal | Style::Folded) {
        return Err(refuse("is a block scalar; edit its lines by hand"));
    }
    Ok((src.start as usize..src.end as usize, line))
}

/// Where the colon behind a key ends.
fn colon(bytes: &[u8], root: &Node, pointer: &str) -> Option<usize> {
    let (parent, key) = pointer.rsplit_once('/')?;
    let entries = find(root, parent)?.as_map()?;
    let entry = entries.iter().find(|e| escape(&e.key.text) == key)?;
    let OriginId::Src(src) = entry.origin else {
        return None;
    };
    let end = src.end as usize;
    let spaces = bytes.get(end..)?.iter().take_while(|b| **b == b' ').count();
    (bytes.get(end + spaces) == Some(&b':')).then_some(end + spaces + 1)
}

/// How the value could be written, the likeliest first: as it was, plain, in quotes.
fn spellings(style: Style, value: &Value, pointer: &str) -> Result<Vec<String>, Problem> {
    let Value::String(text) = value else {
        if value.is_array() || value.is_object() {
            return Err(Problem::error(format!("only scalars can be set at `{pointer}`")));
        }
        return Ok(vec![value.to_string()]);
    };
    let (plain, single, double) = (
        text.clone(),
        format!("'{}'", text.replace('\'', "''")),
        value.to_string(),
    );
    Ok(match style {
        Style::Single => vec![single, double],
        Style::Double => vec![double],
        Style::Plain | Style::Literal | Style::Folded => vec![plain, double, single],
    })
}

fn spliced(bytes: &[u8], span: &Range<usize>, text: &str) -> Vec<u8> {
    let mut edited = bytes[..span.start].to_vec();
    if span.is_empty() {
        edited.push(b' ');
    }
    edited.extend_from_slice(text.as_bytes());
    edited.extend_from_slice(&bytes[span.end..]);
    edited
}

/// Whether the edited bytes hold the new value at the place, and the old values everywhere else.
fn holds(edited: &[u8], before: &[Node], document: usize, pointer: &str, value: &Value) -> bool {
    let Ok(after) = read(edited) else { return false };
    after.len() == before.len()
        && before.iter().zip(&after).enumerate().all(|(at, (old, new))| {
            let target = (at == document).then_some(pointer);
            same_but(old, new, target, value)
        })
}

fn same_but(old: &Node, new: &Node, target: Option<&str>, value: &Value) -> bool {
    match target {
        None => old.same(new),
        Some("") => {
            let both = |rules| json::to_json(new, rules).as_ref() == Ok(value);
            // A string must be one by either version of the rules.
            both(Rules::V3) && (!value.is_string() || both(Rules::V11))
        }
        Some(pointer) => {
            let (part, rest) = pointer[1..]
                .split_once('/')
                .map_or((&pointer[1..], ""), |(part, _)| {
                    (part, &pointer[1 + part.len()..])
                });
            match (&old.kind, &new.kind) {
                (Kind::Map(a), Kind::Map(b)) => {
                    a.len() == b.len()
                        && a.iter().zip(b).all(|(a, b)| {
                            let target = (escape(&a.key.text) == part).then_some(rest);
                            a.key == b.key && same_but(&a.value, &b.value, target, value)
                        })
                }
                (Kind::Seq(a), Kind::Seq(b)) => {
                    a.len() == b.len()
                        && a.iter().zip(b).enumerate().all(|(at, (a, b))| {
                            let target = (part == at.to_string()).then_some(rest);
                            same_but(a, b, target, value)
                        })
                }
                _ => false,
            }
        }
    }
}

#[cfg(test)]
mod tests;
