//! Gateway API's HTTPRoute: at a Gateway, or at a Service as Linkerd has it.
//!
//! Flagger replaces the whole spec. Here one block of rules is recant's, and everything else stays: other rules, other
//! parents and host names of a route that was there before the Canary, filters and fields that the Canary does not ask
//! for. Version v1beta1 gets no timeouts and no CORS filter, as with Flagger: its definition may drop them.

mod filters;
mod mapping;

use crate::canary::route::Traffic;
use crate::canary::route::affinity;
use crate::canary::route::affinity::COOKIE;
use crate::canary::route::affinity::Sessions;
use crate::canary::route::block::Block;
use crate::canary::route::block::Shape;
use crate::canary::route::block::items;
use crate::canary::route::made::Made;
use crate::canary::route::matches;
use crate::canary::route::scene;
use crate::canary::route::scene::Scene;
use crate::canary::spec::Spec;
use crate::effect::Effect;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::reason::Reason;
use filters::Filters;
use mapping::conditions;
use mapping::mapped;
use mapping::same;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// What tells requests apart beside the path.
const CONDITIONS: [&str; 2] = ["headers", "queryParams"];

pub(super) fn names(spec: &Spec, namespace: &str, version: &str) -> Vec<ObjectRef> {
    vec![ObjectRef::new(version, "HTTPRoute", namespace, spec.apex_name())]
}

/// # Errors
/// No parent, or conditions that Gateway API does not have.
pub(super) fn check(spec: &Spec, provider: &str) -> Result<(), Reason> {
    if spec.service.gateway_refs.is_empty() {
        return Err(Reason::InvalidSpec {
            detail: format!("spec.service.gatewayRefs: must name a parent when the provider is {provider}"),
        });
    }
    mapped("spec.service.match", &spec.service.r#match)?;
    conditions(&spec.analysis.r#match)?;
    Ok(())
}

pub(super) fn hold(scene: &Scene<'_>, version: &str, traffic: Traffic) -> Result<Vec<Effect>, Reason> {
    let seen = scene.seen(0);
    let name = ObjectRef::new(version, "HTTPRoute", scene.namespace(), scene.apex());
    let mut next = scene.begin(seen, &name);
    scene.dress(&mut next);
    let mut made = Made::of(&next);
    put_parents(scene, seen, &mut next, &mut made)?;
    let rules = Rules::new(scene, version, &next, &mut made)?.held_to(traffic)?;
    if !next.at("/spec/rules").is_some_and(|seen| same(seen, &rules)) {
        next.set("/spec/rules", rules);
    }
    made.write_down(&mut next);
    Ok(scene::write(seen, next).into_iter().collect())
}

/// Whether every parent that has an opinion accepts the route as it is now: until then the weights are not what they
/// say. (Flagger waits so with v1 alone.)
///
/// # Errors
/// Which parent does not, and why.
pub(super) fn accepted(scene: &Scene<'_>) -> Result<(), Reason> {
    let Some(route) = scene.seen(0) else {
        return Ok(());
    };
    let parents = route.at("/status/parents").and_then(Value::as_array);
    for parent in parents.into_iter().flatten() {
        let conditions = parent.get("conditions").and_then(Value::as_array);
        let accepted = conditions.into_iter().flatten().find(|c| c["type"] == "Accepted");
        let Some(accepted) = accepted else { continue };
        let stale = accepted["observedGeneration"].as_i64().unwrap_or_default() < route.generation();
        if stale || accepted["status"] != "True" {
            let name = parent
                .pointer("/parentRef/name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let message = accepted["message"].as_str().unwrap_or_default();
            let detail = if stale {
                format!("parent {name} has not looked at it since it changed")
            } else {
                format!("parent {name} does not accept it: {message}")
            };
            return Err(Reason::WaitingForRoute {
                route: route.reference().to_string(),
                detail,
            });
        }
    }
    Ok(())
}

/// A route that was there before the Canary sends everything to the apex again. (Flagger leaves it with backends that
/// go with the Canary.)
pub(super) fn restore(scene: &Scene<'_>) -> Option<Effect> {
    let seen = scene.seen(0).filter(|route| !scene.owns(route))?;
    let mut next = seen.clone();
    let mut made = Made::of(seen);
    let version = seen.str("/apiVersion").to_owned();
    let rules = Rules::new(scene, &version, seen, &mut made).ok()?;
    next.set("/spec/rules", Value::from(rules.given_back(&made)));
    scene::undress(&mut next);
    scene::write(Some(seen), next)
}

/// The parents and host names of the Canary. A route of its own has no others; one that was there before keeps its
/// own beside them.
fn put_parents(
    scene: &Scene<'_>,
    seen: Option<&Object>,
    next: &mut Object,
    made: &mut Made,
) -> Result<(), Reason> {
    let wanted = &scene.spec.service.gateway_refs;
    let before = scene::list(next, "/spec/parentRefs")?;
    let missing = wanted
        .iter()
        .filter(|wanted| !before.iter().any(|parent| same(parent, wanted)));
    if seen.is_some_and(|seen| !scene.owns(seen)) {
        let missing: Vec<Value> = missing.cloned().collect();
        for parent in missing {
            next.push("/spec/parentRefs", parent);
        }
    } else if missing.count() > 0 || before.len() != wanted.len() {
        next.set("/spec/parentRefs", Value::from(wanted.clone()));
    }
    let hosts = (!scene.spec.service.hosts.is_empty()).then(|| json!(scene.spec.service.hosts));
    if let Some(spec) = next.0.get_mut("spec").and_then(Value::as_object_mut) {
        made.put(spec, "hostnames", hosts);
    }
    Ok(())
}

/// The rules as they are, and what recant's are made of.
struct Rules<'a> {
    scene: &'a Scene<'a>,
    block: Block,
    /// What recant's rules have in common: what somebody else put there, timeouts.
    common: Map<String, Value>,
    filters: Filters,
    /// The matches of the route, without conditions of the analysis.
    base: Vec<Value>,
}

impl<'a> Rules<'a> {
    fn new(scene: &'a Scene<'a>, version: &str, route: &Object, made: &mut Made) -> Result<Self, Reason> {
        let block = find(scene, scene::list(route, "/spec/rules")?);
        let mut common = block.main.as_object().cloned().unwrap_or_default();
        let is_v1 = version.ends_with("/v1");
        made.put(&mut common, "timeouts", timeouts(scene.spec).filter(|_| is_v1));
        let filters = Filters::new(scene, is_v1, common.remove("filters"), made);
        let base = base(scene, common.remove("matches"), made)?;
        Ok(Self {
            scene,
            block,
            common,
            filters,
            base,
        })
    }

    fn held_to(self, traffic: Traffic) -> Result<Value, Reason> {
        let scene = self.scene;
        let narrow = conditions(&scene.spec.analysis.r#match)?;
        let rules = if narrow.is_empty() {
            self.weighted(traffic)
        } else {
            let narrow = matches::merge(&narrow, &self.base);
            let rest = json!([self.backend(&scene.primary(), 100)]);
            vec![
                self.rule(&narrow, self.backends(traffic.canary_pct), self.filters.plain()),
                self.rule(&self.base, rest, self.filters.plain()),
            ]
        };
        Ok(Value::from(self.block.around(rules)))
    }

    /// The rule of the weights, behind those of session affinity.
    fn weighted(&self, traffic: Traffic) -> Vec<Value> {
        let cookies = &self.scene.cookies;
        let filters = if traffic.mirrored {
            self.filters
                .mirroring(&self.scene.own(), self.scene.spec.service.port)
        } else {
            self.filters.plain()
        };
        let backends = self.backends(traffic.canary_pct);
        let mut rules = Vec::new();
        let weighted = match affinity::sessions(self.scene.spec, cookies, traffic) {
            Sessions::Free => self.rule(&self.base, backends, filters),
            Sessions::Over(cookie) => {
                let mut taking_back = filters.clone();
                filters::add_cookie(&mut taking_back, &affinity::take_back(cookie));
                rules.push(self.sticky(cookie, backends.clone(), taking_back));
                self.rule(&self.base, backends, filters)
            }
            Sessions::Kept(kept) => {
                let mut backends = backends;
                rules.push(self.sticky(&cookies.canary, self.backends(100), filters.clone()));
                let age_s = kept.max_age_s();
                set_cookie(&mut backends, 1, &affinity::set(kept, &cookies.canary, age_s));
                if !cookies.primary.is_empty() {
                    rules.push(self.sticky(&cookies.primary, self.backends(0), filters.clone()));
                    let age_s = self.scene.spec.analysis.interval().as_secs();
                    set_cookie(&mut backends, 0, &affinity::set(kept, &cookies.primary, age_s));
                }
                self.rule(&self.base, backends, filters)
            }
        };
        rules.push(weighted);
        rules
    }

    /// A rule for whoever has this cookie.
    fn sticky(&self, cookie: &str, backends: Value, filters: Vec<Value>) -> Value {
        let condition = json!({"headers": [{
            "type": "RegularExpression",
            "name": COOKIE,
            "value": affinity::pattern(cookie),
        }]});
        let matches = matches::merge(&[condition], &self.base);
        let mut rule = self.rule(&matches, backends, filters);
        if let Value::Object(rule) = &mut rule {
            // Names of rules are unique; the rule of the weights keeps it.
            rule.remove("name");
        }
        rule
    }

    fn rule(&self, matches: &[Value], backends: Value, filters: Vec<Value>) -> Value {
        let mut rule = self.common.clone();
        rule.insert("matches".to_owned(), Value::from(matches.to_vec()));
        rule.insert("backendRefs".to_owned(), backends);
        if !filters.is_empty() {
            rule.insert("filters".to_owned(), Value::from(filters));
        }
        Value::Object(rule)
    }

    /// Primary and canary, the latter with this share in percent.
    fn backends(&self, canary_pct: i64) -> Value {
        json!([
            self.backend(&self.scene.primary(), 100 - canary_pct),
            self.backend(&self.scene.own(), canary_pct)
        ])
    }

    /// A backend; what else was said of it (filters) is kept.
    fn backend(&self, name: &str, weight: i64) -> Value {
        let old = self.common.get("backendRefs").and_then(Value::as_array);
        let mut backend = old
            .into_iter()
            .flatten()
            .find(|backend| backend["name"] == name)
            .cloned()
            .unwrap_or_else(|| json!({"group": "", "kind": "Service", "name": name}));
        if let Value::Object(backend) = &mut backend {
            let kept = filters::without_cookies(self.scene, backend.remove("filters"));
            if !kept.is_empty() {
                backend.insert("filters".to_owned(), Value::from(kept));
            }
            backend.insert("port".to_owned(), Value::from(self.scene.spec.service.port));
            backend.insert("weight".to_owned(), Value::from(weight));
        }
        backend
    }

    /// The rules with one for the apex in recant's place.
    fn given_back(mut self, made: &Made) -> Vec<Value> {
        if made.made("timeouts") {
            self.common.remove("timeouts");
        }
        let apex = json!([{
            "group": "",
            "kind": "Service",
            "name": self.scene.apex(),
            "port": self.scene.spec.service.port,
        }]);
        let rule = self.rule(&self.base, apex, self.filters.foreign());
        self.block.around(vec![rule])
    }
}

fn find(scene: &Scene<'_>, list: Vec<Value>) -> Block {
    let both = [scene.primary(), scene.own()];
    let splits = |rule: &Value| {
        let names = backend_names(rule);
        both.iter().all(|name| names.contains(&name.as_str()))
    };
    let sticks = |rule: &Value| {
        let of_a_session = |header: &Value| {
            let value = header["value"].as_str().unwrap_or_default();
            header["name"] == COOKIE && affinity::is_of(value, scene.spec, &scene.cookies)
        };
        let mut matches = items(rule, "matches").peekable();
        matches.peek().is_some() && matches.all(|one| items(one, "headers").any(of_a_session))
    };
    let is_rest = |split: &Value, rule: &Value| {
        let of = |rule: &Value| items(rule, "matches").cloned().collect::<Vec<_>>();
        backend_names(rule) == [scene.primary().as_str()]
            && matches::is_rest(&of(split), &of(rule), &CONDITIONS)
    };
    let is_whole = |rule: &Value| backend_names(rule) == [scene.apex()];
    let shape = Shape {
        splits: &splits,
        sticks: &sticks,
        is_rest: &is_rest,
        is_whole: &is_whole,
    };
    Block::find(list, &shape)
}

fn backend_names(rule: &Value) -> Vec<&str> {
    items(rule, "backendRefs")
        .filter_map(|backend| backend.get("name")?.as_str())
        .collect()
}

fn set_cookie(backends: &mut Value, index: usize, cookie: &str) {
    let Some(Value::Object(backend)) = backends.get_mut(index) else {
        return;
    };
    let filters = backend.entry("filters").or_insert_with(|| json!([]));
    if let Value::Array(filters) = filters {
        filters::add_cookie(filters, cookie);
    }
}

/// `service.match`; without it what the route has; without that every path.
fn base(scene: &Scene<'_>, seen: Option<Value>, made: &mut Made) -> Result<Vec<Value>, Reason> {
    let every_path = || json!({"type": "PathPrefix", "value": "/"});
    let mut wanted = mapped("spec.service.match", &scene.spec.service.r#match)?;
    if !wanted.is_empty() {
        for one in wanted.iter_mut().filter_map(Value::as_object_mut) {
            one.entry("path").or_insert_with(every_path);
        }
        made.note("matches");
        return Ok(wanted);
    }
    let seen = seen.filter(|_| !made.made("matches"));
    let seen: Vec<Value> = seen
        .iter()
        .filter_map(Value::as_array)
        .flatten()
        .cloned()
        .collect();
    if seen.is_empty() {
        return Ok(vec![json!({"path": every_path()})]);
    }
    Ok(seen)
}

fn timeouts(spec: &Spec) -> Option<Value> {
    let mut timeouts = Map::new();
    let given = [
        ("request", &spec.service.timeout),
        ("backendRequest", &spec.service.backend_timeout),
    ];
    for (field, time) in given {
        if let Some(time) = time.as_ref().filter(|time| !time.is_empty()) {
            timeouts.insert(field.to_owned(), Value::from(time.clone()));
        }
    }
    (!timeouts.is_empty()).then_some(Value::Object(timeouts))
}
