//! Documents for other crates: values, and where each of them stands.

use super::Node;
use super::json;
use super::parse;
use super::parse::Place;
use super::parse::Twice;
use super::resolve::Rules;
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
        self.root.leaves(&mut |pointer, node| {
            if let OriginId::Src(src) = node.origin {
                leaves.push(Leaf {
                    pointer: pointer.to_owned(),
                    span: src.start as usize..src.end as usize,
                    line: src.line as usize,
                    aliased: node.aliased,
                });
            }
        });
        leaves
    }
}

fn line(origin: OriginId) -> Option<usize> {
    match origin {
        OriginId::Src(src) => Some(src.line as usize),
        OriginId::None | OriginId::Made(_) => None,
    }
}
