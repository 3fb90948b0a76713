//! The filters of recant's rules in an HTTPRoute: those the Canary asks for, and those of others.

use crate::canary::route::affinity;
use crate::canary::route::affinity::SET_COOKIE;
use crate::canary::route::made::Made;
use crate::canary::route::scene::Scene;
use crate::canary::spec::Spec;
use crate::duration;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// Gateway API's name of the filter that mirrors.
const MIRROR: &str = "RequestMirror";

/// The filters of a rule.
pub(super) struct Filters {
    wanted: Vec<Value>,
    foreign: Vec<Value>,
}

impl Filters {
    /// Sorts out what is there: a filter of a kind that the Canary asks for, or did ask for, is recant's, as is the
    /// mirror to the canary; all others are somebody else's.
    pub(super) fn new(scene: &Scene<'_>, is_v1: bool, seen: Option<Value>, made: &mut Made) -> Self {
        let wanted = wanted(scene.spec, is_v1);
        let canary = scene.own();
        let foreign = without_cookies(scene, seen).into_iter().filter(|filter| {
            let kind = kind(filter);
            let to_canary =
                filter.pointer("/requestMirror/backendRef/name") == Some(&Value::from(canary.clone()));
            let asked = wanted.iter().any(|wanted| self::kind(wanted) == kind);
            !(made.made(kind) || asked || (kind == MIRROR && to_canary))
        });
        let foreign = foreign.collect();
        for filter in &wanted {
            made.note(kind(filter));
        }
        Self { wanted, foreign }
    }

    /// Those that every rule has.
    pub(super) fn plain(&self) -> Vec<Value> {
        self.wanted.iter().chain(&self.foreign).cloned().collect()
    }

    /// Those, and a mirror to the canary.
    pub(super) fn mirroring(&self, canary: &str, port: i64) -> Vec<Value> {
        let mut filters = self.plain();
        let mirror = json!({"backendRef": {
            "group": "", "kind": "Service", "name": canary, "port": port,
        }});
        filters.push(json!({"type": MIRROR, "requestMirror": mirror}));
        filters
    }

    /// Those of others.
    pub(super) fn foreign(&self) -> Vec<Value> {
        self.foreign.clone()
    }
}

fn kind(filter: &Value) -> &str {
    filter.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// The filters that the Canary asks for, in Flagger's order.
fn wanted(spec: &Spec, is_v1: bool) -> Vec<Value> {
    let service = &spec.service;
    let mut filters = Vec::new();
    for (side, kind, field) in [
        ("request", "RequestHeaderModifier", "requestHeaderModifier"),
        ("response", "ResponseHeaderModifier", "responseHeaderModifier"),
    ] {
        if let Some(operations) = service.headers.as_ref().and_then(|headers| headers.get(side)) {
            filters.push(json!({"type": kind, field: header_modifier(operations)}));
        }
    }
    if let Some(rewrite) = &service.rewrite {
        filters.push(json!({"type": "URLRewrite", "urlRewrite": url_rewrite(rewrite)}));
    }
    for mirror in &service.mirror {
        filters.push(json!({"type": MIRROR, "requestMirror": mirror}));
    }
    if let Some(policy) = service.cors_policy.as_ref().filter(|_| is_v1) {
        filters.push(json!({"type": "CORS", "cors": cors(policy)}));
    }
    filters
}

fn header_modifier(operations: &Value) -> Value {
    let mut modifier = Map::new();
    for verb in ["add", "set"] {
        let headers = operations.get(verb).and_then(Value::as_object);
        let list: Vec<Value> = headers
            .into_iter()
            .flatten()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        if !list.is_empty() {
            modifier.insert(verb.to_owned(), Value::from(list));
        }
    }
    if let Some(Value::Array(names)) = operations.get("remove")
        && !names.is_empty()
    {
        modifier.insert("remove".to_owned(), Value::from(names.clone()));
    }
    Value::Object(modifier)
}

fn url_rewrite(rewrite: &Value) -> Value {
    let text = |field: &str| rewrite.get(field)?.as_str().filter(|text| !text.is_empty());
    let mut url = Map::new();
    if let Some(authority) = text("authority") {
        url.insert("hostname".to_owned(), Value::from(authority));
    }
    if let Some(uri) = text("uri") {
        let path = match text("type") {
            Some("ReplacePrefixMatch") => json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": uri}),
            _ => json!({"type": "ReplaceFullPath", "replaceFullPath": uri}),
        };
        url.insert("path".to_owned(), path);
    }
    Value::Object(url)
}

/// `corsPolicy` as far as Gateway API has it: `allowOrigins` (patterns) it has not, only `allowOrigin`.
fn cors(policy: &Value) -> Value {
    let mut cors = Map::new();
    for (from, to) in [
        ("allowOrigin", "allowOrigins"),
        ("allowMethods", "allowMethods"),
        ("allowHeaders", "allowHeaders"),
        ("exposeHeaders", "exposeHeaders"),
    ] {
        if let Some(Value::Array(list)) = policy.get(from)
            && !list.is_empty()
        {
            cors.insert(to.to_owned(), Value::from(list.clone()));
        }
    }
    if policy["allowCredentials"] == true {
        cors.insert("allowCredentials".to_owned(), Value::from(true));
    }
    if let Some(age) = policy
        .get("maxAge")
        .and_then(Value::as_str)
        .and_then(duration::parse)
    {
        cors.insert("maxAge".to_owned(), Value::from(age.as_secs()));
    }
    Value::Object(cors)
}

/// Adds a `Set-Cookie` to the answers. A rule or backend has at most one filter that changes answers' headers.
pub(super) fn add_cookie(filters: &mut Vec<Value>, cookie: &str) {
    let header = json!({"name": SET_COOKIE, "value": cookie});
    let modifier = filters
        .iter_mut()
        .find(|filter| kind(filter) == "ResponseHeaderModifier")
        .and_then(|filter| filter.get_mut("responseHeaderModifier")?.as_object_mut());
    match modifier {
        Some(modifier) => match modifier.entry("add").or_insert_with(|| json!([])) {
            Value::Array(added) => added.push(header),
            other => *other = json!([header]),
        },
        None => filters.push(json!({
            "type": "ResponseHeaderModifier",
            "responseHeaderModifier": {"add": [header]},
        })),
    }
}

/// Filters without the cookies of session affinity.
pub(super) fn without_cookies(scene: &Scene<'_>, filters: Option<Value>) -> Vec<Value> {
    let Some(Value::Array(filters)) = filters else {
        return Vec::new();
    };
    let is_ours = |header: &Value| {
        let value = header["value"].as_str().unwrap_or_default();
        header["name"] == SET_COOKIE && affinity::is_of(value, scene.spec, &scene.cookies)
    };
    let without = filters.into_iter().filter_map(|mut filter| {
        let modifier = filter
            .get_mut("responseHeaderModifier")
            .and_then(Value::as_object_mut);
        let Some(modifier) = modifier else {
            return Some(filter);
        };
        let Some(Value::Array(added)) = modifier.get_mut("add") else {
            return Some(filter);
        };
        let before = added.len();
        added.retain(|header| !is_ours(header));
        let (took, empty) = (added.len() < before, added.is_empty());
        if took && empty {
            modifier.remove("add");
        }
        let nothing = took && modifier.is_empty();
        (!nothing).then_some(filter)
    });
    without.collect()
}
