//! Istio: a VirtualService, and a DestinationRule each for primary and canary.
//!
//! Flagger replaces the whole spec of a VirtualService that was there before. Here one block of its routes is recant's,
//! and everything else stays; what it said before is kept in Flagger's annotation all the same, and comes back when the
//! Canary goes.

mod rules;

use crate::canary::route::Traffic;
use crate::canary::route::made::Made;
use crate::canary::route::scene;
use crate::canary::route::scene::Scene;
use crate::canary::spec::Spec;
use crate::effect::Effect;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::reason::Reason;
use rules::Rules;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

const API: &str = "networking.istio.io/v1beta1";

/// The gateway that stands for all sidecars.
const MESH: &str = "mesh";

/// The DestinationRules of canary and primary, then the VirtualService: it must not speak of what is not there yet.
pub(super) fn names(spec: &Spec, namespace: &str) -> Vec<ObjectRef> {
    let apex = spec.apex_name();
    let rule = |half: &str| ObjectRef::new(API, "DestinationRule", namespace, &format!("{apex}-{half}"));
    vec![
        rule("canary"),
        rule("primary"),
        ObjectRef::new(API, "VirtualService", namespace, apex),
    ]
}

/// # Errors
/// Hosts or gateways of a VirtualService that others delegate to.
pub(super) fn check(spec: &Spec) -> Result<(), Reason> {
    let service = &spec.service;
    if service.delegation && !(service.hosts.is_empty() && service.gateways.is_empty()) {
        return Err(Reason::InvalidSpec {
            detail: "spec.service.delegation: a VirtualService that others delegate to has no hosts and no gateways; \
                     leave spec.service.hosts and spec.service.gateways out"
                .to_owned(),
        });
    }
    Ok(())
}

pub(super) fn hold(scene: &Scene<'_>, traffic: Traffic) -> Result<Vec<Effect>, Reason> {
    let names = names(scene.spec, scene.namespace());
    let mut effects = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let seen = scene.seen(index);
        let mut next = scene.begin(seen, name);
        let mut made = Made::of(&next);
        let mut spec = next
            .at("/spec")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        if name.kind == "DestinationRule" {
            spec.insert("host".to_owned(), Value::from(name.name.clone()));
            made.put(
                &mut spec,
                "trafficPolicy",
                scene.spec.service.traffic_policy.clone(),
            );
        } else {
            scene.dress(&mut next);
            put_reach(scene, seen, &mut spec);
            put_routes(scene, &next, &mut spec, &mut made, traffic)?;
        }
        next.set("/spec", Value::Object(spec));
        made.write_down(&mut next);
        effects.extend(scene::write(seen, next));
    }
    Ok(effects)
}

/// Hosts and gateways: those of the Canary, the apex among the hosts, and the mesh where no gateway is named. A
/// VirtualService that was there before keeps its own beside them.
fn put_reach(scene: &Scene<'_>, seen: Option<&Object>, spec: &mut Map<String, Value>) {
    let service = &scene.spec.service;
    if service.delegation {
        spec.insert("hosts".to_owned(), json!([]));
        spec.remove("gateways");
        return;
    }
    let before = seen.filter(|seen| !scene.owns(seen));
    let texts = |pointer: &str| -> Vec<String> {
        let list = before.and_then(|seen| seen.at(pointer)?.as_array());
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    let mut hosts = texts("/spec/hosts");
    hosts.extend(
        service
            .hosts
            .iter()
            .filter(|host| !texts("/spec/hosts").contains(*host))
            .cloned(),
    );
    if !hosts.iter().any(|host| host == scene.apex() || host == "*") {
        hosts.push(scene.apex().to_owned());
    }
    let mut gateways = texts("/spec/gateways");
    let others = service.gateways.iter();
    gateways.extend(
        others
            .filter(|gateway| !texts("/spec/gateways").contains(*gateway))
            .cloned(),
    );
    if gateways.is_empty() {
        gateways.push(MESH.to_owned());
    }
    spec.insert("hosts".to_owned(), json!(hosts));
    spec.insert("gateways".to_owned(), json!(gateways));
}

fn put_routes(
    scene: &Scene<'_>,
    route: &Object,
    spec: &mut Map<String, Value>,
    made: &mut Made,
    traffic: Traffic,
) -> Result<(), Reason> {
    if is_tcp(scene.spec) {
        scene::list(route, "/spec/tcp")?;
        spec.insert("tcp".to_owned(), json!([tcp(scene, traffic.canary_pct)]));
        return Ok(());
    }
    let routes = Rules::new(scene, scene::list(route, "/spec/http")?, made).held_to(traffic);
    spec.insert("http".to_owned(), Value::from(routes));
    Ok(())
}

fn is_tcp(spec: &Spec) -> bool {
    let protocol = spec.service.app_protocol.as_deref();
    protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("tcp"))
}

/// A route of connections: of `service.match` it knows the ports alone.
fn tcp(scene: &Scene<'_>, canary_pct: i64) -> Value {
    let mut route = json!({"route": destinations(scene, canary_pct)});
    let ports: Vec<Value> = scene
        .spec
        .service
        .r#match
        .iter()
        .filter_map(|one| Some(json!({"port": one.get("port")?})))
        .collect();
    if !ports.is_empty() {
        route["match"] = Value::from(ports);
    }
    route
}

/// Primary and canary, the latter with this share in percent.
fn destinations(scene: &Scene<'_>, canary_pct: i64) -> Value {
    json!([
        destination(scene, &scene.primary(), 100 - canary_pct),
        destination(scene, &scene.own(), canary_pct)
    ])
}

/// A destination. Behind an ingress gateway the Service's ports are more than one when they are discovered, and then
/// the one must be named.
fn destination(scene: &Scene<'_>, host: &str, weight: i64) -> Value {
    let service = &scene.spec.service;
    let behind_gateway = service.gateways.first().is_some_and(|gateway| gateway != MESH);
    let mut destination = json!({"host": host});
    if service.port_discovery && (behind_gateway || service.delegation) {
        destination["port"] = json!({"number": service.port});
    }
    json!({"destination": destination, "weight": weight})
}
