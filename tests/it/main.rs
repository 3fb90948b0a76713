//! The tests that need more than one crate, or files of the repository, or a program beside recant.

mod manifests;
