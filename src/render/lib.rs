//! Renders a Git tree as kustomize and Flux do, and knows where every field came from.
//!
//! Never here: a file system, a clock, a network, a process. Rendering never aborts and never guesses: what it
//! cannot do is a problem with a location.

mod tree;

pub use tree::Entry;
pub use tree::Tree;
