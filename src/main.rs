//! The `recant` program.

fn main() {}
