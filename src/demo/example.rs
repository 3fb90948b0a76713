//! examples-repo, built into the program: the demo needs no checkout.

use recant_render::Tree;

/// The files of examples-repo, by their paths in it.
const FILES: [(&str, &str); 20] = [
    ("README.md", include_str!("../../examples-repo/README.md")),
    (
        "apps/base/frontend/canary.yaml",
        include_str!("../../examples-repo/apps/base/frontend/canary.yaml"),
    ),
    (
        "apps/base/frontend/deployment.yaml",
        include_str!("../../examples-repo/apps/base/frontend/deployment.yaml"),
    ),
    (
        "apps/base/frontend/kustomization.yaml",
        include_str!("../../examples-repo/apps/base/frontend/kustomization.yaml"),
    ),
    (
        "apps/base/load/deployment.yaml",
        include_str!("../../examples-repo/apps/base/load/deployment.yaml"),
    ),
    (
        "apps/base/load/kustomization.yaml",
        include_str!("../../examples-repo/apps/base/load/kustomization.yaml"),
    ),
    (
        "apps/base/podinfo/canary.yaml",
        include_str!("../../examples-repo/apps/base/podinfo/canary.yaml"),
    ),
    (
        "apps/base/podinfo/deployment.yaml",
        include_str!("../../examples-repo/apps/base/podinfo/deployment.yaml"),
    ),
    (
        "apps/base/podinfo/kustomization.yaml",
        include_str!("../../examples-repo/apps/base/podinfo/kustomization.yaml"),
    ),
    (
        "apps/my-cluster/kustomization.yaml",
        include_str!("../../examples-repo/apps/my-cluster/kustomization.yaml"),
    ),
    (
        "apps/my-cluster/namespace.yaml",
        include_str!("../../examples-repo/apps/my-cluster/namespace.yaml"),
    ),
    (
        "apps/my-cluster/podinfo-message.yaml",
        include_str!("../../examples-repo/apps/my-cluster/podinfo-message.yaml"),
    ),
    (
        "clusters/my-cluster/apps.yaml",
        include_str!("../../examples-repo/clusters/my-cluster/apps.yaml"),
    ),
    (
        "clusters/my-cluster/flux-system/gotk-sync.yaml",
        include_str!("../../examples-repo/clusters/my-cluster/flux-system/gotk-sync.yaml"),
    ),
    (
        "clusters/my-cluster/flux-system/kustomization.yaml",
        include_str!("../../examples-repo/clusters/my-cluster/flux-system/kustomization.yaml"),
    ),
    (
        "clusters/my-cluster/infrastructure.yaml",
        include_str!("../../examples-repo/clusters/my-cluster/infrastructure.yaml"),
    ),
    (
        "infrastructure/configs/kustomization.yaml",
        include_str!("../../examples-repo/infrastructure/configs/kustomization.yaml"),
    ),
    (
        "infrastructure/configs/linkerd-latency.yaml",
        include_str!("../../examples-repo/infrastructure/configs/linkerd-latency.yaml"),
    ),
    (
        "infrastructure/configs/linkerd-success-rate.yaml",
        include_str!("../../examples-repo/infrastructure/configs/linkerd-success-rate.yaml"),
    ),
    (
        "infrastructure/configs/namespace.yaml",
        include_str!("../../examples-repo/infrastructure/configs/namespace.yaml"),
    ),
];

/// examples-repo.
pub fn tree() -> Tree {
    Tree::of(FILES)
}
