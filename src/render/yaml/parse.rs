//! From bytes to node trees: aliases expanded, merge keys merged, every node with its span.
//!
//! Bounded: nesting by the parser (255 levels), what aliases expand to by [`MAX_NODES`].

use super::Entry;
use super::Kind;
use super::Node;
use super::Scalar;
use super::Style;
use super::Tag;
use crate::origin::OriginId;
use crate::origin::Src;
use granit_parser::Event;
use granit_parser::Parser;
use granit_parser::ScalarStyle;
use granit_parser::Span;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The most nodes that the aliases of one file may expand to.
const MAX_NODES: usize = 400_000;

/// The longest file that is read, in bytes.
const MAX_BYTES: usize = 32 << 20;

/// What is wrong with a text, and on which of its lines (1-based).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// What a key that stands twice in one map means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twice {
    /// An error, as for resources.
    Fault,
    /// The last one holds, as in kustomization files.
    Last,
}

/// How spans in a text become origins.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The text is a whole file.
    File(u32),
    /// Each line of the text is the rest of a line of a file: `(start in text, start in file)`, in order.
    Lines {
        file: u32,
        first_line: u32,
        starts: Vec<(u32, u32)>,
    },
    /// The text stands somewhere as a whole.
    Whole(OriginId),
}

impl Place {
    fn origin(&self, start: usize, end: usize, line: usize) -> OriginId {
        match self {
            Self::File(file) => OriginId::Src(Src {
                file: *file,
                line: line as u32,
                start: start as u32,
                end: end as u32,
            }),
            Self::Lines {
                file,
                first_line,
                starts,
            } => OriginId::Src(Src {
                file: *file,
                line: first_line + line as u32 - 1,
                start: moved(starts, start),
                end: moved(starts, end),
            }),
            Self::Whole(origin) => *origin,
        }
    }
}

fn moved(starts: &[(u32, u32)], at: usize) -> u32 {
    let at = at as u32;
    let line = starts.partition_point(|(start, _)| *start <= at);
    let (inner, outer) = starts[line.saturating_sub(1)];
    outer + at.saturating_sub(inner)
}

/// All documents of a text; empty ones are left out.
pub(crate) fn documents(bytes: &[u8], place: &Place, twice: Twice) -> Result<Vec<Node>, Fault> {
    if bytes.len() > MAX_BYTES {
        return Err(Fault {
            line: 1,
            message: format!("file of {} bytes is too large to read as YAML", bytes.len()),
        });
    }
    let text = std::str::from_utf8(bytes).map_err(|e| Fault {
        line: 1 + bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count(),
        message: "not valid UTF-8".to_owned(),
    })?;
    Builder::new(place, twice).run(text)
}

struct Open {
    kind: Kind,
    key: Option<(Scalar, OriginId, usize)>,
    seen: BTreeSet<Arc<str>>,
    start: usize,
    line: usize,
    anchor: usize,
    expanded: usize,
}

struct Builder<'a> {
    place: &'a Place,
    twice: Twice,
    stack: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    done: Vec<Node>,
    /// Nodes that aliases have expanded to.
    expanded: usize,
    keys: BTreeSet<Arc<str>>,
    /// Where the text ends, when its last line has content but no line break.
    text_end: Option<usize>,
}

/// The end of a text whose last line is not empty and not closed by a line break.
fn last_line_end(text: &str) -> Option<usize> {
    let last = text.rsplit('\n').next().unwrap_or_default();
    (!last.trim().is_empty()).then_some(text.len())
}

impl<'a> Builder<'a> {
    fn new(place: &'a Place, twice: Twice) -> Self {
        Self {
            place,
            twice,
            stack: Vec::new(),
            anchors: BTreeMap::new(),
            done: Vec::new(),
            expanded: 0,
            keys: BTreeSet::new(),
            text_end: None,
        }
    }

    /// The events of a text, as go-yaml would see them.
    fn run(mut self, text: &str) -> Result<Vec<Node>, Fault> {
        self.text_end = last_line_end(text);
        let mut options = granit_parser::Options::default();
        options.set_emit_comments(false);
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = next.map_err(|e| Fault {
                line: e.marker().line(),
                message: format!("not valid YAML: {}", e.info()),
            })?;
            self.event(event, span)?;
        }
        Ok(self.done)
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let (start, end) = span.byte_range().map_or((0, 0), |r| (r.start, r.end));
        let line = span.start.line();
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                // go-yaml adds no line break that is not there.
                let cut = block && self.text_end == Some(end);
                let text = if cut {
                    text.strip_suffix('\n').unwrap_or(&text)
                } else {
                    &text
                };
                let scalar = self.scalar(text, style, tag.as_deref(), start == end);
                let node = Node::scalar(scalar, self.place.origin(start, end, line));
                self.push(node, anchor, 1, line)?;
            }
            Event::Alias(id) => self.alias(id, line)?,
            Event::SequenceStart(_, anchor, _) => self.open(Kind::Seq(Vec::new()), anchor, start, line),
            Event::MappingStart(_, anchor, _) => self.open(Kind::Map(Vec::new()), anchor, start, line),
            Event::SequenceEnd | Event::MappingEnd => self.close(end)?,
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, line: usize) -> Result<(), Fault> {
        let fault = |message: &str| Fault {
            line,
            message: message.to_owned(),
        };
        let Some((node, size)) = self.anchors.get(&id) else {
            return Err(fault("an alias inside of what it refers to; write the value out"));
        };
        let (mut node, size) = (node.clone(), *size);
        self.expanded += size;
        if self.expanded > MAX_NODES {
            return Err(fault("aliases expand to too many values"));
        }
        mark_aliased(&mut node);
        self.push(node, 0, size, line)
    }

    fn open(&mut self, kind: Kind, anchor: usize, start: usize, line: usize) {
        self.stack.push(Open {
            kind,
            key: None,
            seen: BTreeSet::new(),
            start,
            line,
            anchor,
            expanded: 1,
        });
    }

    fn close(&mut self, end: usize) -> Result<(), Fault> {
        let Some(mut open) = self.stack.pop() else {
            return Ok(());
        };
        if let Kind::Map(entries) = &mut open.kind {
            merge(entries).map_err(|message| Fault {
                line: open.line,
                message,
            })?;
        }
        let node = Node::new(open.kind, self.place.origin(open.start, end, open.line));
        self.push(node, open.anchor, open.expanded, open.line)
    }

    /// Puts a finished node where it belongs.
    fn push(&mut self, node: Node, anchor: usize, size: usize, line: usize) -> Result<(), Fault> {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let twice = self.twice;
        let Some(open) = self.stack.last_mut() else {
            if !node.is_null() {
                self.done.push(node);
            }
            return Ok(());
        };
        open.expanded += size;
        match (&mut open.kind, open.key.take()) {
            (Kind::Seq(items), _) => items.push(node),
            (Kind::Map(_), None) => {
                let Kind::Scalar(key) = node.kind else {
                    return Err(Fault {
                        line,
                        message: "a map or list as a key; Kubernetes knows only strings".to_owned(),
                    });
                };
                open.key = Some((key, node.origin, line));
            }
            (Kind::Map(entries), Some((key, origin, line))) => {
                let entry = Entry {
                    key,
                    origin,
                    value: node,
                };
                if !open.seen.insert(Arc::clone(&entry.key.text)) && !is_merge(&entry.key) {
                    return again(entries, entry, twice, line);
                }
                entries.push(entry);
            }
            (Kind::Scalar(_), _) => {}
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&granit_parser::Tag>,
        missing: bool,
    ) -> Scalar {
        let text = if missing && style == ScalarStyle::Plain {
            ""
        } else {
            text
        };
        let text = if text.contains('\r') {
            Cow::Owned(text.replace("\r\n", "\n"))
        } else {
            Cow::Borrowed(text)
        };
        Scalar {
            text: self.intern(&text),
            style: match style {
                ScalarStyle::Plain => Style::Plain,
                ScalarStyle::SingleQuoted => Style::Single,
                ScalarStyle::DoubleQuoted => Style::Double,
                ScalarStyle::Literal => Style::Literal,
                ScalarStyle::Folded => Style::Folded,
            },
            tag: tag.and_then(explicit),
        }
    }

    /// One allocation for all equal short texts of a file: keys mostly.
    fn intern(&mut self, text: &str) -> Arc<str> {
        if text.len() > 24 {
            return Arc::from(text);
        }
        if let Some(known) = self.keys.get(text) {
            return Arc::clone(known);
        }
        let fresh: Arc<str> = Arc::from(text);
        self.keys.insert(Arc::clone(&fresh));
        fresh
    }
}

fn again(entries: &mut Vec<Entry>, entry: Entry, twice: Twice, line: usize) -> Result<(), Fault> {
    if twice == Twice::Fault {
        return Err(Fault {
            line,
            message: format!("key `{}` stands twice in one map; take one out", entry.key.text),
        });
    }
    entries.retain(|e| e.key.text != entry.key.text);
    entries.push(entry);
    Ok(())
}

fn explicit(tag: &granit_parser::Tag) -> Option<Tag> {
    let Some(core) = tag.core_suffix() else {
        let original = tag.original();
        return (original != "!").then(|| Tag::Other(Arc::from(original)));
    };
    match core {
        "null" => Some(Tag::Null),
        "bool" => Some(Tag::Bool),
        "int" => Some(Tag::Int),
        "float" => Some(Tag::Float),
        "str" => Some(Tag::Str),
        "binary" => Some(Tag::Binary),
        "timestamp" => Some(Tag::Timestamp),
        other => Some(Tag::Other(Arc::from(other))),
    }
}

fn mark_aliased(node: &mut Node) {
    node.aliased = true;
    match &mut node.kind {
        Kind::Scalar(_) => {}
        Kind::Map(entries) => entries.iter_mut().for_each(|e| mark_aliased(&mut e.value)),
        Kind::Seq(items) => items.iter_mut().for_each(mark_aliased),
    }
}

fn is_merge(key: &Scalar) -> bool {
    key.style == Style::Plain && key.tag.is_none() && &*key.text == "<<"
}

/// Merges `<<` into its map: own keys win, then earlier maps of a list over later ones.
fn merge(entries: &mut Vec<Entry>) -> Result<(), String> {
    let count = entries.iter().filter(|e| is_merge(&e.key)).count();
    if count == 0 {
        return Ok(());
    }
    if count > 1 {
        return Err("two merge keys `<<` in one map; write one with a list".to_owned());
    }
    let (merged, own): (Vec<Entry>, Vec<Entry>) = std::mem::take(entries)
        .into_iter()
        .partition(|e| is_merge(&e.key));
    *entries = own;
    for source in merged.into_iter().flat_map(|e| match e.value.kind {
        Kind::Seq(items) => items,
        _ => vec![e.value],
    }) {
        let Kind::Map(more) = source.kind else {
            return Err("a merge key `<<` needs a map or a list of maps".to_owned());
        };
        for mut entry in more {
            if entries.iter().all(|e| e.key.text != entry.key.text) {
                mark_aliased(&mut entry.value);
                entries.push(entry);
            }
        }
    }
    Ok(())
}
