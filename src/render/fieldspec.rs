//! Paths to fields, as kustomize's transformers are configured with them.

use crate::object::split_api_version;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::Scalar;
use std::borrow::Cow;

/// A path to a field of some kinds of objects. Empty group, version and kind mean any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    /// The path as written: parts between `/`, `\/` for a slash inside of one.
    pub(crate) path: String,
    /// Whether missing maps on the way, and the field itself, are made.
    pub(crate) create: bool,
}

impl FieldSpec {
    /// One line of a table: `group version kind path create`; `-` for any.
    pub(crate) fn parse(line: &str) -> Self {
        let mut words = line
            .split_whitespace()
            .map(|w| if w == "-" { "" } else { w }.to_owned());
        let mut next = || words.next().unwrap_or_default();
        Self {
            group: next(),
            version: next(),
            kind: next(),
            path: next(),
            create: next() == "create",
        }
    }

    /// A table of such lines.
    pub(crate) fn table(text: &str) -> Vec<Self> {
        text.lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .map(Self::parse)
            .collect()
    }

    /// Whether this spec is for the same path and for objects that the other one is for.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let fits = |want: &str, have: &str| want.is_empty() || want == have;
        self.path == other.path
            && fits(&other.group, &self.group)
            && fits(&other.version, &self.version)
            && fits(&other.kind, &self.kind)
    }

    pub(crate) fn matches(&self, node: &Node) -> bool {
        let (group, version) = split_api_version(node.str_at(&["apiVersion"]));
        let fits = |want: &str, have: &str| want.is_empty() || want == have;
        fits(&self.kind, node.str_at(&["kind"])) && fits(&self.group, group) && fits(&self.version, version)
    }
}

/// The most parts a path may have: what it creates is that deep.
const MAX_PARTS: usize = 64;

/// What is made at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Nothing,
    Scalar,
    Map,
}

/// Calls `set` on every node that the path leads to.
pub(crate) fn apply(
    node: &mut Node,
    spec: &FieldSpec,
    make: Make,
    by: OriginId,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Problem>,
) -> Result<(), Problem> {
    if !spec.matches(node) {
        return Ok(());
    }
    let parts = split_path(&spec.path);
    if parts.len() > MAX_PARTS {
        return Err(Problem::error(format!("a path has more than {MAX_PARTS} parts")));
    }
    let mut walk = Walk {
        create: spec.create && make != Make::Nothing,
        make,
        by,
        set,
    };
    walk.step(node, &parts)
        .map_err(|p| Problem::error(format!("at field `{}`: {}", spec.path, p.message)))
}

/// Splits a path at `/`; `\/` is a slash inside of a part.
pub(crate) fn split_path(path: &str) -> Vec<Cow<'_, str>> {
    let mut parts: Vec<Cow<'_, str>> = Vec::new();
    let mut joins = false;
    for piece in path.split('/') {
        match parts.last_mut() {
            Some(last) if joins => {
                let whole = last.to_mut();
                whole.pop();
                whole.push('/');
                whole.push_str(piece);
            }
            _ => parts.push(Cow::Borrowed(piece)),
        }
        joins = piece.ends_with('\\');
    }
    if parts.len() > 1 && parts[0].is_empty() {
        parts.remove(0);
    }
    parts
}

struct Walk<'s> {
    create: bool,
    make: Make,
    by: OriginId,
    set: &'s mut dyn FnMut(&mut Node) -> Result<(), Problem>,
}

impl Walk<'_> {
    fn step(&mut self, node: &mut Node, parts: &[Cow<'_, str>]) -> Result<(), Problem> {
        let Some((part, rest)) = parts.split_first() else {
            return (self.set)(node);
        };
        if node.is_null() {
            return Ok(());
        }
        match &mut node.kind {
            Kind::Seq(items) => items.iter_mut().try_for_each(|item| self.step(item, parts)),
            Kind::Scalar(_) => Err(Problem::error(format!("a map or list is needed before `{part}`"))),
            Kind::Map(_) => self.field(node, part, rest),
        }
    }

    fn field(&mut self, node: &mut Node, part: &str, rest: &[Cow<'_, str>]) -> Result<(), Problem> {
        let (name, is_list) = match part.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (part, false),
        };
        if name.is_empty() {
            return Err(Problem::error("the path has an empty part"));
        }
        let create = self.create && !is_list;
        let missing = node.get(name).is_none();
        if missing && !create {
            return Ok(());
        }
        if create && (missing || node.get(name).is_some_and(Node::is_null)) {
            let made = if rest.is_empty() && self.make == Make::Scalar {
                Node::scalar(Scalar::string(""), self.by)
            } else {
                Node::map(self.by)
            };
            node.set(name, made);
        }
        match node.get_mut(name) {
            Some(field) => self.step(field, rest),
            None => Ok(()),
        }
    }
}
