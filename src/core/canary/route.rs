//! Traffic: the weighted route between primary and canary.
//!
//! One function per question, for each kind of route: what it is called, what it says, what it should say. What
//! somebody else put on a route (filters, other rules) is kept.

use crate::baseline;
use crate::canary::services::OPT_OUTS;
use crate::canary::spec::Spec;
use crate::effect::Effect;
use crate::effect::Write;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::reason::Reason;
use crate::settings::Settings;
use crate::template;
use serde_json::Value;
use serde_json::json;

/// How a route divides the requests between primary and canary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    /// The canary's share, in percent.
    pub(super) canary_pct: i64,
    /// Whether the canary also gets a copy of each request that the primary answers, its own answers thrown away.
    pub(super) mirrored: bool,
}

impl Traffic {
    /// This share to the canary, in percent, nothing mirrored.
    pub(super) const fn weight(canary_pct: i64) -> Self {
        Self {
            canary_pct,
            mirrored: false,
        }
    }
}

/// A way to split traffic by weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Router {
    /// Gateway API's HTTPRoute, of this version.
    HttpRoute(&'static str),
    /// SMI's TrafficSplit, of this version.
    TrafficSplit(&'static str),
}

impl Router {
    /// The router of a Canary's provider.
    pub(super) fn of(spec: &Spec, settings: &Settings) -> Result<Self, Reason> {
        let provider = spec.provider.as_deref().unwrap_or(&settings.mesh_provider);
        let router = match provider {
            "gatewayapi:v1" => Self::HttpRoute("gateway.networking.k8s.io/v1"),
            "gatewayapi:v1beta1" => Self::HttpRoute("gateway.networking.k8s.io/v1beta1"),
            "linkerd" | "smi:v1alpha1" => Self::TrafficSplit("split.smi-spec.io/v1alpha1"),
            "smi:v1alpha2" => Self::TrafficSplit("split.smi-spec.io/v1alpha2"),
            "smi:v1alpha3" => Self::TrafficSplit("split.smi-spec.io/v1alpha3"),
            other => {
                return Err(Reason::Unsupported {
                    field: "spec.provider".to_owned(),
                    value: other.to_owned(),
                    hint: "use gatewayapi:v1, gatewayapi:v1beta1, linkerd or smi:v1alpha1 to v1alpha3"
                        .to_owned(),
                });
            }
        };
        if matches!(router, Self::HttpRoute(_)) && spec.service.gateway_refs.is_empty() {
            return Err(Reason::InvalidSpec {
                detail: format!(
                    "spec.service.gatewayRefs: must name a parent when the provider is {provider}"
                ),
            });
        }
        Ok(router)
    }

    /// The route's name: that of the apex Service.
    pub(super) fn name(self, spec: &Spec, namespace: &str) -> ObjectRef {
        match self {
            Self::HttpRoute(version) => ObjectRef::new(version, "HTTPRoute", namespace, spec.apex_name()),
            Self::TrafficSplit(version) => {
                ObjectRef::new(version, "TrafficSplit", namespace, spec.apex_name())
            }
        }
    }

    /// What is to be written so that the requests are divided so.
    pub(super) fn hold(
        self,
        canary: &Object,
        spec: &Spec,
        seen: Option<&Object>,
        traffic: Traffic,
    ) -> Option<Effect> {
        let weight = traffic.canary_pct;
        let Some(seen) = seen else {
            return Some(Effect::Write(Write::Create(self.new_route(canary, spec, weight))));
        };
        let mut next = seen.clone();
        match self {
            Self::HttpRoute(_) => put_rule(&mut next, spec, weight),
            Self::TrafficSplit(version) => next.set("/spec/backends", split_backends(spec, version, weight)),
        }
        (next != *seen).then_some(Effect::Write(Write::Update(next)))
    }

    fn new_route(self, canary: &Object, spec: &Spec, weight: i64) -> Object {
        let mut route = Object::named(&self.name(spec, canary.namespace()));
        route.set("/metadata/ownerReferences", json!([baseline::owner(canary)]));
        match self {
            Self::HttpRoute(_) => {
                for (key, value) in &spec.service.apex.labels {
                    let pointer = format!("/metadata/labels/{}", template::escaped(key));
                    route.set(&pointer, Value::from(value.clone()));
                }
                let given = spec
                    .service
                    .apex
                    .annotations
                    .iter()
                    .map(|(k, v)| (k.as_str(), v.as_str()));
                for (key, value) in given.chain(OPT_OUTS) {
                    route.set(
                        &format!("/metadata/annotations/{}", template::escaped(key)),
                        Value::from(value),
                    );
                }
                route.set("/spec/parentRefs", Value::from(spec.service.gateway_refs.clone()));
                if !spec.service.hosts.is_empty() {
                    route.set("/spec/hostnames", json!(spec.service.hosts));
                }
                put_rule(&mut route, spec, weight);
            }
            Self::TrafficSplit(version) => {
                let root = spec
                    .service
                    .hosts
                    .first()
                    .map_or(spec.apex_name(), String::as_str);
                route.set("/spec/service", Value::from(root));
                route.set("/spec/backends", split_backends(spec, version, weight));
            }
        }
        route
    }
}

/// The rule of an HTTPRoute that is recant's: the first whose backends are the primary or the canary Service; else
/// the first that sends everything to the apex.
fn own_rule(route: &Object, spec: &Spec) -> Option<usize> {
    let rules = route.at("/spec/rules")?.as_array()?;
    let apex = spec.apex_name();
    let ours = [format!("{apex}-primary"), format!("{apex}-canary")];
    let names = |rule: &Value| -> Vec<String> {
        let backends = rule.get("backendRefs").and_then(Value::as_array);
        backends
            .into_iter()
            .flatten()
            .filter_map(|b| Some(b.get("name")?.as_str()?.to_owned()))
            .collect()
    };
    let split = rules
        .iter()
        .position(|rule| names(rule).iter().any(|name| ours.contains(name)));
    split.or_else(|| rules.iter().position(|rule| names(rule) == [apex]))
}

/// Puts the weights into recant's rule of an HTTPRoute; makes the rule when there is none.
fn put_rule(route: &mut Object, spec: &Spec, weight: i64) {
    let backends = backend_refs(route, spec, weight);
    let rule = own_rule(route, spec);
    let timeout = spec.service.timeout.as_deref();
    match rule {
        Some(rule) => route.set_in_array("/spec/rules", rule, "backendRefs", backends),
        None => {
            let mut rule = json!({
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": backends,
            });
            if let Some(timeout) = timeout {
                rule["timeouts"] = json!({ "request": timeout });
            }
            route.push("/spec/rules", rule);
        }
    }
}

/// The two backends; what else was said of them (filters) is kept.
fn backend_refs(route: &Object, spec: &Spec, weight: i64) -> Value {
    let apex = spec.apex_name();
    let old = own_rule(route, spec).and_then(|rule| route.at(&format!("/spec/rules/{rule}/backendRefs")));
    let backend = |name: String, weight: i64| {
        let kept = old
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|b| b["name"] == name.as_str());
        let mut backend = kept
            .cloned()
            .unwrap_or_else(|| json!({"group": "", "kind": "Service", "name": name}));
        backend["port"] = Value::from(spec.service.port);
        backend["weight"] = Value::from(weight);
        backend
    };
    json!([
        backend(format!("{apex}-primary"), 100 - weight),
        backend(format!("{apex}-canary"), weight)
    ])
}

/// The backends of a TrafficSplit, canary first as Flagger writes them; v1alpha1 spells weights as quantities.
fn split_backends(spec: &Spec, version: &str, weight: i64) -> Value {
    let apex = spec.apex_name();
    let spell = |weight: i64| match version {
        "split.smi-spec.io/v1alpha1" => Value::from(weight.to_string()),
        _ => Value::from(weight),
    };
    json!([
        {"service": format!("{apex}-canary"), "weight": spell(weight)},
        {"service": format!("{apex}-primary"), "weight": spell(100 - weight)},
    ])
}
