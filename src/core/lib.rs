//! Every decision recant makes, as pure functions.
//!
//! [`canary::ask`] and [`canary::step`] move a Canary, [`pull::ask`] and [`pull::step`] a Revert: given the time and
//! what was observed, they say what to observe next, what to do, when to look again, and why. The shell and the
//! simulator run the same functions.
//!
//! Never here: a clock (time is an argument), I/O, async, threads, unordered iteration; Kubernetes clients, HTTP, Git.
//! `revert` plans and `proof` proves: neither knows the other.

pub mod alert;
pub mod baseline;
pub mod canary;
pub mod chain;
pub mod config;
pub mod diff;
pub mod duration;
pub mod effect;
#[cfg(test)]
mod fixtures;
pub mod forge;
pub mod hook;
pub mod object;
mod observed;
pub mod proof;
pub mod provider;
pub mod pull;
pub mod query;
pub mod reason;
pub mod repo_url;
pub mod revert;
pub mod settings;
pub mod step;
pub mod subject;
pub mod template;
pub mod trail;
pub mod verdict;
pub mod yaml;
