//! KEDA's ScaledObjects.

use super::copied;
use super::put_bounds;
use crate::canary::spec::AutoscalerRef;
use crate::object::Object;
use serde_json::Value;

const COPIED: [&str; 9] = [
    "scaleTargetRef",
    "pollingInterval",
    "cooldownPeriod",
    "minReplicaCount",
    "maxReplicaCount",
    "advanced",
    "triggers",
    "fallback",
    "idleReplicaCount",
];

/// The spec of the primary's: the target's, pointed at the primary, its queries asking for the primary.
pub(super) fn primary_spec(reference: &AutoscalerRef, own: &Object, target: &str) -> Value {
    let mut spec = copied(own, &COPIED);
    spec["scaleTargetRef"]["name"] = Value::from(format!("{target}-primary"));
    let hpa = "/advanced/horizontalPodAutoscalerConfig/name";
    if let Some(name) = spec.pointer_mut(hpa)
        && let Some(own) = name.as_str().filter(|own| !own.is_empty())
    {
        *name = Value::from(format!("{own}-primary"));
    }
    put_bounds(&mut spec, reference, ["minReplicaCount", "maxReplicaCount"]);
    let triggers = spec.get_mut("triggers").and_then(Value::as_array_mut);
    for trigger in triggers.into_iter().flatten() {
        put_query(trigger, reference, target);
    }
    spec
}

/// A trigger's query: the one the Canary gives for it by name; without any given, Flagger's guess.
fn put_query(trigger: &mut Value, reference: &AutoscalerRef, target: &str) {
    let name = trigger.get("name").and_then(Value::as_str).unwrap_or_default();
    let given = reference.primary_scaler_queries.as_ref();
    let own = given.map(|queries| queries.get(name).cloned());
    let Some(metadata) = trigger.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    match own {
        Some(Some(query)) => drop(metadata.insert("query".to_owned(), Value::from(query))),
        Some(None) => {}
        None => {
            if let Some(query) = metadata.get_mut("query")
                && let Some(text) = query.as_str()
            {
                *query = Value::from(for_primary(text, target));
            }
        }
    }
}

/// The target's name, and `<target>-canary`, become `<target>-primary`.
fn for_primary(query: &str, target: &str) -> String {
    let primary = format!("{target}-primary");
    let canary = format!("{target}-canary");
    let parts = query.split(&canary).map(|part| part.replace(target, &primary));
    let parts: Vec<String> = parts.collect();
    parts.join(&primary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_asks_for_the_primary_as_flagger_would_have_it() {
        let table = [
            (
                r#"sum(rate(x{app="podinfo"}[1m]))"#,
                r#"sum(rate(x{app="podinfo-primary"}[1m]))"#,
            ),
            (r#"x{pod=~"podinfo-canary.*"}"#, r#"x{pod=~"podinfo-primary.*"}"#),
            ("up", "up"),
        ];
        for (own, primary) in table {
            assert_eq!(for_primary(own, "podinfo"), primary);
        }
    }
}
