//! The node tree.

use super::resolve;
use super::resolve::Rules;
use crate::object::escape;
use crate::origin::OriginId;
use crate::origin::Src;
use std::sync::Arc;

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

/// The type of a scalar, given or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Null,
    Bool,
    Int,
    Float,
    Str,
    Binary,
    Timestamp,
    Other(Arc<str>),
}

/// A scalar as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: Arc<str>,
    pub(crate) style: Style,
    /// The explicit tag; `None` leaves it to the resolver.
    pub(crate) tag: Option<Tag>,
}

impl Scalar {
    /// A scalar whose type follows from its text.
    pub(crate) fn plain(text: &str) -> Self {
        Self {
            text: Arc::from(text),
            style: Style::Plain,
            tag: None,
        }
    }

    /// A scalar that is a string whatever its text looks like.
    pub(crate) fn string(text: &str) -> Self {
        Self {
            tag: Some(Tag::Str),
            ..Self::plain(text)
        }
    }

    /// Whether nothing was written: the value of `key:`.
    pub(crate) fn is_missing(&self) -> bool {
        self.text.is_empty() && self.style == Style::Plain && self.tag.is_none()
    }

    /// Quotes a string that would read as something else, as kustomize does whenever it sets a field.
    pub(crate) fn guarded(mut self) -> Self {
        let bare = self.style == Style::Plain && !self.text.is_empty() && self.tag() == Tag::Str;
        if bare && !self.text.contains('\n') && super::emit::style(&self.text) != Style::Plain {
            self.style = Style::Double;
        }
        self
    }

    /// This scalar in the place of another one: kustomize keeps the quotes of the old one, and with them its type.
    pub(crate) fn in_place_of(mut self, old: &Self) -> Self {
        let tag = self.tag();
        self.tag = (old.style == Style::Plain || tag == Tag::Str).then_some(tag);
        self.style = old.style;
        self
    }

    /// The type by go-yaml v3's rules, which hold for resources.
    pub(crate) fn tag(&self) -> Tag {
        resolve::tag(self, Rules::V3)
    }
}

/// One key of a map and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Scalar,
    /// Who brought the key in.
    pub(crate) origin: OriginId,
    pub(crate) value: Node,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar(Scalar),
    Map(Vec<Entry>),
    Seq(Vec<Node>),
}

/// A value with its origin.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) origin: OriginId,
    /// It came through an alias or a merge key, so its span lies elsewhere than it is used.
    pub(crate) aliased: bool,
    /// Nodes of one object with the same number, other than 0, are one node to kustomize: what is written to one
    /// in place is written to all. It makes such nodes where it puts one label into several maps.
    pub(crate) shared: u32,
}

impl Node {
    pub(crate) fn new(kind: Kind, origin: OriginId) -> Self {
        Self {
            kind,
            origin,
            aliased: false,
            shared: 0,
        }
    }

    /// Every leaf with its JSON pointer, in order: scalars, empty maps and empty lists.
    pub(crate) fn leaves(&self, visit: &mut impl FnMut(&str, &Self)) {
        self.leaves_below(&mut String::new(), visit);
    }

    fn leaves_below(&self, pointer: &mut String, visit: &mut impl FnMut(&str, &Self)) {
        let len = pointer.len();
        match &self.kind {
            Kind::Map(entries) if !entries.is_empty() => {
                for entry in entries {
                    pointer.push('/');
                    pointer.push_str(&escape(&entry.key.text));
                    entry.value.leaves_below(pointer, visit);
                    pointer.truncate(len);
                }
            }
            Kind::Seq(items) if !items.is_empty() => {
                for (at, item) in items.iter().enumerate() {
                    pointer.push_str(&format!("/{at}"));
                    item.leaves_below(pointer, visit);
                    pointer.truncate(len);
                }
            }
            Kind::Scalar(_) | Kind::Map(_) | Kind::Seq(_) => visit(pointer, self),
        }
    }

    pub(crate) fn scalar(scalar: Scalar, origin: OriginId) -> Self {
        Self::new(Kind::Scalar(scalar), origin)
    }

    pub(crate) fn string(text: &str, origin: OriginId) -> Self {
        Self::scalar(Scalar::string(text), origin)
    }

    pub(crate) fn map(origin: OriginId) -> Self {
        Self::new(Kind::Map(Vec::new()), origin)
    }

    pub(crate) fn as_scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::Map(_) | Kind::Seq(_) => None,
        }
    }

    pub(crate) fn as_map(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            Kind::Scalar(_) | Kind::Seq(_) => None,
        }
    }

    pub(crate) fn as_seq(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::Seq(items) => Some(items),
            Kind::Scalar(_) | Kind::Map(_) => None,
        }
    }

    /// The text of a scalar; `None` for maps and lists.
    pub(crate) fn text(&self) -> Option<&str> {
        self.as_scalar().map(|s| &*s.text)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(|s| s.tag() == Tag::Null)
    }

    /// What the node is, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(_) if self.is_null() => "null",
            Kind::Scalar(_) => "a scalar",
            Kind::Map(_) => "a map",
            Kind::Seq(_) => "a list",
        }
    }

    /// The value of a key; `None` also when this is no map.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?
            .iter()
            .find(|e| &*e.key.text == key)
            .map(|e| &e.value)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.kind {
            Kind::Map(entries) => entries
                .iter_mut()
                .find(|e| &*e.key.text == key)
                .map(|e| &mut e.value),
            Kind::Scalar(_) | Kind::Seq(_) => None,
        }
    }

    /// The value at the end of a path of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text at the end of a path of keys; empty when there is none.
    pub(crate) fn str_at(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Self::text).unwrap_or_default()
    }

    /// Sets a key, in place or at the end. No effect when this is no map.
    pub(crate) fn set(&mut self, key: &str, value: Self) {
        let Kind::Map(entries) = &mut self.kind else {
            return;
        };
        if let Some(entry) = entries.iter_mut().find(|e| &*e.key.text == key) {
            entry.value = value;
            return;
        }
        entries.push(Entry {
            key: Scalar::string(key),
            origin: value.origin,
            value,
        });
    }

    /// Takes a key out.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Self> {
        let Kind::Map(entries) = &mut self.kind else {
            return None;
        };
        let at = entries.iter().position(|e| &*e.key.text == key)?;
        Some(entries.remove(at).value)
    }

    /// The value of a key, made as an empty map when it is missing or null. `None` when this is no map, or the
    /// value is neither a map nor null.
    pub(crate) fn map_at(&mut self, key: &str, origin: OriginId) -> Option<&mut Self> {
        self.as_map()?;
        if self.get(key).is_none_or(Self::is_null) {
            self.set(key, Self::map(origin));
        }
        self.get_mut(key).filter(|n| n.as_map().is_some())
    }

    /// A copy whose origins name another file.
    pub(crate) fn in_file(&self, file: u32) -> Self {
        let moved = |origin: OriginId| match origin {
            OriginId::Src(src) => OriginId::Src(Src { file, ..src }),
            other => other,
        };
        let kind = match &self.kind {
            Kind::Scalar(scalar) => Kind::Scalar(scalar.clone()),
            Kind::Seq(items) => Kind::Seq(items.iter().map(|i| i.in_file(file)).collect()),
            Kind::Map(entries) => Kind::Map(
                entries
                    .iter()
                    .map(|e| Entry {
                        key: e.key.clone(),
                        origin: moved(e.origin),
                        value: e.value.in_file(file),
                    })
                    .collect(),
            ),
        };
        Self {
            kind,
            origin: moved(self.origin),
            aliased: self.aliased,
            shared: 0,
        }
    }

    /// Writes a value to every node that is shared under this number.
    pub(crate) fn write_shared(&mut self, shared: u32, value: &Self) {
        if self.shared == shared {
            self.kind = value.kind.clone();
            self.origin = value.origin;
            return;
        }
        match &mut self.kind {
            Kind::Scalar(_) => {}
            Kind::Map(entries) => entries
                .iter_mut()
                .for_each(|e| e.value.write_shared(shared, value)),
            Kind::Seq(items) => items.iter_mut().for_each(|i| i.write_shared(shared, value)),
        }
    }

    /// How many nodes there are from here on, and how deep they are nested.
    pub(crate) fn extent(&self) -> (usize, usize) {
        let add = |(size, depth): (usize, usize), node: &Self| {
            let (s, d) = node.extent();
            (size + s, depth.max(d))
        };
        let (size, depth) = match &self.kind {
            Kind::Scalar(_) => (0, 0),
            Kind::Map(entries) => entries.iter().map(|e| &e.value).fold((0, 0), add),
            Kind::Seq(items) => items.iter().fold((0, 0), add),
        };
        (size + 1, depth + 1)
    }

    /// Whether two nodes hold the same values, whatever their spelling, order of keys and origin.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Scalar(a), Kind::Scalar(b)) => a.text == b.text && a.tag() == b.tag(),
            (Kind::Seq(a), Kind::Seq(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Kind::Map(a), Kind::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|e| other.get(&e.key.text).is_some_and(|v| e.value.same(v)))
            }
            _ => false,
        }
    }
}
