//! What needs the shell: real HTTP, real processes, a real disk.
mod forge;
