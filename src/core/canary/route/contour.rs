//! Contour's HTTPProxy, which a root proxy includes.

use crate::canary::route::Traffic;
use crate::canary::route::block::Block;
use crate::canary::route::block::Shape;
use crate::canary::route::made::Made;
use crate::canary::route::matches;
use crate::canary::route::matches::Text;
use crate::canary::route::scene;
use crate::canary::route::scene::Scene;
use crate::canary::spec::Spec;
use crate::effect::Effect;
use crate::object::ObjectRef;
use crate::reason::Reason;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

const API: &str = "projectcontour.io/v1";

/// The header by which Linkerd, behind Contour, knows where a request goes.
const LINKERD: &str = "l5d-dst-override";

pub(super) fn names(spec: &Spec, namespace: &str) -> Vec<ObjectRef> {
    vec![ObjectRef::new(API, "HTTPProxy", namespace, spec.apex_name())]
}

/// # Errors
/// Conditions that an HTTPProxy does not have.
pub(super) fn check(spec: &Spec) -> Result<(), Reason> {
    conditions(spec, "/").map(drop)
}

pub(super) fn hold(scene: &Scene<'_>, traffic: Traffic) -> Result<Vec<Effect>, Reason> {
    let seen = scene.seen(0);
    let name = ObjectRef::new(API, "HTTPProxy", scene.namespace(), scene.apex());
    let mut next = scene.begin(seen, &name);
    scene.dress(&mut next);
    if !scene.settings.ingress_class.is_empty() {
        let class = Value::from(scene.settings.ingress_class.clone());
        next.set("/spec/ingressClassName", class);
    }
    let mut made = Made::of(&next);
    let block = find(scene, scene::list(&next, "/spec/routes")?);
    let mut common = block.main.as_object().cloned().unwrap_or_default();
    made.put(&mut common, "timeoutPolicy", timeout_policy(scene.spec));
    made.put(&mut common, "retryPolicy", retry_policy(scene.spec));
    let route = |conditions: Value, traffic: Traffic| {
        let mut route = common.clone();
        route.insert("conditions".to_owned(), conditions);
        route.insert("services".to_owned(), services(scene, &common, traffic));
        Value::Object(route)
    };
    let base = base(scene.spec, &common, &mut made);
    let prefix = base
        .iter()
        .find_map(|one| one.get("prefix")?.as_str())
        .unwrap_or("/");
    let narrow = conditions(scene.spec, prefix)?.into_iter();
    let mut routes: Vec<Value> = narrow.map(|conditions| route(conditions, traffic)).collect();
    let rest = if routes.is_empty() {
        traffic
    } else {
        Traffic::default()
    };
    routes.push(route(Value::from(base.clone()), rest));
    next.set("/spec/routes", Value::from(block.around(routes)));
    made.write_down(&mut next);
    Ok(scene::write(seen, next).into_iter().collect())
}

fn find(scene: &Scene<'_>, list: Vec<Value>) -> Block {
    let names = |route: &Value| -> Vec<String> {
        let services = route.get("services").and_then(Value::as_array);
        let names = services.into_iter().flatten();
        names
            .filter_map(|service| Some(service.get("name")?.as_str()?.to_owned()))
            .collect()
    };
    let both = [scene.primary(), scene.own()];
    let splits = |route: &Value| both.iter().all(|name| names(route).contains(name));
    let shape = Shape {
        splits: &splits,
        sticks: &|_| false,
        is_rest: &|_, rest| splits(rest),
        is_whole: &|route| names(route) == [scene.apex()],
    };
    Block::find(list, &shape)
}

/// The conditions of each route of the analysis: one for each entry of `analysis.match`. Flagger puts all entries into
/// one route, where all would have to hold, and repeats the prefix, which Contour refuses.
fn conditions(spec: &Spec, prefix: &str) -> Result<Vec<Value>, Reason> {
    matches::only_headers(spec, "contour")?;
    let mut routes: Vec<Vec<Value>> = vec![Vec::new(); spec.analysis.r#match.len()];
    for (entry, name, text) in matches::headers(spec) {
        let field = format!("headers.{name}");
        let (operator, value) = match Text::of(text) {
            Some(Text::Exact(value)) => ("exact", value),
            // Flagger's nearest: an HTTPProxy has neither.
            Some(Text::Prefix(value) | Text::Suffix(value)) => ("contains", value),
            Some(Text::Regex(_)) | None => {
                return Err(matches::wrong(entry, &field, "must be exact, prefix or suffix"));
            }
        };
        let mut condition = json!({"header": {"name": name, operator: value}});
        if let Some(route) = routes.get_mut(entry) {
            if route.is_empty() {
                condition["prefix"] = Value::from(prefix);
            }
            route.push(condition);
        }
    }
    Ok(routes.into_iter().map(Value::from).collect())
}

/// The conditions of the route itself: the first prefix of `service.match`; without it what the route has; without
/// that every path.
fn base(spec: &Spec, common: &Map<String, Value>, made: &mut Made) -> Vec<Value> {
    let first = spec.service.r#match.first();
    let prefix = first.and_then(|one| one.pointer("/uri/prefix")?.as_str());
    if let Some(prefix) = prefix.filter(|prefix| !prefix.is_empty()) {
        made.note("conditions");
        return vec![json!({"prefix": prefix})];
    }
    let seen = common.get("conditions").and_then(Value::as_array);
    match seen.filter(|seen| !seen.is_empty() && !made.made("conditions")) {
        Some(seen) => seen.clone(),
        None => vec![json!({"prefix": "/"})],
    }
}

fn services(scene: &Scene<'_>, common: &Map<String, Value>, traffic: Traffic) -> Value {
    let seen = common.get("services").and_then(Value::as_array);
    let service = |name: String| {
        let mut seen = seen.into_iter().flatten();
        let old = seen.find(|service| service["name"] == name.as_str());
        let mut service = old.and_then(Value::as_object).cloned().unwrap_or_default();
        service.remove("mirror");
        service.remove("weight");
        let policy = service.remove("requestHeadersPolicy").unwrap_or_default();
        service.insert(
            "requestHeadersPolicy".to_owned(),
            headers_policy(scene, policy, &name),
        );
        service.insert("port".to_owned(), Value::from(scene.spec.service.port));
        service.insert("name".to_owned(), Value::from(name));
        service
    };
    let (mut primary, mut own) = (service(scene.primary()), service(scene.own()));
    primary.insert("weight".to_owned(), Value::from(100 - traffic.canary_pct));
    if traffic.mirrored {
        // Of a mirror the weight is the percentage that is mirrored, and none is all.
        own.insert("mirror".to_owned(), Value::from(true));
        if let Some(percent) = scene.spec.analysis.mirror_weight.filter(|percent| *percent > 0) {
            own.insert("weight".to_owned(), Value::from(percent));
        }
    } else {
        own.insert("weight".to_owned(), Value::from(traffic.canary_pct));
    }
    json!([primary, own])
}

fn headers_policy(scene: &Scene<'_>, policy: Value, name: &str) -> Value {
    let mut policy = policy.as_object().cloned().unwrap_or_default();
    let (namespace, port) = (scene.namespace(), scene.spec.service.port);
    let header = json!({
        "name": LINKERD,
        "value": format!("{name}.{namespace}.svc.cluster.local:{port}"),
    });
    let set = policy.get("set").and_then(Value::as_array);
    let others = set.into_iter().flatten().filter(|other| other["name"] != LINKERD);
    let set: Vec<Value> = [header].into_iter().chain(others.cloned()).collect();
    policy.insert("set".to_owned(), Value::from(set));
    Value::Object(policy)
}

fn timeout_policy(spec: &Spec) -> Option<Value> {
    let timeout = spec
        .service
        .timeout
        .as_ref()
        .filter(|timeout| !timeout.is_empty())?;
    Some(json!({"response": timeout, "idle": "5m"}))
}

fn retry_policy(spec: &Spec) -> Option<Value> {
    let retries = spec.service.retries.as_ref()?;
    let mut policy = Map::new();
    if let Some(attempts) = retries.get("attempts") {
        policy.insert("count".to_owned(), attempts.clone());
    }
    let text = |field: &str| retries.get(field)?.as_str().filter(|text| !text.is_empty());
    if let Some(time) = text("perTryTimeout") {
        policy.insert("perTryTimeout".to_owned(), Value::from(time));
    }
    if let Some(on) = text("retryOn") {
        let on: Vec<&str> = on.split(',').map(str::trim).collect();
        policy.insert("retryOn".to_owned(), Value::from(on));
    }
    Some(Value::Object(policy))
}
