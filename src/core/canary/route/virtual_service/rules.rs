//! The HTTP routes of a VirtualService: recant's, between those of others.

use super::destination;
use super::destinations;
use crate::canary::route::Traffic;
use crate::canary::route::affinity;
use crate::canary::route::affinity::COOKIE;
use crate::canary::route::affinity::SET_COOKIE;
use crate::canary::route::affinity::Sessions;
use crate::canary::route::block::Block;
use crate::canary::route::block::Shape;
use crate::canary::route::block::items;
use crate::canary::route::made::Made;
use crate::canary::route::matches;
use crate::canary::route::scene::Scene;
use crate::canary::spec::Spec;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// What the conditions of an analysis are about.
const CONDITIONS: [&str; 3] = ["headers", "queryParams", "sourceLabels"];

/// The routes as they are, and what recant's are made of.
pub(super) struct Rules<'a> {
    scene: &'a Scene<'a>,
    block: Block,
    /// What recant's routes have in common.
    common: Map<String, Value>,
    /// The matches of the route, without conditions of the analysis.
    base: Vec<Value>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(scene: &'a Scene<'a>, list: Vec<Value>, made: &mut Made) -> Self {
        let block = find(scene, list);
        let mut common = block.main.as_object().cloned().unwrap_or_default();
        let base = base(scene.spec, common.remove("match"), made);
        let service = &scene.spec.service;
        let timeout = service.timeout.clone().filter(|timeout| !timeout.is_empty());
        for (field, wanted) in [
            ("rewrite", service.rewrite.as_ref().map(rewrite)),
            ("timeout", timeout.map(Value::from)),
            ("retries", service.retries.clone()),
            ("corsPolicy", service.cors_policy.clone()),
            ("headers", service.headers.clone()),
        ] {
            made.put(&mut common, field, wanted);
        }
        if common
            .get("mirror")
            .is_some_and(|mirror| mirror["host"] == scene.own().as_str())
        {
            common.remove("mirror");
            common.remove("mirrorPercentage");
        }
        Self {
            scene,
            block,
            common,
            base,
        }
    }

    pub(super) fn held_to(self, traffic: Traffic) -> Vec<Value> {
        let scene = self.scene;
        let conditions = &scene.spec.analysis.r#match;
        let routes = if conditions.is_empty() {
            self.weighted(traffic)
        } else {
            let narrow = matches::merge(conditions, &self.base);
            let rest = json!([destination(scene, &scene.primary(), 100)]);
            vec![
                self.route(&narrow, destinations(scene, traffic.canary_pct)),
                self.route(&self.base, rest),
            ]
        };
        self.block.around(routes)
    }

    /// The route of the weights, behind those of session affinity.
    fn weighted(&self, traffic: Traffic) -> Vec<Value> {
        let (scene, cookies) = (self.scene, &self.scene.cookies);
        let mut to = destinations(scene, traffic.canary_pct);
        let mut routes = Vec::new();
        match affinity::sessions(scene.spec, cookies, traffic) {
            Sessions::Free => {}
            Sessions::Over(cookie) => {
                let mut taking_back = self.sticky(cookie, to.clone());
                set_cookie(&mut taking_back, &affinity::take_back(cookie));
                routes.push(taking_back);
            }
            Sessions::Kept(kept) => {
                routes.push(self.sticky(&cookies.canary, destinations(scene, 100)));
                let age_s = kept.max_age_s();
                set_cookie(&mut to[1], &affinity::set(kept, &cookies.canary, age_s));
                if !cookies.primary.is_empty() {
                    routes.push(self.sticky(&cookies.primary, destinations(scene, 0)));
                    let age_s = scene.spec.analysis.interval().as_secs();
                    set_cookie(&mut to[0], &affinity::set(kept, &cookies.primary, age_s));
                }
            }
        }
        let mut weighted = self.route(&self.base, to);
        if traffic.mirrored {
            weighted["mirror"] = json!({"host": scene.own()});
            let share = scene.spec.analysis.mirror_weight.filter(|percent| *percent > 0);
            if let Some(percent) = share {
                weighted["mirrorPercentage"] = json!({"value": percent});
            }
        }
        routes.push(weighted);
        routes
    }

    /// A route for whoever has this cookie.
    fn sticky(&self, cookie: &str, to: Value) -> Value {
        let condition = json!({"headers": {COOKIE: {"regex": affinity::pattern(cookie)}}});
        let mut route = self.route(&matches::merge(&[condition], &self.base), to);
        if let Value::Object(route) = &mut route {
            route.remove("name");
        }
        route
    }

    fn route(&self, matches: &[Value], to: Value) -> Value {
        let mut route = self.common.clone();
        if !matches.is_empty() {
            route.insert("match".to_owned(), Value::from(matches.to_vec()));
        }
        route.insert("route".to_owned(), to);
        Value::Object(route)
    }
}

fn find(scene: &Scene<'_>, list: Vec<Value>) -> Block {
    // A host may be short or carry the namespace: podinfo, podinfo.test, podinfo.test.svc.cluster.local.
    let is = |host: &str, name: &str| {
        let full = format!("{name}.{}", scene.namespace());
        host == name || host == full || host.starts_with(&format!("{full}.svc"))
    };
    let to = |route: &Value, name: &str| hosts(route).iter().any(|host| is(host, name));
    let (primary, own) = (scene.primary(), scene.own());
    let splits = |route: &Value| to(route, &primary) && to(route, &own);
    let alone = |route: &Value, name: &str| hosts(route).len() == 1 && to(route, name);
    let matches_of = |route: &Value| -> Vec<Value> { items(route, "match").cloned().collect() };
    let sticks = |route: &Value| {
        let mut matches = items(route, "match").peekable();
        let of_a_session = |one: &Value| {
            let pattern = one
                .pointer(&format!("/headers/{COOKIE}/regex"))
                .and_then(Value::as_str);
            pattern.is_some_and(|pattern| affinity::is_of(pattern, scene.spec, &scene.cookies))
        };
        matches.peek().is_some() && matches.all(of_a_session)
    };
    let is_rest = |split: &Value, route: &Value| {
        alone(route, &primary) && matches::is_rest(&matches_of(split), &matches_of(route), &CONDITIONS)
    };
    let is_whole = |route: &Value| alone(route, scene.apex());
    let shape = Shape {
        splits: &splits,
        sticks: &sticks,
        is_rest: &is_rest,
        is_whole: &is_whole,
    };
    Block::find(list, &shape)
}

fn hosts(route: &Value) -> Vec<&str> {
    let hosts = items(route, "route").filter_map(|to| to.pointer("/destination/host")?.as_str());
    hosts.collect()
}

/// `service.match`; without it what the route has.
fn base(spec: &Spec, seen: Option<Value>, made: &mut Made) -> Vec<Value> {
    if !spec.service.r#match.is_empty() {
        made.note("match");
        return spec.service.r#match.clone();
    }
    match seen.filter(|_| !made.made("match")) {
        Some(Value::Array(seen)) => seen,
        _ => Vec::new(),
    }
}

/// Istio's rewrite has no type.
fn rewrite(rewrite: &Value) -> Value {
    let mut kept = rewrite.as_object().cloned().unwrap_or_default();
    kept.remove("type");
    Value::Object(kept)
}

/// Sets a cookie with the answers of a route or a destination.
fn set_cookie(of: &mut Value, cookie: &str) {
    let mut object = crate::object::Object(std::mem::take(of));
    object.set(
        &format!("/headers/response/add/{SET_COOKIE}"),
        Value::from(cookie),
    );
    *of = object.0;
}
