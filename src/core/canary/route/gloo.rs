//! Gloo: a RouteTable, which a VirtualService delegates to, and an Upstream each for primary and canary.

use crate::canary::route::Traffic;
use crate::canary::route::block::Block;
use crate::canary::route::block::Shape;
use crate::canary::route::matches;
use crate::canary::route::matches::Text;
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

const UPSTREAM_API: &str = "gloo.solo.io/v1";
const TABLE_API: &str = "gateway.solo.io/v1";

/// What both Upstreams have from the one that `upstreamRef` names.
const COPIED: [&str; 9] = [
    "labels",
    "sslConfig",
    "circuitBreakers",
    "connectionConfig",
    "loadBalancerConfig",
    "useHttp2",
    "initialStreamWindowSize",
    "initialConnectionWindowSize",
    "httpProxyHostName",
];

/// The Upstreams of primary and canary, the RouteTable, and the Upstream that is only read.
pub(super) fn names(spec: &Spec, namespace: &str) -> Vec<ObjectRef> {
    let [primary, own] = upstreams(spec, namespace);
    let mut names = vec![
        ObjectRef::new(UPSTREAM_API, "Upstream", namespace, &primary),
        ObjectRef::new(UPSTREAM_API, "Upstream", namespace, &own),
        ObjectRef::new(TABLE_API, "RouteTable", namespace, spec.apex_name()),
    ];
    if let Some(upstream) = &spec.upstream_ref {
        let namespace = upstream.namespace.as_deref().unwrap_or(namespace);
        names.push(ObjectRef::new(
            UPSTREAM_API,
            "Upstream",
            namespace,
            &upstream.name,
        ));
    }
    names
}

fn upstreams(spec: &Spec, namespace: &str) -> [String; 2] {
    let (apex, port) = (spec.apex_name(), spec.service.port);
    ["primary", "canary"].map(|half| format!("{namespace}-{apex}-{half}upstream-{port}"))
}

pub(super) fn hold(scene: &Scene<'_>, traffic: Traffic) -> Result<Vec<Effect>, Reason> {
    let names = names(scene.spec, scene.namespace());
    let config = match names.get(3) {
        None => None,
        Some(name) => Some(scene.seen(3).ok_or_else(|| Reason::InvalidRoute {
            route: name.to_string(),
            detail: "not found: create it, or mend spec.upstreamRef".to_owned(),
        })?),
    };
    let halves = [
        (scene.primary(), format!("{}-primary", scene.label.1)),
        (scene.own(), scene.label.1.clone()),
    ];
    let mut effects = Vec::new();
    for (index, (service, label)) in halves.iter().enumerate() {
        if let Some(name) = names.get(index) {
            effects.extend(upstream(scene, name, scene.seen(index), config, (service, label)));
        }
    }
    effects.extend(route_table(scene, traffic)?);
    Ok(effects)
}

fn upstream(
    scene: &Scene<'_>,
    name: &ObjectRef,
    seen: Option<&Object>,
    config: Option<&Object>,
    (service, label): (&str, &str),
) -> Option<Effect> {
    let mut next = scene.begin(seen, name);
    // What was copied once is the Upstream's own, but for the load balancer, as with Flagger.
    for field in COPIED {
        let copied = config.and_then(|config| config.at(&format!("/spec/{field}")));
        if let Some(value) = copied.filter(|_| seen.is_none() || field == "loadBalancerConfig") {
            next.set(&format!("/spec/{field}"), value.clone());
        }
    }
    let kube = [
        ("serviceName", Value::from(service)),
        ("serviceNamespace", Value::from(scene.namespace())),
        ("servicePort", Value::from(scene.spec.service.port)),
        ("selector", json!({ scene.label.0.as_str(): label })),
    ];
    for (field, value) in kube {
        next.set(&format!("/spec/kube/{field}"), value);
    }
    scene::write(seen, next)
}

fn route_table(scene: &Scene<'_>, traffic: Traffic) -> Result<Option<Effect>, Reason> {
    let seen = scene.seen(2);
    let name = ObjectRef::new(TABLE_API, "RouteTable", scene.namespace(), scene.apex());
    let mut next = scene.begin(seen, &name);
    scene.dress(&mut next);
    let block = find(scene, scene::list(&next, "/spec/routes")?);
    let common = block.main.as_object().cloned().unwrap_or_default();
    let matchers = matchers(scene.spec)?;
    let mut routes = Vec::new();
    if matchers.is_empty() {
        routes.push(route(scene, &common, Vec::new(), traffic.canary_pct));
    } else {
        routes.push(route(scene, &common, matchers, traffic.canary_pct));
        // Without it, requests that do not match have no route at all; Flagger leaves them so.
        routes.push(route(scene, &common, Vec::new(), 0));
    }
    next.set("/spec/routes", Value::from(block.around(routes)));
    Ok(scene::write(seen, next))
}

fn find(scene: &Scene<'_>, list: Vec<Value>) -> Block {
    let both = upstreams(scene.spec, scene.namespace());
    let names = |route: &Value| -> Vec<String> {
        let list = route
            .pointer("/routeAction/multi/destinations")
            .and_then(Value::as_array);
        let name = |one: &Value| Some(one.pointer("/destination/upstream/name")?.as_str()?.to_owned());
        list.into_iter().flatten().filter_map(name).collect()
    };
    let splits = |route: &Value| both.iter().all(|name| names(route).contains(name));
    let shape = Shape {
        splits: &splits,
        sticks: &|_| false,
        is_rest: &|_, rest| splits(rest),
        is_whole: &|_| false,
    };
    Block::find(list, &shape)
}

fn route(scene: &Scene<'_>, common: &Map<String, Value>, matchers: Vec<Value>, canary_pct: i64) -> Value {
    let [primary, own] = upstreams(scene.spec, scene.namespace());
    let destination = |name: String, weight: i64| {
        json!({
            "destination": {"upstream": {"name": name, "namespace": scene.namespace()}},
            "weight": weight,
        })
    };
    let destinations = [
        destination(primary, 100 - canary_pct),
        destination(own, canary_pct),
    ];
    let mut route = common.clone();
    route.remove("matchers");
    if !matchers.is_empty() {
        route.insert("matchers".to_owned(), Value::from(matchers));
    }
    route.insert("inheritablePathMatchers".to_owned(), Value::from(true));
    let action = json!({"multi": {"destinations": destinations}});
    route.insert("routeAction".to_owned(), action);
    Value::Object(route)
}

/// The conditions of the analysis: a matcher for each entry, of which one must hold. Flagger puts all entries into one,
/// where all would have to hold.
fn matchers(spec: &Spec) -> Result<Vec<Value>, Reason> {
    matches::only_headers(spec, "gloo")?;
    let mut matchers: Vec<Vec<Value>> = vec![Vec::new(); spec.analysis.r#match.len()];
    for (entry, name, text) in matches::headers(spec) {
        let header = match Text::of(text) {
            Some(Text::Exact(value)) => json!({"name": name, "value": value}),
            Some(Text::Regex(value)) => json!({"name": name, "value": value, "regex": true}),
            Some(Text::Prefix(_) | Text::Suffix(_)) | None => {
                let field = format!("headers.{name}");
                return Err(matches::wrong(entry, &field, "must be exact or regex"));
            }
        };
        if let Some(headers) = matchers.get_mut(entry) {
            headers.push(header);
        }
    }
    Ok(matchers
        .into_iter()
        .map(|headers| json!({ "headers": headers }))
        .collect())
}
