//! Baseline: what was last promoted for one Canary, and what is being analysed for it.
//!
//! One object of kind `Baseline` (`recant.dev/v1alpha1`) of the Canary's own name and namespace, owned by it. The
//! template that is promoted is the one recorded here when the analysis began, never what the target has become.

use crate::chain::Link;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::template;
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
}

/// A pod template, and where it came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The target's pod template, as the API server has it.
    pub template: Value,
    /// Its hash.
    pub template_hash: String,
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
    /// A snapshot of a template and its chain.
    pub fn new(now: Timestamp, template: Value, chain: Vec<Link>) -> Self {
        let template_hash = template::hash(&template);
        let revision = chain
            .first()
            .map(|link| link.revision.clone())
            .unwrap_or_default();
        Self {
            template,
            template_hash,
            revision,
            chain,
            since: now,
        }
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
