//! The world in memory: cluster, Git, forge and metrics, for tests, the simulator and the demo.
//!
//! Never here: a clock (time is an argument), I/O, async, threads, unordered iteration, randomness but a given seed.

pub mod agent;
pub mod check;
pub mod clock;
pub mod cluster;
mod condition;
pub mod fault;
pub mod fleet;
pub mod flux;
pub mod forge;
pub mod gauge;
pub mod git;
pub mod receiver;
pub mod scenario;
pub mod seed;
pub mod simulation;
pub mod trace;
pub mod traffic;
pub mod workload;
pub mod world;
