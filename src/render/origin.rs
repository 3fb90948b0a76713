//! Where values come from: a compact id on every node, and the arena that explains it.
//!
//! A node read from a file carries its place directly. A node that a transformer made carries an index into the
//! arena, which names the operation, what went in, and the line that asked for it.

use std::borrow::Cow;
use std::sync::Arc;

/// A place in a file: an interned file, a 1-based line and a byte span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Src {
    pub(crate) file: u32,
    pub(crate) line: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// The origin of one node: two words, copied freely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OriginId {
    /// Made by the renderer itself, out of no file.
    #[default]
    None,
    /// Read from a file.
    Src(Src),
    /// Explained in the arena.
    Made(u32),
}

/// How a value that stands in no file came to be.
#[derive(Clone, Debug)]
pub(crate) enum Made {
    Derived {
        op: Cow<'static, str>,
        inputs: Vec<OriginId>,
        arg: OriginId,
    },
    External(Arc<str>),
}

/// Where a field of a rendered object came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// It stands in a file, and came through unchanged.
    Src {
        /// Path from the root of the repository.
        file: String,
        /// 1-based line.
        line: usize,
        /// First byte of the value in the file.
        start: usize,
        /// One past its last byte.
        end: usize,
    },
    /// A transformer made it out of other values.
    Derived {
        /// The transformer, in kustomize's words: `images`, `patch`, `namePrefix` …
        op: String,
        /// What went in.
        inputs: Vec<Self>,
        /// The value in the kustomization (or patch, or Flux object) that asked for it.
        arg: Option<Box<Self>>,
    },
    /// It comes from outside of Git: a variable of a cluster's ConfigMap or Secret.
    External {
        /// What it comes from.
        reference: String,
    },
}

impl Origin {
    /// All places in files that had a part in the value: `(file, line, start, end)`.
    pub fn sources(&self) -> Vec<(&str, usize, usize, usize)> {
        match self {
            Self::Src {
                file,
                line,
                start,
                end,
            } => vec![(file, *line, *start, *end)],
            Self::Derived { inputs, arg, .. } => {
                let parts = inputs.iter().chain(arg.as_deref());
                parts.flat_map(Self::sources).collect()
            }
            Self::External { .. } => Vec::new(),
        }
    }
}

/// What stood in an object and was taken away, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// JSON pointer of what was deleted.
    pub pointer: String,
    /// Where the deleted value came from.
    pub was: Option<Origin>,
    /// What deleted it.
    pub by: Option<Origin>,
}

/// The names of files and the explanations of made values, for one rendering.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena {
    files: Vec<Arc<str>>,
    made: Vec<Made>,
    shared: u32,
}

impl Arena {
    /// The id of a file's name; the same name has the same id.
    pub(crate) fn file(&mut self, name: &str) -> u32 {
        if let Some(at) = self.files.iter().rposition(|f| &**f == name) {
            return at as u32;
        }
        self.files.push(Arc::from(name));
        (self.files.len() - 1) as u32
    }

    /// The name of a file.
    pub(crate) fn name(&self, file: u32) -> &str {
        self.files.get(file as usize).map_or("", |f| f)
    }

    /// A number no node is shared under yet.
    pub(crate) fn next_shared(&mut self) -> u32 {
        self.shared += 1;
        self.shared
    }

    /// Records a value made by a transformer.
    pub(crate) fn derive(&mut self, op: &'static str, inputs: &[OriginId], arg: OriginId) -> OriginId {
        let inputs = inputs.iter().copied().filter(|o| *o != OriginId::None).collect();
        self.push(Made::Derived {
            op: Cow::Borrowed(op),
            inputs,
            arg,
        })
    }

    /// Records a value from outside of Git.
    pub(crate) fn external(&mut self, reference: &str) -> OriginId {
        self.push(Made::External(Arc::from(reference)))
    }

    /// Takes in an origin of another rendering.
    pub(crate) fn adopt(&mut self, origin: &Origin) -> OriginId {
        match origin {
            Origin::Src {
                file,
                line,
                start,
                end,
            } => OriginId::Src(Src {
                file: self.file(file),
                line: *line as u32,
                start: *start as u32,
                end: *end as u32,
            }),
            Origin::Derived { op, inputs, arg } => {
                let inputs: Vec<OriginId> = inputs.iter().map(|i| self.adopt(i)).collect();
                let arg = arg.as_deref().map(|a| self.adopt(a)).unwrap_or_default();
                self.push(Made::Derived {
                    op: op.clone().into(),
                    inputs,
                    arg,
                })
            }
            Origin::External { reference } => self.external(reference),
        }
    }

    fn push(&mut self, made: Made) -> OriginId {
        self.made.push(made);
        OriginId::Made((self.made.len() - 1) as u32)
    }

    /// The file and line an origin leads to first: what a problem points at.
    pub(crate) fn place(&self, id: OriginId) -> Option<(&str, usize)> {
        match id {
            OriginId::None => None,
            OriginId::Src(src) => Some((self.name(src.file), src.line as usize)),
            OriginId::Made(at) => match self.made.get(at as usize)? {
                Made::Derived { inputs, arg, .. } => self
                    .place(*arg)
                    .or_else(|| inputs.iter().find_map(|i| self.place(*i))),
                Made::External(_) => None,
            },
        }
    }

    /// The origin in full.
    pub(crate) fn explain(&self, id: OriginId) -> Option<Origin> {
        match id {
            OriginId::None => None,
            OriginId::Src(src) => Some(Origin::Src {
                file: self.name(src.file).to_owned(),
                line: src.line as usize,
                start: src.start as usize,
                end: src.end as usize,
            }),
            OriginId::Made(at) => Some(match self.made.get(at as usize)? {
                Made::Derived { op, inputs, arg } => Origin::Derived {
                    op: op.to_string(),
                    inputs: inputs.iter().filter_map(|i| self.explain(*i)).collect(),
                    arg: self.explain(*arg).map(Box::new),
                },
                Made::External(reference) => Origin::External {
                    reference: reference.to_string(),
                },
            }),
        }
    }
}
