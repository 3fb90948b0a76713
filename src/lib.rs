//! The shell around recant's pure crates: what touches the cluster, Git, the forge, the metrics and the terminal.

pub mod demo;
pub mod port;
