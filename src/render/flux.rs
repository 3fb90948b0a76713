//! Flux's layer: what its kustomize-controller adds around kustomize.

mod envsubst;
mod glob;
pub(crate) mod ignore;
mod kustomization;
pub(crate) mod layer;
pub(crate) mod substitute;
#[cfg(test)]
mod tests;

pub use ignore::archived;
pub use kustomization::Files;
pub use kustomization::Kustomization;
pub use kustomization::RENDERING;
pub use kustomization::Substitute;
