//! Every forge recant speaks, against a server that knows its published API and takes nothing else.

mod access;
mod api;
mod guard;
pub(crate) mod life;
mod limits;
mod matrix;
pub(crate) mod server;
pub(crate) mod tls;
pub(crate) mod words;
mod world;
