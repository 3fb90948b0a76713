//! Documents for other crates: values, and where each of them stands.

use super::Kind;
use super::Node;
use super::json;
use super::parse;
use super::parse::Place;
use super::parse::Twice;
use super::resolve::Rules;
use crate::object::escape;
use crate::origin::OriginId;
use crate::problem::Problem;
use serde_json::Value;
use std::ops::Range;

/// One document of a YAML text.
#[derive(Clone, Debug)]
pub struct Document {
    root: Node,
}

/// A value of a document and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// JSON pointer of the value.
    pub pointer: String,
    /// Its bytes in the text, quotes included.
    pub span: Range<usize>,
    /// 1-based line.
    pub line: usize,
    /// Whether it stands elsewhere and came here by an alias or a merge key.
    pub aliased: bool,
}

impl Document {
    /// All documents of a text; empty ones are left out.
    ///
    /// # Errors
    /// A problem with its line when the text is not YAML, holds a key twice, or nests or expands too far.
    pub fn read(bytes: &[u8]) -> Result<Vec<Self>, Problem> {
        let documents = parse::documents(bytes, &Place::File(0), Twice::Fault).map_err(|fault| Problem {
            line: Some(fault.line),
            ..Problem::error(fault.message)
        })?;
        Ok(documents.into_iter().map(|root| Self { root }).collect())
    }

    /// The document's value by the rules for Kubernetes objects.
    ///
    /// # Errors
    /// A problem with its line when a value has no JSON form.
    pub fn json(&self) -> Result<Value, Problem> {
        json::to_json(&self.root, Rules::V3).map_err(|(origin, message)| Problem {
            line: line(origin),
            ..Problem::error(message)
        })
    }

    /// Scalars, empty maps and empty lists, in order.
    pub fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        walk(&self.root, &mut String::new(), &mut leaves);
        leaves
    }
}

fn line(origin: OriginId) -> Option<usize> {
    match origin {
        OriginId::Src(src) => Some(src.line as usize),
        OriginId::None | OriginId::Made(_) => None,
    }
}

fn walk(node: &Node, pointer: &mut String, leaves: &mut Vec<Leaf>) {
    let len = pointer.len();
    match &node.kind {
        Kind::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                pointer.push('/');
                pointer.push_str(&escape(&entry.key.text));
                walk(&entry.value, pointer, leaves);
                pointer.truncate(len);
            }
        }
        Kind::Seq(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{at}"));
                walk(item, pointer, leaves);
                pointer.truncate(len);
            }
        }
        Kind::Scalar(_) | Kind::Map(_) | Kind::Seq(_) => {
            if let OriginId::Src(src) = node.origin {
                leaves.push(Leaf {
                    pointer: pointer.clone(),
                    span: src.start as usize..src.end as usize,
                    line: src.line as usize,
                    aliased: node.aliased,
                });
            }
        }
    }
}
