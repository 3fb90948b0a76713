//! The shell around recant's pure crates: what touches the cluster, Git, the forge, the metrics and the terminal.

pub mod check;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod controller;
pub mod credential;
pub mod demo;
pub mod forge;
pub mod gauge;
pub mod hook;
pub mod interrupt;
pub mod manifests;
pub mod meter;
pub mod notifier;
pub mod observe;
pub mod perform;
pub mod port;
pub mod post;
pub mod repo;
pub mod tls;
pub mod web;
pub mod wire;
