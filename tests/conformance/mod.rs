//! What the world and the real parts must both do: each check is written once, against what a client sees, and runs on
//! either. Never here: a check that knows which of the two it runs on.

pub(crate) mod forge;
pub(crate) mod git;
pub(crate) mod kube;
pub(crate) mod table;
