//! The demo's Git and forge, by the user's own git and over real HTTP.

mod adapter;
mod adapters;
mod git;
mod http;
mod merge;
mod pages;
mod rest;
mod server;
