//! Traefik's TraefikService: weighted, or mirroring.

use crate::canary::route::Traffic;
use crate::canary::route::scene;
use crate::canary::route::scene::Scene;
use crate::canary::spec::Spec;
use crate::effect::Effect;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::reason::Reason;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

const API: &str = "traefik.io/v1alpha1";

pub(super) fn names(spec: &Spec, namespace: &str) -> Vec<ObjectRef> {
    vec![ObjectRef::new(API, "TraefikService", namespace, spec.apex_name())]
}

pub(super) fn hold(scene: &Scene<'_>, traffic: Traffic) -> Result<Vec<Effect>, Reason> {
    let seen = scene.seen(0);
    let name = ObjectRef::new(API, "TraefikService", scene.namespace(), scene.apex());
    let mut next = scene.begin(seen, &name);
    scene.dress(&mut next);
    let services = services(scene, &next, traffic.canary_pct)?;
    let mut spec = next
        .at("/spec")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    // Traefik looks at one of the two.
    if traffic.mirrored {
        spec.remove("weighted");
        spec.insert("mirroring".to_owned(), mirroring(scene));
    } else {
        if mirrors_to(&spec, &scene.own()) {
            spec.remove("mirroring");
        }
        let weighted = spec.entry("weighted").or_insert_with(|| json!({}));
        if !weighted.is_object() {
            *weighted = json!({});
        }
        weighted["services"] = Value::from(services);
    }
    next.set("/spec", Value::Object(spec));
    Ok(scene::write(seen, next).into_iter().collect())
}

/// Primary, canary if it gets anything, and what others put there. The primary's weight is spelled out even when it is
/// 0: Flagger leaves it out then, and Traefik takes 1.
fn services(scene: &Scene<'_>, route: &Object, canary_pct: i64) -> Result<Vec<Value>, Reason> {
    let seen = scene::list(route, "/spec/weighted/services")?;
    let (primary, own) = (scene.primary(), scene.own());
    let weighted = |name: &str, weight: i64| {
        let old = seen.iter().find(|service| service["name"] == name);
        let mut service = old.and_then(Value::as_object).cloned().unwrap_or_default();
        service.extend(called(scene, name));
        service.insert("weight".to_owned(), Value::from(weight));
        Value::Object(service)
    };
    let mut services = vec![weighted(&primary, 100 - canary_pct)];
    if canary_pct > 0 {
        services.push(weighted(&own, canary_pct));
    }
    let ours = [primary.as_str(), own.as_str(), scene.apex()];
    let others = seen
        .iter()
        .filter(|service| !ours.contains(&service["name"].as_str().unwrap_or_default()));
    services.extend(others.cloned());
    Ok(services)
}

/// All requests to the primary, and a copy of them to the canary.
fn mirroring(scene: &Scene<'_>) -> Value {
    let mut mirror = called(scene, &scene.own());
    let percent = scene.spec.analysis.mirror_weight.filter(|percent| *percent > 0);
    mirror.insert("percent".to_owned(), Value::from(percent.unwrap_or(100)));
    let mut mirroring = called(scene, &scene.primary());
    mirroring.insert("mirrors".to_owned(), json!([mirror]));
    Value::Object(mirroring)
}

fn mirrors_to(spec: &Map<String, Value>, canary: &str) -> bool {
    let mirrors = spec
        .get("mirroring")
        .and_then(|mirroring| mirroring.get("mirrors")?.as_array());
    mirrors
        .into_iter()
        .flatten()
        .any(|mirror| mirror["name"] == canary)
}

fn called(scene: &Scene<'_>, name: &str) -> Map<String, Value> {
    [
        ("name", Value::from(name)),
        ("namespace", Value::from(scene.namespace())),
        ("port", Value::from(scene.spec.service.port)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into_iter()
    .collect()
}
