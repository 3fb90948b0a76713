//! Patches: strategic merge and JSON6902.

pub(crate) mod json6902;
mod keyed;
pub(crate) mod merge;
mod schema;
#[cfg(test)]
mod tests;
