//! The world in memory: cluster, Git, forge and metrics, for tests, the simulator and the demo.
//!
//! Never here: a clock (time is an argument), I/O, async, threads, unordered iteration, randomness but a given seed.

pub mod clock;
pub mod gauge;
pub mod seed;
pub mod traffic;
pub mod workload;
pub mod forge;
pub mod git;
