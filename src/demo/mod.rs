//! The world of `recant-sim` served on loopback: to recant itself, and to a person's own git, kubectl and browser.
//!
//! Never here: a decision recant makes, or an address other than loopback.

pub mod bare;
pub mod forge_http;
pub mod git_http;
mod pages;
//! The world in memory, served over real HTTP on loopback, for the demo and for tests.

pub mod kube_api;
pub mod prometheus_http;
