//! SMI's TrafficSplit, as Linkerd and others had it.

use crate::canary::route::Traffic;
use crate::canary::route::scene;
use crate::canary::route::scene::Scene;
use crate::canary::spec::Spec;
use crate::effect::Effect;
use crate::object::ObjectRef;
use crate::reason::Reason;
use serde_json::Value;
use serde_json::json;

/// Istio's SMI adapter reads the gateways here.
const GATEWAYS: &str = "VirtualService.v1alpha3.networking.istio.io/spec.gateways";

pub(super) fn names(spec: &Spec, namespace: &str, version: &str) -> Vec<ObjectRef> {
    vec![ObjectRef::new(
        version,
        "TrafficSplit",
        namespace,
        spec.apex_name(),
    )]
}

pub(super) fn hold(scene: &Scene<'_>, version: &str, traffic: Traffic) -> Result<Vec<Effect>, Reason> {
    let seen = scene.seen(0);
    let service = &scene.spec.service;
    let name = ObjectRef::new(version, "TrafficSplit", scene.namespace(), scene.apex());
    let mut next = scene.begin(seen, &name);
    let on_istio = provider(scene)
        .strip_prefix("smi:")
        .is_some_and(|rest| rest.ends_with(":istio"));
    if on_istio && !service.gateways.is_empty() {
        scene::annotate(&mut next, GATEWAYS, &json!(service.gateways).to_string());
    }
    scene::list(&next, "/spec/backends")?;
    let root = service.hosts.first().map_or(scene.apex(), String::as_str);
    next.set("/spec/service", Value::from(root));
    next.set("/spec/backends", backends(scene, version, traffic.canary_pct));
    Ok(scene::write(seen, next).into_iter().collect())
}

fn provider<'a>(scene: &Scene<'a>) -> &'a str {
    let own = scene.spec.provider.as_deref();
    own.unwrap_or(&scene.settings.mesh_provider)
}

/// The backends, canary first as Flagger writes them; v1alpha1 spells weights as quantities.
fn backends(scene: &Scene<'_>, version: &str, canary_pct: i64) -> Value {
    let spell = |weight: i64| match version {
        "split.smi-spec.io/v1alpha1" => Value::from(weight.to_string()),
        _ => Value::from(weight),
    };
    json!([
        {"service": scene.own(), "weight": spell(canary_pct)},
        {"service": scene.primary(), "weight": spell(100 - canary_pct)},
    ])
}
