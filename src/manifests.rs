//! What recant needs in a cluster: its kinds, its rights, its Deployment.
//!
//! The files under `deploy/` are the source, built into the program; only what follows from the program itself (its
//! version) is filled in here. Nothing in this room talks to a cluster.

use serde::Deserialize;
use serde_json::Value;

/// The files of `deploy/`, in the order in which a cluster wants them, but the kustomization.
const SOURCES: [(&str, &str); 9] = [
    (
        "crds/alertproviders.flagger.app.yaml",
        include_str!("../deploy/crds/alertproviders.flagger.app.yaml"),
    ),
    (
        "crds/baselines.recant.dev.yaml",
        include_str!("../deploy/crds/baselines.recant.dev.yaml"),
    ),
    (
        "crds/canaries.flagger.app.yaml",
        include_str!("../deploy/crds/canaries.flagger.app.yaml"),
    ),
    (
        "crds/forges.recant.dev.yaml",
        include_str!("../deploy/crds/forges.recant.dev.yaml"),
    ),
    (
        "crds/metrictemplates.flagger.app.yaml",
        include_str!("../deploy/crds/metrictemplates.flagger.app.yaml"),
    ),
    (
        "crds/reverts.recant.dev.yaml",
        include_str!("../deploy/crds/reverts.recant.dev.yaml"),
    ),
    ("namespace.yaml", include_str!("../deploy/namespace.yaml")),
    ("rbac.yaml", include_str!("../deploy/rbac.yaml")),
    ("deployment.yaml", include_str!("../deploy/deployment.yaml")),
];

/// The start of the line that names recant's own image; the version follows.
const IMAGE: &str = "          image: recant:";

/// The files of `deploy/`: paths relative to it, and what each has to hold.
pub fn files() -> Vec<(String, String)> {
    std::iter::once(("kustomization.yaml".to_owned(), kustomization()))
        .chain(
            SOURCES
                .iter()
                .map(|(path, text)| ((*path).to_owned(), with_version(text))),
        )
        .collect()
}

/// The definitions of all kinds that recant works with, Flagger's three and its own three.
pub fn crds() -> Vec<Value> {
    all()
        .into_iter()
        .filter(|object| object["kind"] == "CustomResourceDefinition")
        .collect()
}

/// Every object of `deploy/`, in the order in which a cluster wants them.
pub fn all() -> Vec<Value> {
    SOURCES
        .iter()
        .flat_map(|(_, text)| documents(&with_version(text)))
        .collect()
}

/// All objects as one YAML stream, comments and all: what `kubectl apply -f -` takes.
pub fn stream() -> String {
    let texts: Vec<String> = SOURCES.iter().map(|(_, text)| with_version(text)).collect();
    texts.join("---\n")
}

fn kustomization() -> String {
    let mut text = String::from(
        "# recant in a cluster: kubectl apply -k deploy, or this directory as a base of your own.\n\
         apiVersion: kustomize.config.k8s.io/v1beta1\n\
         kind: Kustomization\n\
         resources:\n",
    );
    for (path, _) in SOURCES {
        text.push_str("  - ");
        text.push_str(path);
        text.push('\n');
    }
    text
}

/// The text with the version of this very program as the tag of recant's image.
fn with_version(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| {
            if line.starts_with(IMAGE) {
                format!("{IMAGE}{}\n", env!("CARGO_PKG_VERSION"))
            } else {
                line.to_owned()
            }
        })
        .collect()
}

/// The documents of a file, anchors resolved.
fn documents(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| {
            Value::deserialize(document)
                .expect("the files of deploy/ are built in, and a test reads them all")
        })
        .collect()
}
