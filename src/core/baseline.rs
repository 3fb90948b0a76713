//! Baseline: what was last promoted for one Canary, and what is being analysed for it.
//!
//! One object of kind `Baseline` (`recant.dev/v1alpha1`) of the Canary's own name and namespace, owned by it. The
//! template that is promoted is the one recorded here when the analysis began, never what the target has become.

use crate::chain::Link;
use crate::config::Checksums;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::template;
use crate::template::Naming;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

/// The API version of recant's own kinds.
pub const RECANT_API: &str = "recant.dev/v1alpha1";

/// What a Baseline records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    /// The Canary.
    pub canary: String,
    /// What the primary has, or is to have.
    pub promoted: Snapshot,
    /// What is being analysed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Snapshot>,
    /// Whether Flagger has the Canary again: what stands here is then not looked at any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handed_over: bool,
}

/// What is analysed or promoted, and where it came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The target's pod template (a Service's spec), as the API server has it.
    pub template: Value,
    /// The hash of the template and of the checksums of `configs`.
    pub template_hash: String,
    /// The checksums of the tracked ConfigMaps and Secrets that the pods read, by [`crate::config::key`].
    #[serde(default, skip_serializing_if = "Checksums::is_empty")]
    pub configs: Checksums,
    /// The primary's own template, where that is not what recant would have made of `template`: Flagger made it, and
    /// to write it anew would restart the primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_template: Option<Value>,
    /// The Git revision it came with; empty when unknown.
    #[serde(default)]
    pub revision: String,
    /// The chain it came through, nearest link first; empty when Flux does not apply the target.
    #[serde(default)]
    pub chain: Vec<Link>,
    /// When it was first seen.
    pub since: Timestamp,
}

impl Snapshot {
    /// A snapshot of a template, of the configs it names and of its chain.
    pub fn new(now: Timestamp, template: Value, configs: Checksums, chain: Vec<Link>) -> Self {
        let template_hash = Self::hash(&template, &configs);
        let revision = chain
            .first()
            .map(|link| link.revision.clone())
            .unwrap_or_default();
        Self {
            template,
            template_hash,
            configs,
            primary_template: None,
            revision,
            chain,
            since: now,
        }
    }

    /// The hash of a template and of what its pods read.
    pub fn hash(template: &Value, configs: &Checksums) -> String {
        if configs.is_empty() {
            template::hash(template)
        } else {
            template::hash(&serde_json::json!([template, configs]))
        }
    }

    /// The primary's template.
    pub fn primary(&self, naming: &Naming) -> Value {
        let made = || {
            let configs = self.configs.keys().map(String::as_str).collect();
            naming.primary_of(&self.template, &self.template_hash, &configs)
        };
        self.primary_template.clone().unwrap_or_else(made)
    }
}

impl Baseline {
    /// The name of a Canary's Baseline.
    pub fn name(canary: &Object) -> ObjectRef {
        ObjectRef::new(RECANT_API, "Baseline", canary.namespace(), canary.name())
    }

    /// Reads a Baseline.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(object: &Object) -> Result<Self, String> {
        let spec = object.at("/spec").cloned().unwrap_or_default();
        serde_json::from_value(spec).map_err(|e| format!("spec: {e}"))
    }

    /// The object, on top of the one that was seen, if any.
    pub fn object(&self, canary: &Object, seen: Option<&Object>) -> Object {
        let mut object = match seen {
            Some(seen) => seen.clone(),
            None => {
                let mut new = Object::named(&Self::name(canary));
                new.set("/metadata/ownerReferences", serde_json::json!([owner(canary)]));
                new
            }
        };
        object.set("/spec", serde_json::to_value(self).unwrap_or_default());
        object
    }
}

/// The owner reference that Flagger puts on what it makes for a Canary.
pub fn owner(canary: &Object) -> Value {
    serde_json::json!({
        "apiVersion": canary.str("/apiVersion"),
        "kind": canary.str("/kind"),
        "name": canary.name(),
        "uid": canary.uid(),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}
