//! Flux's layer: what its kustomize-controller adds around kustomize.

mod kustomization;

pub use kustomization::Kustomization;
pub use kustomization::Substitute;
