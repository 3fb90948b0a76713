//! Renders a Git tree as kustomize and Flux do, and knows where every field came from.
//!
//! Never here: a file system, a clock, a network, a process. Rendering never aborts and never guesses: what it
//! cannot do is a problem with a location.

mod accumulate;
mod cache;
mod config;
pub mod edit;
mod fieldpath;
mod fieldspec;
pub mod flux;
mod generate;
#[cfg(test)]
mod hostile_tests;
mod id;
mod inline;
mod kustomization;
mod object;
mod origin;
mod patch;
mod problem;
mod reads;
mod render;
mod resource;
mod roots;
mod scope;
pub mod second;
mod selector;
mod session;
mod tables;
#[cfg(test)]
mod tests;
mod transform;
mod tree;
pub mod yaml;

pub use cache::Cache;
pub use object::Object;
pub use object::ObjectId;
pub use object::Rendered;
pub use origin::Origin;
pub use origin::Tombstone;
pub use problem::Problem;
pub use problem::Severity;
pub use reads::Readers;
pub use render::Root;
pub use render::render;
pub use render::render_with;
pub use roots::roots;
pub use roots::roots_with;
pub use scope::Scope;
pub use scope::scan;
pub use tree::Entry;
pub use tree::Tree;
pub use tree::is_yaml;
