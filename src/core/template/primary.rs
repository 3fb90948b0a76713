//! The primary's template for a target's, and the way back: Flagger's names.

use super::escaped;
use crate::config;
use crate::object::Object;
use serde_json::Map;
use serde_json::Value;
use std::collections::BTreeSet;

/// The annotation that makes the primary's pods new ones at each promotion. Flagger's is random; recant's is the
/// hash of what is promoted, so that promoting the same once more restarts nothing.
pub const ID_ANNOTATION: &str = "flagger-id";

const SUFFIX: &str = "-primary";

/// Labels and annotations with this in their name are Flux's: on a primary they would make Flux reconcile or prune it.
const TOOLKIT: &str = "toolkit.fluxcd.io";

/// Whether a label or annotation is one that Flux puts on what it applies; it is never copied.
pub fn is_fluxs(key: &str) -> bool {
    key.contains(TOOLKIT)
}

/// How a primary is told from its target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// The target's name.
    pub target: String,
    /// The label that selects the target's pods, and its value there; none for a Service, which has no pods.
    pub label: Option<(String, String)>,
    /// Labels that may select pods: affinity terms on these follow the primary's name.
    pub selector_labels: Vec<String>,
}

impl Naming {
    /// The primary's template for a target's. `id` tells one promotion from the next; `configs` are the tracked
    /// ConfigMaps and Secrets (by [`config::key`]), of which the primary reads copies of its own.
    pub fn primary_of(&self, template: &Value, id: &str, configs: &BTreeSet<&str>) -> Value {
        let Some((label, value)) = &self.label else {
            return template.clone();
        };
        let mut primary = Object(template.clone());
        retain(&mut primary.0, "labels", |key| !is_fluxs(key));
        retain(&mut primary.0, "annotations", |key| !is_fluxs(key));
        let pointer = format!("/metadata/labels/{}", escaped(label));
        primary.set(&pointer, Value::from(format!("{value}{SUFFIX}")));
        primary.set(&format!("/metadata/annotations/{ID_ANNOTATION}"), Value::from(id));
        config::each(&mut primary.0, |kind, name, _| {
            let tracked = |name: &str| configs.contains(config::key(kind, name).as_str());
            if let Some(copy) = name
                .as_str()
                .filter(|n| tracked(n))
                .map(|n| format!("{n}{SUFFIX}"))
            {
                *name = Value::from(copy);
            }
        });
        self.rename_selected(&mut primary.0, &self.target, &format!("{}{SUFFIX}", self.target));
        primary.0
    }

    /// The target's template for a primary's: the way back, for a primary that Flagger promoted something to that the
    /// target does not ask for any more.
    pub fn target_of(&self, primary: &Value) -> Value {
        let Some((label, value)) = &self.label else {
            return primary.clone();
        };
        let mut target = Object(primary.clone());
        let pointer = format!("/metadata/labels/{}", escaped(label));
        target.set(&pointer, Value::from(value.clone()));
        retain(&mut target.0, "annotations", |key| key != ID_ANNOTATION);
        config::each(&mut target.0, |_, name, _| {
            if let Some(original) = name.as_str().and_then(|n| n.strip_suffix(SUFFIX)) {
                *name = Value::from(original);
            }
        });
        self.rename_selected(&mut target.0, &format!("{}{SUFFIX}", self.target), &self.target);
        target.0
    }

    /// Whether a primary has what a target asks for, but for the names that differ. Older versions of Flagger did not
    /// rename in all the places where today's does: any `-primary` is as good as none.
    pub fn is_primary_of(&self, primary: &Value, template: &Value) -> bool {
        if self.label.is_none() {
            return primary == template;
        }
        nameless(primary) == nameless(template)
    }

    /// In spread constraints and anti-affinity terms that select pods by the workload's name.
    fn rename_selected(&self, template: &mut Value, from: &str, to: &str) {
        let mut selectors: Vec<&mut Value> = Vec::new();
        let Some(Value::Object(spec)) = template.get_mut("spec") else {
            return;
        };
        let (mut spread, mut affinity) = (None, None);
        for (field, value) in spec.iter_mut() {
            match field.as_str() {
                "topologySpreadConstraints" => spread = value.as_array_mut(),
                "affinity" => affinity = value.get_mut("podAntiAffinity"),
                _ => {}
            }
        }
        selectors.extend(
            spread
                .into_iter()
                .flatten()
                .filter_map(|c| c.get_mut("labelSelector")),
        );
        for (field, terms) in affinity.and_then(Value::as_object_mut).into_iter().flatten() {
            let weighted = field.starts_with("preferred");
            for term in terms.as_array_mut().into_iter().flatten() {
                let term = if weighted {
                    term.get_mut("podAffinityTerm")
                } else {
                    Some(term)
                };
                selectors.extend(term.and_then(|term| term.get_mut("labelSelector")));
            }
        }
        for selector in selectors {
            self.rename_in(selector, from, to);
        }
    }

    fn rename_in(&self, selector: &mut Value, from: &str, to: &str) {
        let is_ours = |key: &str| self.selector_labels.iter().any(|label| label == key);
        let expressions = selector.get_mut("matchExpressions").and_then(Value::as_array_mut);
        for expression in expressions.into_iter().flatten() {
            let ours = expression.get("key").and_then(Value::as_str).is_some_and(is_ours);
            let values = expression.get_mut("values").and_then(Value::as_array_mut);
            let named = values.into_iter().flatten().find(|value| **value == *from);
            if let Some(value) = named.filter(|_| ours) {
                *value = Value::from(to);
            }
        }
        let labels = selector.get_mut("matchLabels").and_then(Value::as_object_mut);
        for (key, value) in labels.into_iter().flatten() {
            if is_ours(key) && *value == *from {
                *value = Value::from(to);
            }
        }
    }
}

/// Keeps those of a template's labels or annotations; an empty map goes.
fn retain(template: &mut Value, field: &str, keep: impl Fn(&str) -> bool) {
    let Some(Value::Object(metadata)) = template.get_mut("metadata") else {
        return;
    };
    if let Some(Value::Object(map)) = metadata.get_mut(field) {
        map.retain(|key, _| keep(key));
        if map.is_empty() {
            metadata.remove(field);
        }
    }
}

/// A template without what tells a primary from its target.
fn nameless(template: &Value) -> Value {
    let mut template = template.clone();
    retain(&mut template, "labels", |key| !is_fluxs(key));
    retain(&mut template, "annotations", |key| {
        key != ID_ANNOTATION && !is_fluxs(key)
    });
    stripped(template)
}

fn stripped(value: Value) -> Value {
    match value {
        Value::String(text) => Value::from(text.strip_suffix(SUFFIX).unwrap_or(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(stripped).collect()),
        Value::Object(map) => {
            let fields: Map<String, Value> = map.into_iter().map(|(k, v)| (k, stripped(v))).collect();
            Value::Object(fields)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn naming() -> Naming {
        Naming {
            target: "podinfo".to_owned(),
            label: Some(("app".to_owned(), "podinfo".to_owned())),
            selector_labels: vec!["app".to_owned()],
        }
    }

    #[test]
    fn the_way_to_the_primary_and_back_changes_nothing() {
        let table = [
            json!({"metadata": {"labels": {"app": "podinfo"}}, "spec": {}}),
            json!({"metadata": {"labels": {"app": "podinfo", "x": "y"}, "annotations": {"a": "b"}},
                   "spec": {"containers": [{"image": "i:1", "envFrom": [{"configMapRef": {"name": "config"}}]}]}}),
        ];
        let configs = BTreeSet::from(["configmap/config"]);
        for template in table {
            let primary = naming().primary_of(&template, "1", &configs);
            assert_ne!(primary, template);
            assert_eq!(naming().target_of(&primary), template);
            assert!(naming().is_primary_of(&primary, &template));
        }
    }

    #[test]
    fn a_primary_reads_copies_of_what_is_tracked_and_the_originals_of_the_rest() {
        let template = json!({"metadata": {"labels": {"app": "podinfo"}}, "spec": {
            "volumes": [{"configMap": {"name": "a"}}, {"secret": {"secretName": "b"}},
                        {"projected": {"sources": [{"secret": {"name": "b"}}, {"configMap": {"name": "shared"}}]}}],
            "initContainers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "b", "key": "k"}}}]}]}});
        let primary = naming().primary_of(&template, "1", &BTreeSet::from(["configmap/a", "secret/b"]));
        let at = |pointer: &str| {
            primary
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        assert_eq!(at("/spec/volumes/0/configMap/name"), "a-primary");
        assert_eq!(at("/spec/volumes/1/secret/secretName"), "b-primary");
        assert_eq!(at("/spec/volumes/2/projected/sources/0/secret/name"), "b-primary");
        assert_eq!(at("/spec/volumes/2/projected/sources/1/configMap/name"), "shared");
        assert_eq!(
            at("/spec/initContainers/0/env/0/valueFrom/secretKeyRef/name"),
            "b-primary"
        );
    }

    #[test]
    fn spread_and_anti_affinity_by_the_workloads_name_follow_the_primary() {
        let by_label = |value: &str| json!({"matchLabels": {"app": value, "tier": "podinfo"}});
        let by_expression = |value: &str| {
            json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["other", value]},
                                        {"key": "tier", "operator": "In", "values": ["podinfo"]}]})
        };
        let spec = |value: &str| {
            json!({
                "topologySpreadConstraints": [{"labelSelector": by_label(value)}],
                "affinity": {
                    "podAntiAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution":
                            [{"weight": 1, "podAffinityTerm": {"labelSelector": by_expression(value)}}],
                        "requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": by_label(value)}]},
                    "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                                        [{"labelSelector": by_label("podinfo")}]}},
            })
        };
        let template = json!({"metadata": {"labels": {"app": "podinfo"}}, "spec": spec("podinfo")});
        let primary = naming().primary_of(&template, "1", &BTreeSet::new());
        assert_eq!(primary["spec"], spec("podinfo-primary"));
        assert_eq!(naming().target_of(&primary), template);
    }

    #[test]
    fn what_flux_put_on_a_pod_template_is_not_copied() {
        let template = json!({"metadata": {"labels": {"app": "podinfo", "kustomize.toolkit.fluxcd.io/name": "apps"},
                                           "annotations": {"x.toolkit.fluxcd.io/y": "z", "keep": "me"}}});
        let primary = naming().primary_of(&template, "1", &BTreeSet::new());
        assert_eq!(primary["metadata"]["labels"], json!({"app": "podinfo-primary"}));
        assert_eq!(
            primary["metadata"]["annotations"],
            json!({"keep": "me", ID_ANNOTATION: "1"})
        );
    }

    #[test]
    fn a_primary_of_an_older_flagger_is_told_from_one_with_another_template() {
        let template = json!({"metadata": {"labels": {"app": "podinfo"}}, "spec": {"containers": [{"image": "i:1"}],
            "topologySpreadConstraints": [{"labelSelector": {"matchLabels": {"app": "podinfo"}}}]}});
        let mut older = naming().primary_of(&template, "random", &BTreeSet::new());
        older["spec"]["topologySpreadConstraints"] = template["spec"]["topologySpreadConstraints"].clone();
        assert!(naming().is_primary_of(&older, &template));
        older["spec"]["containers"][0]["image"] = json!("i:2");
        assert!(!naming().is_primary_of(&older, &template));
    }
}
