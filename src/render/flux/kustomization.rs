//! The Flux `Kustomization` object, as far as it says how to render.

use crate::object::Object;
use crate::origin::Origin;
use crate::problem::Problem;
use serde_json::Map;
use serde_json::Value;
use std::collections::BTreeMap;

/// How a Flux Kustomization renders its path. Field names are Flux's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kustomization {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.path`, from the root of its source.
    pub path: String,
    /// `spec.sourceRef`: kind, namespace and name.
    pub source: (String, String, String),
    /// The whole `spec`, as written.
    pub spec: Value,
    /// What the tree it is rendered from is.
    pub files: Files,
    /// Values of `postBuild.substituteFrom`, given from outside: they live in the cluster. Later objects win.
    pub vars: BTreeMap<String, String>,
    /// Whether a variable that is not set fails the build, as with the controller's feature gate.
    pub strict_substitution: bool,
    /// Where the values of the object come from, by JSON pointer, when that is known.
    pub origins: BTreeMap<String, Origin>,
}

/// What the tree is that a Flux Kustomization is rendered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Files {
    /// A commit: source-controller takes out what `.sourceignore` files and `spec.ignore` of the GitRepository name.
    Commit {
        /// `spec.ignore`.
        ignore: Option<String>,
    },
    /// An artifact: what is to be left out is out already.
    Artifact,
}

impl Default for Files {
    fn default() -> Self {
        Self::Commit { ignore: None }
    }
}

/// One reference of `postBuild.substituteFrom`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substitute {
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// Whether its absence is tolerated.
    pub optional: bool,
}

/// The fields of a Flux Kustomization's `spec` that say what comes out of its path.
pub const RENDERING: [&str; 12] = [
    "targetNamespace",
    "namePrefix",
    "nameSuffix",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "components",
    "ignoreMissingComponents",
    "images",
    "commonMetadata",
    "postBuild",
    "buildMetadata",
];

/// A value without what says nothing: nulls, `false`, empty texts, lists and maps.
fn told(value: &Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) => (!text.is_empty()).then(|| value.clone()),
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().map(|item| told(item).unwrap_or_default()).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(map) => {
            let map: Map<String, Value> = map
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), told(value)?)))
                .collect();
            (!map.is_empty()).then_some(Value::Object(map))
        }
        Value::Bool(true) | Value::Number(_) => Some(value.clone()),
    }
}

impl Kustomization {
    /// Reads a Flux Kustomization object.
    ///
    /// # Errors
    /// A problem when it is no such object.
    pub fn from_json(object: &Value) -> Result<Self, Problem> {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let ours = text("/apiVersion").starts_with("kustomize.toolkit.fluxcd.io/")
            && text("/kind") == "Kustomization";
        if !ours {
            return Err(Problem::error(format!(
                "{} {} is no Flux Kustomization (kustomize.toolkit.fluxcd.io)",
                text("/apiVersion"),
                text("/kind")
            )));
        }
        let Some(spec) = object.get("spec").filter(|s| s.is_object()) else {
            return Err(Problem::error("the Flux Kustomization has no `spec`"));
        };
        let namespace = text("/metadata/namespace");
        let source_namespace = match text("/spec/sourceRef/namespace") {
            "" => namespace,
            other => other,
        };
        Ok(Self {
            name: text("/metadata/name").to_owned(),
            namespace: namespace.to_owned(),
            path: text("/spec/path").to_owned(),
            source: (
                text("/spec/sourceRef/kind").to_owned(),
                source_namespace.to_owned(),
                text("/spec/sourceRef/name").to_owned(),
            ),
            spec: spec.clone(),
            ..Self::default()
        })
    }

    /// Reads a Flux Kustomization out of a rendered object, with the origins of its values.
    ///
    /// # Errors
    /// A problem when it is no such object.
    pub fn from_object(object: &Object) -> Result<Self, Problem> {
        Ok(Self {
            origins: object.origins().collect(),
            ..Self::from_json(&object.json())?
        })
    }

    /// The file it is declared in, when that is known.
    pub fn declared_in(&self) -> Option<&str> {
        let sources = self
            .origins
            .values()
            .find_map(|origin| origin.sources().first().copied());
        sources.map(|(file, ..)| file)
    }

    /// Whether both render a directory alike. What the API server fills in by default does not count.
    pub fn renders_as(&self, other: &Self) -> bool {
        RENDERING.iter().all(|field| {
            let of = |k: &Self| k.spec.get(*field).and_then(told);
            of(self) == of(other)
        }) && self.files == other.files
    }

    /// What `postBuild.substituteFrom` refers to, in order.
    pub fn substitute_from(&self) -> Vec<Substitute> {
        let list = self
            .spec
            .pointer("/postBuild/substituteFrom")
            .and_then(Value::as_array);
        let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        list.into_iter()
            .flatten()
            .map(|v| Substitute {
                kind: text(v, "kind"),
                name: text(v, "name"),
                optional: v.get("optional").and_then(Value::as_bool).unwrap_or_default(),
            })
            .collect()
    }
}
