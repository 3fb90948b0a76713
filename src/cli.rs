//! The verbs of the `recant` program, one file each.

pub mod manifests;
