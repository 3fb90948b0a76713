//! Strict decoding, as Go's JSON decoder does it for kustomize: keys match whatever their case, unknown keys and
//! values of the wrong type are problems.

use crate::origin::OriginId;
use crate::problem::Problem;
use crate::yaml::Entry;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::Tag;

/// A string and where it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) origin: OriginId,
}

impl Text {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// Problems and the origins of the nodes they are about.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<(OriginId, Problem)>,
    /// Whether numbers and booleans count as strings and unknown fields are dropped, as where a document is read
    /// into a Go type that is written out again.
    lenient: bool,
}

impl Problems {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Problems of a document that is decoded leniently.
    pub(crate) fn lenient() -> Self {
        Self {
            list: Vec::new(),
            lenient: true,
        }
    }

    pub(crate) fn push(&mut self, problem: (OriginId, Problem)) {
        self.list.push(problem);
    }
}

impl IntoIterator for Problems {
    type Item = (OriginId, Problem);
    type IntoIter = std::vec::IntoIter<(OriginId, Problem)>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

/// The fields of one map that have not been read yet.
pub(crate) struct Fields<'n, 'p> {
    what: &'static str,
    left: Vec<&'n Entry>,
    pub(crate) problems: &'p mut Problems,
}

impl<'n, 'p> Fields<'n, 'p> {
    /// The fields of a map; of anything else a problem and no fields.
    pub(crate) fn new(node: &'n Node, what: &'static str, problems: &'p mut Problems) -> Self {
        if node.as_map().is_none() && !node.is_null() {
            let problem = Problem::error(format!("{what} must be a map, this is {}", node.what()));
            problems.push((node.origin, problem));
        }
        Self {
            what,
            left: node.as_map().unwrap_or_default().iter().collect(),
            problems,
        }
    }

    /// Takes a field out; null counts as not there.
    pub(crate) fn node(&mut self, name: &str) -> Option<&'n Node> {
        let mut found = None;
        self.left.retain(|e| {
            let hit = e.key.text.eq_ignore_ascii_case(name);
            if hit {
                found = Some(&e.value);
            }
            !hit
        });
        found.filter(|n| !n.is_null())
    }

    pub(crate) fn text(&mut self, name: &str) -> Text {
        let Some(node) = self.node(name) else {
            return Text::default();
        };
        self.string(node, name)
    }

    fn string(&mut self, node: &Node, name: &str) -> Text {
        match node.as_scalar() {
            Some(scalar)
                if matches!(
                    scalar.tag(),
                    Tag::Str | Tag::Binary | Tag::Timestamp | Tag::Other(_)
                ) =>
            {
                Text {
                    text: scalar.text.to_string(),
                    origin: node.origin,
                }
            }
            Some(scalar) if self.problems.lenient => Text {
                text: scalar.text.to_string(),
                origin: node.origin,
            },
            _ => {
                self.wrong(node, name, "a string; quote it");
                Text::default()
            }
        }
    }

    fn wrong(&mut self, node: &Node, name: &str, wanted: &str) {
        let problem = Problem::error(format!(
            "`{name}` of {} must be {wanted}, this is {}{}",
            self.what,
            node.what(),
            node.text().map(|t| format!(" (`{t}`)")).unwrap_or_default()
        ));
        self.problems.push((node.origin, problem));
    }

    pub(crate) fn bool(&mut self, name: &str) -> bool {
        let Some(node) = self.node(name) else { return false };
        match node.as_scalar().filter(|s| s.tag() == Tag::Bool) {
            Some(scalar) => &*scalar.text == "true",
            None => {
                self.wrong(node, name, "true or false");
                false
            }
        }
    }

    /// An integer and where it stands.
    pub(crate) fn int(&mut self, name: &str) -> Option<(i64, OriginId)> {
        let node = self.node(name)?;
        let int = node
            .as_scalar()
            .filter(|s| s.tag() == Tag::Int)
            .and_then(|s| s.text.parse().ok());
        if int.is_none() {
            self.wrong(node, name, "an integer");
        }
        Some((int?, node.origin))
    }

    /// The elements of a list.
    pub(crate) fn list(&mut self, name: &str) -> &'n [Node] {
        let Some(node) = self.node(name) else { return &[] };
        match &node.kind {
            Kind::Seq(items) => items,
            Kind::Scalar(_) | Kind::Map(_) => {
                self.wrong(node, name, "a list");
                &[]
            }
        }
    }

    pub(crate) fn texts(&mut self, name: &str) -> Vec<Text> {
        let items = self.list(name);
        items.iter().map(|n| self.string(n, name)).collect()
    }

    /// A map of strings: each key with the origin of its line.
    pub(crate) fn pairs(&mut self, name: &str) -> Vec<(String, Text)> {
        let Some(node) = self.node(name) else {
            return Vec::new();
        };
        let Some(entries) = node.as_map() else {
            self.wrong(node, name, "a map");
            return Vec::new();
        };
        let mut pairs: Vec<(String, Text)> = entries
            .iter()
            .map(|e| {
                let text = if e.value.is_null() {
                    Text::default()
                } else {
                    self.string(&e.value, name)
                };
                (e.key.text.to_string(), text)
            })
            .collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs
    }

    /// What is left is unknown.
    pub(crate) fn finish(self) {
        let kind = if self.problems.lenient {
            Problem::warning
        } else {
            Problem::error
        };
        for entry in self.left {
            let problem = kind(format!(
                "unknown field `{}` in {}; correct or remove it",
                entry.key.text, self.what
            ));
            self.problems.push((entry.origin, problem));
        }
    }
}
