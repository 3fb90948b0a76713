//! The built-in transformers, one file each, in kustomize's order.

pub(crate) mod images;
pub(crate) mod namespace;
pub(crate) mod patches;
