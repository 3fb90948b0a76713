//! Flux: the real kustomize-controller, and the kinds it needs.

use super::cluster::Cluster;
use super::room;
use super::source::Sources;
use super::within;
use crate::files;
use crate::namespace::Parts;
use crate::process::Process;
use serde_json::json;
use std::process::Command;
use tempfile::TempDir;

/// A running Flux.
pub(crate) struct Flux {
    pub(crate) process: Process,
    _sources: Sources,
    _room: TempDir,
}

impl Flux {
    pub(crate) fn start(parts: &Parts, cluster: &Cluster) -> Self {
        Self::start_with(parts, cluster, "")
    }

    /// With a setting for the git that fetches sources.
    pub(crate) fn start_with(parts: &Parts, cluster: &Cluster, config: &str) -> Self {
        for module in ["source-controller", "kustomize-controller"] {
            definitions(parts, cluster, module);
        }
        cluster.http.namespace("flux-system");
        let room = room();
        let mut command = Command::new(parts.file("kustomize-controller", "kustomize-controller"));
        command.args([
            "--events-addr=",
            "--metrics-addr=127.0.0.1:28081",
            "--health-addr=127.0.0.1:28082",
            "--watch-all-namespaces=true",
            "--enable-leader-election=false",
            "--concurrent=4",
        ]);
        command
            .env("KUBECONFIG", cluster.kubeconfig())
            .env("RUNTIME_NAMESPACE", "flux-system");
        command.env("TMPDIR", room.path()).env("HOME", room.path());
        let mut process = Process::start(
            "kustomize-controller",
            &mut command,
            within(&room, "kustomize-controller.log"),
        );
        process.wait_for_port(28082);
        Self {
            process,
            _sources: Sources::start(cluster.client(), config),
            _room: room,
        }
    }

    /// What `flux bootstrap` leaves: the two objects that start it all.
    pub(crate) fn bootstrap(cluster: &Cluster, url: &str, path: &str) {
        let meta = json!({ "name": "flux-system", "namespace": "flux-system" });
        cluster.http.apply(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": meta,
            "spec": { "interval": "1m0s", "ref": { "branch": "main" }, "url": url },
        }));
        cluster.http.apply(&json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": meta,
            "spec": { "interval": "10m0s", "path": path, "prune": true,
                      "sourceRef": { "kind": "GitRepository", "name": "flux-system" } },
        }));
    }
}

/// Puts the definitions of a module there.
pub(crate) fn definitions(parts: &Parts, cluster: &Cluster, module: &str) {
    let mut found: Vec<_> = std::fs::read_dir(parts.file("crds", module))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    for file in found {
        for object in files::documents(&std::fs::read_to_string(file).unwrap()) {
            if object["kind"] == "CustomResourceDefinition" {
                cluster.http.apply(&object);
            }
        }
    }
}
