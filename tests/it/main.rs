//! The tests that need more than one crate, or files of the repository, or a program beside recant.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod blame_cli;
mod bodies;
mod check;
mod cluster;
mod cluster_world;
#[path = "../conformance/mod.rs"]
mod conformance;
mod crd_table;
mod crds;
mod demo;
mod examples;
mod files;
mod flagger_page;
mod forge;
mod forge_clients;
mod forge_world;
mod forges;
mod gauge;
mod histories;
mod hooks;
mod kube_api;
mod manifests;
mod metrics;
mod notifier;
mod own_kinds;
mod plan_cli;
mod plan_programs;
mod repo;
mod scenarios;
mod serve;
mod world;
