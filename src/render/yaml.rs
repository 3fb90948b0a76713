//! YAML as kustomize keeps it: a tree of nodes whose scalars stay the text that was written.
//!
//! A scalar becomes a value only where a value is needed, by one resolver with go-yaml's rules (`resolve`).
//! Never here: `serde` types, files, knowledge of Kubernetes.

mod document;
pub(crate) mod emit;
pub(crate) mod json;
mod node;
pub(crate) mod parse;
pub(crate) mod resolve;

pub use document::Document;
pub use document::Leaf;
pub(crate) use node::Entry;
pub(crate) use node::Kind;
pub(crate) use node::Node;
pub(crate) use node::Scalar;
pub(crate) use node::Style;
pub(crate) use node::Tag;
