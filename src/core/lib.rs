//! Every decision recant makes, as pure functions.
//!
//! Never here: a clock (time is an argument), I/O, async, threads, unordered iteration.

pub mod effect;
pub mod object;
pub mod query;
