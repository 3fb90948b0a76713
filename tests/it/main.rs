//! The shell's tests, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod cluster;
mod gauge;
mod repo;
mod serve;
