//! The tests that need more than one crate, or files of the repository, or a program beside recant.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod cluster;
mod crds;
mod examples;
mod files;
mod forge_clients;
mod gauge;
mod manifests;
mod repo;
mod serve;
//! What needs the shell: real HTTP, real processes, a real disk.
mod forge;
